// Chances move by a sixteenth towards what was seen: a text that begins to quote, or ends to, is
// followed within a few drafts.

#include "src/session/acceptance_odds.h"

#include <algorithm>
#include <cstddef>

namespace inkling {
namespace {

constexpr double kStep = 1.0 / 16;

// What a stretch of `length` tokens is worth before anything is known of the text. Close to what
// the texts of benchmarks/SPECULATION.md have, taken together.
double UsualChance(size_t length) {
  return std::min(0.95, 0.2 + 0.1 * static_cast<double>(length - 1));
}

}  // namespace

void FollowChance(bool right, double& chance) { chance += kStep * ((right ? 1.0 : 0.0) - chance); }

AcceptanceOdds::AcceptanceOdds() {
  for (size_t i = 0; i < chances_.size(); ++i) chances_[i] = UsualChance(i + 1);
}

size_t AcceptanceOdds::Index(size_t length) { return std::min(length, kMaxRepeatedTokens) - 1; }

void AcceptanceOdds::Report(size_t length, bool right) {
  FollowChance(right, chances_[Index(length)]);
}

}  // namespace inkling
