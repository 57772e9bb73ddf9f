// ForwardPass: what every step of one Forward shares: the config, the scratch rows, the cache, the
// threads.
//
// The execution context makes one on the stack for each Forward and hands it down through layer,
// attention and feed-forward, so that their signatures say only what is their own.

#ifndef INKLING_SRC_DECODER_FORWARD_PASS_H_
#define INKLING_SRC_DECODER_FORWARD_PASS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/types/span.h"
#include "src/compute/matmul_batch.h"
#include "src/compute/thread_pool.h"
#include "src/decoder/adapter.h"
#include "src/decoder/cpu_adapter.h"
#include "src/decoder/cpu_kv_cache.h"
#include "src/decoder/forward_request.h"
#include "src/decoder/matmul_observer.h"
#include "src/decoder/scratch.h"
#include "src/decoder/step_timer.h"
#include "src/format/model_config.h"

namespace inkling {

struct ForwardPass {
  const ModelConfig& config;
  Scratch& scratch;
  CpuKvCache& cache;
  ThreadPool& pool;  // its lock is held
  StopFunction stop;
  const MatmulObserver* observer;  // null: none
  StepTimer* timer;                // null: none
  absl::Span<const ActiveAdapter> adapters;
  std::vector<float>& adapter_memory;
  int64_t first_position;  // of row 0
  size_t num_rows;
  // Rows, the last ones, that go on behind the attention of the layer that is running; the others
  // only leave their keys and values. Fewer than num_rows in the last layer alone.
  size_t kept_rows;
};

// Cancelled once the caller wants the pass to end.
inline absl::Status CheckStop(const ForwardPass& pass) {
  return pass.stop() ? absl::CancelledError("decoder: the forward pass was cancelled")
                     : absl::OkStatus();
}

// Tells `observer` of a matmul that was just computed.
inline void ObserveMatmul(const Linear& linear, const Activations& input, int64_t num_rows,
                          float* output, const MatmulObserver& observer) {
  observer({.weight = linear.weight_name(),
            .input = input.rows(),
            .num_inputs = linear.num_inputs(),
            .output = output,
            .num_outputs = linear.num_outputs(),
            .num_rows = num_rows});
}

// Linear::Run, and then `observer` unless that is null.
inline absl::Status RunMatmul(Linear& linear, Activations& input, int64_t num_rows, float* output,
                              ThreadPool& pool, const MatmulObserver* observer) {
  absl::Status status = linear.Run(input, num_rows, output, pool);
  if (observer != nullptr && status.ok()) {
    ObserveMatmul(linear, input, num_rows, output, *observer);
  }
  return status;
}

// Linear::Run of matmuls with the same input over the pass's rows, in one parallel region, and
// then the observer. Errors: Cancelled; those of the matmuls.
inline absl::Status RunMatmuls(absl::Span<const MatmulCall> matmuls, Activations& input,
                               const ForwardPass& pass) {
  const int64_t rows = static_cast<int64_t>(pass.num_rows);
  if (pass.timer != nullptr) {  // for which this is a step of its own
    ABSL_RETURN_IF_ERROR(PrepareInput(matmuls, input, rows, pass.pool));
    pass.timer->End(DecoderStep::kQuantize);
  }
  absl::Status status = RunMatmuls(matmuls, input, rows, pass.pool, pass.stop);
  if (pass.observer == nullptr || !status.ok()) return status;
  for (const MatmulCall& matmul : matmuls) {
    ObserveMatmul(*matmul.linear, input, rows, matmul.output, *pass.observer);
  }
  return status;
}

// What the pass's adapters add to `targets` of a layer, which all read `input`.
inline LowRankUpdate AdapterUpdate(const ForwardPass& pass, int32_t layer,
                                   absl::Span<const AdapterTarget> targets,
                                   const Activations& input) {
  return LowRankUpdate(pass.adapters, layer, targets, input, pass.num_rows, pass.adapter_memory,
                       pass.pool);
}

// Calls body(first_row, num_rows) for tiles that cover [0, num_rows), on the pool's threads; on the
// caller's alone where there is one tile, because waking a thread costs more than a few rows of
// work.
inline void ForEachRowTile(ThreadPool& pool, size_t num_rows,
                           absl::FunctionRef<void(size_t, size_t)> body) {
  constexpr size_t kTileRows = 16;
  if (num_rows <= kTileRows) return body(0, num_rows);
  pool.ParallelFor((num_rows + kTileRows - 1) / kTileRows, [&](size_t tile) {
    const size_t first = tile * kTileRows;
    body(first, std::min(kTileRows, num_rows - first));
  });
}

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_FORWARD_PASS_H_
