// Draft tokens change how often the model runs and nothing else.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "inkling/llm_session.h"
#include "src/compute/pass_limits.h"
#include "tests/session/session_fixture.h"
#include "tests/testing/random_model.h"

namespace inkling {
namespace {

// Long enough that attention of few rows is split into parts.
constexpr int32_t kContext = 700;
constexpr char kRepetitive[] = "one two three four, one two three four, one two three four, one";

class DraftTokensTest : public SessionTest {
 protected:
  ModelConfig Config(int32_t window) {
    ModelConfig config = TinyConfig();
    config.context_length = kContext;
    config.num_kv_heads = 1;
    config.layers[0].window = window;
    return config;
  }

  std::shared_ptr<const LlmModel> OpenWide(const ModelConfig& config) {
    ModelOptions options;
    options.num_threads = 1;
    options.prefill_chunk = 16;
    return OpenModel(config, options);
  }

  GenerateResult Run(LlmSession& session, int32_t drafted, float temperature,
                     const std::string& prompt, int32_t tokens) {
    GenerateOptions options = GreedyOptions(tokens);
    options.sampling.temperature = temperature;
    options.sampling.seed = 5;
    options.max_draft_tokens = drafted;
    options.return_log_probabilities = true;
    absl::StatusOr<GenerateResult> result = session.Generate(prompt, options, IgnoreText);
    EXPECT_OK(result);
    return result.ok() ? *result : GenerateResult();
  }
};

TEST_F(DraftTokensTest, GiveTheSameTokensWhateverTheSampling) {
  for (const int32_t window : {0, 40}) {
    const auto model = OpenWide(Config(window));
    for (const float temperature : {0.0f, 0.3f, 1.0f}) {
      const auto plain_session = NewSession(model);
      const GenerateResult plain = Run(*plain_session, 0, temperature, kRepetitive, 600);
      EXPECT_EQ(plain.num_draft_tokens, 0);
      for (const int32_t drafted : {1, 3, 7}) {
        SCOPED_TRACE(testing::Message() << "window " << window << ", temperature " << temperature
                                        << ", drafted " << drafted);
        const auto session = NewSession(model);
        const GenerateResult result = Run(*session, drafted, temperature, kRepetitive, 600);
        EXPECT_EQ(result.tokens, plain.tokens);
        EXPECT_EQ(result.text, plain.text);
        EXPECT_EQ(result.log_probabilities, plain.log_probabilities);
        // At temperature 1 a random model may never repeat itself.
        if (temperature < 1) {
          EXPECT_GT(result.num_draft_tokens, 0);
        }
        EXPECT_LE(result.num_accepted_tokens, result.num_draft_tokens);
        EXPECT_EQ(session->position(), plain_session->position());
      }
    }
  }
}

TEST_F(DraftTokensTest, GreedyTextThatRepeatsItselfIsAccepted) {
  const auto model = OpenWide(Config(0));
  const auto session = NewSession(model);
  // A tiny random model soon goes in circles when it is greedy.
  const GenerateResult result = Run(*session, 3, 0, kRepetitive, 500);
  EXPECT_GT(result.num_accepted_tokens, 50);
}

TEST_F(DraftTokensTest, TheSessionGoesOnAsWithoutThem) {
  const auto model = OpenWide(Config(40));
  const auto plain = NewSession(model);
  const auto speculation = NewSession(model);
  for (int turn = 0; turn < 8; ++turn) {
    // Ends at any point of a draft; then more text, or going back.
    const int32_t count = 11 + turn;
    EXPECT_EQ(Run(*speculation, 7, 0, kRepetitive, count).tokens,
              Run(*plain, 0, 0, kRepetitive, count).tokens);
    if (turn % 3 == 1) {
      const int32_t position = plain->position() - 2;
      EXPECT_OK(plain->Rewind(position));
      EXPECT_OK(speculation->Rewind(position));
    }
    if (turn % 3 == 2) {
      EXPECT_OK(plain->Prefill(" one two"));
      EXPECT_OK(speculation->Prefill(" one two"));
    }
    EXPECT_EQ(speculation->position(), plain->position());
    EXPECT_EQ(*speculation->tokens(), *plain->tokens());
  }
}

// A call may end between draft tokens that were verified; those behind its last token are no part
// of the session, whatever comes next.
TEST_F(DraftTokensTest, ACallThatEndsInADraftLeavesNothingOfIt) {
  const auto model = OpenWide(Config(40));
  for (int last = 3; last < 12; ++last) {
    for (const std::string next : {" one two", ""}) {
      SCOPED_TRACE(testing::Message() << "after " << last << " tokens, then '" << next << "'");
      const auto plain = NewSession(model);
      const auto speculation = NewSession(model);
      int32_t drafted = 0;
      for (LlmSession* session : {plain.get(), speculation.get()}) {
        GenerateOptions options = GreedyOptions(40);
        options.sampling.logit_bias = {{'a', 1000.0f}};  // so that drafts are accepted
        options.max_draft_tokens = session == plain.get() ? 0 : 7;
        int calls = 0;
        const auto stop = [&](absl::string_view) { return ++calls < last; };
        ASSERT_OK_AND_ASSIGN(const GenerateResult result,
                             session->Generate("aaaaaaaa", options, stop));
        drafted = result.num_draft_tokens;
        ASSERT_OK(session->Prefill(next));
      }
      EXPECT_GT(drafted, 0);
      EXPECT_EQ(*speculation->tokens(), *plain->tokens());
      const GenerateResult expected = Run(*plain, 0, 0, "", 30);
      const GenerateResult result = Run(*speculation, 7, 0, "", 30);
      EXPECT_EQ(result.tokens, expected.tokens);
      EXPECT_EQ(result.log_probabilities, expected.log_probabilities);
    }
  }
}

TEST_F(DraftTokensTest, FillTheContextToItsLastPosition) {
  const auto model = OpenWide(Config(0));
  const auto plain = NewSession(model, 200);
  const auto speculation = NewSession(model, 200);
  const GenerateResult expected = Run(*plain, 0, 0, kRepetitive, 1000);
  const GenerateResult result = Run(*speculation, 7, 0, kRepetitive, 1000);
  EXPECT_EQ(result.tokens, expected.tokens);
  EXPECT_EQ(result.stop_reason, StopReason::kContextFull);
  EXPECT_EQ(speculation->remaining_tokens(), 0);
}

TEST_F(DraftTokensTest, NumbersOutOfRangeAreRefused) {
  EXPECT_EQ(GenerateOptions().max_draft_tokens, kDecodeRows - 1) << "the default is the most";
  const auto model = OpenWide(Config(0));
  const auto session = NewSession(model);
  for (const int32_t drafted : {-1, 8}) {
    GenerateOptions options;
    options.max_draft_tokens = drafted;
    EXPECT_THAT(session->Generate("a", options, IgnoreText),
                MatchesStatus(absl::StatusCode::kInvalidArgument,
                              {"max_draft_tokens", std::to_string(drafted), "0 to 7"}));
  }
}

}  // namespace
}  // namespace inkling
