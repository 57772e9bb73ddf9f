// Each sampling option against what its definition says, on distributions small enough to compute
// by hand.

#include "src/session/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "src/session/sampling/sampling_checks.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Options that change nothing: a draw from the model's own distribution.
SamplingOptions Plain() {
  SamplingOptions options;
  options.temperature = 1;
  options.top_k = 0;
  options.top_p = 1;
  return options;
}

SamplingOptions Greedy() {
  SamplingOptions options = Plain();
  options.temperature = 0;
  return options;
}

// Logits whose softmax is `probabilities`.
std::vector<float> LogitsOf(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (double p : probabilities) logits.push_back(static_cast<float>(std::log(p)) + 3.0f);
  return logits;
}

int32_t SampleOnce(const SamplingOptions& options, const std::vector<float>& logits,
                   const std::vector<int32_t>& history = {}) {
  absl::StatusOr<Sampler> sampler =
      Sampler::Create(options, static_cast<int32_t>(logits.size()), history);
  EXPECT_OK(sampler);
  absl::StatusOr<SampledToken> sampled = sampler->Sample(logits, Sampler::LogProbability::kSkip);
  EXPECT_OK(sampled);
  return sampled->token;
}

// How often each token comes in `draws` draws.
std::map<int32_t, double> Frequencies(const SamplingOptions& options,
                                      const std::vector<float>& logits, int draws = 20000) {
  absl::StatusOr<Sampler> sampler =
      Sampler::Create(options, static_cast<int32_t>(logits.size()), {});
  EXPECT_OK(sampler);
  std::map<int32_t, double> frequencies;
  for (int i = 0; i < draws; ++i) {
    frequencies[sampler->Sample(logits, Sampler::LogProbability::kSkip)->token] += 1.0 / draws;
  }
  return frequencies;
}

TEST(SamplerTest, GreedyTakesTheMostLikelyAndTheFirstOfEquals) {
  EXPECT_EQ(SampleOnce(Greedy(), {0, 5, 1}), 1);
  EXPECT_EQ(SampleOnce(Greedy(), {1, 7, 7, 7}), 1);
}

TEST(SamplerTest, PlainDrawsFollowTheDistribution) {
  const std::vector<double> probabilities = {0.5, 0.3, 0.15, 0.05};
  std::map<int32_t, double> frequencies = Frequencies(Plain(), LogitsOf(probabilities));
  for (int32_t i = 0; i < 4; ++i)
    EXPECT_NEAR(frequencies[i], probabilities[static_cast<size_t>(i)], 0.015) << i;
}

TEST(SamplerTest, TemperatureSharpens) {
  SamplingOptions options = Plain();
  options.temperature = 0.5f;  // squares the probabilities
  std::map<int32_t, double> frequencies = Frequencies(options, LogitsOf({0.6, 0.4}));
  EXPECT_NEAR(frequencies[0], 0.36 / (0.36 + 0.16), 0.015);
}

TEST(SamplerTest, TopKKeepsTheKMostLikely) {
  SamplingOptions options = Plain();
  options.top_k = 2;
  std::map<int32_t, double> frequencies = Frequencies(options, LogitsOf({0.1, 0.5, 0.15, 0.25}));
  EXPECT_EQ(frequencies.size(), 2u);
  EXPECT_NEAR(frequencies[1], 0.5 / 0.75, 0.015);
  EXPECT_NEAR(frequencies[3], 0.25 / 0.75, 0.015);
}

TEST(SamplerTest, TopKAboveTheVocabularyIsAll) {
  SamplingOptions options = Plain();
  options.top_k = 1000;
  EXPECT_EQ(Frequencies(options, LogitsOf({0.25, 0.25, 0.25, 0.25})).size(), 4u);
}

TEST(SamplerTest, TopPKeepsTheFewestThatReachIt) {
  SamplingOptions options = Plain();
  options.top_p = 0.7f;
  std::map<int32_t, double> frequencies = Frequencies(options, LogitsOf({0.1, 0.5, 0.15, 0.25}));
  EXPECT_EQ(frequencies.size(), 2u);  // 0.5 is not enough, 0.75 is
  EXPECT_NEAR(frequencies[1], 0.5 / 0.75, 0.015);
}

TEST(SamplerTest, TopPLooksFurtherThanItsFirstCandidates) {
  // Flat over 5000 tokens: top-p 0.5 must keep 2500, many more than the first look takes.
  SamplingOptions options = Plain();
  options.top_p = 0.5f;
  std::map<int32_t, double> frequencies =
      Frequencies(options, std::vector<float>(5000, 1.0f), 4000);
  EXPECT_LT(frequencies.rbegin()->first, 2500);
  EXPECT_GT(frequencies.rbegin()->first, 2400);
  EXPECT_GT(frequencies.size(), 1500u);
}

TEST(SamplerTest, TopPIsOfWhatTopKLeaves) {
  SamplingOptions options = Plain();
  options.top_k = 2;
  options.top_p = 0.6f;  // of {0.5, 0.3} / 0.8 the first has 0.625
  std::map<int32_t, double> frequencies = Frequencies(options, LogitsOf({0.5, 0.3, 0.2}), 1000);
  EXPECT_EQ(frequencies.size(), 1u);
}

TEST(SamplerTest, MinPIsRelativeToTheMostLikely) {
  for (int32_t top_k : {0, 3}) {
    SamplingOptions options = Plain();
    options.top_k = top_k;
    options.min_p = 0.5f;
    std::map<int32_t, double> frequencies = Frequencies(options, LogitsOf({0.5, 0.3, 0.2}), 4000);
    EXPECT_EQ(frequencies.size(), 2u) << top_k;
    EXPECT_NEAR(frequencies[0], 0.625, 0.03) << top_k;
  }
}

TEST(SamplerTest, RepetitionPenaltyDividesPositiveAndMultipliesNegative) {
  SamplingOptions options = Greedy();
  options.repetition_penalty = 2;
  EXPECT_EQ(SampleOnce(options, {3.0f, 2.0f}, {0}), 1);     // 1.5 < 2
  EXPECT_EQ(SampleOnce(options, {-1.0f, -1.5f}, {0}), 1);   // -2 < -1.5
  EXPECT_EQ(SampleOnce(options, {5.0f, 2.0f}, {0, 0}), 0);  // once, however often it came: 2.5 > 2
}

TEST(SamplerTest, FrequencyPenaltyCountsAndPresencePenaltyDoesNot) {
  SamplingOptions options = Greedy();
  options.frequency_penalty = 1;
  EXPECT_EQ(SampleOnce(options, {3.0f, 1.5f}, {0}), 0);
  EXPECT_EQ(SampleOnce(options, {3.0f, 1.5f}, {0, 0}), 1);
  options.frequency_penalty = 0;
  options.presence_penalty = 1;
  EXPECT_EQ(SampleOnce(options, {3.0f, 1.5f}, {0, 0, 0}), 0);
  options.presence_penalty = 2;
  EXPECT_EQ(SampleOnce(options, {3.0f, 1.5f}, {0}), 1);
}

TEST(SamplerTest, PenaltiesForgetWhatLeftTheWindow) {
  SamplingOptions options = Greedy();
  options.presence_penalty = 5;
  options.penalty_window = 2;
  EXPECT_EQ(SampleOnce(options, {3.0f, 1.0f, 0.0f}, {0, 2, 2}), 0);
  ASSERT_OK_AND_ASSIGN(Sampler sampler, Sampler::Create(options, 3, std::vector<int32_t>{0, 2}));
  const std::vector<float> logits = {3, 1, 0};
  EXPECT_EQ(sampler.Sample(logits, Sampler::LogProbability::kSkip)->token, 1);
  sampler.Accept(1);  // the window is now {2, 1}
  EXPECT_EQ(sampler.Sample(logits, Sampler::LogProbability::kSkip)->token, 0);
}

TEST(SamplerTest, LogitBiasMovesAndForbids) {
  SamplingOptions options = Greedy();
  options.logit_bias = {{2, 10.0f}};
  EXPECT_EQ(SampleOnce(options, {3, 2, 0}), 2);
  options.logit_bias = {{0, -kInfinity}};
  EXPECT_EQ(SampleOnce(options, {3, 2, 0}), 1);
  SamplingOptions drawn = Plain();
  drawn.logit_bias = {{0, -kInfinity}};
  EXPECT_EQ(Frequencies(drawn, LogitsOf({0.9, 0.1}), 500).size(), 1u);
}

TEST(SamplerTest, BiasesOfOneTokenAddUpAndOnlyThenCount) {
  SamplingOptions options = Greedy();
  options.logit_bias = {{1, 1e9f}, {2, 5.0f}, {1, -1e9f}};
  EXPECT_EQ(SampleOnce(options, {3, 2, 0}), 2);  // one by one, token 1 would have lost its logit
  EXPECT_EQ(SampleOnce(options, {3, 6, 0}), 1);
  options.logit_bias = {{0, -2.0f}, {0, -2.0f}};
  EXPECT_EQ(SampleOnce(options, {3, 2, 0}), 1);
  options.logit_bias = {{0, 9.0f}, {0, -kInfinity}, {0, 9.0f}};
  EXPECT_EQ(SampleOnce(options, {3, 2, 0}), 1);
}

TEST(SamplerTest, ForbiddingEveryTokenIsAnErrorThatSaysSo) {
  SamplingOptions options = Greedy();
  options.logit_bias = {{0, -kInfinity}, {1, -kInfinity}};
  ASSERT_OK_AND_ASSIGN(Sampler sampler, Sampler::Create(options, 2, {}));
  EXPECT_THAT(sampler.Sample(std::vector<float>{1, 2}, Sampler::LogProbability::kSkip),
              MatchesStatus(absl::StatusCode::kFailedPrecondition, {"logit_bias", "every token"}));
}

TEST(SamplerTest, BrokenLogitsAreAnError) {
  ASSERT_OK_AND_ASSIGN(Sampler sampler, Sampler::Create(Greedy(), 2, {}));
  for (const std::vector<float>& logits :
       {std::vector<float>{kNan, 1}, std::vector<float>{kInfinity, 1},
        std::vector<float>{-kInfinity, -kInfinity}}) {
    EXPECT_THAT(sampler.Sample(logits, Sampler::LogProbability::kSkip),
                MatchesStatus(absl::StatusCode::kInternal, {"not numbers"}));
  }
}

TEST(SamplerTest, LogProbabilityIsTheModelsOwn) {
  SamplingOptions options = Greedy();
  options.logit_bias = {{1, 100.0f}};  // changes the choice, not the probability that is told
  ASSERT_OK_AND_ASSIGN(Sampler sampler, Sampler::Create(options, 3, {}));
  const std::vector<float> logits = LogitsOf({0.7, 0.2, 0.1});
  ASSERT_OK_AND_ASSIGN(SampledToken sampled,
                       sampler.Sample(logits, Sampler::LogProbability::kCompute));
  EXPECT_EQ(sampled.token, 1);
  EXPECT_NEAR(sampled.log_probability, std::log(0.2), 1e-5);
}

TEST(SamplerTest, TheSameSeedGivesTheSameTokens) {
  const std::vector<float> logits(100, 0.0f);
  const auto draw = [&](uint64_t seed) {
    SamplingOptions options = Plain();
    options.seed = seed;
    absl::StatusOr<Sampler> sampler = Sampler::Create(options, 100, {});
    std::vector<int32_t> tokens;
    for (int i = 0; i < 20; ++i)
      tokens.push_back(sampler->Sample(logits, Sampler::LogProbability::kSkip)->token);
    return tokens;
  };
  EXPECT_EQ(draw(7), draw(7));
  EXPECT_NE(draw(7), draw(8));
}

TEST(SamplerTest, OptionsOutOfRangeAreNamed) {
  const auto check = [](auto change, const std::vector<std::string>& fragments) {
    SamplingOptions options;
    change(options);
    EXPECT_THAT(CheckSamplingOptions(options, 10),
                MatchesStatus(absl::StatusCode::kInvalidArgument, fragments));
    EXPECT_FALSE(Sampler::Create(options, 10, {}).ok());
  };
  check([](SamplingOptions& o) { o.temperature = kNan; }, {"temperature", "nan"});
  check([](SamplingOptions& o) { o.temperature = -1; }, {"temperature", "-1"});
  check([](SamplingOptions& o) { o.top_k = -1; }, {"top_k", "-1"});
  check([](SamplingOptions& o) { o.top_p = 0; }, {"top_p"});
  check([](SamplingOptions& o) { o.top_p = kNan; }, {"top_p", "nan"});
  check([](SamplingOptions& o) { o.top_p = 1.5f; }, {"top_p", "1.5"});
  check([](SamplingOptions& o) { o.min_p = -0.5f; }, {"min_p"});
  check([](SamplingOptions& o) { o.repetition_penalty = 0; }, {"repetition_penalty"});
  check([](SamplingOptions& o) { o.presence_penalty = kInfinity; }, {"presence_penalty"});
  check([](SamplingOptions& o) { o.frequency_penalty = kNan; }, {"frequency_penalty"});
  check([](SamplingOptions& o) { o.penalty_window = -2; }, {"penalty_window", "-2"});
  check([](SamplingOptions& o) { o.logit_bias = {{10, 1.0f}}; }, {"logit_bias[0]", "10", "0 to 9"});
  check(
      [](SamplingOptions& o) {
        o.logit_bias = {{1, 1.0f}, {2, kNan}};
      },
      {"logit_bias[1]", "token 2"});
  check(
      [](SamplingOptions& o) {
        o.logit_bias = {{4, 3e38f}, {5, 1.0f}, {4, 3e38f}};
      },
      {"logit_bias", "token 4", "finite sum"});
  EXPECT_OK(CheckSamplingOptions(SamplingOptions(), 10));
}

}  // namespace
}  // namespace inkling
