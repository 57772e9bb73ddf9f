// One stored row (int8, int4, f16, bf16) to float32, times a factor: the embedding lookup.
//
// Called by the compute room's embedding table, a row per token. Conventions are those of the model
// file: int4 is unsigned nibbles with zero point 8, the low nibble the even element.
#ifndef INKLING_KERNELS_DEQUANTIZE_H_
#define INKLING_KERNELS_DEQUANTIZE_H_

#include <cstddef>
#include <cstdint>

namespace inkling::kernels {

// The nibble of an int4 weight of 0.
inline constexpr int kInt4ZeroPoint = 8;

// Writes output[i] = values[i] * scale.
void DequantizeInt8(const int8_t* values, float scale, float* output, size_t dim);

// Writes output[i] = (nibble[i] - 8) * scale. `nibbles` holds (dim + 1) / 2 bytes.
void DequantizeInt4(const uint8_t* nibbles, float scale, float* output, size_t dim);

struct DequantizeInt4BlocksArgs {
  const uint8_t* nibbles;        // (dim + 1) / 2 bytes
  const uint16_t* block_scales;  // [ceil(dim / block_size)], bf16 bits
  size_t block_size;             // elements per scale, even
  float factor = 1;              // multiplies every value
  float* output;                 // [dim], written
  size_t dim;
};

// Writes output[i] = (nibble[i] - 8) * block_scales[i / block_size] * factor.
void DequantizeInt4Blocks(const DequantizeInt4BlocksArgs& args);

// Writes output[i] = factor * the float32 value of the f16 bits values[i].
void DequantizeF16(const uint16_t* values, float factor, float* output, size_t dim);

// Writes output[i] = factor * the float32 value of the bf16 bits values[i].
void DequantizeBf16(const uint16_t* values, float factor, float* output, size_t dim);

// Writes output[i] = factor * values[i].
void ScaleF32(const float* values, float factor, float* output, size_t dim);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_DEQUANTIZE_H_
