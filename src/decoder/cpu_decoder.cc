// CpuDecoder: checks a call, takes the lock, stages the rows, runs a context, commits.
//
// Everything that can be wrong with a call is found before the cache or a context is touched; what
// fails later leaves the staged rows to be dropped, so the past never changes unless the whole pass
// succeeded.

#include "src/decoder/cpu_decoder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "kernels/simd_target.h"
#include "src/compute/cpu_affinity.h"
#include "src/compute/dequantized_matmul.h"
#include "src/compute/embedding_table.h"
#include "src/compute/float_environment.h"
#include "src/compute/matmul_kernels.h"
#include "src/compute/packed_weights.h"
#include "src/compute/thread_pool.h"
#include "src/decoder/cpu_adapter.h"
#include "src/decoder/cpu_kv_cache.h"
#include "src/decoder/execution_context.h"
#include "src/decoder/forward_request.h"
#include "src/decoder/layer_weights.h"
#include "src/decoder/scratch.h"
#include "src/format/model_reader.h"

namespace inkling {
namespace {

constexpr int32_t kMaxRows = 4096;  // of one Forward: bounds scratch memory

absl::Status CheckRange(const char* what, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("decoder: ", what, ": expected ", low, " to ", high, ", found ", value));
}

int32_t DecodeThreads(const CpuDecoderOptions& options) {
  return options.decode_threads == 0 ? options.num_threads : options.decode_threads;
}

absl::Status CheckOptions(const CpuDecoderOptions& options) {
  ABSL_RETURN_IF_ERROR(CheckRange("num_threads", options.num_threads, 1, kMaxThreads));
  ABSL_RETURN_IF_ERROR(CheckRange("decode_threads", options.decode_threads, 0, kMaxThreads));
  ABSL_RETURN_IF_ERROR(
      CheckCpus(options.cpus, std::max(options.num_threads, DecodeThreads(options))));
  ABSL_RETURN_IF_ERROR(CheckRange("prefill_rows", options.prefill_rows, 1, kMaxRows));
  return CheckRange("decode_rows", options.decode_rows, 1, kMaxRows);
}

// A context for more rows than any Forward has would only waste scratch.
int32_t DecodeContextRows(const CpuDecoderOptions& options) {
  return std::min(options.decode_rows, options.prefill_rows);
}

ScratchSize PrefillScratchSize(const ModelReader& reader, const CpuDecoderOptions& options) {
  return {options.prefill_rows, options.num_threads, LargestResidual(reader)};
}

ScratchSize DecodeScratchSize(const ModelReader& reader, const CpuDecoderOptions& options) {
  return {DecodeContextRows(options), DecodeThreads(options), LargestResidual(reader)};
}

absl::Status AnothersCache() {
  return absl::InvalidArgumentError("decoder: expected a cache of the CPU, found another's");
}

int64_t ScratchBytes(const ModelReader& reader, const CpuDecoderOptions& options) {
  return Scratch::Bytes(reader.config(), PrefillScratchSize(reader, options)) +
         Scratch::Bytes(reader.config(), DecodeScratchSize(reader, options)) +
         DequantizedMatmul::Bytes(options.prefill_activations, options.num_threads);
}

}  // namespace

CpuDecoder::CpuDecoder(const ModelReader& reader, const CpuDecoderOptions& options,
                       const TensorView& embedding)
    : reader_(reader),
      cpus_(options.cpus.begin(), options.cpus.end()),
      options_(options),
      embedding_(embedding, reader.config().embedding_scale) {
  options_.decode_threads = DecodeThreads(options);
  options_.cpus = cpus_;
  options_.progress = nullptr;
}

absl::StatusOr<std::unique_ptr<CpuDecoder>> CpuDecoder::Create(const ModelReader& reader,
                                                               const CpuDecoderOptions& options) {
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<PackedWeights> packed,
                        PackedWeights::Create(PackedWeightBytesBound(reader)));
  return Create(reader, options, std::move(packed));
}

absl::StatusOr<std::unique_ptr<CpuDecoder>> CpuDecoder::Create(
    const ModelReader& reader, const CpuDecoderOptions& options,
    std::unique_ptr<PackedWeights> packed) {
  const DefaultFloats floats;
  ABSL_RETURN_IF_ERROR(CheckOptions(options));
  const TensorView* embedding = reader.Find("embedding.weight");
  if (embedding == nullptr)
    return absl::InternalError("decoder: the model file has no tensor embedding.weight");
  std::unique_ptr<CpuDecoder> decoder =
      absl::WrapUnique(new CpuDecoder(reader, options, *embedding));
  ABSL_ASSIGN_OR_RETURN(decoder->pool_, ThreadPool::Create(options.num_threads, options.cpus));
  ThreadPool* decode_pool = decoder->pool_.get();
  if (DecodeThreads(options) != options.num_threads) {
    ABSL_ASSIGN_OR_RETURN(decoder->decode_pool_,
                          ThreadPool::Create(DecodeThreads(options), options.cpus));
    decode_pool = decoder->decode_pool_.get();
  }
  decoder->packed_ = std::move(packed);
  ABSL_ASSIGN_OR_RETURN(
      decoder->prefill_activations_,
      DequantizedMatmul::Create(options.prefill_activations, options.num_threads));
  ABSL_ASSIGN_OR_RETURN(ContextWeights weights,
                        BindWeights(reader, *decoder->packed_, *decoder->prefill_activations_,
                                    options.progress != nullptr ? *options.progress : nullptr));
  ABSL_ASSIGN_OR_RETURN(
      decoder->prefill_,
      ExecutionContext::Create(reader.config(), std::move(weights.prefill),
                               PrefillScratchSize(reader, options), *decoder->pool_));
  ABSL_ASSIGN_OR_RETURN(decoder->decode_,
                        ExecutionContext::Create(reader.config(), std::move(weights.decode),
                                                 DecodeScratchSize(reader, options), *decode_pool));
  return decoder;
}

absl::StatusOr<DecoderMemory> CpuDecoder::EstimateMemory(const ModelReader& reader,
                                                         const CpuDecoderOptions& options) {
  ABSL_RETURN_IF_ERROR(CheckOptions(options));
  return DecoderMemory{.packed_weight_bytes = PackedWeightBytesBound(reader),
                       .scratch_bytes = ScratchBytes(reader, options)};
}

DecoderMemory CpuDecoder::memory() const {
  return {.packed_weight_bytes = packed_->packed_bytes(),
          .scratch_bytes = ScratchBytes(reader_, options_)};
}

DecoderDescription CpuDecoder::Describe() const {
  return {.kernel_class = DescribeMatmulKernels(),
          .simd_target = kernels::SimdTargetName(),
          .prefill_activations = prefill_activations_->Describe(),
          .num_threads = options_.num_threads,
          .decode_threads = options_.decode_threads,
          .cpus = cpus_};
}

absl::StatusOr<std::shared_ptr<const Adapter>> CpuDecoder::CreateAdapter(
    const LoraFile& file) const {
  const DefaultFloats floats;
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<CpuAdapter> adapter, CpuAdapter::Create(file, reader_));
  return adapter;
}

absl::StatusOr<std::unique_ptr<KvCache>> CpuDecoder::CreateCache(
    const CacheOptions& options) const {
  return CpuKvCache::Create(config(), options);
}

absl::StatusOr<std::unique_ptr<KvCache>> CpuDecoder::CloneCache(const KvCache& cache) const {
  const auto* cpu_cache = dynamic_cast<const CpuKvCache*>(&cache);
  if (cpu_cache == nullptr) return AnothersCache();
  return cpu_cache->Clone(options_.num_threads);
}

absl::StatusOr<std::unique_ptr<KvCache>> CpuDecoder::CreateCacheLike(const KvCache& cache) const {
  const auto* cpu_cache = dynamic_cast<const CpuKvCache*>(&cache);
  if (cpu_cache == nullptr) return AnothersCache();
  return cpu_cache->CreateEmpty();
}

absl::StatusOr<int64_t> CpuDecoder::CacheBytes(const CacheOptions& options) const {
  return CpuKvCache::RequiredBytes(config(), options);
}

void CpuDecoder::Trim(bool mapped_weights) {
  const ThreadPoolLock lock = pool_->Lock();
  prefill_->ReleaseScratch();
  decode_->ReleaseScratch();
  prefill_activations_->ReleaseScratch();
  if (!mapped_weights) return;
  packed_->ReleaseFilePages();
  reader_.ReleaseFilePages();
}

absl::Status CpuDecoder::EnterProcess(const ThreadPoolLock& lock) {
  if (lock.process == entered_process_) return absl::OkStatus();
  ABSL_RETURN_IF_ERROR(pool_->StartThreads());
  if (decode_pool_ != nullptr) {
    ABSL_RETURN_IF_ERROR(decode_pool_->StartThreads());
  }
  prefill_->ForgetShapes();
  decode_->ForgetShapes();
  entered_process_ = lock.process;
  return absl::OkStatus();
}

absl::Status CpuDecoder::Forward(const ForwardRequest& request) {
  StepTimer* const timer = request.instruments.timer;
  if (timer != nullptr) timer->Start();
  absl::Status status = RunPass(request);
  EndStep(timer, DecoderStep::kOther);
  return status;
}

absl::Status CpuDecoder::RunPass(const ForwardRequest& request) {
  ABSL_RETURN_IF_ERROR(CheckRequest(request));
  auto* cache = dynamic_cast<CpuKvCache*>(&request.cache);
  if (cache == nullptr) return AnothersCache();
  ABSL_RETURN_IF_ERROR(cache->CheckMadeFor(config()));
  const DefaultFloats floats;
  const ThreadPoolLock lock = pool_->Lock();
  ABSL_RETURN_IF_ERROR(EnterProcess(lock));
  CachePositions& positions = cache->positions();
  const int32_t num_rows = static_cast<int32_t>(request.tokens.size());
  ABSL_RETURN_IF_ERROR(positions.Stage(num_rows));
  EndStep(request.instruments.timer, DecoderStep::kOther);
  absl::Status status = Compute(request, *cache);
  if (status.ok()) {
    positions.Commit(num_rows);
  } else {
    positions.Discard();
  }
  return status;
}

absl::Status CpuDecoder::Compute(const ForwardRequest& request, CpuKvCache& cache) {
  const size_t num_outputs = request.num_outputs();
  ABSL_ASSIGN_OR_RETURN(
      const float* hidden,
      ContextFor(request.tokens.size()).RunLayers(request, cache, num_outputs, embedding_));
  if (num_outputs == 0) return absl::OkStatus();
  ExecutionContext& context = ContextFor(num_outputs);
  if (request.kind == OutputKind::kHidden) {
    context.NormalizeFinal(hidden, num_outputs, request.output.data());
    return absl::OkStatus();
  }
  if (request.stop()) return absl::CancelledError("decoder: the forward pass was cancelled");
  return context.WriteLogits(hidden, num_outputs, request.output.data(), request.instruments);
}

}  // namespace inkling
