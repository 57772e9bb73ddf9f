// Prompt lookup: what a text is likely to go on with because it was there before.
//
// A text that repeats parts of itself (a summary that quotes, an edited program) goes on as it did
// the last time that it had the same few tokens. Saxena, "Prompt Lookup Decoding", 2023.

#ifndef INKLING_SRC_SESSION_PROMPT_LOOKUP_H_
#define INKLING_SRC_SESSION_PROMPT_LOOKUP_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace inkling {

// Longer stretches than this aren't told apart.
constexpr size_t kMaxRepeatedTokens = 16;

struct Repetition {
  size_t length = 0;  // tokens at the end of the text that occurred before; 0 = none
  size_t next = 0;    // index of the token that followed them there
};

// The longest stretch at the end of `tokens` that occurred before, and of its occurrences the
// latest.
Repetition FindRepetition(absl::Span<const int32_t> tokens);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_PROMPT_LOOKUP_H_
