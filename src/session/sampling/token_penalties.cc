// Counts of the window are kept as tokens come and go, so a step costs the window, not the
// vocabulary.

#include "src/session/sampling/token_penalties.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "inkling/llm_options.h"

namespace inkling {

TokenPenalties::TokenPenalties(const SamplingOptions& options, int32_t vocab_size,
                               absl::Span<const int32_t> history)
    : repetition_(options.repetition_penalty),
      presence_(options.presence_penalty),
      frequency_(options.frequency_penalty),
      window_(static_cast<size_t>(options.penalty_window)) {
  if (!is_on()) return;
  counts_.resize(static_cast<size_t>(vocab_size));
  const size_t skip = window_ > 0 && history.size() > window_ ? history.size() - window_ : 0;
  for (int32_t token : history.subspan(skip)) Accept(token);
}

bool TokenPenalties::is_on() const {
  return repetition_ != 1.0f || presence_ != 0.0f || frequency_ != 0.0f;
}

void TokenPenalties::Accept(int32_t token) {
  if (!is_on()) return;
  ++counts_[static_cast<size_t>(token)];
  if (window_ == 0 || recent_.size() < window_) {
    recent_.push_back(token);
    return;
  }
  --counts_[static_cast<size_t>(recent_[recent_next_])];
  recent_[recent_next_] = token;
  recent_next_ = (recent_next_ + 1) % window_;
}

void TokenPenalties::Apply(absl::Span<float> logits) {
  for (int32_t token : recent_) {
    int32_t& count = counts_[static_cast<size_t>(token)];
    if (count < 0) continue;  // penalised already: counts of such tokens are negative meanwhile
    float& logit = logits[static_cast<size_t>(token)];
    logit = logit > 0 ? logit / repetition_ : logit * repetition_;
    logit -= presence_ + frequency_ * static_cast<float>(count);
    count = -count;
  }
  for (int32_t token : recent_) {
    int32_t& count = counts_[static_cast<size_t>(token)];
    if (count < 0) count = -count;
  }
}

}  // namespace inkling
