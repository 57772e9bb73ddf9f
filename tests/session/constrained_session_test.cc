// Sessions that generate under constraints.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "inkling/llm_session.h"
#include "inkling/output_constraint.h"
#include "tests/session/session_fixture.h"
#include "tests/testing/random_model.h"

namespace inkling {
namespace {

constexpr char kDate[] = "(on|at) [0-9]{4}-[0-9]{2}-[0-9]{2}( exactly)?";

class ConstrainedSessionTest : public SessionTest {
 protected:
  static std::shared_ptr<const OutputConstraint> Regex(const LlmModel& model, const char* regex) {
    auto constraint = OutputConstraint::FromRegex(model, regex);
    EXPECT_OK(constraint);
    return constraint.ok() ? *constraint : nullptr;
  }

  static GenerateOptions Options(std::shared_ptr<const OutputConstraint> constraint,
                                 uint64_t seed) {
    GenerateOptions options = GreedyOptions(200);
    options.sampling.temperature = 1;
    options.sampling.seed = seed;
    options.constraint = std::move(constraint);
    return options;
  }
};

TEST_F(ConstrainedSessionTest, TextIsWhatTheExpressionMatches) {
  const auto model = OpenModel();
  const auto constraint = Regex(*model, kDate);
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const auto session = NewSession(model);
    const auto result = session->Generate("when?", Options(constraint, seed), IgnoreText);
    ASSERT_OK(result);
    EXPECT_THAT(result->text, ::testing::MatchesRegex(kDate));
    // "... exactly" can only end; without it, ending is the model's choice.
    EXPECT_EQ(result->stop_reason, StopReason::kConstraint) << result->text;
  }
}

TEST_F(ConstrainedSessionTest, DraftTokensChangeNothing) {
  const auto model = OpenModel();
  const auto constraint =
      Regex(*model, R"(\{"name": "[a-z]{1,8}", "description": "[a-z ]{3,30}", "done": true\})");
  int64_t accepted = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    GenerateOptions options = Options(constraint, seed);
    options.max_draft_tokens = 0;
    const auto plain = NewSession(model)->Generate("a", options, IgnoreText);
    ASSERT_OK(plain);
    for (const int32_t drafted : {1, 3, 7}) {
      options.max_draft_tokens = drafted;
      const auto result = NewSession(model)->Generate("a", options, IgnoreText);
      ASSERT_OK(result);
      EXPECT_EQ(result->text, plain->text);
      EXPECT_EQ(result->tokens, plain->tokens);
      accepted += result->num_accepted_tokens;
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST_F(ConstrainedSessionTest, StopTokensComeWhereTheTextIsComplete) {
  const auto model = OpenModel();
  GenerateOptions options = Options(Regex(*model, "a{2}b*"), 1);
  options.ignore_model_stop_tokens = false;
  options.max_new_tokens = 30;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    options.sampling.seed = seed;
    const auto result = NewSession(model)->Generate("x", options, IgnoreText);
    ASSERT_OK(result);
    EXPECT_THAT(result->text, ::testing::MatchesRegex("a{2}b*"));
  }
}

TEST_F(ConstrainedSessionTest, StopStringsAndLimitsStillCut) {
  const auto model = OpenModel();
  GenerateOptions options = Options(Regex(*model, "one, two, three"), 1);
  options.stop_strings = {"two"};
  auto result = NewSession(model)->Generate("x", options, IgnoreText);
  ASSERT_OK(result);
  EXPECT_EQ(result->text, "one, ");
  EXPECT_EQ(result->stop_reason, StopReason::kStopString);
  options.stop_strings.clear();
  options.max_new_tokens = 1;
  result = NewSession(model)->Generate("x", options, IgnoreText);
  ASSERT_OK(result);
  EXPECT_EQ(result->stop_reason, StopReason::kMaxNewTokens);
}

TEST_F(ConstrainedSessionTest, OneConstraintServesManySessionsAndTurns) {
  const auto model = OpenModel();
  const auto constraint = Regex(*model, "(yes|no), (never|always)\\.");
  const auto session = NewSession(model);
  for (int turn = 0; turn < 4; ++turn) {
    const auto result = session->Generate("and?", Options(constraint, 3), IgnoreText);
    ASSERT_OK(result);
    EXPECT_THAT(result->text, ::testing::MatchesRegex("(yes|no), (never|always)\\."));
    // Nothing of it sticks.
    ASSERT_OK(session->Generate("free", Options(nullptr, 3), IgnoreText));
    ASSERT_OK(session->Reset());
  }
  EXPECT_GT(constraint->memory_bytes(), 0);
}

TEST_F(ConstrainedSessionTest, AnotherVocabularyIsRefused) {
  const auto model = OpenModel();
  ModelConfig config = TinyConfig();
  config.vocab_size += 32;
  const auto other = LlmModel::Open(WriteModel("other.tflite", config));
  ASSERT_OK(other);
  const auto session = NewSession(model);
  const auto result = session->Generate("x", Options(Regex(**other, "a"), 1), IgnoreText);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(result.status().message(), ::testing::HasSubstr("another vocabulary"));
  EXPECT_OK(session->Generate("x", Options(Regex(*model, "a"), 1), IgnoreText));
}

TEST_F(ConstrainedSessionTest, WhatCantBeCompiledSaysWhy) {
  const auto model = OpenModel();
  EXPECT_EQ(OutputConstraint::FromRegex(*model, "(").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(OutputConstraint::FromJsonSchema(*model, R"({"not":{}})").status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(OutputConstraint::FromGrammar(*model, "root ::= root").status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace inkling
