// Guesser: lets passes of the model take along guessed tokens, as many as pay.
//
// The next tokens are guessed from repetitions in the text, or by a draft model, and checked in one
// pass of few rows. Each row has the logits that a pass of its own would have, so the text is the
// same with and without guessing; a guess only decides how many passes it takes. Who guesses and
// how many tokens follows from how likely each is to be right and from what passes cost. Leviathan
// et al., "Fast Inference from Transformers via Speculative Decoding", 2023.

#ifndef INKLING_SRC_SESSION_GUESSER_H_
#define INKLING_SRC_SESSION_GUESSER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/decoder/forward_pass.h"
#include "src/session/draft.h"
#include "src/session/guess_odds.h"
#include "src/session/prompt_lookup.h"
#include "src/session/sampler.h"
#include "src/session/token_context.h"

namespace inkling {

// For one call of RunGeneration.
class Guesser {
 public:
  // Both outlive the guesser; `draft` may be null.
  Guesser(TokenContext& context, Draft* draft);

  // The context's ComputeLogits. If that takes a pass of one token, at most `most` guessed tokens
  // go along. `sampler` is what will choose from the logits. Errors: also the draft's.
  absl::StatusOr<absl::Span<const float>> ComputeLogits(size_t most, const Sampler& sampler,
                                                        StopFunction stop);

  // Guessed tokens and how many of them came true, since the guesser was made.
  struct Counts {
    int64_t guessed = 0;
    int64_t right = 0;
    int64_t drafted = 0;  // of those guessed
    int64_t right_drafts = 0;
  };
  Counts CountGuesses();

 private:
  struct Plan {
    size_t size = 0;
    double rate = 1;  // expected tokens in the time of a pass of one
  };

  void LearnFromLastGuess();
  absl::Status Guess(size_t most, const Sampler& sampler, StopFunction stop);
  void RepeatText(const Repetition& found, size_t size);
  Plan PlanRepetition(size_t length, size_t most) const;
  Plan PlanDraft(size_t most) const;

  TokenContext& context_;
  Draft* draft_;
  GuessOdds odds_;
  double draft_chance_;
  std::vector<int32_t> guess_;
  size_t repeated_ = 0;                // length of the stretch that guess_ was found by; 0: drafted
  TokenContext::GuessCount reported_;  // of which it is known how they came out
  Counts counts_;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_GUESSER_H_
