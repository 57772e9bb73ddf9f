// What is guessed from which tokens, and how results change what the next guess needs.

#include "src/session/prompt_lookup.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace inkling {
namespace {

std::vector<int32_t> Guess(const PromptLookup& lookup, const std::vector<int32_t>& tokens) {
  const absl::Span<const int32_t> guess = lookup.Guess(tokens);
  return {guess.begin(), guess.end()};
}

using Tokens = std::vector<int32_t>;

// A lookup whose guesses were right before, so that two tokens are enough.
PromptLookup Trusted(size_t max_tokens) {
  PromptLookup lookup(max_tokens);
  lookup.Report(1, 1);
  return lookup;
}

TEST(PromptLookupTest, ThreeTokensAreNeededAtFirst) {
  EXPECT_EQ(Guess(PromptLookup(1), {1, 2, 3, 4, 2, 3}), Tokens());
  EXPECT_EQ(Guess(PromptLookup(1), {1, 2, 3, 4, 1, 2, 3}), (Tokens{4}));
}

TEST(PromptLookupTest, GuessesWhatFollowedTheSameTokens) {
  EXPECT_EQ(Guess(Trusted(3), {1, 2, 3, 4, 5, 6, 9, 2, 3}), (Tokens{4, 5, 6}));
}

TEST(PromptLookupTest, GuessesNoMoreThanAskedAndThanThereIs) {
  EXPECT_EQ(Guess(Trusted(1), {1, 2, 3, 4, 9, 1, 2}), (Tokens{3}));
  EXPECT_EQ(Guess(Trusted(7), {1, 2, 3, 1, 2}), (Tokens{3, 1, 2}));
  EXPECT_EQ(Guess(Trusted(0), {1, 2, 3, 1, 2}), Tokens());
}

TEST(PromptLookupTest, TheLongestStretchWinsThenTheLatest) {
  EXPECT_EQ(Guess(Trusted(1), {1, 2, 3, 7, 9, 2, 3, 8, 1, 2, 3}), (Tokens{7}));
  EXPECT_EQ(Guess(Trusted(1), {2, 3, 7, 9, 2, 3, 8, 1, 2, 3}), (Tokens{8}));
}

TEST(PromptLookupTest, OneTokenIsNoRepetition) {
  EXPECT_EQ(Guess(Trusted(3), {1, 2, 3, 4, 3}), Tokens());
  EXPECT_EQ(Guess(Trusted(3), {}), Tokens());
  EXPECT_EQ(Guess(Trusted(3), {5}), Tokens());
}

TEST(PromptLookupTest, ARunRepeatsItself) {
  EXPECT_EQ(Guess(Trusted(2), {5, 5, 5}), (Tokens{5}));
  EXPECT_EQ(Guess(Trusted(2), {5, 5, 5, 5, 5}), (Tokens{5}));
}

TEST(PromptLookupTest, WrongGuessesAskForLongerStretches) {
  PromptLookup lookup = Trusted(2);
  const Tokens tokens = {1, 2, 3, 4, 2, 3};
  EXPECT_EQ(Guess(lookup, tokens), (Tokens{4, 2}));
  lookup.Report(2, 0);
  EXPECT_EQ(Guess(lookup, tokens), Tokens());
  EXPECT_EQ(Guess(lookup, {1, 2, 3, 4, 1, 2, 3}), (Tokens{4, 1}));
  lookup.Report(2, 1);  // neither wrong nor right altogether
  EXPECT_EQ(Guess(lookup, tokens), Tokens());
  lookup.Report(2, 2);
  EXPECT_EQ(Guess(lookup, tokens), (Tokens{4, 2}));
}

TEST(PromptLookupTest, RightGuessesAreFoundAgainAfterManyWrongOnes) {
  PromptLookup lookup(1);
  for (int i = 0; i < 100; ++i) lookup.Report(1, 0);
  const Tokens part = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  Tokens tokens = part;
  tokens.insert(tokens.end(), part.begin(), part.end() - 1);
  EXPECT_EQ(Guess(lookup, tokens), (Tokens{9}));
}

}  // namespace
}  // namespace inkling
