// One backward scan per guess: some microseconds for thousands of tokens, far below a model's pass.

#include "src/session/prompt_lookup.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace inkling {
namespace {

constexpr size_t kLeastNeeded = 2;
constexpr size_t kMostNeeded = 8;

// How many tokens in front of `end` equal those at the end of `tokens`, up to `most`.
size_t CommonStretch(absl::Span<const int32_t> tokens, size_t end, size_t most) {
  size_t length = 0;
  while (length < std::min(most, end) &&
         tokens[end - 1 - length] == tokens[tokens.size() - 1 - length]) {
    ++length;
  }
  return length;
}

}  // namespace

absl::Span<const int32_t> PromptLookup::Guess(absl::Span<const int32_t> tokens) const {
  if (max_tokens_ == 0 || tokens.size() < 2) return {};
  size_t best_end = 0;
  size_t best_length = needed_ - 1;
  for (size_t end = tokens.size() - 1; end > 0 && best_length < kMostNeeded; --end) {
    const size_t length = CommonStretch(tokens, end, kMostNeeded);
    if (length <= best_length) continue;
    best_end = end;
    best_length = length;
  }
  if (best_end == 0) return {};
  return tokens.subspan(best_end, max_tokens_);
}

void PromptLookup::Report(size_t guessed, size_t right) {
  if (right == 0) {
    needed_ = std::min(kMostNeeded, needed_ + 1);
  } else if (right == guessed) {
    needed_ = std::max(kLeastNeeded, needed_ - 1);
  }
}

}  // namespace inkling
