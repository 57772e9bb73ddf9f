// A heap of the best, so that a vocabulary of 256,000 is walked once and never sorted.

#include "src/session/sampling/top_log_probabilities.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "kernels/softmax.h"

namespace inkling {

std::vector<TokenLogProbability> TopLogProbabilities(absl::Span<const float> logits, size_t count) {
  const auto better = [](const TokenLogProbability& a, const TokenLogProbability& b) {
    return a.log_probability != b.log_probability ? a.log_probability > b.log_probability
                                                  : a.token < b.token;
  };
  std::vector<TokenLogProbability> top;  // a heap, the least likely in front; logits meanwhile
  top.reserve(count);
  for (size_t i = 0; i < logits.size(); ++i) {
    const TokenLogProbability one{static_cast<int32_t>(i), logits[i]};
    if (top.size() < count) {
      top.push_back(one);
      std::push_heap(top.begin(), top.end(), better);
    } else if (count > 0 && better(one, top.front())) {
      std::pop_heap(top.begin(), top.end(), better);
      top.back() = one;
      std::push_heap(top.begin(), top.end(), better);
    }
  }
  std::sort_heap(top.begin(), top.end(), better);
  const float normalizer = kernels::LogSumExp(logits.data(), logits.size());
  for (TokenLogProbability& one : top) one.log_probability -= normalizer;
  return top;
}

}  // namespace inkling
