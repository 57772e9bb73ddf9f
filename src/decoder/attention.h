// The attention of one layer: q, k and v of the new rows, their norms and rotation, the cache, the
// output matmul.

#ifndef INKLING_SRC_DECODER_ATTENTION_H_
#define INKLING_SRC_DECODER_ATTENTION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "src/decoder/forward_pass.h"
#include "src/decoder/layer_weights.h"

namespace inkling {

// Reads pass.scratch.normed, stores the rows' keys and values in layer `layer_index` of the cache,
// whose rows are staged, and writes pass.scratch.block; both are [num_rows, hidden_dim]. Errors:
// Cancelled; those of the matmuls.
absl::Status RunAttention(AttentionWeights& weights, int32_t layer_index, ForwardPass& pass);

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_ATTENTION_H_
