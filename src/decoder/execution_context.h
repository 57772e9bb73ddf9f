// ExecutionContext: a model's layers made ready for up to so many rows: matmuls and scratch.
//
// A decoder has two, prefill and decode, over the same packed weights; each is used by one Forward
// at a time, whose caller holds the thread pool's lock. After Create nothing here allocates,
// but what adapters need, once.

#ifndef INKLING_SRC_DECODER_EXECUTION_CONTEXT_H_
#define INKLING_SRC_DECODER_EXECUTION_CONTEXT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/compute/embedding_table.h"
#include "src/compute/thread_pool.h"
#include "src/decoder/forward_pass.h"
#include "src/decoder/layer_weights.h"
#include "src/decoder/scratch.h"
#include "src/format/model_config.h"

namespace inkling {

class ExecutionContext {
 public:
  // `config` and `pool` outlive the context. Errors: ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<ExecutionContext>> Create(const ModelConfig& config,
                                                                  ModelWeights weights,
                                                                  const ScratchSize& size,
                                                                  ThreadPool& pool);

  ExecutionContext(const ExecutionContext&) = delete;
  ExecutionContext& operator=(const ExecutionContext&) = delete;

  int32_t max_rows() const { return max_rows_; }

  // Runs the request's tokens through all layers; their rows are staged in `cache` (the
  // request's), whose past isn't changed. Returns the hidden rows of the last `num_outputs` tokens
  // before the final norm, [num_outputs, hidden_dim], valid until the next call. What only the
  // others need is not computed, unless an observer looks at it. Errors: Cancelled when `stop` says
  // so; those of the matmuls.
  absl::StatusOr<const float*> RunLayers(const ForwardRequest& request, CpuKvCache& cache,
                                         size_t num_outputs, const EmbeddingTable& embedding);

  // Writes the final norm of `hidden` [num_rows, hidden_dim] to `output`, which may be `hidden`.
  void NormalizeFinal(const float* hidden, size_t num_rows, float* output);

  // Writes logits [num_rows, vocab_size] of `hidden` [num_rows <= max_rows, hidden_dim], rows
  // before the final norm of this context or another.
  absl::Status WriteLogits(const float* hidden, size_t num_rows, float* logits,
                           const PassInstruments& instruments);

  // Makes ready for passes where one may have been left half-way (SliceMatmul::ForgetShape).
  void ForgetShapes();

  // Gives scratch memory back until the next pass.
  void ReleaseScratch() { scratch_.ReleasePages(); }

 private:
  ExecutionContext(const ModelConfig& config, ModelWeights weights, int32_t max_rows,
                   ThreadPool& pool, Scratch scratch);

  // Fills the cosines and sines of every rope table for the pass's positions.
  void FillRopeTables(const ForwardPass& pass);

  const ModelConfig& config_;
  ModelWeights weights_;
  int32_t max_rows_;
  ThreadPool& pool_;
  Scratch scratch_;
  std::vector<float> adapter_memory_;  // grows with the first pass that has adapters
};

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_EXECUTION_CONTEXT_H_
