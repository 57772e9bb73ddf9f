// A model is opened part by part, each from the verified file, in the order of their dependencies.

#include "src/session/model_engine.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_options.h"
#include "src/compute/pass_limits.h"
#include "src/decoder/decoder.h"
#include "src/decoder/kv_cache.h"
#include "src/format/content_hash.h"
#include "src/format/model_reader.h"
#include "src/session/decoder_start.h"
#include "src/session/model_description.h"
#include "src/text/prompt_template.h"
#include "src/text/tokenizer.h"

namespace inkling {
namespace {

constexpr int32_t kMaxPrefillChunk = 4096;
// So that a default session of a model with a long context doesn't cost gigabytes.
constexpr int32_t kDefaultContextLength = 4096;

// Ranges that hold for every backend.
absl::Status CheckModelOptions(const ModelOptions& options) {
  if (options.num_threads < 0 || options.num_threads > kMaxThreads) {
    return absl::InvalidArgumentError(absl::StrCat("num_threads is ", options.num_threads,
                                                   "; expected 1 to ", kMaxThreads,
                                                   ", or 0 for the machine's"));
  }
  if (options.decode_threads < 0 || options.decode_threads > kMaxThreads) {
    return absl::InvalidArgumentError(absl::StrCat("decode_threads is ", options.decode_threads,
                                                   "; expected 1 to ", kMaxThreads,
                                                   ", or 0 for num_threads"));
  }
  if (options.prefill_chunk < 1 || options.prefill_chunk > kMaxPrefillChunk) {
    return absl::InvalidArgumentError(absl::StrCat("prefill_chunk is ", options.prefill_chunk,
                                                   "; expected 1 to ", kMaxPrefillChunk));
  }
  const int precision = static_cast<int>(options.prefill_activations);
  if (precision > static_cast<int>(ActivationPrecision::kFloat)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "prefill_activations is ", precision, "; expected kAuto (0), kInt8 (1) or kFloat (2)"));
  }
  return absl::OkStatus();
}

std::vector<int32_t> MergedStopTokens(const ModelMetadata& metadata) {
  std::vector<int32_t> ids = metadata.tokenizer.stop_ids;
  const std::vector<int32_t>& more = metadata.prompt_template.stop_ids;
  ids.insert(ids.end(), more.begin(), more.end());
  if (metadata.tokenizer.eos_id >= 0) ids.push_back(metadata.tokenizer.eos_id);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// Over the texts of tokens and how many logits there are.
uint64_t HashOf(const ModelMetadata& metadata) {
  ContentHash hash;
  const auto add = [&](const void* data, size_t size) {
    hash.Add({static_cast<const std::byte*>(data), size});
  };
  const TokenizerData& data = metadata.tokenizer;
  add(&metadata.config.vocab_size, sizeof(metadata.config.vocab_size));
  add(data.piece_bytes.data(), data.piece_bytes.size());
  add(data.piece_offsets.data(), data.piece_offsets.size() * sizeof(uint32_t));
  add(data.piece_types.data(), data.piece_types.size());
  add(&data.kind, sizeof(data.kind));
  add(&data.decoder.unescape_spaces, sizeof(data.decoder.unescape_spaces));
  add(&data.decoder.leading_space, sizeof(data.decoder.leading_space));
  uint64_t value = 0;
  const std::array<std::byte, 16> digest = hash.Digest();
  std::memcpy(&value, digest.data(), sizeof(value));
  return value;
}

}  // namespace

absl::StatusOr<KvElement> KvElementOf(KvCacheType type) {
  switch (type) {
    case KvCacheType::kFloat16:
      return KvElement::kF16;
    case KvCacheType::kFloat32:
      return KvElement::kF32;
    case KvCacheType::kInt8:
      return KvElement::kInt8;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("kv_cache_type is ", static_cast<int>(type),
                   "; expected kFloat16 (0), kFloat32 (1) or kInt8 (2)"));
}

absl::StatusOr<CacheOptions> ResolveCacheOptions(const SessionOptions& options,
                                                 const ModelConfig& config, int32_t prefill_chunk) {
  if (options.context_length < 0 || options.context_length > config.context_length) {
    return absl::InvalidArgumentError(absl::StrCat(
        "context_length is ", options.context_length, "; expected 1 to ", config.context_length,
        " (what the model was made for), or 0 for the default"));
  }
  CacheOptions resolved;
  resolved.capacity = options.context_length > 0
                          ? options.context_length
                          : std::min(config.context_length, kDefaultContextLength);
  resolved.max_chunk = prefill_chunk;
  ABSL_ASSIGN_OR_RETURN(resolved.element, KvElementOf(options.kv_cache_type));
  return resolved;
}

CacheOptions DraftCacheOptions(const ModelEngine& draft, const CacheOptions& session) {
  return {.capacity = std::min(session.capacity, draft.config().context_length),
          .max_chunk = draft.decoder().max_rows(),
          .element = session.element};
}

ModelEngine::ModelEngine(std::unique_ptr<ModelReader> reader,
                         std::unique_ptr<const Tokenizer> tokenizer, PromptTemplate prompt_template,
                         StartedDecoder started)
    : reader_(std::move(reader)),
      tokenizer_(std::move(tokenizer)),
      prompt_template_(std::move(prompt_template)),
      decoder_(std::move(started.decoder)),
      packed_weights_(std::move(started.packed_weights)),
      stop_tokens_(MergedStopTokens(reader_->metadata())),
      vocabulary_hash_(HashOf(reader_->metadata())) {}

std::shared_ptr<const void> ModelEngine::SharedVocabulary(
    const std::string& key,
    absl::FunctionRef<std::shared_ptr<const void>(const TokenizerData&, int32_t)> make) const {
  const std::lock_guard<std::mutex> lock(vocabulary_mutex_);
  std::shared_ptr<const void>& vocabulary = vocabularies_[key];
  if (vocabulary == nullptr) vocabulary = make(tokenizer_->data(), config().vocab_size);
  return vocabulary;
}

absl::StatusOr<std::unique_ptr<ModelReader>> ModelEngine::OpenReader(const ModelSource& source) {
  switch (source.kind_) {
    case ModelSource::Kind::kPath:
      return ModelReader::Open(source.path_);
    case ModelSource::Kind::kDescriptor: {
      ABSL_ASSIGN_OR_RETURN(
          ModelBytes bytes,
          ModelBytes::FromDescriptor(source.descriptor_, source.offset_, source.length_));
      return ModelReader::Open(std::move(bytes), "the descriptor's model");
    }
    case ModelSource::Kind::kMemory: {
      ABSL_ASSIGN_OR_RETURN(ModelBytes bytes, ModelBytes::FromMemory(source.memory_));
      return ModelReader::Open(std::move(bytes), "the model in memory");
    }
    case ModelSource::Kind::kReader: {
      ABSL_ASSIGN_OR_RETURN(ModelBytes bytes,
                            ModelBytes::FromReader(source.reader_, source.length_));
      return ModelReader::Open(std::move(bytes), "the reader's model");
    }
  }
  return absl::InternalError("a model source of no kind");
}

absl::StatusOr<std::unique_ptr<ModelEngine>> ModelEngine::Open(const ModelSource& source,
                                                               const ModelOptions& options) {
  ABSL_RETURN_IF_ERROR(CheckModelOptions(options));
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<ModelReader> reader, OpenReader(source));
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<const Tokenizer> tokenizer,
                        Tokenizer::Create(reader->metadata().tokenizer));
  ABSL_ASSIGN_OR_RETURN(PromptTemplate prompt_template,
                        PromptTemplate::Create(reader->metadata().prompt_template));
  ABSL_RETURN_IF_ERROR(reader->LoadKept());
  ABSL_ASSIGN_OR_RETURN(StartedDecoder started, StartDecoder(*reader, options));
  return absl::WrapUnique(new ModelEngine(std::move(reader), std::move(tokenizer),
                                          std::move(prompt_template), std::move(started)));
}

absl::StatusOr<MemoryEstimate> ModelEngine::EstimateMemory(const ModelSource& source,
                                                           const ModelOptions& model_options,
                                                           const SessionOptions& session_options,
                                                           const ModelEngine* draft) {
  ABSL_RETURN_IF_ERROR(CheckModelOptions(model_options));
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<ModelReader> reader, OpenReader(source));
  ABSL_ASSIGN_OR_RETURN(
      const CacheOptions cache_options,
      ResolveCacheOptions(session_options, reader->config(), model_options.prefill_chunk));
  ABSL_ASSIGN_OR_RETURN(MemoryEstimate estimate,
                        EstimateDecoder(*reader, model_options, cache_options));
  estimate.packed_weights += reader->kept_bytes();
  if (draft != nullptr) {
    ABSL_ASSIGN_OR_RETURN(const int64_t draft_bytes,
                          draft->decoder().CacheBytes(DraftCacheOptions(*draft, cache_options)));
    estimate.kv_cache += draft_bytes;
  }
  return estimate;
}

absl::StatusOr<std::vector<int32_t>> ModelEngine::Encode(absl::string_view text,
                                                         const TokenizeOptions& options) const {
  const bool add_bos = options.add_beginning_of_sequence && tokenizer_->data().add_bos;
  return tokenizer_->Encode(
      text,
      {.markup = options.parse_special_tokens ? Markup::kParse : Markup::kAsText,
       .added_ids = add_bos ? AddedIds::kBos : AddedIds::kNone,
       .position = options.continues_text ? TextPosition::kContinuation : TextPosition::kStart});
}

ModelDescription ModelEngine::Describe() const {
  ModelDescription description = DescribeFile(*reader_);
  const DecoderDescription decoder = decoder_->Describe();
  description.kernel_class = decoder.kernel_class;
  description.simd_target = decoder.simd_target;
  description.prefill_activations = decoder.prefill_activations;
  description.num_threads = decoder.num_threads;
  description.decode_threads = decoder.decode_threads;
  description.cpus = decoder.cpus;
  const DecoderMemory memory = decoder_->memory();
  description.packed_weight_bytes = memory.packed_weight_bytes;
  description.scratch_bytes = memory.scratch_bytes;
  description.packed_weights = packed_weights_;
  return description;
}

}  // namespace inkling
