// What must hold of every session, over all axes of the config and the types of the cache: other
// sessions, cancels, failed calls, reused prefixes and changed adapters leave no trace.
// session_copies_test.cc has forks and saved sessions.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_message.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "inkling/lora_adapter.h"
#include "src/format/lora_file.h"
#include "src/format/model_metadata.h"
#include "tests/decoder/decoder_configs.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

constexpr int32_t kContext = 120;
constexpr int32_t kChunk = 16;

// What a call came to, as numbers that show every difference.
struct Outcome {
  std::vector<int32_t> tokens;
  std::vector<float> log_probabilities;
  std::vector<float> logits;  // behind the prompt
};

class SessionPropertiesTest : public SessionTest {
 protected:
  // Calls `check` with a model of each config and a type of cache, another one for each.
  template <typename Check>
  void ForEachConfig(const Check& check) {
    std::vector<NamedConfig> configs = SingleAxisConfigs();
    for (const std::vector<NamedConfig>& more : {FamilyConfigs(), RandomConfigs(6)})
      configs.insert(configs.end(), more.begin(), more.end());
    constexpr KvCacheType kTypes[] = {KvCacheType::kFloat16, KvCacheType::kFloat32,
                                      KvCacheType::kInt8};
    size_t number = 0;
    for (const NamedConfig& named : configs) {
      const KvCacheType type = kTypes[number++ % 3];
      SCOPED_TRACE(absl::StrCat(named.name, ", cache type ", static_cast<int>(type)));
      ModelMetadata metadata = TinyMetadata(named.config);
      metadata.columns.emplace();  // as converted models say it, which adapters want to know
      ASSERT_OK_AND_ASSIGN(const auto model,
                           LlmModel::Open(WriteModel("model.tflite", metadata),
                                          {.num_threads = 1, .prefill_chunk = kChunk}));
      check(model, type, named.config);
      if (HasFatalFailure()) return;
    }
  }

  static std::unique_ptr<LlmSession> Session(const std::shared_ptr<const LlmModel>& model,
                                             KvCacheType type,
                                             std::vector<WeightedAdapter> adapters = {}) {
    SessionOptions options;
    options.context_length = kContext;
    options.kv_cache_type = type;
    options.adapters = std::move(adapters);
    absl::StatusOr<std::unique_ptr<LlmSession>> session = LlmSession::Create(model, options);
    EXPECT_OK(session);
    return session.ok() ? *std::move(session) : nullptr;
  }

  static Outcome Say(LlmSession& session, const std::string& prompt, int32_t num_tokens) {
    Outcome outcome;
    GenerateOptions options = GreedyOptions(num_tokens);
    options.return_log_probabilities = true;
    options.logits_processor = [&](absl::Span<const int32_t>, absl::Span<float> logits) {
      if (outcome.logits.empty()) outcome.logits.assign(logits.begin(), logits.end());
    };
    const absl::StatusOr<GenerateResult> result = session.Generate(prompt, options);
    EXPECT_OK(result);
    if (!result.ok()) return outcome;
    EXPECT_EQ(result->tokens.size(), static_cast<size_t>(num_tokens));
    outcome.tokens = result->tokens;
    outcome.log_probabilities = result->log_probabilities;
    return outcome;
  }

  static void ExpectSame(const Outcome& found, const Outcome& expected) {
    EXPECT_EQ(found.tokens, expected.tokens);
    EXPECT_EQ(found.log_probabilities, expected.log_probabilities);
    EXPECT_EQ(found.logits, expected.logits);
  }

  // Positions computed in other chunks have other roundings, in the cache, too.
  static void ExpectClose(const Outcome& found, const Outcome& expected, KvCacheType type) {
    ASSERT_EQ(found.logits.size(), expected.logits.size());
    const float tolerance = type == KvCacheType::kFloat32   ? 1e-4f
                            : type == KvCacheType::kFloat16 ? 1e-2f
                                                            : 0.1f;
    float largest = 0;
    float size = 1;
    for (size_t i = 0; i < found.logits.size(); ++i) {
      largest = std::max(largest, std::fabs(found.logits[i] - expected.logits[i]));
      size = std::max(size, std::fabs(expected.logits[i]));
    }
    EXPECT_LE(largest, tolerance * size);
  }
};

TEST_F(SessionPropertiesTest, TakingTurnsIsAsBeingAlone) {
  ForEachConfig([](const auto& model, KvCacheType type, const ModelConfig&) {
    const std::string texts[] = {"One session's own text, of forty tokens", "another's"};
    std::vector<std::vector<Outcome>> alone(2);
    for (size_t i = 0; i < 2; ++i) {
      const auto session = Session(model, type);
      alone[i].push_back(Say(*session, texts[i], 2));
      for (int turn = 0; turn < 3; ++turn) alone[i].push_back(Say(*session, " and", 2));
    }
    const std::unique_ptr<LlmSession> sessions[] = {Session(model, type), Session(model, type)};
    for (size_t turn = 0; turn < 4; ++turn) {
      for (size_t i = 0; i < 2; ++i)
        ExpectSame(Say(*sessions[i], turn == 0 ? texts[i] : " and", 2), alone[i][turn]);
    }
  });
}

TEST_F(SessionPropertiesTest, ACancelAtAnyStepLeavesWhatWasSaid) {
  ForEachConfig([](const auto& model, KvCacheType type, const ModelConfig&) {
    for (const int32_t drafts : {0, 6}) {
      for (int32_t step = 1; step <= 5; ++step) {
        const auto session = Session(model, type);
        GenerateOptions options = GreedyOptions(30);
        options.max_draft_tokens = drafts;
        int32_t said = 0;
        // Letters, so that each token is a piece of text of its own.
        for (int32_t letter = 'a'; letter <= 'e'; ++letter)
          options.sampling.logit_bias.push_back({letter, 100.0f});
        ASSERT_OK_AND_ASSIGN(
            const GenerateResult cut,
            session->Generate("A prompt of two chunks, about", options, [&](absl::string_view) {
              if (++said == step) session->Cancel();
              return true;
            }));
        EXPECT_EQ(cut.stop_reason, StopReason::kCancelled);
        const auto other = Session(model, type);
        options.max_new_tokens = static_cast<int32_t>(cut.tokens.size());
        ASSERT_OK_AND_ASSIGN(const GenerateResult whole,
                             other->Generate("A prompt of two chunks, about", options, IgnoreText));
        EXPECT_EQ(cut.tokens, whole.tokens);
        ExpectSame(Say(*session, " on", 4), Say(*other, " on", 4));
      }
    }
  });
}

TEST_F(SessionPropertiesTest, AFailedCallLeavesNothing) {
  ForEachConfig([](const auto& model, KvCacheType type, const ModelConfig&) {
    const auto session = Session(model, type);
    const auto other = Session(model, type);
    for (LlmSession* each : {session.get(), other.get()}) Say(*each, "What both of them begin", 3);
    GenerateOptions wrong = GreedyOptions(4);
    wrong.sampling.temperature = -1;
    EXPECT_FALSE(session->Generate("text", wrong).ok());
    EXPECT_FALSE(session->Prefill(std::string(kContext + 10, '~')).ok());
    EXPECT_FALSE(session->Generate(std::string(kContext + 10, '~'), GreedyOptions(2)).ok());
    EXPECT_FALSE(session->GenerateFromTokens({5, 1 << 30}, GreedyOptions(2), IgnoreText).ok());
    EXPECT_FALSE(session->Rewind(session->position() + 1).ok());
    EXPECT_EQ(session->tokens().value(), other->tokens().value());
    ExpectSame(Say(*session, " on", 5), Say(*other, " on", 5));
  });
}

TEST_F(SessionPropertiesTest, AReusedPrefixIsAsOneComputedAnew) {
  ForEachConfig([](const auto& model, KvCacheType type, const ModelConfig&) {
    const std::string begin(2 * kChunk, 'b');  // whole chunks
    const auto session = Session(model, type);
    ASSERT_OK(session->Prefill(begin));
    const int32_t position = session->position();
    Say(*session, "text that is taken back, longer than any window", 6);
    ASSERT_OK(session->Rewind(position));
    const Outcome again = Say(*session, "What comes instead", 6);
    const auto same_chunks = Session(model, type);
    ASSERT_OK(same_chunks->Prefill(begin));
    ExpectSame(again, Say(*same_chunks, "What comes instead", 6));
    const auto other_chunks = Session(model, type);
    ASSERT_OK(other_chunks->Prefill(begin.substr(0, 7)));
    ExpectClose(again, Say(*other_chunks, begin.substr(7) + "What comes instead", 6), type);
  });
}

// A list of messages that goes on, and one that was edited: what stays is used again.
TEST_F(SessionPropertiesTest, AListOfMessagesIsAsInAFreshSession) {
  ForEachConfig([](const auto& model, KvCacheType type, const ModelConfig&) {
    const auto chat = [](LlmSession& session, const std::vector<ChatMessage>& messages) {
      std::pair<Outcome, GenerateResult> answer;
      GenerateOptions options = GreedyOptions(5);
      options.logits_processor = [&](absl::Span<const int32_t>, absl::Span<float> logits) {
        if (answer.first.logits.empty()) answer.first.logits.assign(logits.begin(), logits.end());
        for (size_t i = 0; i < logits.size(); ++i)
          if (i < 'v' || i > 'z') logits[i] = -INFINITY;  // no merge has these, so they stay
      };
      absl::StatusOr<GenerateResult> result = session.Chat(messages, ChatOptions(), options);
      EXPECT_OK(result);
      if (result.ok()) answer.second = *std::move(result);
      return answer;
    };
    const auto session = Session(model, type);
    std::vector<ChatMessage> messages = {{ChatRole::kUser, "A question of some twenty tokens"}};
    messages.push_back({ChatRole::kAssistant, chat(*session, messages).second.text});
    messages.push_back({ChatRole::kUser, "And then?"});
    for (const char* last : {"And then?", "Another question instead"}) {
      messages.back().text = last;
      const auto [found, result] = chat(*session, messages);
      EXPECT_GT(result.num_reused_tokens, 30);
      const auto fresh = Session(model, type);
      ExpectClose(found, chat(*fresh, messages).first, type);
      EXPECT_EQ(session->position(), fresh->position());
    }
  });
}

// Updates of every matrix of the layers.
LoraFile RandomAdapter(const ModelMetadata& metadata, uint64_t seed) {
  LoraFile file;
  file.base_fingerprint = ModelFingerprint(metadata);
  for (const TensorInfo& tensor : TensorList(metadata.config)) {
    if (tensor.role != TensorRole::kLinear) continue;
    LoraMatrix matrix;
    matrix.weight = tensor.name;
    matrix.num_inputs = tensor.columns;
    matrix.num_outputs = tensor.rows;
    matrix.rank = 3;
    TensorInfo down = tensor;
    down.rows = matrix.rank;
    matrix.down = RandomTensor(down, seed);
    TensorInfo up = tensor;
    up.columns = matrix.rank;
    matrix.up = RandomTensor(up, seed + 1);
    for (float& value : matrix.up) value *= 0.5f;
    file.matrices.push_back(std::move(matrix));
  }
  return file;
}

TEST_F(SessionPropertiesTest, ChangedAdaptersAreAsAFreshSessionsOwn) {
  ForEachConfig([&](const auto& model, KvCacheType type, const ModelConfig& config) {
    std::vector<std::shared_ptr<const LoraAdapter>> adapters;
    for (const uint64_t seed : {11, 23}) {
      const std::string path = directory_.File(absl::StrCat("adapter", seed));
      ASSERT_OK(WriteLoraFile(path, RandomAdapter(TinyMetadata(config), seed)));
      ASSERT_OK_AND_ASSIGN(const auto adapter, LoraAdapter::Load(model, path));
      adapters.push_back(adapter);
    }
    const std::vector<std::vector<WeightedAdapter>> settings = {
        {{adapters[0]}}, {}, {{adapters[1]}}, {{adapters[0], 0.5f}, {adapters[1], -1.0f}}};
    const auto session = Session(model, type);
    Outcome before = Say(*session, "Words that all of them have read", 2);
    for (const std::vector<WeightedAdapter>& setting : settings) {
      ASSERT_OK(session->SetAdapters(setting));
      ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> tokens, session->tokens());
      const Outcome now = Say(*session, ".", 3);
      const auto fresh = Session(model, type, setting);
      ASSERT_OK(fresh->GenerateFromTokens(tokens, GreedyOptions(1), IgnoreText));
      ASSERT_OK(fresh->Rewind(static_cast<int32_t>(tokens.size())));
      ExpectClose(now, Say(*fresh, ".", 3), type);
      EXPECT_NE(now.logits, before.logits);
      before = now;
    }
  });
}

}  // namespace
}  // namespace inkling
