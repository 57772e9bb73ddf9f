// What is believed of drafts before any, and how that follows what came of them.

#include "src/session/speculation/acceptance_odds.h"

#include <gtest/gtest.h>

#include <cstddef>

#include "src/session/speculation/prompt_lookup.h"

namespace inkling {
namespace {

TEST(AcceptanceOddsTest, LongerStretchesAreBelievedMore) {
  const AcceptanceOdds odds;
  for (size_t length = 1; length < 8; ++length) {
    EXPECT_LT(odds.Chance(length), odds.Chance(length + 1)) << length;
  }
  EXPECT_GT(odds.Chance(1), 0);
  EXPECT_LT(odds.Chance(kMaxRepeatedTokens), 1);
}

TEST(AcceptanceOddsTest, StretchesBeyondTheLongestAreLikeIt) {
  AcceptanceOdds odds;
  for (int i = 0; i < 5; ++i) odds.Report(kMaxRepeatedTokens + 7, false);
  EXPECT_EQ(odds.Chance(kMaxRepeatedTokens + 100), odds.Chance(kMaxRepeatedTokens));
  EXPECT_LT(odds.Chance(kMaxRepeatedTokens), AcceptanceOdds().Chance(kMaxRepeatedTokens));
}

TEST(AcceptanceOddsTest, EveryLengthLearnsForItself) {
  AcceptanceOdds odds;
  for (int i = 0; i < 100; ++i) {
    odds.Report(2, false);
    odds.Report(3, true);
    odds.Report(5, i % 4 != 0);
  }
  EXPECT_LT(odds.Chance(2), 0.01);
  EXPECT_GT(odds.Chance(3), 0.99);
  EXPECT_NEAR(odds.Chance(5), 0.75, 0.1);
  EXPECT_EQ(odds.Chance(4), AcceptanceOdds().Chance(4));
}

}  // namespace
}  // namespace inkling
