// One transformer layer: attention, then feed-forward, each with its norms and its addition to the
// residual stream.

#ifndef INKLING_SRC_DECODER_LAYER_H_
#define INKLING_SRC_DECODER_LAYER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "src/decoder/forward_pass.h"
#include "src/decoder/layer_weights.h"

namespace inkling {

// Updates pass.scratch.residual [num_rows, hidden_dim] and stores the rows' keys and values in the
// cache's layer `layer_index`. Behind attention, pass.num_rows is pass.kept_rows. Errors:
// Cancelled; those of the matmuls.
absl::Status RunLayer(LayerWeights& weights, int32_t layer_index, ForwardPass& pass);

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_LAYER_H_
