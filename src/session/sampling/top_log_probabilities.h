// The most likely tokens of one row of logits, with their log-probabilities.

#ifndef INKLING_SRC_SESSION_SAMPLING_TOP_LOG_PROBABILITIES_H_
#define INKLING_SRC_SESSION_SAMPLING_TOP_LOG_PROBABILITIES_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "inkling/llm_options.h"

namespace inkling {

// The `count` most likely tokens, most likely first, equals by id: natural logarithms of the
// model's own probabilities.
std::vector<TokenLogProbability> TopLogProbabilities(absl::Span<const float> logits, size_t count);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SAMPLING_TOP_LOG_PROBABILITIES_H_
