// Normalisation and residual addition of hidden rows, as the config says, split over the pool.
//
// Layers and the execution context call these; the arithmetic is in kernels/norm.h. All rows are
// [hidden_dim], contiguous.

#ifndef INKLING_SRC_DECODER_ROW_NORM_H_
#define INKLING_SRC_DECODER_ROW_NORM_H_

#include <cstddef>

#include "src/compute/thread_pool.h"
#include "src/decoder/layer_weights.h"
#include "src/format/model_config.h"

namespace inkling {

// Writes norm(input) to `output`, which may be `input`.
void NormalizeRows(const ModelConfig& config, const NormWeights& norm, const float* input,
                   float* output, size_t num_rows, ThreadPool& pool);

// Adds a block's output to the residual rows, normalised first if `post_norm` has a weight (`block`
// is then overwritten).
void AddBlock(const ModelConfig& config, const NormWeights& post_norm, float* block,
              float* residual, size_t num_rows, ThreadPool& pool);

// AddBlock, then writes norm(residual) to `output`: one pass over memory less where the kernels
// fuse the two.
void AddBlockAndNormalize(const ModelConfig& config, const NormWeights& post_norm,
                          const NormWeights& norm, float* block, float* residual, float* output,
                          size_t num_rows, ThreadPool& pool);

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_ROW_NORM_H_
