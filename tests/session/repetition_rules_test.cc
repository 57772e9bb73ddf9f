// No-repeat n-grams and DRY against their definitions, token by token.

#include "src/session/sampling/repetition_rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "src/session/sampler.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

constexpr int32_t kVocabulary = 6;
constexpr float kForbidden = -std::numeric_limits<float>::infinity();

std::vector<int32_t> RandomText(uint32_t seed, size_t size) {
  std::mt19937 bits(seed);
  std::vector<int32_t> text(size);
  for (int32_t& token : text) token = static_cast<int32_t>(bits() % kVocabulary);
  return text;
}

// What the rules make of logits that are all 0; half of the text is history, half is accepted.
std::vector<float> Applied(const SamplingOptions& options, const std::vector<int32_t>& text,
                           const std::vector<int32_t>& breakers) {
  const size_t half = text.size() / 2;
  RepetitionRules rules(options, absl::MakeConstSpan(text).first(half), breakers);
  for (size_t i = half; i < text.size(); ++i) rules.Accept(text[i]);
  std::vector<float> logits(kVocabulary);
  rules.Apply(absl::MakeSpan(logits));
  return logits;
}

// DRY as its author wrote it: every earlier place of the last token, walked backwards.
std::map<int32_t, size_t> PlainMatches(const std::vector<int32_t>& text,
                                       const std::set<int32_t>& breakers) {
  std::map<int32_t, size_t> longest;
  if (text.empty() || breakers.count(text.back()) > 0) return longest;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] != text.back() || breakers.count(text[i + 1]) > 0) continue;
    size_t length = 1;
    while (length <= i && text[i - length] == text[text.size() - 1 - length] &&
           breakers.count(text[i - length]) == 0)
      ++length;
    longest[text[i + 1]] = std::max(longest[text[i + 1]], length);
  }
  return longest;
}

TEST(RepetitionRulesTest, NoNgramComesTwice) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const std::vector<int32_t> text = RandomText(seed, 1 + seed % 40);
    for (int32_t size = 1; size <= 4; ++size) {
      SamplingOptions options;
      options.no_repeat_ngram_size = size;
      const std::vector<float> logits = Applied(options, text, {});
      const auto known = static_cast<size_t>(size - 1);
      for (int32_t token = 0; token < kVocabulary; ++token) {
        bool repeats = false;
        for (size_t i = 0; i + known < text.size() && known <= text.size(); ++i) {
          bool same = text[i + known] == token;
          for (size_t j = 0; j < known; ++j)
            same = same && text[i + j] == text[text.size() - known + j];
          repeats = repeats || same;
        }
        EXPECT_EQ(logits[static_cast<size_t>(token)], repeats ? kForbidden : 0.0f)
            << "seed " << seed << ", n-grams of " << size << ", token " << token;
      }
    }
  }
}

TEST(RepetitionRulesTest, DryIsItsAuthorsRule) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    const std::vector<int32_t> text = RandomText(seed, seed % 60);
    SamplingOptions options;
    options.dry_multiplier = 0.8f;
    options.dry_base = 1.5f;
    options.dry_allowed_length = 1 + static_cast<int32_t>(seed % 3);
    options.dry_window = seed % 2 == 0 ? 0 : 25;
    const std::set<int32_t> breakers = seed % 5 == 0 ? std::set<int32_t>{} : std::set<int32_t>{2};
    std::vector<int32_t> window = text;
    if (options.dry_window > 0 && window.size() > 25)
      window.erase(window.begin(), window.end() - 25);
    const std::map<int32_t, size_t> matches = PlainMatches(window, breakers);
    const std::vector<float> logits =
        Applied(options, text, std::vector<int32_t>(breakers.begin(), breakers.end()));
    for (int32_t token = 0; token < kVocabulary; ++token) {
      const auto match = matches.find(token);
      double penalty = 0;
      if (match != matches.end() &&
          match->second >= static_cast<size_t>(options.dry_allowed_length)) {
        penalty =
            0.8 * std::pow(1.5, static_cast<double>(match->second) - options.dry_allowed_length);
      }
      EXPECT_NEAR(logits[static_cast<size_t>(token)], -penalty, 1e-5 * (1 + penalty))
          << "seed " << seed << ", token " << token;
    }
  }
}

TEST(RepetitionRulesTest, AnEndlessRepetitionCostsAFiniteNumber) {
  SamplingOptions options;
  options.dry_multiplier = 100;
  options.dry_base = 100;
  const std::vector<float> logits = Applied(options, std::vector<int32_t>(100000, 3), {});
  EXPECT_EQ(logits[3], std::numeric_limits<float>::lowest());
  EXPECT_EQ(logits[2], 0.0f);
}

TEST(RepetitionRulesTest, ForbiddingEverythingIsAnErrorThatNamesTheOption) {
  SamplingOptions options;
  options.no_repeat_ngram_size = 1;
  const std::vector<int32_t> all = {0, 1, 2, 3, 4, 5};
  ASSERT_OK_AND_ASSIGN(Sampler sampler, Sampler::Create(options, kVocabulary, all));
  const std::vector<float> logits(kVocabulary);
  EXPECT_THAT(sampler.Sample(logits, Sampler::LogProbability::kSkip),
              MatchesStatus(absl::StatusCode::kFailedPrecondition,
                            {"no_repeat_ngram_size forbids every token"}));
}

TEST(RepetitionRulesTest, AMaskAndAProcessorComeFirst) {
  SamplingOptions options;
  options.temperature = 0;
  ASSERT_OK_AND_ASSIGN(Sampler sampler, Sampler::Create(options, kVocabulary, {}));
  const std::vector<float> logits = {9, 8, 7, 6, 5, 4};
  const uint64_t mask[] = {0b101100};
  const auto sample = [&](const Sampler::Row& row) {
    const auto token = sampler.Sample(row, Sampler::LogProbability::kSkip);
    return token.ok() ? token->token : -1;
  };
  EXPECT_EQ(sample({.logits = logits, .allowed = mask}), 2);
  const auto set_last = [](absl::Span<float> row) { row[5] = 20; };
  const Sampler::ProcessFunction raise_last = set_last;
  EXPECT_EQ(sample({.logits = logits, .process = &raise_last}), 5);
  const auto set_first = [](absl::Span<float> row) { row[0] = 20; };
  const Sampler::ProcessFunction raise_first = set_first;
  EXPECT_EQ(sample({.logits = logits, .allowed = mask, .process = &raise_first}), 2);
  const auto break_one = [](absl::Span<float> row) { row[1] = std::nanf(""); };
  const Sampler::ProcessFunction broken = break_one;
  EXPECT_THAT(sampler.Sample({.logits = logits, .process = &broken}, Sampler::LogProbability::kSkip)
                  .status(),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"logits_processor set the logit of token 1"}));
  const uint64_t nothing[] = {0};
  EXPECT_THAT(sampler.Sample({.logits = logits, .allowed = nothing}, Sampler::LogProbability::kSkip)
                  .status(),
              MatchesStatus(absl::StatusCode::kFailedPrecondition, {"constraint forbids"}));
}

}  // namespace
}  // namespace inkling
