// Cancel ends the call that is running, in whatever part of it it comes, and no other.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "src/session/running_call.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

using std::chrono::steady_clock;

TEST(CallGate, CancelReachesTheCallThatIsInside) {
  CallGate gate;
  gate.Cancel();
  EXPECT_FALSE(gate.cancelled());
  ASSERT_TRUE(gate.Enter(2));
  EXPECT_FALSE(gate.cancelled()) << "a cancel before the call";
  EXPECT_FALSE(gate.Enter(2));
  gate.Cancel();
  EXPECT_TRUE(gate.cancelled());
  gate.Cancel();
  EXPECT_TRUE(gate.cancelled());
  EXPECT_FALSE(gate.Enter(2)) << "a cancelled call is still inside";
  gate.Leave();
  EXPECT_FALSE(gate.cancelled());
  ASSERT_TRUE(gate.Enter(2));
  EXPECT_FALSE(gate.cancelled()) << "a cancel of the call before";
}

TEST(CallGate, KnowsCallsOfTheProcessBefore) {
  CallGate gate;
  EXPECT_FALSE(gate.IsLeftBehind(2));
  ASSERT_TRUE(gate.Enter(2));
  EXPECT_FALSE(gate.IsLeftBehind(2));
  EXPECT_TRUE(gate.IsLeftBehind(4));
  gate.Cancel();
  EXPECT_FALSE(gate.IsLeftBehind(2));
  EXPECT_TRUE(gate.IsLeftBehind(4));
}

class CancelTest : public SessionTest {
 protected:
  // A text whose tokens take much longer to find than a thread takes to be woken, and that no
  // session has room for: a call that goes on behind them says so.
  static std::string LongText() {
    std::string text;
    for (int i = 0; text.size() < (8 << 20); ++i) absl::StrAppend(&text, i, " more words, ");
    return text;
  }

  // Cancels 20 ms after `call` begins. Returns whether it said that it was cancelled; tries again
  // where the thread ran too late or too early.
  static bool IsCancelledEarly(LlmSession& session, absl::FunctionRef<absl::Status()> call) {
    for (int attempt = 0; attempt < 5; ++attempt) {
      std::atomic<bool> begins{false};
      std::thread canceller([&] {
        while (!begins) std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        session.Cancel();
      });
      begins = true;
      const absl::Status status = call();
      canceller.join();
      if (absl::IsCancelled(status)) return true;
    }
    return false;
  }
};

TEST_F(CancelTest, ComesWhileTextIsTurnedIntoTokens) {
  const std::string text = LongText();
  const std::shared_ptr<const LlmModel> model = OpenModel();
  const std::unique_ptr<LlmSession> session = NewSession(model);
  ASSERT_OK(session->Prefill("before"));
  ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> before, session->tokens());
  const GenerateOptions greedy = GreedyOptions(4);
  EXPECT_TRUE(IsCancelledEarly(*session, [&] { return session->Generate(text, greedy).status(); }));
  EXPECT_TRUE(IsCancelledEarly(*session, [&] { return session->Chat(text, greedy).status(); }));
  EXPECT_TRUE(IsCancelledEarly(*session, [&] { return session->Prefill(text); }));
  // Nothing is left of them, neither text nor a cancel.
  ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> after, session->tokens());
  EXPECT_EQ(after, before);
  EXPECT_THAT(session->Prefill(text), MatchesStatus(absl::StatusCode::kResourceExhausted, {}));
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, session->Generate(" on", GreedyOptions(4)));
  EXPECT_EQ(result.stop_reason, StopReason::kMaxNewTokens);
}

TEST_F(CancelTest, InAPromptTakesTheCallBack) {
  constexpr int32_t kPromptTokens = 30000;
  ModelConfig config = TinyConfig();
  config.context_length = 2 * kPromptTokens;
  const std::unique_ptr<LlmSession> session =
      NewSession(OpenModel(config, {.num_threads = 1, .prefill_chunk = 16}), 2 * kPromptTokens);
  ASSERT_OK(session->Chat("before", GreedyOptions(3)));
  ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> before, session->tokens());
  const std::string text(kPromptTokens, '~');
  const std::vector<int32_t> tokens(kPromptTokens, 7);
  const GenerateOptions greedy = GreedyOptions(4);
  EXPECT_TRUE(IsCancelledEarly(*session, [&] { return session->Prefill(text); }));
  EXPECT_TRUE(IsCancelledEarly(*session, [&] { return session->Generate(text, greedy).status(); }));
  EXPECT_TRUE(IsCancelledEarly(
      *session, [&] { return session->GenerateFromTokens(tokens, greedy).status(); }));
  EXPECT_TRUE(IsCancelledEarly(*session, [&] { return session->Chat(text, greedy).status(); }));
  ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> after, session->tokens());
  EXPECT_EQ(after, before);
  EXPECT_EQ(session->position(), static_cast<int32_t>(before.size()));
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, session->Generate(" on", GreedyOptions(4)));
  EXPECT_EQ(result.begin_position, static_cast<int32_t>(before.size()));
}

TEST_F(CancelTest, BeforeACallIsForNobody) {
  const std::unique_ptr<LlmSession> session = NewSession(OpenModel());
  session->Cancel();
  EXPECT_OK(session->Prefill("text"));
  session->Cancel();
  ASSERT_OK_AND_ASSIGN(const GenerateResult generated, session->Generate("", GreedyOptions(4)));
  EXPECT_EQ(generated.stop_reason, StopReason::kMaxNewTokens);
  session->Cancel();
  ASSERT_OK_AND_ASSIGN(const GenerateResult answer,
                       session->Chat("text", GreedyOptions(4), IgnoreText));
  EXPECT_EQ(answer.stop_reason, StopReason::kMaxNewTokens);
}

// The last chance of a call to see it is before its next token, drafted or not.
TEST_F(CancelTest, EndsACallBeforeItsNextToken) {
  const std::shared_ptr<const LlmModel> model = OpenModel();
  for (const int32_t max_draft_tokens : {0, 7}) {
    for (int last = 1; last <= 12; ++last) {
      const std::unique_ptr<LlmSession> session = NewSession(model);
      GenerateOptions options = GreedyOptions(40);
      options.max_draft_tokens = max_draft_tokens;
      // Any token is followed by itself, so that drafts are accepted.
      options.sampling.logit_bias = {{'a', 1000.0f}};
      int calls = 0;
      ASSERT_OK_AND_ASSIGN(const GenerateResult result,
                           session->Generate("aaaaaaaa", options, [&](absl::string_view) {
                             if (++calls == last) session->Cancel();
                             return true;
                           }));
      EXPECT_EQ(result.stop_reason, StopReason::kCancelled);
      EXPECT_EQ(calls, last) << "with " << max_draft_tokens << " drafted";
      EXPECT_EQ(result.tokens.size(), static_cast<size_t>(last));
    }
  }
}

TEST_F(CancelTest, ACallThatIsRefusedLeavesTheOtherCancelled) {
  const std::unique_ptr<LlmSession> session = NewSession(OpenModel());
  ASSERT_OK_AND_ASSIGN(const GenerateResult result,
                       session->Generate("text", GreedyOptions(20), [&](absl::string_view) {
                         session->Cancel();
                         EXPECT_FALSE(session->Prefill("x").ok());
                         return true;
                       }));
  EXPECT_EQ(result.stop_reason, StopReason::kCancelled);
}

// Time to the first token is counted from the call, so what a long prompt's tokens take is in it.
TEST_F(CancelTest, TimesBeginWithTheCall) {
  const std::unique_ptr<LlmSession> session = NewSession(OpenModel());
  const steady_clock::time_point begin = steady_clock::now();
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, session->Generate("text", GreedyOptions(2)));
  const std::chrono::duration<double> all = steady_clock::now() - begin;
  EXPECT_GE(result.time_to_first_token_seconds, result.prefill_seconds);
  EXPECT_LE(result.prefill_seconds + result.decode_seconds, all.count());
}

}  // namespace
}  // namespace inkling
