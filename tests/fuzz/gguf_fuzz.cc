// GGUF files: header, config, tokenizer and rows.

#include "tests/fuzz/checkpoint_reading.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) { return ReadCheckpoint(FuzzFile(bytes).path()); }

}  // namespace inkling
