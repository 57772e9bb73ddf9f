// Row normalisation and residual addition on float32 activations.
//
// Called by the decoder's layers around attention and feed-forward, and once before the output
// head. Weights arrive final: where a checkpoint stores w for a (1 + w) norm, the 1 has been added
// before. The same functions serve per-head norms of q and k: pass heads as rows.
#ifndef INKLING_KERNELS_NORM_H_
#define INKLING_KERNELS_NORM_H_

#include <cstddef>

namespace inkling::kernels {

// Strides are in floats and at least `dim`.
struct RmsNormArgs {
  const float* input;    // [num_rows, dim]
  size_t input_stride;   // between rows of `input`
  const float* weight;   // [dim], or null for no scale
  float epsilon;         // added to the mean of squares, > 0
  float* output;         // [num_rows, dim]; may be `input` with the same stride
  size_t output_stride;  // between rows of `output`
  size_t num_rows;
  size_t dim;
};

// Writes output = input / sqrt(mean(input^2) + epsilon) * weight for each row. Safe to call from
// several threads on different rows.
void RmsNorm(const RmsNormArgs& args);

// Strides are in floats and at least `dim`.
struct LayerNormArgs {
  const float* input;    // [num_rows, dim]
  size_t input_stride;   // between rows of `input`
  const float* weight;   // [dim], or null for no scale
  const float* bias;     // [dim], or null for none
  float epsilon;         // added to the variance, > 0
  float* output;         // [num_rows, dim]; may be `input` with the same stride
  size_t output_stride;  // between rows of `output`
  size_t num_rows;
  size_t dim;
};

// Writes output = (input - mean) / sqrt(variance + epsilon) * weight + bias for each row; the
// variance is the biased one (divided by dim). Safe to call from several threads on different rows.
void LayerNorm(const LayerNormArgs& args);

// Strides are in floats and at least `dim`.
struct ResidualAddArgs {
  float* residual;         // [num_rows, dim], updated
  size_t residual_stride;  // between rows of `residual`
  const float* addend;     // [num_rows, dim]
  size_t addend_stride;    // between rows of `addend`
  float scale = 1.0f;      // multiplies `addend`
  size_t num_rows;
  size_t dim;
};

// Adds scale * addend to the residual stream in place. Safe to call from several threads on
// different rows.
void ResidualAdd(const ResidualAddArgs& args);

// Strides are in floats and at least `dim`. `output` must not overlap `residual`.
struct AddRmsNormArgs {
  float* residual;         // [num_rows, dim], updated
  size_t residual_stride;  // between rows of `residual`
  const float* addend;     // [num_rows, dim]
  size_t addend_stride;    // between rows of `addend`
  const float* weight;     // [dim], or null for no scale
  float epsilon;           // added to the mean of squares, > 0
  float* output;           // [num_rows, dim]; may be `addend` with the same stride
  size_t output_stride;    // between rows of `output`
  size_t num_rows;
  size_t dim;
};

// Adds `addend` to the residual stream and writes the RmsNorm of the sum, in one pass over memory
// fewer than the two calls. Gives the same bits as ResidualAdd then RmsNorm.
void AddRmsNorm(const AddRmsNormArgs& args);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_NORM_H_
