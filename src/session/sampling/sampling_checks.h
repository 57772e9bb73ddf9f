// Checks of SamplingOptions.

#ifndef INKLING_SRC_SESSION_SAMPLING_SAMPLING_CHECKS_H_
#define INKLING_SRC_SESSION_SAMPLING_SAMPLING_CHECKS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "inkling/llm_options.h"

namespace inkling {

// InvalidArgument naming the option, its range and its value.
absl::Status CheckSamplingOptions(const SamplingOptions& options, int32_t vocab_size);

// One number for each token of the list, by token: the sum of its biases.
std::vector<std::pair<int32_t, float>> SummedBiases(std::vector<std::pair<int32_t, float>> biases);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SAMPLING_SAMPLING_CHECKS_H_
