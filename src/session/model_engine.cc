// Opening a model: every part is made from the verified file, in the order in which they depend on
// each other.

#include "src/session/model_engine.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_options.h"
#include "src/compute/dequantized_matmul.h"
#include "src/compute/thread_pool.h"
#include "src/decoder/decoder.h"
#include "src/decoder/kv_cache.h"
#include "src/format/model_reader.h"
#include "src/session/decoder_start.h"
#include "src/session/model_description.h"
#include "src/text/prompt_template.h"
#include "src/text/tokenizer.h"

namespace inkling {
namespace {

constexpr int32_t kMaxThreads = 256;
constexpr int32_t kMaxPrefillChunk = 4096;
// A context that nobody asked for shouldn't cost gigabytes, however long the model's is.
constexpr int32_t kDefaultContextLength = 4096;

absl::StatusOr<MatmulInput> MatmulInputOf(ActivationPrecision precision) {
  switch (precision) {
    case ActivationPrecision::kAuto:
      return MatmulInput::kAuto;
    case ActivationPrecision::kInt8:
      return MatmulInput::kInt8;
    case ActivationPrecision::kFloat:
      return MatmulInput::kFloat;
  }
  return absl::InvalidArgumentError(absl::StrCat("prefill_activations is ",
                                                 static_cast<int>(precision),
                                                 "; expected kAuto (0), kInt8 (1) or kFloat (2)"));
}

absl::StatusOr<DecoderOptions> ResolveDecoderOptions(const ModelOptions& options) {
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
  DecoderOptions resolved;
  resolved.num_threads = options.num_threads;
  if (resolved.num_threads == 0) {
    resolved.num_threads = options.cpus.empty()
                               ? std::min(ThreadPool::DefaultThreadCount(), kMaxThreads)
                               : static_cast<int32_t>(options.cpus.size());
  }
  resolved.decode_threads = options.decode_threads;
  resolved.cpus = options.cpus;
  resolved.prefill_rows = options.prefill_chunk;
  resolved.decode_rows = std::min(resolved.decode_rows, options.prefill_chunk);
  ABSL_ASSIGN_OR_RETURN(resolved.prefill_activations, MatmulInputOf(options.prefill_activations));
  return resolved;
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

absl::StatusOr<KvCache::Options> ResolveCacheOptions(const SessionOptions& options,
                                                     const ModelConfig& config,
                                                     int32_t prefill_chunk) {
  if (options.context_length < 0 || options.context_length > config.context_length) {
    return absl::InvalidArgumentError(absl::StrCat(
        "context_length is ", options.context_length, "; expected 1 to ", config.context_length,
        " (what the model was made for), or 0 for the default"));
  }
  KvCache::Options resolved;
  resolved.capacity = options.context_length > 0
                          ? options.context_length
                          : std::min(config.context_length, kDefaultContextLength);
  resolved.max_chunk = prefill_chunk;
  ABSL_ASSIGN_OR_RETURN(resolved.element, KvElementOf(options.kv_cache_type));
  return resolved;
}

KvCache::Options DraftCacheOptions(const ModelEngine& draft, const KvCache::Options& session) {
  return {.capacity = std::min(session.capacity, draft.config().context_length),
          .max_chunk = draft.decoder().options().prefill_rows,
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
      stop_tokens_(MergedStopTokens(reader_->metadata())) {}

absl::StatusOr<std::unique_ptr<ModelEngine>> ModelEngine::Open(const std::string& path,
                                                               const ModelOptions& options) {
  absl::StatusOr<DecoderOptions> decoder_options = ResolveDecoderOptions(options);
  if (!decoder_options.ok()) return decoder_options.status();
  absl::StatusOr<std::unique_ptr<ModelReader>> reader = ModelReader::Open(path);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer =
      Tokenizer::Create((*reader)->metadata().tokenizer);
  if (!tokenizer.ok()) return tokenizer.status();
  absl::StatusOr<PromptTemplate> prompt_template =
      PromptTemplate::Create((*reader)->metadata().prompt_template);
  if (!prompt_template.ok()) return prompt_template.status();
  absl::StatusOr<StartedDecoder> started =
      StartDecoder(**reader, *decoder_options, options.cache_dir);
  if (!started.ok()) return started.status();
  return std::unique_ptr<ModelEngine>(new ModelEngine(
      *std::move(reader), *std::move(tokenizer), *std::move(prompt_template), *std::move(started)));
}

absl::StatusOr<MemoryEstimate> ModelEngine::EstimateMemory(const std::string& path,
                                                           const ModelOptions& model_options,
                                                           const SessionOptions& session_options,
                                                           const ModelEngine* draft) {
  absl::StatusOr<DecoderOptions> decoder_options = ResolveDecoderOptions(model_options);
  if (!decoder_options.ok()) return decoder_options.status();
  absl::StatusOr<std::unique_ptr<ModelReader>> reader = ModelReader::Open(path);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<KvCache::Options> cache_options =
      ResolveCacheOptions(session_options, (*reader)->config(), model_options.prefill_chunk);
  if (!cache_options.ok()) return cache_options.status();
  absl::StatusOr<DecoderMemory> memory = Decoder::EstimateMemory(**reader, *decoder_options);
  if (!memory.ok()) return memory.status();
  absl::StatusOr<int64_t> cache_bytes = KvCache::RequiredBytes((*reader)->config(), *cache_options);
  if (!cache_bytes.ok()) return cache_bytes.status();
  MemoryEstimate estimate;
  estimate.packed_weights = memory->packed_weight_bytes;
  estimate.scratch = memory->scratch_bytes;
  estimate.kv_cache = *cache_bytes;
  if (draft != nullptr) {
    ABSL_ASSIGN_OR_RETURN(
        const int64_t draft_bytes,
        KvCache::RequiredBytes(draft->config(), DraftCacheOptions(*draft, *cache_options)));
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
  const DecoderOptions& options = decoder_->options();
  description.num_threads = options.num_threads;
  description.decode_threads = options.decode_threads;
  description.cpus.assign(options.cpus.begin(), options.cpus.end());
  const DecoderMemory memory = decoder_->memory();
  description.packed_weight_bytes = memory.packed_weight_bytes;
  description.scratch_bytes = memory.scratch_bytes;
  description.packed_weights = packed_weights_;
  description.prefill_activations = decoder_->prefill_activations().Describe();
  return description;
}

}  // namespace inkling
