// ConvertLora: a PEFT adapter's folder to an adapter file for one base model (`inkling-convert
// --lora`).

#ifndef INKLING_CONVERTER_LORA_LORA_CONVERSION_H_
#define INKLING_CONVERTER_LORA_LORA_CONVERSION_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace inkling {

struct LoraSummary {
  std::string family;  // of the recipe whose names the adapter has
  size_t num_matrices = 0;
  int64_t lowest_rank = 0;
  int64_t highest_rank = 0;
  int64_t file_bytes = 0;
};

// Reads the adapter in `folder`, finds which of the base model's matrices each of its modules
// changes, and writes `output_path`. The base is a file of inkling-convert's, of any type of
// weights: the adapter then serves every conversion of the same checkpoint. Errors: those of
// reading; InvalidArgument if modules don't fit the base model.
absl::StatusOr<LoraSummary> ConvertLora(const std::string& folder, const std::string& output_path,
                                        const std::string& base_path);

}  // namespace inkling

#endif  // INKLING_CONVERTER_LORA_LORA_CONVERSION_H_
