// ModelEngine: what an open model consists of: file, tokenizer, prompt template, decoder.
//
// LlmModel owns one and keeps its parts out of the public headers; sessions and the measuring
// programs use it directly.

#ifndef INKLING_SRC_SESSION_MODEL_ENGINE_H_
#define INKLING_SRC_SESSION_MODEL_ENGINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_options.h"
#include "src/decoder/decoder.h"
#include "src/decoder/kv_cache.h"
#include "src/format/model_reader.h"
#include "src/session/decoder_start.h"
#include "src/text/prompt_template.h"
#include "src/text/tokenizer.h"

namespace inkling {

class ModelEngine {
 public:
  // Errors as LlmModel::Open.
  static absl::StatusOr<std::unique_ptr<ModelEngine>> Open(const std::string& path,
                                                           const ModelOptions& options);

  // As LlmModel::EstimateMemory; `draft` is the engine of the session's draft model, or null.
  static absl::StatusOr<MemoryEstimate> EstimateMemory(const std::string& path,
                                                       const ModelOptions& model_options,
                                                       const SessionOptions& session_options,
                                                       const ModelEngine* draft);

  ModelEngine(const ModelEngine&) = delete;
  ModelEngine& operator=(const ModelEngine&) = delete;

  const ModelReader& reader() const { return *reader_; }
  const ModelConfig& config() const { return reader_->config(); }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const PromptTemplate& prompt_template() const { return prompt_template_; }
  // Forward is thread-safe, so an immutable model hands out its decoder.
  Decoder& decoder() const { return *decoder_; }

  // As LlmModel::Tokenize.
  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view text,
                                              const TokenizeOptions& options) const;

  // Ids that end the model's answer, ascending: the vocabulary's and the template's.
  const std::vector<int32_t>& stop_tokens() const { return stop_tokens_; }

  ModelDescription Describe() const;

 private:
  ModelEngine(std::unique_ptr<ModelReader> reader, std::unique_ptr<const Tokenizer> tokenizer,
              PromptTemplate prompt_template, StartedDecoder started);

  std::unique_ptr<ModelReader> reader_;  // outlives the decoder, which reads from the mapping
  std::unique_ptr<const Tokenizer> tokenizer_;
  PromptTemplate prompt_template_;
  std::unique_ptr<Decoder> decoder_;
  std::string packed_weights_;  // where they came from
  std::vector<int32_t> stop_tokens_;
};

// The cache's element. Errors: InvalidArgument for a value that isn't one of KvCacheType's.
absl::StatusOr<KvElement> KvElementOf(KvCacheType type);

// Checks SessionOptions against a model and resolves their defaults. Errors: InvalidArgument.
absl::StatusOr<CacheOptions> ResolveCacheOptions(const SessionOptions& options,
                                                 const ModelConfig& config, int32_t prefill_chunk);

// The cache of a draft model beside a session's cache made with `session`: as many positions, or
// what the draft was made for.
CacheOptions DraftCacheOptions(const ModelEngine& draft, const CacheOptions& session);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_MODEL_ENGINE_H_
