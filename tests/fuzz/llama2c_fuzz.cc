// llama2.c's .bin files: the header of sizes and the rows behind it.

#include "tests/fuzz/checkpoint_reading.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) { return ReadCheckpoint(FuzzFile(bytes).path()); }

}  // namespace inkling
