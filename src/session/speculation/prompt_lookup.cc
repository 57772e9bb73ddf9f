// One backward scan: some microseconds for thousands of tokens, far below a model's pass.

#include "src/session/speculation/prompt_lookup.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace inkling {
namespace {

// How many tokens in front of `end` equal those at the end of `tokens`.
size_t CommonRun(absl::Span<const int32_t> tokens, size_t end) {
  const size_t most = std::min(kMaxRepeatedTokens, end);
  size_t length = 0;
  while (length < most && tokens[end - 1 - length] == tokens[tokens.size() - 1 - length]) ++length;
  return length;
}

}  // namespace

Repetition FindRepetition(absl::Span<const int32_t> tokens) {
  Repetition best;
  if (tokens.empty()) return best;
  for (size_t end = tokens.size() - 1; end > 0 && best.length < kMaxRepeatedTokens; --end) {
    const size_t length = CommonRun(tokens, end);
    if (length > best.length) best = {.length = length, .next = end};
  }
  return best;
}

}  // namespace inkling
