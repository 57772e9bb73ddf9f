// LlmParameters, a protocol buffer on the wire.

#include "converter/checkpoints/mediapipe/llm_parameters.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) { return ReadLlmParameters(bytes).ok(); }

}  // namespace inkling
