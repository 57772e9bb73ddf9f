// RepetitionRules: what a token would repeat of the text so far: n-grams that may not come twice
// (Paulus et al., "A Deep Reinforced Model for Abstractive Summarization", 2017), and sequences
// that cost more the longer they get (DRY, p-e-w in text-generation-webui, 2024).

#ifndef INKLING_SRC_SESSION_SAMPLING_REPETITION_RULES_H_
#define INKLING_SRC_SESSION_SAMPLING_REPETITION_RULES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "inkling/llm_options.h"

namespace inkling {

class RepetitionRules {
 public:
  // `history` are the session's tokens so far; `breakers` those that end a sequence of DRY, in
  // ascending order.
  RepetitionRules(const SamplingOptions& options, absl::Span<const int32_t> history,
                  absl::Span<const int32_t> breakers);

  void Accept(int32_t token) {
    if (is_on()) tokens_.push_back(token);
  }
  void Apply(absl::Span<float> logits);

 private:
  bool is_on() const { return ngram_size_ > 0 || multiplier_ != 0; }
  bool IsBreaker(int32_t token) const;
  void ForbidNgrams(absl::Span<float> logits) const;
  void ApplyDry(absl::Span<float> logits);
  void FindMatches(absl::Span<const int32_t> text);

  size_t ngram_size_;
  float multiplier_;
  float base_;
  int32_t allowed_length_;
  size_t window_;
  std::vector<int32_t> breakers_;
  std::vector<int32_t> tokens_;
  // [i]: how many tokens in front of the i-th from the end, itself included, are those at the end.
  std::vector<size_t> matches_;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SAMPLING_REPETITION_RULES_H_
