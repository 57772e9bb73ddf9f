// The shapes of the tensors in MediaPipe's LLM files for gpu, which say no more than their bytes.
//
// The MediaPipe reader asks for them by name.

#ifndef INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_SHAPES_H_
#define INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_SHAPES_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "converter/checkpoints/mediapipe/llm_parameters.h"

namespace inkling {

// The shape of tensor `name` in a model with these parameters (whose sizes MediapipeConfig has
// checked): [rows, columns] of a matrix, [elements] of a norm or bias. Empty for a name that no
// model has.
std::vector<int64_t> MediapipeShape(absl::string_view name, const LlmParameters& parameters);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_SHAPES_H_
