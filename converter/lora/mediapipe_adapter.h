// LoRA adapters as MediaPipe's converter writes them: one file, in the form of its LLM files for
// gpu.
//
// They change attention only. Their numbers are float16; their rank, the sizes of the model and its
// type are said in the file, the factor of training (alpha) isn't: MediaPipe's runtime computes
// with 1, so that whoever trained with another gives it as the adapter's weight.

#ifndef INKLING_CONVERTER_LORA_MEDIAPIPE_ADAPTER_H_
#define INKLING_CONVERTER_LORA_MEDIAPIPE_ADAPTER_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "converter/files/input_file.h"
#include "converter/lora/source_adapter.h"

namespace inkling {

// How the update of attention's output is read. MediaPipe's converter writes those two matrices
// down as if they had the shape of their transposes, so its runtime computes another update than
// was trained.
enum class MediapipeOutputProjection : uint8_t {
  kMeant,  // what was trained
  kAsRun,  // what MediaPipe's runtime computes
};

// Reads `file`, a TensorFlow Lite file (LooksLikeTflite). Modules have Hugging Face's names. Errors
// (all name the file): those of ReadMediapipeAdapterFile; InvalidArgument for a rank or sizes that
// the tensors contradict, and for half an update; Unimplemented for tensors and types of model that
// MediaPipe's adapters don't have.
absl::StatusOr<SourceAdapter> ReadMediapipeAdapter(const InputFile& file,
                                                   MediapipeOutputProjection output_projection);

}  // namespace inkling

#endif  // INKLING_CONVERTER_LORA_MEDIAPIPE_ADAPTER_H_
