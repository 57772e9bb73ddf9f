// MatmulObserver: sees every matmul of a forward pass, for statistics of what the weights are
// multiplied with.
//
// A ForwardRequest may bring one; inkling-eval collects what the converter quantises by with it.
// Passes without one pay a comparison for each matmul.

#ifndef INKLING_SRC_DECODER_MATMUL_OBSERVER_H_
#define INKLING_SRC_DECODER_MATMUL_OBSERVER_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

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

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_MATMUL_OBSERVER_H_
