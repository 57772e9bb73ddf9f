// CpuDecoder: one model's packed weights, its two execution contexts and its threads.
//
// Forward picks the prefill or the decode context by row count; both read the same packed weights.
// This is the whole engine seen from above.

#ifndef INKLING_SRC_DECODER_CPU_DECODER_H_
#define INKLING_SRC_DECODER_CPU_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/compute/dequantized_matmul.h"
#include "src/compute/embedding_table.h"
#include "src/compute/packed_weights.h"
#include "src/compute/pass_limits.h"
#include "src/compute/thread_pool.h"
#include "src/decoder/cpu_kv_cache.h"
#include "src/decoder/decoder.h"
#include "src/decoder/execution_context.h"
#include "src/decoder/layer_weights.h"
#include "src/format/model_reader.h"

namespace inkling {

struct CpuDecoderOptions {
  int32_t num_threads = 1;
  int32_t decode_threads = 0;  // of the decode context; 0 = num_threads
  // What threads are bound to (see ThreadPool); empty = nothing. Create copies it.
  absl::Span<const int32_t> cpus = {};
  int32_t prefill_rows = 128;  // most rows of one Forward
  // Forwards of at most this many rows use the decode context.
  int32_t decode_rows = kDecodeRows;
  MatmulInput prefill_activations = MatmulInput::kAuto;  // of the prefill context
  const PackingProgress* progress = nullptr;             // only Create calls it
};

class CpuDecoder final : public Decoder {
 public:
  // Packs the weights of `reader` (which outlives the decoder) and releases the file's pages behind
  // itself.
  static absl::StatusOr<std::unique_ptr<CpuDecoder>> Create(const ModelReader& reader,
                                                            const CpuDecoderOptions& options);
  // The same over weights that were packed before, by a decoder of the same model in a process that
  // packs alike. Errors: also NotFound if some aren't there.
  static absl::StatusOr<std::unique_ptr<CpuDecoder>> Create(const ModelReader& reader,
                                                            const CpuDecoderOptions& options,
                                                            std::unique_ptr<PackedWeights> packed);
  // Errors of both: also Cancelled, if the options' progress says so.

  // What Create would use, without reading any weight.
  static absl::StatusOr<DecoderMemory> EstimateMemory(const ModelReader& reader,
                                                      const CpuDecoderOptions& options);

  const ModelConfig& config() const override { return reader_.config(); }
  int32_t max_rows() const override { return options_.prefill_rows; }
  int32_t max_decode_rows() const override { return decode_->max_rows(); }
  DecoderMemory memory() const override;
  DecoderDescription Describe() const override;
  uint64_t process() const override { return pool_->process(); }
  absl::StatusOr<std::shared_ptr<const Adapter>> CreateAdapter(const LoraFile& file) const override;
  absl::StatusOr<std::unique_ptr<KvCache>> CreateCache(const CacheOptions& options) const override;
  // Copies on threads of its own, num_threads at most, so that no pass holds it up.
  absl::StatusOr<std::unique_ptr<KvCache>> CloneCache(const KvCache& cache) const override;
  absl::StatusOr<std::unique_ptr<KvCache>> CreateCacheLike(const KvCache& cache) const override;
  absl::StatusOr<int64_t> CacheBytes(const CacheOptions& options) const override;
  void Trim(bool mapped_weights) override;
  // Errors: also those of ThreadPool::StartThreads, in a forked process. Cancelled comes at the
  // next slice of a matmul.
  absl::Status Forward(const ForwardRequest& request) override;

  const PackedWeights& packed_weights() const { return *packed_; }

 private:
  CpuDecoder(const ModelReader& reader, const CpuDecoderOptions& options,
             const TensorView& embedding);

  // The context made for this many rows.
  ExecutionContext& ContextFor(size_t num_rows) {
    return num_rows <= static_cast<size_t>(decode_->max_rows()) ? *decode_ : *prefill_;
  }
  // In a process that was forked since the last pass, brings the threads back and forgets what a
  // pass of another thread may have left half-way. The caller holds the lock.
  absl::Status EnterProcess(const ThreadPoolLock& lock);
  // Stages rows, computes them, and commits or discards.
  absl::Status RunPass(const ForwardRequest& request);
  // Computes the staged rows and writes the output.
  absl::Status Compute(const ForwardRequest& request, CpuKvCache& cache);

  const ModelReader& reader_;
  std::vector<int32_t> cpus_;  // options_.cpus
  CpuDecoderOptions options_;  // with decode_threads above 0
  EmbeddingTable embedding_;
  std::unique_ptr<ThreadPool> pool_;  // held for the length of a pass; see ThreadPool
  // Null where `pool_` has the right number: a pool wakes all its threads for every region.
  std::unique_ptr<ThreadPool> decode_pool_;
  uint64_t entered_process_ = 0;  // by the last pass; 0: none yet
  std::unique_ptr<PackedWeights> packed_;
  std::unique_ptr<DequantizedMatmul> prefill_activations_;
  std::unique_ptr<ExecutionContext> prefill_;  // after what it uses, so that it goes first
  std::unique_ptr<ExecutionContext> decode_;
};

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_CPU_DECODER_H_
