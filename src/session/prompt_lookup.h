// PromptLookup: guesses the next tokens from repetitions in the text so far.
//
// A text that repeats parts of itself (a summary that quotes, an edited program) is guessed well by
// what followed the last time. The guesses are checked by the model in one pass of few rows, which
// costs little more than a pass of one, so right guesses are tokens nearly for free; and since each
// checked row has the logits that a pass of its own would have, the text is the same with and
// without guessing. Saxena, "Prompt Lookup Decoding", 2023; Leviathan et al., 2023.

#ifndef INKLING_SRC_SESSION_PROMPT_LOOKUP_H_
#define INKLING_SRC_SESSION_PROMPT_LOOKUP_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace inkling {

class PromptLookup {
 public:
  // Guesses at most `max_tokens` at once; 0 = none ever.
  explicit PromptLookup(size_t max_tokens) : max_tokens_(max_tokens) {}

  // The tokens that followed where the longest stretch at the end of `tokens` (the latest of
  // equals) occurred before; a view into `tokens`, empty if no stretch is long enough.
  absl::Span<const int32_t> Guess(absl::Span<const int32_t> tokens) const;

  // How a guess that was checked came out. Wrong guesses make the stretch longer that the next one
  // needs, so that a text which repeats itself by chance is soon left alone.
  void Report(size_t guessed, size_t right);

 private:
  size_t max_tokens_;
  size_t needed_ = 3;  // tokens that must have occurred before
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_PROMPT_LOOKUP_H_
