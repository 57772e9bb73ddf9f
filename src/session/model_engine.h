// ModelEngine: the parts of an open model: file, tokenizer, prompt template, decoder.
//
// LlmModel owns one and so keeps its parts out of the public headers. Sessions and the programs
// that measure use it directly.

#ifndef INKLING_SRC_SESSION_MODEL_ENGINE_H_
#define INKLING_SRC_SESSION_MODEL_ENGINE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_options.h"
#include "inkling/model_source.h"
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
  static absl::StatusOr<std::unique_ptr<ModelEngine>> Open(const ModelSource& source,
                                                           const ModelOptions& options);

  // As LlmModel::EstimateMemory; `draft` is the engine of the session's draft model, or null.
  static absl::StatusOr<MemoryEstimate> EstimateMemory(const ModelSource& source,
                                                       const ModelOptions& model_options,
                                                       const SessionOptions& session_options,
                                                       const ModelEngine* draft);

  ModelEngine(const ModelEngine&) = delete;
  ModelEngine& operator=(const ModelEngine&) = delete;

  const ModelReader& reader() const { return *reader_; }
  const ModelConfig& config() const { return reader_->config(); }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const PromptTemplate& prompt_template() const { return prompt_template_; }
  // Not const, though the engine is: a forward pass changes nothing that a caller sees, and is
  // thread-safe.
  Decoder& decoder() const { return *decoder_; }

  // As LlmModel::Tokenize.
  absl::StatusOr<std::vector<int32_t>> Encode(absl::string_view text,
                                              const TokenizeOptions& options) const;

  // Ids that end the model's answer, ascending: the vocabulary's and the template's.
  const std::vector<int32_t>& stop_tokens() const { return stop_tokens_; }

  // What `make` makes of the vocabulary, the first time for each `key`; then the same again.
  // Thread-safe.
  std::shared_ptr<const void> SharedVocabulary(
      const std::string& key,
      absl::FunctionRef<std::shared_ptr<const void>(const TokenizerData&, int32_t)> make) const;
  // The same for models whose tokens are the same texts.
  uint64_t vocabulary_hash() const { return vocabulary_hash_; }

  ModelDescription Describe() const;

 private:
  static absl::StatusOr<std::unique_ptr<ModelReader>> OpenReader(const ModelSource& source);

  ModelEngine(std::unique_ptr<ModelReader> reader, std::unique_ptr<const Tokenizer> tokenizer,
              PromptTemplate prompt_template, StartedDecoder started);

  std::unique_ptr<ModelReader> reader_;  // outlives the decoder, which reads from the mapping
  std::unique_ptr<const Tokenizer> tokenizer_;
  PromptTemplate prompt_template_;
  std::unique_ptr<Decoder> decoder_;
  std::string packed_weights_;  // where they came from
  std::vector<int32_t> stop_tokens_;
  uint64_t vocabulary_hash_ = 0;  // of what constraints depend on
  mutable std::mutex vocabulary_mutex_;
  mutable std::map<std::string, std::shared_ptr<const void>> vocabularies_;
};

// The element type of a cache. Errors: InvalidArgument for a value that isn't one of KvCacheType's.
absl::StatusOr<KvElement> KvElementOf(KvCacheType type);

// The options of a session's cache: SessionOptions checked against the model's config, with
// defaults filled in. Errors: InvalidArgument.
absl::StatusOr<CacheOptions> ResolveCacheOptions(const SessionOptions& options,
                                                 const ModelConfig& config, int32_t prefill_chunk);

// The options of a draft model's cache for a session whose cache has the options `session`: as many
// positions, or as many as the draft model was made for.
CacheOptions DraftCacheOptions(const ModelEngine& draft, const CacheOptions& session);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_MODEL_ENGINE_H_
