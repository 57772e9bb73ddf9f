// Chances move by a sixteenth towards what was seen, so a few drafts are enough to notice that a
// text begins to quote, or ends to.

#include "src/session/speculation/acceptance_odds.h"

#include <algorithm>
#include <cstddef>

namespace inkling {
namespace {

constexpr double kStep = 1.0 / 16;

// The chance of a repetition of `length` tokens before anything is known of the text: about what
// the texts of benchmarks/SPECULATION.md have, taken together.
double UsualChance(size_t length) {
  return std::min(0.95, 0.2 + 0.1 * static_cast<double>(length - 1));
}

}  // namespace

void FollowChance(bool accepted, double& chance) {
  chance += kStep * ((accepted ? 1.0 : 0.0) - chance);
}

AcceptanceOdds::AcceptanceOdds() {
  for (size_t i = 0; i < chances_.size(); ++i) chances_[i] = UsualChance(i + 1);
}

size_t AcceptanceOdds::Index(size_t length) { return std::min(length, kMaxRepeatedTokens) - 1; }

void AcceptanceOdds::Report(size_t length, bool accepted) {
  FollowChance(accepted, chances_[Index(length)]);
}

}  // namespace inkling
