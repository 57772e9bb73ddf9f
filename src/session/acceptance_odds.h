// AcceptanceOdds: how often drafts are accepted, learned while a session goes on.
//
// The longer the stretch that a draft was found by, the more often it is right, and how often
// differs from text to text. So every length has a chance of its own, which starts from what texts
// of many kinds have on average and follows what this one does.

#ifndef INKLING_SRC_SESSION_ACCEPTANCE_ODDS_H_
#define INKLING_SRC_SESSION_ACCEPTANCE_ODDS_H_

#include <array>
#include <cstddef>

#include "src/session/prompt_lookup.h"

namespace inkling {

// Moves `chance` towards what was seen.
void FollowChance(bool right, double& chance);

class AcceptanceOdds {
 public:
  AcceptanceOdds();

  // The chance that the text goes on as it did where its last `length` (1 or more) tokens stood
  // before.
  double Chance(size_t length) const { return chances_[Index(length)]; }

  // How that came out.
  void Report(size_t length, bool right);

 private:
  static size_t Index(size_t length);

  std::array<double, kMaxRepeatedTokens> chances_;  // [length - 1]
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_ACCEPTANCE_ODDS_H_
