// Row tiles run through all their steps while they are warm: post-norm, addition, next norm.

#include "src/decoder/row_norm.h"

#include <cstddef>

#include "kernels/norm.h"
#include "src/compute/thread_pool.h"
#include "src/decoder/forward_pass.h"
#include "src/decoder/layer_weights.h"
#include "src/format/model_config.h"

namespace inkling {
namespace {

size_t HiddenDim(const ModelConfig& config) { return static_cast<size_t>(config.hidden_dim); }

void NormalizeTile(const ModelConfig& config, const NormWeights& norm, const float* input,
                   float* output, size_t num_rows) {
  const size_t dim = HiddenDim(config);
  switch (config.norm) {
    case NormKind::kRms:
      return kernels::RmsNorm({.input = input,
                               .input_stride = dim,
                               .weight = norm.weight,
                               .epsilon = config.norm_epsilon,
                               .output = output,
                               .output_stride = dim,
                               .num_rows = num_rows,
                               .dim = dim});
    case NormKind::kLayer:
      return kernels::LayerNorm({.input = input,
                                 .input_stride = dim,
                                 .weight = norm.weight,
                                 .bias = norm.bias,
                                 .epsilon = config.norm_epsilon,
                                 .output = output,
                                 .output_stride = dim,
                                 .num_rows = num_rows,
                                 .dim = dim});
  }
}

void AddTile(const ModelConfig& config, const NormWeights& post_norm, float* block, float* residual,
             size_t num_rows) {
  const size_t dim = HiddenDim(config);
  if (post_norm.weight != nullptr) NormalizeTile(config, post_norm, block, block, num_rows);
  kernels::ResidualAdd({.residual = residual,
                        .residual_stride = dim,
                        .addend = block,
                        .addend_stride = dim,
                        .num_rows = num_rows,
                        .dim = dim});
}

void AddAndNormalizeTile(const ModelConfig& config, const NormWeights& post_norm,
                         const NormWeights& norm, float* block, float* residual, float* output,
                         size_t num_rows) {
  if (config.norm != NormKind::kRms) {
    AddTile(config, post_norm, block, residual, num_rows);
    return NormalizeTile(config, norm, residual, output, num_rows);
  }
  const size_t dim = HiddenDim(config);
  if (post_norm.weight != nullptr) NormalizeTile(config, post_norm, block, block, num_rows);
  kernels::AddRmsNorm({.residual = residual,
                       .residual_stride = dim,
                       .addend = block,
                       .addend_stride = dim,
                       .weight = norm.weight,
                       .epsilon = config.norm_epsilon,
                       .output = output,
                       .output_stride = dim,
                       .num_rows = num_rows,
                       .dim = dim});
}

}  // namespace

void NormalizeRows(const ModelConfig& config, const NormWeights& norm, const float* input,
                   float* output, size_t num_rows, ThreadPool& pool) {
  const size_t dim = HiddenDim(config);
  ForEachRowTile(pool, num_rows, [&](size_t first, size_t count) {
    NormalizeTile(config, norm, input + first * dim, output + first * dim, count);
  });
}

void AddBlock(const ModelConfig& config, const NormWeights& post_norm, float* block,
              float* residual, size_t num_rows, ThreadPool& pool) {
  const size_t dim = HiddenDim(config);
  ForEachRowTile(pool, num_rows, [&](size_t first, size_t count) {
    AddTile(config, post_norm, block + first * dim, residual + first * dim, count);
  });
}

void AddBlockAndNormalize(const ModelConfig& config, const NormWeights& post_norm,
                          const NormWeights& norm, float* block, float* residual, float* output,
                          size_t num_rows, ThreadPool& pool) {
  const size_t dim = HiddenDim(config);
  ForEachRowTile(pool, num_rows, [&](size_t first, size_t count) {
    AddAndNormalizeTile(config, post_norm, norm, block + first * dim, residual + first * dim,
                        output + first * dim, count);
  });
}

}  // namespace inkling
