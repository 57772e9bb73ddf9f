// TokenPenalties: repetition, presence and frequency penalties over a window of the latest tokens.

#ifndef INKLING_SRC_SESSION_SAMPLING_TOKEN_PENALTIES_H_
#define INKLING_SRC_SESSION_SAMPLING_TOKEN_PENALTIES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "inkling/llm_options.h"

namespace inkling {

class TokenPenalties {
 public:
  // `history` are the session's tokens so far.
  TokenPenalties(const SamplingOptions& options, int32_t vocab_size,
                 absl::Span<const int32_t> history);

  void Accept(int32_t token);
  void Apply(absl::Span<float> logits);

 private:
  bool is_on() const;

  float repetition_;
  float presence_;
  float frequency_;
  size_t window_;
  // A ring of the latest tokens, and for each token how often it is in there.
  std::vector<int32_t> recent_;
  size_t recent_next_ = 0;
  std::vector<int32_t> counts_;  // [vocab_size] with penalties on, else empty
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SAMPLING_TOKEN_PENALTIES_H_
