// Memory pressure: what is trimmed leaves resident memory, and nothing that is said changes.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "tests/decoder/decoder_configs.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

class TrimTest : public SessionTest {
 protected:
  std::string Folder() {
    return std::filesystem::path(directory_.File("x")).parent_path().string();
  }

  // Of this process, in bytes; 0 where the system doesn't say.
  static int64_t ResidentBytes() {
    std::ifstream file("/proc/self/statm");
    int64_t all = 0;
    int64_t resident = 0;
    file >> all >> resident;
    return resident * sysconf(_SC_PAGESIZE);
  }

  // A model whose cache and scratch take megabytes.
  static ModelConfig LargeConfig() {
    ModelConfig config = TinyConfig();
    config.context_length = 4096;
    config.hidden_dim = 256;
    config.num_heads = config.num_kv_heads = 16;
    config.head_dim = 32;
    config.rotary_dim = 32;
    config.rope_tables = {RopeTable(32, 10000.0)};
    config.feed_forward_dim = 1024;
    return config;
  }

  static GenerateResult Continue(LlmSession& session) {
    GenerateOptions options = GreedyOptions(8);
    options.return_log_probabilities = true;
    absl::StatusOr<GenerateResult> result = session.Generate(" on", options);
    EXPECT_OK(result);
    return result.ok() ? *result : GenerateResult();
  }
};

TEST_F(TrimTest, SessionsGoOnWithTheSameBits) {
  for (const NamedConfig& named : PropertyConfigs()) {
    SCOPED_TRACE(named.name);
    const auto model = OpenModel(named.config, {.num_threads = 1, .prefill_chunk = 16});
    const auto session = NewSession(model);
    ASSERT_OK(session->Prefill("A text that is longer than the windows are"));
    ASSERT_OK(session->Generate("", GreedyOptions(5)));
    for (const bool draft : {false, true}) {
      for (const bool file : {false, true}) {
        SessionOptions options = {.kv_cache_type = KvCacheType::kFloat32};
        if (draft) options.draft_model = model;
        ASSERT_OK_AND_ASSIGN(auto trimmed, LlmSession::Create(model, options));
        ASSERT_OK(trimmed->Prefill("A text that is longer than the windows are"));
        ASSERT_OK(trimmed->Generate("", GreedyOptions(5)));
        ASSERT_OK(trimmed->Trim(file ? Folder() : ""));
        ASSERT_OK(trimmed->Trim(file ? Folder() : ""));  // there is nothing more
        model->Trim(TrimLevel::kPackedWeights);
        EXPECT_EQ(trimmed->tokens().value(), session->tokens().value());
        ASSERT_OK_AND_ASSIGN(auto expected_session, session->Fork());
        const GenerateResult expected = Continue(*expected_session);
        const GenerateResult found = Continue(*trimmed);
        EXPECT_EQ(found.tokens, expected.tokens);
        EXPECT_EQ(found.log_probabilities, expected.log_probabilities);
        if (file) {
          EXPECT_EQ(found.num_prompt_tokens, expected.num_prompt_tokens);
        } else {
          EXPECT_GT(found.num_prompt_tokens, expected.num_prompt_tokens);
        }
      }
    }
  }
}

TEST_F(TrimTest, WhatHappensToATrimmedSessionCounts) {
  const auto model = OpenModel();
  const auto session = NewSession(model);
  ASSERT_OK(session->Prefill("A text of some length"));
  const int32_t position = session->position();
  // Other tokens take the place of those in the file.
  ASSERT_OK(session->Trim(Folder()));
  ASSERT_OK(session->Rewind(4));
  ASSERT_OK(session->Prefill(" and another end of it"));
  const auto fresh = NewSession(model);
  ASSERT_OK(fresh->GenerateFromTokens(session->tokens().value(), GreedyOptions(1)));
  ASSERT_OK(fresh->Rewind(session->position()));
  EXPECT_EQ(Continue(*session).log_probabilities, Continue(*fresh).log_probabilities);
  // Forked and saved from the file.
  ASSERT_OK(session->Rewind(std::min(position, session->position())));
  ASSERT_OK_AND_ASSIGN(auto untrimmed, session->Fork());
  ASSERT_OK(session->Trim(Folder()));
  ASSERT_OK_AND_ASSIGN(auto fork, session->Fork());
  ASSERT_OK(session->Trim(Folder()));
  ASSERT_OK(session->Save(directory_.File("trimmed.state")));
  ASSERT_OK_AND_ASSIGN(auto loaded, LlmSession::Load(model, directory_.File("trimmed.state"),
                                                     {.kv_cache_type = KvCacheType::kFloat32}));
  const GenerateResult expected = Continue(*untrimmed);
  EXPECT_EQ(Continue(*fork).log_probabilities, expected.log_probabilities);
  EXPECT_EQ(Continue(*loaded).log_probabilities, expected.log_probabilities);
  EXPECT_EQ(Continue(*session).log_probabilities, expected.log_probabilities);
  // Nothing is left in the folder but the model and the saved session.
  ASSERT_OK(session->Trim(Folder()));
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
    EXPECT_EQ(entry.path().string().find("scratch"), std::string::npos);
  }
  ASSERT_OK(session->Reset());
  ASSERT_OK(session->Prefill("new"));
}

TEST_F(TrimTest, AFolderThatIsNotThereChangesNothing) {
  const auto model = OpenModel();
  const auto session = NewSession(model);
  ASSERT_OK(session->Prefill("text"));
  EXPECT_THAT(session->Trim(directory_.File("no/such")),
              MatchesStatus(absl::StatusCode::kNotFound, {"no/such"}));
  // Only what is new is computed.
  EXPECT_EQ(Continue(*session).num_prompt_tokens, model->CountTokens(" on").value());
  absl::Status busy;
  ASSERT_OK(session->Generate("x", GreedyOptions(1), [&](absl::string_view) {
    busy = session->Trim();
    return true;
  }));
  EXPECT_THAT(busy, MatchesStatus(absl::StatusCode::kFailedPrecondition, {"another call"}));
}

TEST_F(TrimTest, ResidentMemoryFalls) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers have memory of their own";
#endif
  if (ResidentBytes() == 0) GTEST_SKIP() << "the system doesn't say what is resident";
  const std::string path = WriteModel("large.tflite", LargeConfig());
  const ModelOptions model_options = {
      .num_threads = 1, .cache_dir = Folder(), .prefill_chunk = 1024};
  ASSERT_OK(LlmModel::Open(path, model_options));  // packs and keeps
  ASSERT_OK_AND_ASSIGN(const auto model, LlmModel::Open(path, model_options));
  ASSERT_OK_AND_ASSIGN(auto session,
                       LlmSession::Create(model, {.kv_cache_type = KvCacheType::kFloat32}));
  const std::vector<int32_t> prompt(2048, 65);
  GenerateOptions options = GreedyOptions(4);
  ASSERT_OK_AND_ASSIGN(const GenerateResult first, session->GenerateFromTokens(prompt, options));
  const int64_t scratch = model->Describe().scratch_bytes;
  const int64_t packed = model->Describe().packed_weight_bytes;
  const int64_t cache = int64_t{2} * 2 * 16 * 32 * 4 * 2048;
  ASSERT_GT(scratch, 4 << 20);

  int64_t before = ResidentBytes();
  model->Trim(TrimLevel::kScratch);
  int64_t after = ResidentBytes();
  EXPECT_GT(before - after, scratch / 2) << "of " << scratch;
  before = after;
  model->Trim(TrimLevel::kPackedWeights);
  after = ResidentBytes();
  EXPECT_GT(before - after, packed * 9 / 10) << "of " << packed;
  before = after;
  ASSERT_OK(session->Trim(Folder()));
  after = ResidentBytes();
  EXPECT_GT(before - after, cache * 9 / 10) << "of " << cache;

  ASSERT_OK(session->Rewind(2048));
  ASSERT_OK_AND_ASSIGN(const GenerateResult again, session->Generate("", options));
  EXPECT_EQ(again.tokens, first.tokens);
  EXPECT_EQ(again.num_prompt_tokens, 1);
}

}  // namespace
}  // namespace inkling
