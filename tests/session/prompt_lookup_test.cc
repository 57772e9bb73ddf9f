// What counts as a repetition, and which of several is taken.

#include "src/session/speculation/prompt_lookup.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace inkling {
namespace {

using Tokens = std::vector<int32_t>;

void ExpectFound(const Tokens& tokens, size_t length, size_t next) {
  const Repetition found = FindRepetition(tokens);
  EXPECT_EQ(found.length, length);
  EXPECT_EQ(found.next, next);
}

TEST(PromptLookupTest, FindsWhatFollowedTheSameTokens) {
  ExpectFound({1, 2, 3, 4, 5, 6, 9, 2, 3}, 2, 3);
  ExpectFound({1, 2, 3, 4, 3}, 1, 3);
}

TEST(PromptLookupTest, NothingIsFoundWhereNothingRepeats) {
  ExpectFound({}, 0, 0);
  ExpectFound({5}, 0, 0);
  ExpectFound({1, 2, 3, 4}, 0, 0);
}

TEST(PromptLookupTest, TheLongestStretchWinsThenTheLatest) {
  ExpectFound({1, 2, 3, 7, 9, 2, 3, 8, 1, 2, 3}, 3, 3);
  ExpectFound({2, 3, 7, 9, 2, 3, 8, 1, 2, 3}, 2, 6);
}

TEST(PromptLookupTest, ARunRepeatsItself) {
  ExpectFound({5, 5, 5}, 2, 2);
  ExpectFound({1, 2, 1, 2, 1}, 3, 3);
}

TEST(PromptLookupTest, LongStretchesAreTakenWhereTheyAreFoundFirst) {
  Tokens tokens;
  for (int copy = 0; copy < 3; ++copy) {
    for (int32_t token = 0; token < 20; ++token) tokens.push_back(token);
  }
  ExpectFound(tokens, kMaxRepeatedTokens, 40);
}

// Against every pair of places.
TEST(PromptLookupTest, EqualsAPlainSearch) {
  std::mt19937 engine(1);
  for (int round = 0; round < 200; ++round) {
    Tokens tokens(1 + engine() % 60);
    for (int32_t& token : tokens) token = static_cast<int32_t>(engine() % 3);
    size_t best = 0;
    size_t next = 0;
    for (size_t end = 1; end < tokens.size(); ++end) {
      size_t length = 0;
      while (length < end && length < kMaxRepeatedTokens &&
             tokens[end - 1 - length] == tokens[tokens.size() - 1 - length]) {
        ++length;
      }
      if (length > 0 && length >= best) {
        best = length;
        next = end;
      }
    }
    ExpectFound(tokens, best, next);
  }
}

}  // namespace
}  // namespace inkling
