// LlmModel: the public face of ModelEngine.

#include "inkling/llm_model.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "src/compute/float_environment.h"
#include "src/session/model_engine.h"

namespace inkling {

absl::StatusOr<std::shared_ptr<const LlmModel>> LlmModel::Open(const std::string& path,
                                                               const ModelOptions& options) {
  const DefaultFloats floats;
  absl::StatusOr<std::unique_ptr<ModelEngine>> engine = ModelEngine::Open(path, options);
  if (!engine.ok()) return engine.status();
  return std::shared_ptr<const LlmModel>(new LlmModel(*std::move(engine)));
}

absl::StatusOr<MemoryEstimate> LlmModel::EstimateMemory(const std::string& path,
                                                        const ModelOptions& model_options,
                                                        const SessionOptions& session_options) {
  const DefaultFloats floats;
  const LlmModel* draft = session_options.draft_model.get();
  return ModelEngine::EstimateMemory(path, model_options, session_options,
                                     draft != nullptr ? draft->engine_.get() : nullptr);
}

LlmModel::LlmModel(std::unique_ptr<ModelEngine> engine) : engine_(std::move(engine)) {}
LlmModel::~LlmModel() = default;

ModelDescription LlmModel::Describe() const {
  const DefaultFloats floats;
  return engine_->Describe();
}

absl::StatusOr<std::vector<int32_t>> LlmModel::Tokenize(absl::string_view text) const {
  const DefaultFloats floats;
  return engine_->tokenizer().Encode(text);
}

absl::StatusOr<int32_t> LlmModel::CountTokens(absl::string_view text) const {
  const DefaultFloats floats;
  absl::StatusOr<size_t> count = engine_->tokenizer().CountTokens(text);
  if (!count.ok()) return count.status();
  return static_cast<int32_t>(*count);
}

absl::StatusOr<std::string> LlmModel::Detokenize(absl::Span<const int32_t> tokens) const {
  const DefaultFloats floats;
  return engine_->tokenizer().Decode(tokens);
}

int32_t LlmModel::vocab_size() const { return engine_->config().vocab_size; }
int32_t LlmModel::context_length() const { return engine_->config().context_length; }

}  // namespace inkling
