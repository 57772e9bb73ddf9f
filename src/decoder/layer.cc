// The layer as the papers draw it. x is scratch.residual, n scratch.normed, b scratch.block:
//   sequential:            x += attention(norm1(x));  x += feed_forward(norm2(x))
//   parallel, shared norm: n = norm1(x);  x += attention(n) + feed_forward(n)
//   parallel, own norms:   x += attention(norm1(x)) + feed_forward(norm2(x))
// A post-norm, where the config has them, normalises b before it is added.

#include "src/decoder/layer.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "src/decoder/attention.h"
#include "src/decoder/feed_forward.h"
#include "src/decoder/forward_pass.h"
#include "src/decoder/layer_weights.h"
#include "src/decoder/row_norm.h"
#include "src/format/model_config.h"

namespace inkling {

absl::Status RunLayer(LayerWeights& weights, int32_t layer_index, ForwardPass& pass) {
  const ModelConfig& config = pass.config;
  Scratch& s = pass.scratch;
  NormalizeRows(config, weights.attention_norm, s.residual, s.normed.BeginRows(), pass.num_rows,
                pass.pool);
  EndStep(pass.timer, DecoderStep::kNorm);
  ABSL_RETURN_IF_ERROR(RunAttention(weights.attention, layer_index, pass));
  if (pass.num_rows == 0) return absl::OkStatus();

  switch (config.residual) {
    case ResidualKind::kSequential:
      AddBlockAndNormalize(config, weights.attention_post_norm, weights.feed_forward_norm, s.block,
                           s.residual, s.normed.BeginRows(), pass.num_rows, pass.pool);
      break;
    case ResidualKind::kParallelSharedNorm:
      AddBlock(config, weights.attention_post_norm, s.block, s.residual, pass.num_rows, pass.pool);
      break;
    case ResidualKind::kParallelOwnNorm:  // norm2 reads x as it was before attention
      NormalizeRows(config, weights.feed_forward_norm, s.residual, s.normed.BeginRows(),
                    pass.num_rows, pass.pool);
      AddBlock(config, weights.attention_post_norm, s.block, s.residual, pass.num_rows, pass.pool);
      break;
  }
  EndStep(pass.timer, DecoderStep::kNorm);

  ABSL_RETURN_IF_ERROR(CheckStop(pass));
  ABSL_RETURN_IF_ERROR(RunFeedForward(weights.feed_forward, layer_index, pass));
  AddBlock(config, weights.feed_forward_post_norm, s.block, s.residual, pass.num_rows, pass.pool);
  EndStep(pass.timer, DecoderStep::kNorm);
  return absl::OkStatus();
}

}  // namespace inkling
