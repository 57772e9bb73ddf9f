// Top-n-sigma, typical, XTC and mirostat 2, each against its plain definition on random logits.
//
// The references sort everything, keep sets of tokens, and share nothing with the library. What a
// sampler keeps shows in what it draws: many draws give all that is kept and nothing else.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "inkling/llm_options.h"
#include "src/session/random_stream.h"
#include "src/session/sampler.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

constexpr int32_t kVocabulary = 40;

// Token -> probability; what is dropped is missing.
using Distribution = std::map<int32_t, double>;

std::vector<float> RandomLogits(uint32_t seed) {
  std::mt19937 bits(seed);
  std::normal_distribution<float> normal(0, 1.5f);
  std::vector<float> logits(kVocabulary);
  for (float& logit : logits) logit = normal(bits);
  return logits;
}

Distribution Softmax(const std::vector<float>& logits, double temperature) {
  Distribution all;
  double sum = 0;
  for (size_t i = 0; i < logits.size(); ++i) sum += std::exp(logits[i] / temperature);
  for (size_t i = 0; i < logits.size(); ++i)
    all[static_cast<int32_t>(i)] = std::exp(logits[i] / temperature) / sum;
  return all;
}

Distribution Normalized(Distribution some) {
  double sum = 0;
  for (const auto& [token, probability] : some) sum += probability;
  for (auto& [token, probability] : some) probability /= sum;
  return some;
}

// The tokens in the order of `key`, the lowest first.
std::vector<int32_t> Ordered(const Distribution& some, const std::function<double(double)>& key) {
  std::vector<std::pair<double, int32_t>> order;
  for (const auto& [token, probability] : some) order.emplace_back(key(probability), token);
  std::sort(order.begin(), order.end());
  std::vector<int32_t> tokens;
  for (const auto& [value, token] : order) tokens.push_back(token);
  return tokens;
}

// The first tokens of `order` whose probabilities reach `sum`.
Distribution Reaching(const Distribution& some, const std::vector<int32_t>& order, double sum) {
  Distribution kept;
  double reached = 0;
  for (const int32_t token : order) {
    if (!kept.empty() && reached >= sum) break;
    kept[token] = some.at(token);
    reached += some.at(token);
  }
  return Normalized(kept);
}

Distribution Drawn(const SamplingOptions& options, const std::vector<float>& logits, int draws) {
  absl::StatusOr<Sampler> sampler = Sampler::Create(options, kVocabulary, {});
  EXPECT_OK(sampler);
  Distribution counts;
  for (int i = 0; i < draws; ++i) {
    absl::StatusOr<SampledToken> token = sampler->Sample(logits, Sampler::LogProbability::kSkip);
    EXPECT_OK(token);
    counts[token->token] += 1.0 / draws;
  }
  return counts;
}

void ExpectAlike(const Distribution& drawn, const Distribution& expected) {
  for (const auto& [token, probability] : drawn)
    EXPECT_TRUE(expected.count(token) > 0) << "token " << token << " should have been dropped";
  for (const auto& [token, probability] : expected) {
    const double found = drawn.count(token) > 0 ? drawn.at(token) : 0;
    EXPECT_NEAR(found, probability, 0.02) << "token " << token;
  }
}

SamplingOptions Plain(float temperature) {
  SamplingOptions options;
  options.temperature = temperature;
  options.top_k = 0;
  options.top_p = 1;
  options.seed = 7;
  return options;
}

class TruncationTest : public ::testing::TestWithParam<uint32_t> {
 protected:
  const std::vector<float> logits_ = RandomLogits(GetParam());
};

TEST_P(TruncationTest, TypicalKeepsWhatIsNearestToTheEntropy) {
  SamplingOptions options = Plain(0.9f);
  options.typical_p = 0.6f;
  const Distribution all = Softmax(logits_, 0.9);
  double entropy = 0;
  for (const auto& [token, probability] : all) entropy -= probability * std::log(probability);
  const auto order =
      Ordered(all, [&](double probability) { return std::abs(-std::log(probability) - entropy); });
  ExpectAlike(Drawn(options, logits_, 20000), Reaching(all, order, 0.6));
}

TEST_P(TruncationTest, TopNSigmaKeepsWhatIsNearTheHighestLogit) {
  SamplingOptions options = Plain(1.3f);
  options.top_n_sigma = 1.2f;
  double mean = 0;
  double variance = 0;
  for (const float logit : logits_) mean += logit / kVocabulary;
  for (const float logit : logits_) variance += (logit - mean) * (logit - mean) / kVocabulary;
  const double lowest =
      *std::max_element(logits_.begin(), logits_.end()) - 1.2 * std::sqrt(variance);
  Distribution kept;
  for (const auto& [token, probability] : Softmax(logits_, 1.3)) {
    if (logits_[static_cast<size_t>(token)] >= lowest) kept[token] = probability;
  }
  ExpectAlike(Drawn(options, logits_, 20000), Normalized(kept));
}

TEST_P(TruncationTest, XtcLeavesTheLeastLikelyOfTheTopChoices) {
  SamplingOptions options = Plain(1.0f);
  options.xtc_probability = 1;
  options.xtc_threshold = 0.06f;
  const Distribution all = Softmax(logits_, 1.0);
  double least = 2;
  int above = 0;
  for (const auto& [token, probability] : all) {
    if (probability < 0.06) continue;
    ++above;
    least = std::min(least, probability);
  }
  ASSERT_GE(above, 2) << "the logits of this seed have no top choices to exclude";
  Distribution kept;
  for (const auto& [token, probability] : all) {
    if (probability <= least) kept[token] = probability;
  }
  ExpectAlike(Drawn(options, logits_, 20000), Normalized(kept));
}

TEST_P(TruncationTest, XtcHappensAsOftenAsItsProbabilitySays) {
  SamplingOptions options = Plain(1.0f);
  options.xtc_probability = 0.3f;
  options.xtc_threshold = 0.06f;
  const Distribution all = Softmax(logits_, 1.0);
  options.xtc_probability = 1;
  const Distribution excluded = Drawn(options, logits_, 20000);
  options.xtc_probability = 0.3f;
  Distribution expected = all;
  for (auto& [token, probability] : expected) {
    const double then = excluded.count(token) > 0 ? excluded.at(token) : 0;
    probability = 0.7 * probability + 0.3 * then;
  }
  ExpectAlike(Drawn(options, logits_, 20000), expected);
}

TEST_P(TruncationTest, TheShortWayOfTopPAndMinPGivesTheSame) {
  SamplingOptions options = Plain(0.8f);
  options.top_k = 12;
  options.top_p = 0.9f;
  options.min_p = 0.05f;
  const Distribution short_way = Drawn(options, logits_, 20000);
  options.top_n_sigma = 50;  // drops nothing, but takes the long way
  ExpectAlike(Drawn(options, logits_, 20000), short_way);
}

// Mirostat's tokens one by one, with the same random numbers.
TEST_P(TruncationTest, MirostatFollowsItsAlgorithm) {
  SamplingOptions options = Plain(1.1f);
  options.mirostat_tau = 3;
  options.mirostat_eta = 0.2f;
  ASSERT_OK_AND_ASSIGN(Sampler sampler, Sampler::Create(options, kVocabulary, {}));
  RandomStream random(*options.seed);
  double limit = 2 * 3.0;
  for (int i = 0; i < 200; ++i) {
    const std::vector<float> logits = RandomLogits(GetParam() + 1000 + static_cast<uint32_t>(i));
    const Distribution all = Softmax(logits, 1.1);
    const auto order = Ordered(all, [](double probability) { return -probability; });
    Distribution kept = {{order.front(), all.at(order.front())}};
    for (const int32_t token : order) {
      if (-std::log2(all.at(token)) <= limit) kept[token] = all.at(token);
    }
    kept = Normalized(kept);
    const double target = random.NextUnit();
    double reached = 0;
    int32_t expected = -1;
    for (const int32_t token : order) {
      if (kept.count(token) == 0 || reached > target) continue;
      reached += kept.at(token);
      expected = token;
    }
    limit -= 0.2 * (-std::log2(kept.at(expected)) - 3);
    ASSERT_OK_AND_ASSIGN(const SampledToken token,
                         sampler.Sample(logits, Sampler::LogProbability::kSkip));
    ASSERT_EQ(token.token, expected) << "draw " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, TruncationTest, ::testing::Values(1, 2, 3, 4));

TEST(TruncationTest, MirostatComesNearItsTarget) {
  SamplingOptions options = Plain(1.0f);
  options.mirostat_tau = 2.5f;
  ASSERT_OK_AND_ASSIGN(Sampler sampler, Sampler::Create(options, kVocabulary, {}));
  double surprise = 0;
  constexpr int kDraws = 3000;
  for (int i = 0; i < kDraws; ++i) {
    const std::vector<float> logits = RandomLogits(static_cast<uint32_t>(i));
    ASSERT_OK_AND_ASSIGN(const SampledToken token,
                         sampler.Sample(logits, Sampler::LogProbability::kCompute));
    surprise -= token.log_probability / std::log(2.0);
  }
  // The model's own surprise, which truncation makes a little smaller than what it follows.
  EXPECT_NEAR(surprise / kDraws, 2.5, 1.0);
}

}  // namespace
}  // namespace inkling
