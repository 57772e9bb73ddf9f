// The config.json that a GGUF file's metadata amount to.

#ifndef INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_CONFIG_H_
#define INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converter/checkpoints/gguf/gguf_families.h"
#include "converter/files/config_fields.h"
#include "converter/files/gguf_header.h"
#include "nlohmann/json.hpp"

namespace inkling {

// Divisors of the rotary frequencies, which GGUF files keep as tensors; empty where there are none.
struct GgufRopeDivisors {
  std::vector<float> all;         // "rope_freqs": for texts of any length
  std::vector<float> short_text;  // "rope_factors_short"
  std::vector<float> long_text;   // "rope_factors_long"
};

// The fields of config.json, as the family's recipe reads them. `tensors` are the file's;
// `file` begins messages. `spelling` has the metadata's types, and gets the key that each field
// comes from. Errors: InvalidArgument (a key missing or out of range, named with
// expected and found); Unimplemented for a key that changes the model in a way that no field says.
absl::StatusOr<nlohmann::json> GgufConfig(const nlohmann::json& metadata, const GgufFamily& family,
                                          absl::Span<const GgufTensor> tensors,
                                          const GgufRopeDivisors& divisors, const std::string& file,
                                          FieldSpelling& spelling);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_GGUF_GGUF_CONFIG_H_
