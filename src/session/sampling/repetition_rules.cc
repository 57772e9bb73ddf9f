// Both rules look for places of the text where what stands at its end stood before.

#include "src/session/sampling/repetition_rules.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "inkling/llm_options.h"

namespace inkling {

RepetitionRules::RepetitionRules(const SamplingOptions& options, absl::Span<const int32_t> history,
                                 absl::Span<const int32_t> breakers)
    : ngram_size_(static_cast<size_t>(options.no_repeat_ngram_size)),
      multiplier_(options.dry_multiplier),
      base_(options.dry_base),
      allowed_length_(options.dry_allowed_length),
      window_(static_cast<size_t>(options.dry_window)),
      breakers_(breakers.begin(), breakers.end()) {
  if (is_on()) tokens_.assign(history.begin(), history.end());
}

bool RepetitionRules::IsBreaker(int32_t token) const {
  return std::binary_search(breakers_.begin(), breakers_.end(), token);
}

void RepetitionRules::Apply(absl::Span<float> logits) {
  if (ngram_size_ > 0) ForbidNgrams(logits);
  if (multiplier_ != 0) ApplyDry(logits);
}

// Forbids what would end an n-gram that is in the text already.
void RepetitionRules::ForbidNgrams(absl::Span<float> logits) const {
  const size_t known = ngram_size_ - 1;
  if (tokens_.size() < ngram_size_) return;
  const auto begin_of_last = tokens_.end() - static_cast<ptrdiff_t>(known);
  for (size_t i = 0; i + known < tokens_.size(); ++i) {
    const auto begin = tokens_.begin() + static_cast<ptrdiff_t>(i);
    if (std::equal(begin_of_last, tokens_.end(), begin)) {
      logits[static_cast<size_t>(tokens_[i + known])] = -std::numeric_limits<float>::infinity();
    }
  }
}

// Fills matches_ by the Z-algorithm on the text from its end (Gusfield, 1997), so that a text of
// one token repeated costs no more than others.
void RepetitionRules::FindMatches(absl::Span<const int32_t> text) {
  const size_t size = text.size();
  const auto from_end = [&](size_t i) { return text[size - 1 - i]; };
  matches_.assign(size, 0);
  size_t begin = 0;  // of the match that reaches furthest
  size_t end = 0;
  for (size_t i = 1; i < size; ++i) {
    size_t length = i < end ? std::min(matches_[i - begin], end - i) : 0;
    while (i + length < size && from_end(length) == from_end(i + length)) ++length;
    matches_[i] = length;
    if (i + length > end) {
      begin = i;
      end = i + length;
    }
  }
}

// A sequence that came before and is at the end again makes the token that followed it less likely,
// by multiplier * base ^ (length - allowed length). Sequences hold no breaker.
void RepetitionRules::ApplyDry(absl::Span<float> logits) {
  absl::Span<const int32_t> text = tokens_;
  if (window_ > 0 && text.size() > window_) text.remove_prefix(text.size() - window_);
  size_t longest = 0;  // how far back the end goes without a breaker
  while (longest < text.size() && !IsBreaker(text[text.size() - 1 - longest])) ++longest;
  if (longest == 0) return;
  FindMatches(text);
  std::vector<std::pair<int32_t, size_t>> lengths;  // (token, length of what it would continue)
  for (size_t i = 1; i < text.size(); ++i) {
    const size_t length = std::min(matches_[i], longest);
    const int32_t next = text[text.size() - i];
    if (length >= static_cast<size_t>(std::max(allowed_length_, 1)) && !IsBreaker(next))
      lengths.emplace_back(next, length);
  }
  std::sort(lengths.begin(), lengths.end());
  for (size_t i = 0; i < lengths.size(); ++i) {
    const auto [token, length] = lengths[i];
    if (i + 1 < lengths.size() && lengths[i + 1].first == token) continue;  // a longer one follows
    const double exponent = static_cast<double>(length) - allowed_length_;
    const double penalty = static_cast<double>(multiplier_) * std::pow(base_, exponent);
    logits[static_cast<size_t>(token)] -= static_cast<float>(
        std::min(penalty, static_cast<double>(std::numeric_limits<float>::max())));
  }
}

}  // namespace inkling
