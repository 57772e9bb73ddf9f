// ConvertLora: a published LoRA adapter to an adapter file for one base model (`inkling-convert
// --lora`).

#ifndef INKLING_CONVERTER_LORA_LORA_CONVERSION_H_
#define INKLING_CONVERTER_LORA_LORA_CONVERSION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/lora/mediapipe_adapter.h"

namespace inkling {

struct LoraOptions {
  // Of MediaPipe's files only; unset: as meant.
  std::optional<MediapipeOutputProjection> mediapipe_output_projection;
};

struct LoraSummary {
  std::string format;  // of the adapter: "PEFT"
  std::string family;  // of the recipe whose names the adapter has
  size_t num_matrices = 0;
  int64_t lowest_rank = 0;
  int64_t highest_rank = 0;
  int64_t file_bytes = 0;
  std::vector<std::string> notes;
};

// Reads the adapter at `path`, PEFT's folder or MediaPipe's file, finds which of the base model's
// matrices each of its modules changes, and writes `output_path`. The base is a file of
// inkling-convert's, of any type of weights: the adapter then serves every conversion of the same
// checkpoint. Errors: those of reading; InvalidArgument if modules don't fit the base model, for
// what is no adapter, and for options that the adapter's format doesn't have.
absl::StatusOr<LoraSummary> ConvertLora(const std::string& path, const std::string& output_path,
                                        const std::string& base_path,
                                        const LoraOptions& options = {});

}  // namespace inkling

#endif  // INKLING_CONVERTER_LORA_LORA_CONVERSION_H_
