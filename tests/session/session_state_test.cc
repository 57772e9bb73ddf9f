// The session's state: rewinding, cancelling, sharing a model, and that a failed call leaves no
// trace.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

using SessionStateTest = SessionTest;

// A config whose first layer sees a window only, so that its cache is a ring that forgets.
ModelConfig WindowedConfig() {
  ModelConfig config = TinyConfig();
  config.layers[0].window = 16;
  return config;
}

TEST_F(SessionStateTest, RewindThenContinueEqualsFresh) {
  for (const ModelConfig& config : {TinyConfig(), WindowedConfig()}) {
    ModelOptions options;
    options.num_threads = 1;
    options.prefill_chunk = 16;
    auto model = OpenModel(config, options);
    const std::string text = "the quick brown fox jumps over the lazy dog and runs away";
    auto session = NewSession(model);
    ASSERT_OK(session->Prefill(text));
    ASSERT_OK_AND_ASSIGN(std::vector<int32_t> all, session->tokens());
    ASSERT_OK(session->Generate("", GreedyOptions(20)));
    for (int32_t position : {static_cast<int32_t>(all.size()), 30, 9, 1}) {
      ASSERT_OK(session->Rewind(position));
      EXPECT_EQ(session->position(), position);
      ASSERT_OK_AND_ASSIGN(GenerateResult rewound, session->Generate("", GreedyOptions(8)));
      const std::vector<int32_t> prefix(all.begin(), all.begin() + position);
      ASSERT_OK_AND_ASSIGN(GenerateResult fresh, NewSession(model)->GenerateFromTokens(
                                                     prefix, GreedyOptions(8), IgnoreText));
      EXPECT_EQ(rewound.tokens, fresh.tokens) << position;
      // What comes next goes back to the original text.
      ASSERT_OK(session->Reset());
      ASSERT_OK(session->GenerateFromTokens(all, GreedyOptions(1), IgnoreText));
      ASSERT_OK(session->Rewind(static_cast<int32_t>(all.size())));
    }
  }
}

TEST_F(SessionStateTest, ResetForgetsEverything) {
  auto model = OpenModel();
  const std::vector<int32_t> expected = FreshTokens(model, "again", GreedyOptions(9));
  auto session = NewSession(model);
  ASSERT_OK(session->Generate("something else", GreedyOptions(9)));
  ASSERT_OK(session->Reset());
  EXPECT_EQ(session->position(), 0);
  ASSERT_OK_AND_ASSIGN(GenerateResult result, session->Generate("again", GreedyOptions(9)));
  EXPECT_EQ(result.tokens, expected);
}

TEST_F(SessionStateTest, CancelFromTheCallbackKeepsWhatWasGenerated) {
  auto model = OpenModel();
  const std::vector<int32_t> expected = FreshTokens(model, "cancel", GreedyOptions(30));
  auto session = NewSession(model);
  int calls = 0;
  ASSERT_OK_AND_ASSIGN(GenerateResult result,
                       session->Generate("cancel", GreedyOptions(30), [&](absl::string_view) {
                         if (++calls == 2) session->Cancel();
                         return true;
                       }));
  EXPECT_EQ(result.stop_reason, StopReason::kCancelled);
  ASSERT_LT(result.tokens.size(), 30u);
  // Going on gives the text that would have come.
  ASSERT_OK_AND_ASSIGN(
      GenerateResult rest,
      session->Generate("", GreedyOptions(30 - static_cast<int32_t>(result.tokens.size()))));
  std::vector<int32_t> both = result.tokens;
  both.insert(both.end(), rest.tokens.begin(), rest.tokens.end());
  EXPECT_EQ(both, expected);
}

TEST_F(SessionStateTest, CancelFromAnotherThreadEndsTheCall) {
  auto session = NewSession(OpenModel());
  std::atomic<bool> started{false};
  std::atomic<bool> ended{false};
  std::thread canceller([&] {
    while (!started) std::this_thread::yield();
    while (!ended) {
      session->Cancel();
      std::this_thread::yield();
    }
  });
  GenerateOptions options = GreedyOptions(100000);
  ASSERT_OK_AND_ASSIGN(GenerateResult result,
                       session->Generate("thread", options, [&](absl::string_view) {
                         started = true;
                         // Waits here until the other thread surely ran, so that the test can't be
                         // won by finishing first.
                         std::this_thread::sleep_for(std::chrono::milliseconds(2));
                         return true;
                       }));
  ended = true;
  canceller.join();
  EXPECT_EQ(result.stop_reason, StopReason::kCancelled);
  ASSERT_OK(session->Generate("more", GreedyOptions(3)));
}

TEST_F(SessionStateTest, CancelWhileNothingRunsDoesNothing) {
  auto session = NewSession(OpenModel());
  session->Cancel();
  ASSERT_OK_AND_ASSIGN(GenerateResult result, session->Generate("calm", GreedyOptions(4)));
  EXPECT_EQ(result.stop_reason, StopReason::kMaxNewTokens);
}

TEST_F(SessionStateTest, CallingInFromTheCallbackIsRefused) {
  auto session = NewSession(OpenModel());
  absl::Status inner;
  ASSERT_OK(session->Generate("nested", GreedyOptions(2), [&](absl::string_view) {
    inner = session->Prefill("x");
    return true;
  }));
  EXPECT_THAT(inner,
              MatchesStatus(absl::StatusCode::kFailedPrecondition, {"another call", "running"}));
  ASSERT_OK(session->Prefill("x"));
}

TEST_F(SessionStateTest, TwoSessionsInterleavedEqualTwoApart) {
  auto model = OpenModel();
  const std::vector<int32_t> first_alone = FreshTokens(model, "first", GreedyOptions(12));
  const std::vector<int32_t> second_alone = FreshTokens(model, "second one", GreedyOptions(12));
  auto first = NewSession(model);
  auto second = NewSession(model);
  ASSERT_OK(first->Prefill("first"));
  ASSERT_OK(second->Prefill("second one"));
  std::vector<int32_t> first_tokens;
  std::vector<int32_t> second_tokens;
  for (int i = 0; i < 12; ++i) {
    first_tokens.push_back(first->Generate("", GreedyOptions(1))->tokens[0]);
    second_tokens.push_back(second->Generate("", GreedyOptions(1))->tokens[0]);
  }
  EXPECT_EQ(first_tokens, first_alone);
  EXPECT_EQ(second_tokens, second_alone);
}

TEST_F(SessionStateTest, SessionsOnTwoThreadsEqualSessionsApart) {
  auto model = OpenModel();
  const std::vector<int32_t> expected = FreshTokens(model, "parallel", GreedyOptions(40));
  std::vector<std::vector<int32_t>> tokens(2);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < tokens.size(); ++i) {
    threads.emplace_back([&, i] { tokens[i] = FreshTokens(model, "parallel", GreedyOptions(40)); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(tokens[0], expected);
  EXPECT_EQ(tokens[1], expected);
}

TEST_F(SessionStateTest, ASessionKeepsItsModelAlive) {
  auto session = NewSession(OpenModel());
  ASSERT_OK(session->Generate("alone", GreedyOptions(3)));
  EXPECT_EQ(session->model().vocab_size(), TinyConfig().vocab_size);
}

}  // namespace
}  // namespace inkling
