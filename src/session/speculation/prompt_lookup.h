// Prompt lookup: proposes that a text goes on as it did before.
//
// Texts that repeat parts of themselves (a summary that quotes, an edited program) often go on as
// they did the last time that the same few tokens stood there. Saxena, "Prompt Lookup Decoding",
// 2023.

#ifndef INKLING_SRC_SESSION_SPECULATION_PROMPT_LOOKUP_H_
#define INKLING_SRC_SESSION_SPECULATION_PROMPT_LOOKUP_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace inkling {

// Repetitions longer than this count as this long.
constexpr size_t kMaxRepeatedTokens = 16;

struct Repetition {
  size_t length = 0;  // tokens at the end of the text that occurred before; 0 = none
  size_t next = 0;    // index of the token that followed them there
};

// The longest run of tokens at the end of `tokens` that occurred before; of several occurrences,
// the latest.
Repetition FindRepetition(absl::Span<const int32_t> tokens);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SPECULATION_PROMPT_LOOKUP_H_
