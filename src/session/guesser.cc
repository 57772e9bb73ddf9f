// Of all sizes of a guess, the one with the most expected tokens for the time of the pass.

#include "src/session/guesser.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/session/pass_cost.h"
#include "src/session/prompt_lookup.h"
#include "src/session/token_context.h"

namespace inkling {
namespace {

// Tokens in the time of a pass of one that a guess must promise. Odds and times are estimates, and
// those of a text without repetitions are too high as often as too low.
constexpr double kLeastRate = 1.03;

}  // namespace

Guesser::Guesser(TokenContext& context) : context_(context), reported_(context.guess_count()) {
  guess_.reserve(static_cast<size_t>(context.max_guess()));
}

absl::StatusOr<absl::Span<const float>> Guesser::ComputeLogits(size_t most,
                                                               const std::atomic<bool>& cancel) {
  if (context_.HasLogits()) return context_.ComputeLogits(cancel);
  LearnFromLastGuess();
  if (context_.num_uncomputed() > 1) return context_.ComputeLogits(cancel);
  GuessFromText(most);
  return context_.ComputeLogits(guess_, cancel);
}

void Guesser::LearnFromLastGuess() {
  const TokenContext::GuessCount count = context_.guess_count();
  const size_t guessed = static_cast<size_t>(count.guessed - reported_.guessed);
  const size_t right = static_cast<size_t>(count.right - reported_.right);
  for (size_t i = 0; i < right; ++i) odds_.Report(repeated_ + i, true);
  if (right < guessed) odds_.Report(repeated_ + right, false);
  reported_ = count;
}

// A guess that reaches the end of the text goes on with itself, as a text in a circle does.
void Guesser::GuessFromText(size_t most) {
  guess_.clear();
  const std::vector<int32_t>& tokens = context_.tokens();
  const Repetition found = FindRepetition(tokens);
  if (found.length == 0) return;
  repeated_ = found.length;
  const size_t size = WorthGuessing(found.length, most);
  const size_t period = tokens.size() - found.next;
  for (size_t i = 0; i < size; ++i) {
    guess_.push_back(i < period ? tokens[found.next + i] : guess_[i - period]);
  }
}

// A token that was right makes the stretch one longer for the next.
size_t Guesser::WorthGuessing(size_t length, size_t most) const {
  size_t best = 0;
  double best_rate = kLeastRate;
  double all_right = 1;
  double tokens = 1;
  for (size_t size = 1; size <= most; ++size) {
    all_right *= odds_.Chance(length + size - 1);
    tokens += all_right;
    const double rate = tokens / context_.pass_cost().Relative(1 + size);
    if (rate <= best_rate) continue;
    best_rate = rate;
    best = size;
  }
  return best;
}

}  // namespace inkling
