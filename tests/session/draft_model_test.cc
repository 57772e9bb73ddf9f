// A draft model changes how often the session's model runs and nothing else, whatever the draft
// says and whatever happens to the session.

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_session.h"
#include "src/format/model_writer.h"
#include "tests/session/session_fixture.h"
#include "tests/testing/random_model.h"

namespace inkling {
namespace {

constexpr int32_t kContext = 400;
constexpr int32_t kDraftLayers = 1;

using ModelPointer = std::shared_ptr<const LlmModel>;

class DraftModelTest : public SessionTest {
 protected:
  ModelConfig Config(int32_t num_layers) {
    ModelConfig config = TinyConfig();
    config.context_length = kContext;
    config.num_layers = num_layers;
    config.layers.assign(static_cast<size_t>(num_layers), LayerConfig());
    return config;
  }

  // Layers behind the first add nothing, so models of any depth say the same, the deeper the
  // slower.
  ModelPointer OpenDeep(int32_t num_layers, int32_t window = 0) {
    ModelConfig config = Config(num_layers);
    config.layers[0].window = window;
    return Open("deep", config, 1, [](const TensorInfo& tensor) {
      const bool adds = absl::StrContains(tensor.name, "attention.output") ||
                        absl::StrContains(tensor.name, "feed_forward.down");
      return adds && !absl::StartsWith(tensor.name, "layers.0.") ? 0.0f : 1.0f;
    });
  }

  // Another model of the same vocabulary.
  ModelPointer OpenOther() {
    ModelConfig config = Config(2);
    config.hidden_dim = 16;
    return Open("other", config, 7, [](const TensorInfo&) { return 1.0f; });
  }

  // One that says the opposite of OpenDeep's.
  ModelPointer OpenContrary() {
    return Open("contrary", Config(kDraftLayers), 1, [](const TensorInfo& tensor) {
      return absl::StartsWith(tensor.name, "head.") ? -1.0f : 1.0f;
    });
  }

  static std::unique_ptr<LlmSession> NewDraftedSession(const ModelPointer& model,
                                                       const ModelPointer& draft,
                                                       int32_t context_length = kContext) {
    SessionOptions options;
    options.context_length = context_length;
    options.kv_cache_type = KvCacheType::kFloat32;
    options.draft_model = draft;
    absl::StatusOr<std::unique_ptr<LlmSession>> session = LlmSession::Create(model, options);
    EXPECT_OK(session);
    return session.ok() ? *std::move(session) : nullptr;
  }

  static GenerateResult Run(LlmSession& session, const std::string& prompt, int32_t tokens,
                            float temperature = 0) {
    GenerateOptions options = GreedyOptions(tokens);
    options.sampling.temperature = temperature;
    options.sampling.repetition_penalty = 1.2f;
    options.sampling.seed = 3;
    options.return_log_probabilities = true;
    absl::StatusOr<GenerateResult> result = session.Generate(prompt, options, IgnoreText);
    EXPECT_OK(result);
    return result.ok() ? *result : GenerateResult();
  }

 private:
  // Random weights times factor(tensor).
  template <typename Factor>
  ModelPointer Open(const std::string& name, const ModelConfig& config, uint64_t seed,
                    const Factor& factor) {
    ModelMetadata metadata = TinyMetadata(config);
    metadata.provenance.source = name;
    const std::string path = directory_.File(name + std::to_string(config.num_layers) + ".tflite");
    const std::vector<TensorType> types(TensorList(config).size());
    absl::StatusOr<std::unique_ptr<ModelWriter>> writer =
        ModelWriter::Create(path, metadata, types);
    EXPECT_OK(writer);
    for (size_t i = 0; i < types.size(); ++i) {
      const TensorInfo& tensor = (*writer)->tensors()[i];
      std::vector<float> values = RandomTensor(tensor, seed);
      for (float& value : values) value *= factor(tensor);
      EXPECT_OK((*writer)->WriteRows(
          i, 0,
          absl::MakeConstSpan(reinterpret_cast<const std::byte*>(values.data()),
                              values.size() * sizeof(float)),
          {}));
    }
    EXPECT_OK((*writer)->Finish());
    ModelOptions options;
    options.num_threads = 1;
    options.prefill_chunk = 16;
    absl::StatusOr<ModelPointer> model = LlmModel::Open(path, options);
    EXPECT_OK(model);
    return model.ok() ? *model : nullptr;
  }
};

TEST_F(DraftModelTest, TheTextIsTheSameWithAnyDraft) {
  const ModelPointer model = OpenDeep(8);
  const std::pair<const char*, ModelPointer> drafts[] = {
      {"the model itself", model},
      {"one that says the same sooner", OpenDeep(kDraftLayers)},
      {"another", OpenOther()},
      {"the contrary", OpenContrary()},
  };
  for (const float temperature : {0.0f, 0.8f}) {
    const GenerateResult plain =
        Run(*NewDraftedSession(model, nullptr), "once upon", 200, temperature);
    EXPECT_EQ(plain.num_draft_model_tokens, 0);
    for (const auto& [name, draft] : drafts) {
      SCOPED_TRACE(testing::Message() << name << ", temperature " << temperature);
      const auto session = NewDraftedSession(model, draft);
      const GenerateResult result = Run(*session, "once upon", 200, temperature);
      EXPECT_EQ(result.tokens, plain.tokens);
      EXPECT_EQ(result.text, plain.text);
      EXPECT_EQ(result.log_probabilities, plain.log_probabilities);
      EXPECT_GT(result.num_draft_model_tokens, 0);
      EXPECT_LE(result.num_accepted_draft_model_tokens, result.num_draft_model_tokens);
      EXPECT_LE(result.num_draft_model_tokens, result.num_draft_tokens);
      EXPECT_LE(result.num_accepted_draft_model_tokens, result.num_accepted_tokens);
    }
  }
}

// Drawn tokens too, because the draft draws the same numbers.
TEST_F(DraftModelTest, ADraftThatSaysTheSameIsAlwaysRight) {
  const ModelPointer model = OpenDeep(8);
  const ModelPointer draft = OpenDeep(kDraftLayers);
  for (const float temperature : {0.0f, 0.5f, 1.0f}) {
    const GenerateResult result = Run(*NewDraftedSession(model, draft), "same", 200, temperature);
    EXPECT_GT(result.num_draft_model_tokens, 0);
    EXPECT_EQ(result.num_accepted_draft_model_tokens, result.num_draft_model_tokens) << temperature;
  }
}

TEST_F(DraftModelTest, AContraryDraftIsSoonLeftAlone) {
  const GenerateResult result = Run(*NewDraftedSession(OpenDeep(8), OpenContrary()), "never", 300);
  EXPECT_GT(result.num_draft_model_tokens, 0);
  EXPECT_LT(result.num_draft_model_tokens, 150);
}

// A draft that says the same is right again after anything that happened to the session, so its
// cache has followed.
TEST_F(DraftModelTest, TheDraftFollowsTheSession) {
  for (const int32_t window : {0, 24}) {
    const ModelPointer model = OpenDeep(8, window);
    const auto plain = NewDraftedSession(model, nullptr);
    const auto drafted = NewDraftedSession(model, OpenDeep(kDraftLayers, window));
    int32_t drafts = 0;
    const auto run_both = [&](const std::string& prompt) {
      const GenerateResult expected = Run(*plain, prompt, 30);
      const GenerateResult result = Run(*drafted, prompt, 30);
      EXPECT_EQ(result.tokens, expected.tokens) << prompt;
      EXPECT_EQ(result.num_accepted_draft_model_tokens, result.num_draft_model_tokens) << prompt;
      drafts += result.num_draft_model_tokens;
    };
    const auto rewind_both = [&](int32_t position) {
      EXPECT_OK(plain->Rewind(position));
      EXPECT_OK(drafted->Rewind(position));
    };
    run_both("begin");
    run_both(" and go on");
    rewind_both(plain->position() - 7);
    run_both(" another way");
    EXPECT_OK(plain->Prefill(" more text"));
    EXPECT_OK(drafted->Prefill(" more text"));
    run_both(" and then");
    rewind_both(3);
    run_both(" from nearly the beginning");
    rewind_both(0);
    run_both("fresh");
    int calls = 0;
    const int32_t before = drafted->position();
    absl::StatusOr<GenerateResult> cancelled =
        drafted->Generate(" until", GreedyOptions(100), [&](absl::string_view) {
          if (++calls == 5) drafted->Cancel();
          return true;
        });
    ASSERT_OK(cancelled);
    EXPECT_EQ(cancelled->stop_reason, StopReason::kCancelled);
    EXPECT_OK(drafted->Rewind(before));
    run_both(" after a cancel");
    EXPECT_GT(drafts, 20);
  }
}

TEST_F(DraftModelTest, ASessionMayBeLongerThanTheDraftsContext) {
  const ModelPointer model = OpenDeep(8);
  ModelConfig config = Config(2);
  config.context_length = 60;
  const ModelPointer draft = OpenModel(config, {.num_threads = 1, .prefill_chunk = 16});
  const GenerateResult plain = Run(*NewDraftedSession(model, nullptr), "long", kContext);
  const auto session = NewDraftedSession(model, draft);
  const GenerateResult result = Run(*session, "long", kContext);
  EXPECT_EQ(result.tokens, plain.tokens);
  EXPECT_EQ(result.stop_reason, StopReason::kContextFull);
}

TEST_F(DraftModelTest, NothingIsDraftedWhereSpeculationIsOff) {
  const auto session = NewDraftedSession(OpenDeep(8), OpenDeep(kDraftLayers));
  GenerateOptions options = GreedyOptions(50);
  options.max_draft_tokens = 0;
  ASSERT_OK_AND_ASSIGN(const GenerateResult result, session->Generate("off", options, IgnoreText));
  EXPECT_EQ(result.num_draft_model_tokens, 0);
  EXPECT_EQ(result.num_draft_tokens, 0);
}

TEST_F(DraftModelTest, OtherVocabulariesAreRefused) {
  const ModelPointer model = OpenDeep(2);
  ModelConfig config = Config(1);
  config.vocab_size = 300;
  SessionOptions options;
  options.draft_model = OpenModel(config, {.num_threads = 1});
  EXPECT_THAT(LlmSession::Create(model, options).status(),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"draft_model", "vocabulary", "320", "300", "deep", "random"}));
  ModelMetadata metadata = TinyMetadata(Config(1));
  metadata.tokenizer.piece_bytes[65] = 'z';
  ASSERT_OK_AND_ASSIGN(options.draft_model,
                       LlmModel::Open(WriteModel("renamed.tflite", metadata), {.num_threads = 1}));
  EXPECT_THAT(LlmSession::Create(model, options).status(),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"draft_model", "vocabulary", "token 65", "'A'", "'z'", "deep"}));
}

TEST_F(DraftModelTest, TheEstimateHasTheDraftsCache) {
  const std::string path = WriteModel("estimated.tflite", Config(4));
  SessionOptions options;
  ASSERT_OK_AND_ASSIGN(const MemoryEstimate plain, LlmModel::EstimateMemory(path, {}, options));
  options.draft_model = OpenDeep(2);
  ASSERT_OK_AND_ASSIGN(const MemoryEstimate drafted, LlmModel::EstimateMemory(path, {}, options));
  EXPECT_EQ(2 * (drafted.kv_cache - plain.kv_cache), plain.kv_cache);
  EXPECT_EQ(drafted.packed_weights, plain.packed_weights);
}

}  // namespace
}  // namespace inkling
