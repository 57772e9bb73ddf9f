// Golden data: what the reference implementation computed for a checkpoint, read from its
// golden.json and .npy files.

#ifndef INKLING_TESTS_GOLDEN_GOLDEN_DATA_H_
#define INKLING_TESTS_GOLDEN_GOLDEN_DATA_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace inkling {

struct GoldenPrompt {
  std::string name;
  std::string text;  // whose tokens they are; empty for tokens that were chosen at random
  std::vector<int32_t> tokens;
  std::vector<float> last_logits;             // [vocab], of the last token
  std::vector<int32_t> argmax_all_positions;  // [tokens]; empty where the file has none
  std::vector<double> token_log_probs;  // [tokens - 1], log p(token i + 1 | ..i); may be empty
  std::vector<int32_t> greedy;          // ids chosen after the prompt, one by one
};

// Errors: the file is missing, is not JSON, or lacks a field.
absl::StatusOr<std::vector<GoldenPrompt>> ReadGoldenPrompts(const std::string& path);

struct NpyArray {
  std::vector<size_t> shape;
  std::vector<float> values;
};

// A float32 .npy file, version 1.0, C order, little endian. Errors: anything else.
absl::StatusOr<NpyArray> ReadNpy(const std::string& path);

}  // namespace inkling

#endif  // INKLING_TESTS_GOLDEN_GOLDEN_DATA_H_
