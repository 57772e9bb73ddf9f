// AcceptanceOdds: how often drafts are accepted, learned while a session goes on.
//
// The longer the repetition that a draft was found by, the more often the draft is accepted; how
// often differs from text to text. So every length has a chance of its own. It starts with the
// average of texts of many kinds and follows what this one does.

#ifndef INKLING_SRC_SESSION_SPECULATION_ACCEPTANCE_ODDS_H_
#define INKLING_SRC_SESSION_SPECULATION_ACCEPTANCE_ODDS_H_

#include <array>
#include <cstddef>

#include "src/session/speculation/prompt_lookup.h"

namespace inkling {

// Moves `chance` towards what was seen: a draft token was accepted or not.
void FollowChance(bool accepted, double& chance);

class AcceptanceOdds {
 public:
  AcceptanceOdds();

  // The chance that the text goes on as it did where its last `length` (1 or more) tokens stood
  // before.
  double Chance(size_t length) const { return chances_[Index(length)]; }

  // Whether it did.
  void Report(size_t length, bool accepted);

 private:
  static size_t Index(size_t length);

  std::array<double, kMaxRepeatedTokens> chances_;  // [length - 1]
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SPECULATION_ACCEPTANCE_ODDS_H_
