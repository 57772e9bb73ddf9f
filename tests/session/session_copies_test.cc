// Forks and saved sessions go on as the session itself would have, to the last bit: over all axes
// of the config and all types of the cache.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "tests/decoder/decoder_configs.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

constexpr int32_t kContext = 100;

class SessionCopiesTest : public SessionTest {
 protected:
  std::shared_ptr<const LlmModel> Open(const ModelConfig& config) {
    ModelOptions options;
    options.num_threads = 1;
    options.prefill_chunk = 16;
    return OpenModel(config, options);
  }

  std::unique_ptr<LlmSession> Session(const std::shared_ptr<const LlmModel>& model,
                                      KvCacheType type) {
    absl::StatusOr<std::unique_ptr<LlmSession>> session =
        LlmSession::Create(model, {.context_length = kContext, .kv_cache_type = type});
    EXPECT_OK(session);
    return session.ok() ? *std::move(session) : nullptr;
  }

  // What a session says next, as numbers that show every difference.
  static GenerateResult Continue(LlmSession& session) {
    GenerateOptions options = GreedyOptions(12);
    options.return_log_probabilities = true;
    absl::StatusOr<GenerateResult> result = session.Generate(" on", options);
    EXPECT_OK(result);
    return result.ok() ? *result : GenerateResult();
  }

  static void ExpectSame(const GenerateResult& found, const GenerateResult& expected) {
    EXPECT_EQ(found.tokens, expected.tokens);
    EXPECT_EQ(found.log_probabilities, expected.log_probabilities);
    EXPECT_EQ(found.num_prompt_tokens, expected.num_prompt_tokens);  // nothing computed again
    EXPECT_FALSE(expected.tokens.empty());
  }

  // Copies of a session in every state that calls leave it in.
  void CheckCopies(const std::shared_ptr<const LlmModel>& model, KvCacheType type) {
    const std::string path = directory_.File("session.state");
    const auto session = Session(model, type);
    const auto check = [&] {
      ASSERT_OK_AND_ASSIGN(std::unique_ptr<LlmSession> fork, session->Fork());
      ASSERT_OK(session->Save(path));
      ASSERT_OK_AND_ASSIGN(std::unique_ptr<LlmSession> loaded,
                           LlmSession::Load(model, path, {.kv_cache_type = type}));
      EXPECT_EQ(loaded->context_length(), kContext);
      EXPECT_EQ(loaded->tokens().value(), session->tokens().value());
      ASSERT_OK_AND_ASSIGN(std::unique_ptr<LlmSession> second, fork->Fork());
      const int32_t position = session->position();
      const GenerateResult expected = Continue(*session);
      ExpectSame(Continue(*fork), expected);
      ExpectSame(Continue(*loaded), expected);
      ExpectSame(Continue(*second), expected);
      ASSERT_OK(session->Rewind(position));
    };
    ASSERT_OK(session->Prefill("A text of some forty tokens, more than "));
    check();
    ASSERT_OK(session->Generate("again and again and again", GreedyOptions(9)));
    check();
    ASSERT_OK(session->Rewind(session->position() - 7));
    check();
    ASSERT_OK(session->Rewind(20));  // where windows have lost rows
    check();
  }
};

TEST_F(SessionCopiesTest, GoOnWithTheSameBitsForEveryConfig) {
  std::vector<NamedConfig> configs = SingleAxisConfigs();
  for (const std::vector<NamedConfig>& more : {FamilyConfigs(), RandomConfigs(8)}) {
    configs.insert(configs.end(), more.begin(), more.end());
  }
  size_t number = 0;
  for (const NamedConfig& named : configs) {
    SCOPED_TRACE(named.name);
    const auto model = Open(named.config);
    ASSERT_NE(model, nullptr);
    const auto type = static_cast<KvCacheType>(number++ % 3);
    CheckCopies(model, type);
  }
}

TEST_F(SessionCopiesTest, GoOnWithTheSameBitsForEveryCacheType) {
  for (const NamedConfig& named : PropertyConfigs()) {
    const auto model = Open(named.config);
    ASSERT_NE(model, nullptr);
    for (const auto type : {KvCacheType::kFloat16, KvCacheType::kFloat32, KvCacheType::kInt8}) {
      SCOPED_TRACE(absl::StrCat(named.name, ", type ", static_cast<int>(type)));
      CheckCopies(model, type);
    }
  }
}

TEST_F(SessionCopiesTest, AnEmptySessionIsCopied) {
  const auto model = OpenModel();
  const auto session = NewSession(model);
  const std::string path = directory_.File("empty.state");
  ASSERT_OK(session->Save(path));
  ASSERT_OK_AND_ASSIGN(auto loaded,
                       LlmSession::Load(model, path, {.kv_cache_type = KvCacheType::kFloat32}));
  ASSERT_OK_AND_ASSIGN(auto fork, session->Fork());
  EXPECT_EQ(loaded->position(), 0);
  const GenerateResult expected = Continue(*session);
  ExpectSame(Continue(*loaded), expected);
  ExpectSame(Continue(*fork), expected);
}

TEST_F(SessionCopiesTest, SiblingsAreIndependentOnAnyThreads) {
  const auto model = Open(PropertyConfigs()[1].config);
  const auto session = Session(model, KvCacheType::kFloat16);
  ASSERT_OK(session->Prefill("What all of them begin with"));
  const int32_t position = session->position();
  const auto fresh = [&](const std::string& text) {
    const auto alone = Session(model, KvCacheType::kFloat16);
    EXPECT_OK(alone->Prefill("What all of them begin with"));
    return alone->Generate(text, GreedyOptions(20))->tokens;
  };
  std::vector<std::unique_ptr<LlmSession>> forks;
  std::vector<std::string> texts;
  for (int i = 0; i < 4; ++i) {
    ASSERT_OK_AND_ASSIGN(std::unique_ptr<LlmSession> fork, session->Fork());
    forks.push_back(std::move(fork));
    texts.push_back(absl::StrCat(" number ", i, " says"));
  }
  std::vector<std::vector<int32_t>> found(forks.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < forks.size(); ++i) {
    threads.emplace_back(
        [&, i] { found[i] = forks[i]->Generate(texts[i], GreedyOptions(20))->tokens; });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < forks.size(); ++i) EXPECT_EQ(found[i], fresh(texts[i]));
  EXPECT_EQ(session->position(), position);
  forks.resize(1);  // the others are gone, and with them nothing of it
  ASSERT_OK(session->Reset());
  ASSERT_OK(forks[0]->Generate(" more", GreedyOptions(3)));
}

TEST_F(SessionCopiesTest, ChatsGoOn) {
  const auto model = OpenModel();
  SessionOptions options = {.kv_cache_type = KvCacheType::kFloat32};
  ASSERT_OK_AND_ASSIGN(auto session, LlmSession::Create(model, options));
  ASSERT_OK(session->Chat("Hi", GreedyOptions(6)));
  ASSERT_OK(session->Chat("And?", GreedyOptions(6)));
  const std::string path = directory_.File("chat.state");
  ASSERT_OK(session->Save(path));
  ASSERT_OK_AND_ASSIGN(auto loaded, LlmSession::Load(model, path, options));
  ASSERT_OK_AND_ASSIGN(auto fork, session->Fork());
  ASSERT_OK_AND_ASSIGN(const GenerateResult expected, session->Chat("Bye", GreedyOptions(6)));
  ASSERT_OK_AND_ASSIGN(const GenerateResult of_fork, fork->Chat("Bye", GreedyOptions(6)));
  ASSERT_OK_AND_ASSIGN(const GenerateResult of_loaded, loaded->Chat("Bye", GreedyOptions(6)));
  for (const GenerateResult& result : {of_fork, of_loaded}) {
    EXPECT_EQ(result.tokens, expected.tokens);
    EXPECT_EQ(result.begin_position, expected.begin_position);
  }
  EXPECT_EQ(loaded->tokens().value(), session->tokens().value());
  // Turns are cut with the text, in each alone.
  ASSERT_OK(loaded->Rewind(of_loaded.begin_position));
  ASSERT_OK_AND_ASSIGN(const GenerateResult again, loaded->Chat("Bye", GreedyOptions(6)));
  EXPECT_EQ(again.tokens, expected.tokens);
}

TEST_F(SessionCopiesTest, DraftModelsAreForkedAndFollowLoadedSessions) {
  const auto model = OpenModel();
  SessionOptions options = {.kv_cache_type = KvCacheType::kFloat32, .draft_model = model};
  ASSERT_OK_AND_ASSIGN(auto session, LlmSession::Create(model, options));
  ASSERT_OK(session->Generate("drafted", GreedyOptions(20)));
  const std::string path = directory_.File("draft.state");
  ASSERT_OK(session->Save(path));
  ASSERT_OK_AND_ASSIGN(auto fork, session->Fork());
  ASSERT_OK_AND_ASSIGN(auto loaded, LlmSession::Load(model, path, options));
  ASSERT_OK_AND_ASSIGN(auto plain,
                       LlmSession::Load(model, path, {.kv_cache_type = KvCacheType::kFloat32}));
  const GenerateResult expected = Continue(*session);
  for (LlmSession* copy : {fork.get(), loaded.get(), plain.get()}) {
    ExpectSame(Continue(*copy), expected);
  }
}

TEST_F(SessionCopiesTest, AreRefusedWhileACallRuns) {
  const auto model = OpenModel();
  const auto session = NewSession(model);
  absl::Status fork;
  absl::Status save;
  ASSERT_OK(session->Generate("busy", GreedyOptions(2), [&](absl::string_view) {
    fork = session->Fork().status();
    save = session->Save(directory_.File("busy.state"));
    return true;
  }));
  for (const absl::Status& status : {fork, save}) {
    EXPECT_THAT(status, MatchesStatus(absl::StatusCode::kFailedPrecondition, {"another call"}));
  }
}

}  // namespace
}  // namespace inkling
