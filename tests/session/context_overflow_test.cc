// A session that slides equals one that never had what was dropped, in every call, for every kind
// of cache; and a call that fails while it slides changes nothing.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "tests/decoder/decoder_configs.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

using absl::StatusCode;

constexpr int32_t kContext = 40;
constexpr int32_t kKept = 5;

class ContextOverflowTest : public SessionTest {
 protected:
  static SessionOptions Sliding(int32_t context_length = kContext) {
    SessionOptions options;
    options.context_length = context_length;
    options.kv_cache_type = KvCacheType::kFloat32;
    options.context_overflow = ContextOverflow::kSlide;
    options.kept_tokens = kKept;
    return options;
  }

  static std::unique_ptr<LlmSession> Session(const std::shared_ptr<const LlmModel>& model,
                                             const SessionOptions& options) {
    absl::StatusOr<std::unique_ptr<LlmSession>> session = LlmSession::Create(model, options);
    EXPECT_OK(session);
    return session.ok() ? *std::move(session) : nullptr;
  }

  static std::vector<int32_t> Numbers(int32_t begin, int32_t count) {
    std::vector<int32_t> tokens;
    for (int32_t i = 0; i < count; ++i) tokens.push_back((begin + 7 * i) % 300);
    return tokens;
  }

  // `tokens` without `count` of them behind the kept ones.
  static std::vector<int32_t> Without(std::vector<int32_t> tokens, int32_t count) {
    tokens.erase(tokens.begin() + kKept, tokens.begin() + kKept + count);
    return tokens;
  }

  static GenerateOptions Options(int32_t max_new_tokens, int32_t max_draft_tokens = 7) {
    GenerateOptions options = GreedyOptions(max_new_tokens);
    options.return_log_probabilities = true;
    options.max_draft_tokens = max_draft_tokens;
    return options;
  }

  // That `session` says what a session says that has never had anything but these tokens.
  static void ExpectLikeFresh(const std::shared_ptr<const LlmModel>& model, LlmSession& session,
                              const SessionOptions& options) {
    ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> tokens, session.tokens());
    const auto fresh = Session(model, options);
    ASSERT_OK_AND_ASSIGN(const GenerateResult expected,
                         fresh->GenerateFromTokens(tokens, Options(6)));
    ASSERT_OK_AND_ASSIGN(const GenerateResult found, session.Generate("", Options(6)));
    EXPECT_EQ(found.tokens, expected.tokens);
    EXPECT_EQ(found.log_probabilities, expected.log_probabilities);
    EXPECT_EQ(session.tokens().value(), fresh->tokens().value());
  }
};

TEST_F(ContextOverflowTest, GenerationGoesOnAsIfTheDroppedPartHadNeverBeen) {
  std::vector<NamedConfig> configs = PropertyConfigs();
  for (const NamedConfig& named : FamilyConfigs()) configs.push_back(named);
  for (const NamedConfig& named : configs) {
    SCOPED_TRACE(named.name);
    const auto model = OpenModel(named.config, {.num_threads = 1, .prefill_chunk = 16});
    for (const int32_t drafts : {0, 7}) {
      const auto session = Session(model, Sliding());
      const std::vector<int32_t> prompt = Numbers(3, 30);
      ASSERT_OK_AND_ASSIGN(const GenerateResult result,
                           session->GenerateFromTokens(prompt, Options(60, drafts)));
      EXPECT_EQ(result.tokens.size(), 60u);
      EXPECT_EQ(result.stop_reason, StopReason::kMaxNewTokens);
      EXPECT_GT(result.num_dropped_tokens, 0);
      std::vector<int32_t> all = prompt;
      all.insert(all.end(), result.tokens.begin(), result.tokens.end());
      EXPECT_EQ(session->tokens().value(), Without(all, result.num_dropped_tokens));
      EXPECT_EQ(session->position(), 90 - result.num_dropped_tokens);
      EXPECT_EQ(result.begin_position, 0);

      // The same, by hand: a fresh session for what is left whenever the context is full.
      std::vector<int32_t> tokens = prompt;
      std::vector<float> expected;
      for (size_t done = 0; done < 60;) {
        const auto part =
            Session(model, {.context_length = kContext, .kv_cache_type = KvCacheType::kFloat32});
        // The logits behind the last position are there before anything is dropped.
        const int32_t most = static_cast<int32_t>(60 - done);
        ASSERT_OK_AND_ASSIGN(GenerateResult next,
                             part->GenerateFromTokens(tokens, Options(most, drafts)));
        tokens.insert(tokens.end(), next.tokens.begin(), next.tokens.end());
        expected.insert(expected.end(), next.log_probabilities.begin(),
                        next.log_probabilities.end());
        done += next.tokens.size();
        if (done == 60) break;
        ASSERT_EQ(next.stop_reason, StopReason::kContextFull);
        // One more token from the full context, which only the sliding session has room for.
        tokens.push_back(result.tokens[done]);
        expected.push_back(result.log_probabilities[done++]);
        tokens = Without(tokens, (kContext - kKept + 1) / 2);
      }
      EXPECT_EQ(tokens, session->tokens().value());
      EXPECT_EQ(result.log_probabilities, expected);
      ExpectLikeFresh(model, *session, Sliding());
    }
  }
}

TEST_F(ContextOverflowTest, PromptsMakeRoomForThemselves) {
  const auto model = OpenModel();
  const auto session = Session(model, Sliding());
  const std::vector<int32_t> first = Numbers(1, 38);
  ASSERT_OK(session->GenerateFromTokens(first, Options(1)));
  ASSERT_OK(session->Rewind(38));
  // Half of the 33 behind the kept ones is enough.
  const std::vector<int32_t> more = Numbers(100, 10);
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, session->GenerateFromTokens(more, Options(1)));
  EXPECT_EQ(result.num_dropped_tokens, 17);
  EXPECT_EQ(result.begin_position, 38 - 17);
  std::vector<int32_t> expected = Without(first, 17);
  expected.insert(expected.end(), more.begin(), more.end());
  expected.push_back(result.tokens[0]);
  EXPECT_EQ(session->tokens().value(), expected);
  ExpectLikeFresh(model, *session, Sliding());

  // More than half.
  ASSERT_OK(session->Reset());
  ASSERT_OK(session->GenerateFromTokens(first, Options(1)));
  ASSERT_OK(session->Rewind(38));
  const std::vector<int32_t> long_prompt = Numbers(50, kContext - kKept);
  ASSERT_OK_AND_ASSIGN(const GenerateResult second,
                       session->GenerateFromTokens(long_prompt, Options(1)));
  EXPECT_EQ(second.num_dropped_tokens, 33 + 18);  // the full context slides for the new token
  // One more token than can be: as before.
  ASSERT_OK(session->Reset());
  ASSERT_OK(session->GenerateFromTokens(first, Options(1)));
  const std::vector<int32_t> before = session->tokens().value();
  EXPECT_THAT(session->GenerateFromTokens(Numbers(50, kContext - kKept + 1), Options(1)),
              MatchesStatus(StatusCode::kResourceExhausted, {"36 more", "5 that are kept", "35"}));
  std::vector<int32_t> wrong = long_prompt;
  wrong.back() = 100000;
  EXPECT_THAT(session->GenerateFromTokens(wrong, Options(1)),
              MatchesStatus(StatusCode::kInvalidArgument, {"100000"}));
  EXPECT_EQ(session->tokens().value(), before);
  ExpectLikeFresh(model, *session, Sliding());
}

TEST_F(ContextOverflowTest, PrefillSlidesToo) {
  const auto model = OpenModel();
  const auto session = Session(model, Sliding());
  for (int i = 0; i < 12; ++i) {
    ASSERT_OK(session->Prefill(absl::StrCat("Part ", i, " of a long text. ")));
    ASSERT_LE(session->position(), kContext);
  }
  EXPECT_EQ(session->tokens().value()[0], model->beginning_of_sequence_token());
  ExpectLikeFresh(model, *session, Sliding());
}

TEST_F(ContextOverflowTest, StopStringsReachAcrossTheSlide) {
  const auto model = OpenModel();
  const auto session = Session(model, Sliding());
  const std::vector<int32_t> prompt = Numbers(9, 30);
  ASSERT_OK_AND_ASSIGN(const GenerateResult all, session->GenerateFromTokens(prompt, Options(40)));
  for (size_t begin = 6; begin + 3 < all.text.size() && begin < 40; begin += 3) {
    GenerateOptions options = Options(40);
    options.stop_strings = {all.text.substr(begin, 3)};
    const auto other = Session(model, Sliding());
    absl::StatusOr<GenerateResult> result = other->GenerateFromTokens(prompt, options);
    if (absl::IsInvalidArgument(result.status())) continue;  // it isn't UTF-8
    ASSERT_OK(result);
    EXPECT_EQ(result->stop_reason, StopReason::kStopString);
    EXPECT_EQ(result->text, all.text.substr(0, all.text.find(options.stop_strings[0])));
    ExpectLikeFresh(model, *other, Sliding());
  }
}

TEST_F(ContextOverflowTest, ACancelWhileItComputesAgainChangesNothing) {
  const auto model = OpenModel();
  const auto session = Session(model, Sliding());
  ASSERT_OK(session->Chat("Hi", GreedyOptions(9)));
  ASSERT_OK(session->Generate("text that fills", GreedyOptions(8)));
  const std::vector<int32_t> before = session->tokens().value();
  // From the first piece on, a call is cancelled with what it has.
  int pieces = 0;
  ASSERT_OK_AND_ASSIGN(const GenerateResult kept,
                       session->Generate("", Options(60), [&](absl::string_view) {
                         if (++pieces == 25) session->Cancel();
                         return true;
                       }));
  EXPECT_EQ(kept.stop_reason, StopReason::kCancelled);
  EXPECT_GT(kept.num_dropped_tokens, 0);
  ExpectLikeFresh(model, *session, Sliding());
  EXPECT_FALSE(before.empty());
}

// Cancels come at any moment of a call that slides for its prompt and computes the rest again.
TEST_F(ContextOverflowTest, ACancelBeforeTheFirstTokenBringsBackWhatWasDropped) {
  ModelConfig config = TinyConfig();
  config.hidden_dim = 192;
  config.feed_forward_dim = 768;
  config.context_length = 512;
  config.layers[0].window = 20;
  const auto model = OpenModel(config, {.num_threads = 1, .prefill_chunk = 8});
  const SessionOptions options = Sliding(400);
  const auto session = Session(model, options);
  ASSERT_OK(session->GenerateFromTokens(Numbers(2, 390), Options(5)));
  const std::vector<int32_t> before = session->tokens().value();
  int num_cancelled = 0;
  for (int round = 0; round < 60 && num_cancelled < 8; ++round) {
    std::atomic<bool> ended{false};
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(200 * (round % 20)));
      while (!ended) {  // a call that hasn't begun isn't cancelled
        session->Cancel();
        std::this_thread::yield();
      }
    });
    const absl::Status status = session->GenerateFromTokens(Numbers(11, 100), Options(1)).status();
    ended = true;
    canceller.join();
    if (status.ok()) {
      ASSERT_OK(session->Reset());
      ASSERT_OK(session->GenerateFromTokens(before, Options(1)));
      ASSERT_OK(session->Rewind(static_cast<int32_t>(before.size())));
      continue;
    }
    ++num_cancelled;
    ASSERT_THAT(status, MatchesStatus(StatusCode::kCancelled));
    ASSERT_EQ(session->tokens().value(), before);
    ASSERT_EQ(session->position(), static_cast<int32_t>(before.size()));
    ASSERT_OK_AND_ASSIGN(auto fork, session->Fork());
    ExpectLikeFresh(model, *fork, options);
  }
  EXPECT_GT(num_cancelled, 0);
}

TEST_F(ContextOverflowTest, ConversationsGoOnForLong) {
  const auto model = OpenModel();
  SessionOptions options = Sliding(60);
  const auto session = Session(model, options);
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK_AND_ASSIGN(const GenerateResult result,
                         session->Chat(absl::StrCat("Turn ", i), GreedyOptions(7)));
    ASSERT_LE(session->position(), 60);
    EXPECT_EQ(result.tokens.size(), 7u);
    if (i % 7 == 6) {
      const std::string path = directory_.File("slid.state");
      ASSERT_OK(session->Save(path));
      ASSERT_OK_AND_ASSIGN(auto loaded, LlmSession::Load(model, path, options));
      ASSERT_OK_AND_ASSIGN(auto fork, session->Fork());
      ASSERT_OK_AND_ASSIGN(const GenerateResult expected, fork->Chat("?", GreedyOptions(5)));
      ASSERT_OK_AND_ASSIGN(const GenerateResult found, loaded->Chat("?", GreedyOptions(5)));
      EXPECT_EQ(found.tokens, expected.tokens);
      EXPECT_EQ(found.begin_position, expected.begin_position);
    }
    // A turn that is taken back leaves those before it.
    ASSERT_OK(session->Rewind(result.begin_position));
    ASSERT_OK(session->Chat(absl::StrCat("Turn ", i), GreedyOptions(7)));
  }
  ExpectLikeFresh(model, *session, options);
}

TEST_F(ContextOverflowTest, OptionsAreChecked) {
  const auto model = OpenModel();
  SessionOptions options = Sliding();
  options.kept_tokens = kContext;
  EXPECT_THAT(LlmSession::Create(model, options),
              MatchesStatus(StatusCode::kInvalidArgument, {"kept_tokens is 40", "0 to 39"}));
  options.kept_tokens = -1;
  EXPECT_THAT(LlmSession::Create(model, options),
              MatchesStatus(StatusCode::kInvalidArgument, {"kept_tokens is -1"}));
  options = Sliding();
  options.context_overflow = static_cast<ContextOverflow>(2);
  EXPECT_THAT(LlmSession::Create(model, options),
              MatchesStatus(StatusCode::kInvalidArgument, {"context_overflow is 2"}));
  // The smallest that there can be.
  options = Sliding(1);
  options.kept_tokens = 0;
  ASSERT_OK_AND_ASSIGN(auto session, LlmSession::Create(model, options));
  ASSERT_OK_AND_ASSIGN(const GenerateResult result,
                       session->GenerateFromTokens({65}, GreedyOptions(5)));
  EXPECT_EQ(result.tokens.size(), 5u);
  EXPECT_EQ(result.num_dropped_tokens, 5);
}

}  // namespace
}  // namespace inkling
