// MatmulObserver: sees every matmul of a forward pass, for statistics of what the weights are
// multiplied with.
//
// Decoder::ForwardObserved hands one down; inkling-eval collects what the converter quantises by
// with it. Other passes have none, and their matmuls cost one comparison more.

#ifndef INKLING_SRC_DECODER_MATMUL_OBSERVER_H_
#define INKLING_SRC_DECODER_MATMUL_OBSERVER_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/compute/linear.h"
#include "src/compute/thread_pool.h"

namespace inkling {

// One matmul that was just computed, or the rows of the embedding that were just looked up.
struct ObservedMatmul {
  absl::string_view weight;  // the tensor's name: "layers.3.attention.q.weight"; kEmbeddingLookup
  const float* input;        // [num_rows, num_inputs], before any quantisation; null for a lookup
  int64_t num_inputs;        // 0 for a lookup
  float* output;  // [num_rows, num_outputs]; the pass goes on with what the observer leaves here
  int64_t num_outputs;
  int64_t num_rows;
};

using MatmulObserver = absl::FunctionRef<void(const ObservedMatmul&)>;

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
inline absl::Status RunMatmul(Linear& linear, const Activations& input, int64_t num_rows,
                              float* output, ThreadPool& pool, const MatmulObserver* observer) {
  absl::Status status = linear.Run(input, num_rows, output, pool);
  if (observer != nullptr && status.ok()) {
    ObserveMatmul(linear, input, num_rows, output, *observer);
  }
  return status;
}

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_MATMUL_OBSERVER_H_
