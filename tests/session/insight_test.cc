// Scores, embeddings, alternatives and the logits hook.

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "inkling/llm_insight.h"
#include "inkling/llm_session.h"
#include "tests/session/session_fixture.h"
#include "tests/testing/random_model.h"

namespace inkling {
namespace {

class InsightTest : public SessionTest {
 protected:
  // `window`: of the first layer's attention; 0: none.
  std::shared_ptr<const LlmModel> Open(int32_t window) {
    ModelOptions options;
    options.num_threads = 1;
    options.prefill_chunk = 16;
    ModelConfig config = TinyConfig();
    config.layers[0].window = window;
    return OpenModel(config, options);
  }

  // What generation says of the tokens if each is forced in turn.
  static std::vector<float> Forced(const std::shared_ptr<const LlmModel>& model,
                                   const std::string& prefix, const std::vector<int32_t>& tokens) {
    GenerateOptions options = GreedyOptions(static_cast<int32_t>(tokens.size()));
    options.return_log_probabilities = true;
    options.max_draft_tokens = 0;
    size_t next = 0;
    options.logits_processor = [&](absl::Span<const int32_t>, absl::Span<float> logits) {
      for (float& logit : logits) logit = -100;
      logits[static_cast<size_t>(tokens[next++])] = 0;
    };
    absl::StatusOr<GenerateResult> result = NewSession(model)->Generate(prefix, options);
    EXPECT_OK(result);
    EXPECT_EQ(result->tokens, tokens);
    return result->log_probabilities;
  }
};

TEST_F(InsightTest, ScoresAreWhatGenerationGives) {
  const std::vector<std::string> continuations = {"x", " and a longer one, of many tokens", "42"};
  for (const int32_t window : {0, 20}) {
    const auto model = Open(window);
    const auto session = NewSession(model);
    const std::string prefix = "A prefix that is longer than one chunk of sixteen tokens.";
    ASSERT_OK_AND_ASSIGN(const std::vector<ScoreResult> scores,
                         session->Score(prefix, continuations));
    ASSERT_EQ(scores.size(), continuations.size());
    for (const ScoreResult& score : scores) {
      EXPECT_EQ(score.log_probabilities, Forced(model, prefix, score.tokens)) << window;
      EXPECT_DOUBLE_EQ(score.log_probability, std::accumulate(score.log_probabilities.begin(),
                                                              score.log_probabilities.end(), 0.0));
    }
    EXPECT_EQ(session->position(), 0);
  }
}

TEST_F(InsightTest, ScoreLeavesTheSessionAsItWas) {
  for (const int32_t window : {0, 20}) {
    const auto model = Open(window);
    const auto session = NewSession(model);
    const auto other = NewSession(model);
    const std::string text = "Some tokens that the session has before.";
    ASSERT_OK(session->Prefill(text));
    ASSERT_OK(other->Prefill(text));
    ASSERT_OK(session->Score(" more", {"a", "bc"}));
    EXPECT_FALSE(session->Score(" more", {"a", ""}).ok());
    EXPECT_FALSE(session->Score(std::string(4000, 'x'), {"a"}).ok());
    EXPECT_FALSE(session->Score(" more", {std::string(4000, 'x')}).ok());
    ASSERT_OK_AND_ASSIGN(const auto before, other->tokens());
    ASSERT_OK_AND_ASSIGN(const auto after, session->tokens());
    EXPECT_EQ(after, before);
    ASSERT_OK_AND_ASSIGN(const auto expected, other->Generate("", GreedyOptions(12)));
    ASSERT_OK_AND_ASSIGN(const auto result, session->Generate("", GreedyOptions(12)));
    EXPECT_EQ(result.tokens, expected.tokens);
  }
}

TEST_F(InsightTest, ScoreNeedsSomethingInFront) {
  const auto session = NewSession(Open(0));
  EXPECT_THAT(
      session->Score("", {"a"}, {.add_beginning_of_sequence = false}),
      MatchesStatus(absl::StatusCode::kInvalidArgument, {"nothing that the continuations"}));
  EXPECT_THAT(session->Score("a", {"b", ""}), MatchesStatus(absl::StatusCode::kInvalidArgument,
                                                            {"continuations[1] has no tokens"}));
}

TEST_F(InsightTest, EmbeddingsDependOnTheTextAlone) {
  const auto model = Open(20);
  const auto session = NewSession(model);
  const std::vector<std::string> texts = {"short",
                                          "a text of more tokens than one chunk has, or two", "x"};
  ASSERT_OK_AND_ASSIGN(const auto together, session->Embed(texts));
  ASSERT_OK(session->Prefill("something else"));
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSERT_OK_AND_ASSIGN(const auto alone, session->Embed({texts[i]}));
    EXPECT_EQ(alone[0], together[i]);
    double length = 0;
    for (const float value : alone[0]) length += value * value;
    EXPECT_NEAR(length, 1, 1e-5);
  }
  EXPECT_NE(together[0], together[2]);
}

TEST_F(InsightTest, TheMeanOfOneTokenIsItsLast) {
  const auto session = NewSession(Open(0));
  const EmbedOptions last = {.normalize = false, .add_beginning_of_sequence = false};
  EmbedOptions mean = last;
  mean.pooling = Pooling::kMean;
  ASSERT_OK_AND_ASSIGN(const auto of_last, session->Embed({"x", "xy"}, last));
  ASSERT_OK_AND_ASSIGN(const auto of_mean, session->Embed({"x", "xy"}, mean));
  EXPECT_EQ(of_last[0], of_mean[0]);
  // The mean of two is half of the first's, which is that of "x", and of the last's.
  for (size_t i = 0; i < of_last[0].size(); ++i)
    EXPECT_NEAR(of_mean[1][i], (of_last[0][i] + of_last[1][i]) / 2, 1e-5);
}

TEST_F(InsightTest, EmbedRefusesWhatItCantEmbed) {
  const auto session = NewSession(Open(0));
  EXPECT_THAT(session->Embed({"a", ""}, {.add_beginning_of_sequence = false}),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"texts[1] has no tokens"}));
  EXPECT_THAT(session->Embed({std::string(2000, 'x')}),
              MatchesStatus(absl::StatusCode::kResourceExhausted, {"texts[0]", "made for 128"}));
  ASSERT_OK_AND_ASSIGN(const auto none, session->Embed({}));
  EXPECT_TRUE(none.empty());
}

TEST_F(InsightTest, AlternativesAreTheMostLikelyTokens) {
  const auto model = Open(0);
  GenerateOptions options = GreedyOptions(10);
  options.return_log_probabilities = true;
  options.num_top_log_probabilities = 5;
  ASSERT_OK_AND_ASSIGN(const auto result, NewSession(model)->Generate("Once", options));
  ASSERT_EQ(result.top_log_probabilities.size(), result.tokens.size());
  for (size_t i = 0; i < result.tokens.size(); ++i) {
    const auto& top = result.top_log_probabilities[i];
    ASSERT_EQ(top.size(), 5u);
    EXPECT_EQ(top[0].token, result.tokens[i]) << "greedy takes the most likely";
    EXPECT_EQ(top[0].log_probability, result.log_probabilities[i]);
    for (size_t rank = 1; rank < top.size(); ++rank)
      EXPECT_GE(top[rank - 1].log_probability, top[rank].log_probability);
  }
  options.num_top_log_probabilities = 21;
  EXPECT_THAT(
      NewSession(model)->Generate("Once", options),
      MatchesStatus(absl::StatusCode::kInvalidArgument, {"num_top_log_probabilities is 21"}));
}

TEST_F(InsightTest, AStopStringCutsAlternativesToo) {
  const auto model = Open(0);
  GenerateOptions options = GreedyOptions(40);
  options.num_top_log_probabilities = 2;
  options.logits_processor = [](absl::Span<const int32_t> tokens, absl::Span<float> logits) {
    logits['a' + tokens.size() % 20] = 1000;  // "abcdef..."
  };
  options.stop_strings = {"kl"};
  ASSERT_OK_AND_ASSIGN(const auto cut, NewSession(model)->Generate("Once", options));
  EXPECT_EQ(cut.stop_reason, StopReason::kStopString);
  EXPECT_EQ(cut.top_log_probabilities.size(), cut.tokens.size());
}

TEST_F(InsightTest, TheProcessorSeesTheTokensAndDecides) {
  const auto model = Open(0);
  const auto session = NewSession(model);
  GenerateOptions options = GreedyOptions(6);
  std::vector<size_t> lengths;
  options.logits_processor = [&](absl::Span<const int32_t> tokens, absl::Span<float> logits) {
    lengths.push_back(tokens.size());
    for (size_t i = 0; i < logits.size(); ++i)
      if (i != 65 + tokens.size() % 2) logits[i] = -INFINITY;
  };
  ASSERT_OK_AND_ASSIGN(const auto result, session->Generate("Once", options));
  ASSERT_EQ(lengths.size(), 6u);
  for (size_t i = 0; i < lengths.size(); ++i) {
    EXPECT_EQ(lengths[i], lengths[0] + i);
    EXPECT_EQ(result.tokens[i], static_cast<int32_t>(65 + lengths[i] % 2));
  }
  options.logits_processor = [](absl::Span<const int32_t>, absl::Span<float> logits) {
    logits[3] = std::nanf("");
  };
  const int32_t before = session->position();
  EXPECT_THAT(session->Generate("more", options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"logits_processor", "token 3"}));
  EXPECT_EQ(session->position(), before);
}

TEST_F(InsightTest, NewSamplersGiveTheSameTextWithDrafts) {
  const auto model = Open(0);
  std::vector<std::function<void(SamplingOptions&)>> changes = {
      [](SamplingOptions& sampling) { sampling.no_repeat_ngram_size = 5; },
      [](SamplingOptions& sampling) { sampling.dry_multiplier = 0.8f; },
      [](SamplingOptions& sampling) { sampling.typical_p = 0.7f; },
      [](SamplingOptions& sampling) { sampling.top_n_sigma = 1; },
      [](SamplingOptions& sampling) { sampling.xtc_probability = 0.5f; },
      [](SamplingOptions& sampling) { sampling.mirostat_tau = 3; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    GenerateOptions options = GreedyOptions(60);
    options.sampling.temperature = 0.4f;
    options.sampling.seed = 11;
    changes[i](options.sampling);
    options.max_draft_tokens = 0;
    const auto plain = FreshTokens(model, "one two, one two, one two", options);
    options.max_draft_tokens = 7;
    EXPECT_EQ(FreshTokens(model, "one two, one two, one two", options), plain) << "sampler " << i;
  }
}

}  // namespace
}  // namespace inkling
