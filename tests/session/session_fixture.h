// SessionTest: opens tiny random models for the tests of LlmModel and LlmSession.
//
// The model is random, so its text means nothing; what the tests hold against each other is the
// same model driven in two ways.

#ifndef INKLING_TESTS_SESSION_SESSION_FIXTURE_H_
#define INKLING_TESTS_SESSION_SESSION_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "src/format/model_config.h"
#include "src/format/model_writer.h"
#include "src/format/tensor_list.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {

inline GenerateOptions GreedyOptions(int32_t max_new_tokens) {
  GenerateOptions options;
  options.max_new_tokens = max_new_tokens;
  options.sampling.temperature = 0;
  options.ignore_model_stop_tokens = true;
  return options;
}

inline bool IgnoreText(absl::string_view) { return true; }

class SessionTest : public ::testing::Test {
 protected:
  // A file of a random model with f32 weights.
  std::string WriteModel(const std::string& name, const ModelMetadata& metadata) {
    const std::string path = directory_.File(name);
    const std::vector<TensorType> types(TensorList(metadata.config).size());
    absl::StatusOr<std::unique_ptr<ModelWriter>> writer =
        ModelWriter::Create(path, metadata, types);
    EXPECT_OK(writer);
    for (size_t i = 0; i < types.size(); ++i) {
      const std::vector<float> values = RandomTensor((*writer)->tensors()[i], 1);
      EXPECT_OK((*writer)->WriteRows(
          i, 0,
          absl::MakeConstSpan(reinterpret_cast<const std::byte*>(values.data()),
                              values.size() * sizeof(float)),
          {}));
    }
    EXPECT_OK((*writer)->Finish());
    return path;
  }

  std::string WriteModel(const std::string& name, const ModelConfig& config) {
    return WriteModel(name, TinyMetadata(config));
  }

  std::shared_ptr<const LlmModel> OpenModel(const ModelConfig& config,
                                            const ModelOptions& options) {
    absl::StatusOr<std::shared_ptr<const LlmModel>> model =
        LlmModel::Open(WriteModel("model.tflite", config), options);
    EXPECT_OK(model);
    return model.ok() ? *model : nullptr;
  }

  std::shared_ptr<const LlmModel> OpenModel() {
    ModelOptions options;
    options.num_threads = 1;
    options.prefill_chunk = 16;
    return OpenModel(TinyConfig(), options);
  }

  static std::unique_ptr<LlmSession> NewSession(const std::shared_ptr<const LlmModel>& model,
                                                int32_t context_length = 0) {
    SessionOptions options;
    options.context_length = context_length;
    options.kv_cache_type = KvCacheType::kFloat32;
    absl::StatusOr<std::unique_ptr<LlmSession>> session = LlmSession::Create(model, options);
    EXPECT_OK(session);
    return session.ok() ? *std::move(session) : nullptr;
  }

  // The tokens that a fresh session generates after `prompt`.
  static std::vector<int32_t> FreshTokens(const std::shared_ptr<const LlmModel>& model,
                                          const std::string& prompt,
                                          const GenerateOptions& options) {
    absl::StatusOr<GenerateResult> result = NewSession(model)->Generate(prompt, options);
    EXPECT_OK(result);
    return result.ok() ? result->tokens : std::vector<int32_t>();
  }

  TempDir directory_;
};

}  // namespace inkling

#endif  // INKLING_TESTS_SESSION_SESSION_FIXTURE_H_
