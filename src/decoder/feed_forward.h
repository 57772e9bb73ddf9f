// The feed-forward of one layer: down(activation(gate(n)) * up(n)), or down(activation(up(n))).

#ifndef INKLING_SRC_DECODER_FEED_FORWARD_H_
#define INKLING_SRC_DECODER_FEED_FORWARD_H_

#include "absl/status/status.h"
#include "src/decoder/forward_pass.h"
#include "src/decoder/layer_weights.h"

namespace inkling {

// Reads pass.scratch.normed and writes pass.scratch.block, both [num_rows, hidden_dim]. Errors:
// Cancelled; those of the matmuls.
absl::Status RunFeedForward(FeedForwardWeights& weights, int32_t layer_index, ForwardPass& pass);

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_FEED_FORWARD_H_
