// LlmModel: the public face of ModelEngine.

#include "inkling/llm_model.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "src/compute/float_environment.h"
#include "src/format/tokenizer_data.h"
#include "src/session/constraints/constraint_access.h"
#include "src/session/model_engine.h"
#include "src/text/pieces.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

std::optional<int32_t> TokenIfAny(int32_t id) {
  return id >= 0 ? std::optional<int32_t>(id) : std::nullopt;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const LlmModel>> LlmModel::Open(const std::string& path,
                                                               const ModelOptions& options) {
  return Open(ModelSource::FromPath(path), options);
}

absl::StatusOr<std::shared_ptr<const LlmModel>> LlmModel::Open(const ModelSource& source,
                                                               const ModelOptions& options) {
  DefaultFloats floats;
  ModelOptions guarded = options;
  if (options.progress != nullptr) {
    guarded.progress = [&](const LoadProgress& progress) {
      const DefaultFloats::Interval interval(floats);  // the app's own environment
      return options.progress(progress);
    };
  }
  absl::StatusOr<std::unique_ptr<ModelEngine>> engine = ModelEngine::Open(source, guarded);
  if (!engine.ok()) return engine.status();
  return std::shared_ptr<const LlmModel>(new LlmModel(*std::move(engine)));
}

absl::StatusOr<MemoryEstimate> LlmModel::EstimateMemory(const std::string& path,
                                                        const ModelOptions& model_options,
                                                        const SessionOptions& session_options) {
  return EstimateMemory(ModelSource::FromPath(path), model_options, session_options);
}

absl::StatusOr<MemoryEstimate> LlmModel::EstimateMemory(const ModelSource& source,
                                                        const ModelOptions& model_options,
                                                        const SessionOptions& session_options) {
  const DefaultFloats floats;
  const LlmModel* draft = session_options.draft_model.get();
  return ModelEngine::EstimateMemory(source, model_options, session_options,
                                     draft != nullptr ? draft->engine_.get() : nullptr);
}

LlmModel::LlmModel(std::unique_ptr<ModelEngine> engine) : engine_(std::move(engine)) {}
LlmModel::~LlmModel() = default;

void LlmModel::Trim(TrimLevel how_far) const {
  engine_->decoder().Trim(how_far != TrimLevel::kScratch);
}

ModelDescription LlmModel::Describe() const {
  const DefaultFloats floats;
  return engine_->Describe();
}

absl::StatusOr<std::vector<int32_t>> LlmModel::Tokenize(absl::string_view text,
                                                        const TokenizeOptions& options) const {
  const DefaultFloats floats;
  return engine_->Encode(text, options);
}

absl::StatusOr<int32_t> LlmModel::CountTokens(absl::string_view text,
                                              const TokenizeOptions& options) const {
  absl::StatusOr<std::vector<int32_t>> tokens = Tokenize(text, options);
  if (!tokens.ok()) return tokens.status();
  return static_cast<int32_t>(tokens->size());
}

absl::StatusOr<std::string> LlmModel::Detokenize(absl::Span<const int32_t> tokens) const {
  const DefaultFloats floats;
  return engine_->tokenizer().Decode(tokens);
}

absl::StatusOr<std::string> LlmModel::TokenText(int32_t token) const {
  absl::StatusOr<absl::string_view> piece = engine_->tokenizer().PieceText(token);
  if (!piece.ok()) return piece.status();
  if (!engine_->tokenizer().data().decoder.unescape_spaces) return std::string(*piece);
  return absl::StrReplaceAll(*piece, {{kEscapedSpaceText, " "}});
}

std::vector<SpecialToken> LlmModel::special_tokens() const {
  const TokenizerData& data = engine_->tokenizer().data();
  std::map<int32_t, absl::string_view> texts;
  for (int32_t id = 0; id < NumPieces(data); ++id) {
    if (TypeOfPiece(data, id) == PieceType::kControl) texts[id] = PieceBytes(data, id);
  }
  for (const AddedToken& token : data.added_tokens) {
    if (token.markup || token.special) texts[token.id] = token.content;
  }
  std::vector<SpecialToken> tokens;
  for (const auto& [id, text] : texts) tokens.push_back({id, std::string(text)});
  return tokens;
}

std::optional<int32_t> LlmModel::beginning_of_sequence_token() const {
  return TokenIfAny(engine_->tokenizer().data().bos_id);
}

std::optional<int32_t> LlmModel::end_of_sequence_token() const {
  return TokenIfAny(engine_->tokenizer().data().eos_id);
}

std::vector<int32_t> LlmModel::stop_tokens() const { return engine_->stop_tokens(); }

const ModelEngine& ConstraintAccess::EngineOf(const LlmModel& model) { return *model.engine_; }

int32_t LlmModel::vocab_size() const { return engine_->config().vocab_size; }
int32_t LlmModel::context_length() const { return engine_->config().context_length; }

}  // namespace inkling
