// Guesser: lets passes of the model take along guessed tokens, as many as pay.
//
// The next tokens are guessed from repetitions in the text and checked in one pass of few rows.
// Each row has the logits that a pass of its own would have, so the text is the same with and
// without guessing; a guess only decides how many passes it takes. How many tokens are guessed
// follows from how likely each is to be right and from what a row costs. Leviathan et al., "Fast
// Inference from Transformers via Speculative Decoding", 2023.

#ifndef INKLING_SRC_SESSION_GUESSER_H_
#define INKLING_SRC_SESSION_GUESSER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/session/guess_odds.h"
#include "src/session/prompt_lookup.h"
#include "src/session/token_context.h"

namespace inkling {

// For one call of RunGeneration.
class Guesser {
 public:
  // `context` outlives the guesser.
  explicit Guesser(TokenContext& context);

  // The context's ComputeLogits. If that takes a pass of one token, at most `most` guessed tokens
  // go along.
  absl::StatusOr<absl::Span<const float>> ComputeLogits(size_t most,
                                                        const std::atomic<bool>& cancel);

 private:
  void LearnFromLastGuess();
  void GuessFromText(size_t most);
  size_t WorthGuessing(size_t length, size_t most) const;

  TokenContext& context_;
  GuessOdds odds_;
  std::vector<int32_t> guess_;
  size_t repeated_ = 0;                // length of the stretch that guess_ was found by
  TokenContext::GuessCount reported_;  // of which odds_ know how they came out
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_GUESSER_H_
