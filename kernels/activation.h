// Feed-forward activations, gated and plain, and the soft cap of logits.
//
// Called by the decoder between the two matmuls of a feed-forward, and after the output head
// where the config caps logits. Relative error against double libm is about 1e-6.
#ifndef INKLING_KERNELS_ACTIVATION_H_
#define INKLING_KERNELS_ACTIVATION_H_

#include <cstddef>
#include <cstdint>

#include "kernels/quantize.h"

namespace inkling::kernels {

enum class Activation : uint8_t {
  kSilu,      // x * sigmoid(x)
  kGeluTanh,  // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
  kGeluErf,   // x / 2 * (1 + erf(x / sqrt(2)))
  kRelu,      // max(x, 0)
};

// Strides are in floats and at least `dim`.
struct ActivateArgs {
  Activation activation;
  const float* input;        // [num_rows, dim]: the gate of a gated feed-forward
  size_t input_stride;       // between rows of `input`
  const float* multiplier;   // [num_rows, dim]: the up projection, or null for a plain one
  size_t multiplier_stride;  // between rows of `multiplier`; ignored where that is null
  float* output;             // [num_rows, dim]; may be `input` or `multiplier` (same stride)
  size_t output_stride;      // between rows of `output`
  size_t num_rows;
  size_t dim;
  RowRange* ranges =
      nullptr;  // [num_rows], written: of each row's output, for QuantizeRows; or null
};

// Writes output = activation(input) * multiplier, or activation(input) where multiplier is null.
// Safe to call from several threads on different rows.
void Activate(const ActivateArgs& args);

// Replaces each of the `size` values x with cap * tanh(x / cap). `cap` is finite and > 0.
void SoftCap(float* values, size_t size, float cap);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_ACTIVATION_H_
