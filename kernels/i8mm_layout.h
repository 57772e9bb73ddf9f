// Where the parts of a packed tile lie: what i8mm_matrix.cc writes and i8mm_matmul.cc reads.
// i8mm_matmul.h says what they are.
#ifndef INKLING_KERNELS_I8MM_LAYOUT_H_
#define INKLING_KERNELS_I8MM_LAYOUT_H_

#include <cstddef>
#include <cstdint>

#include "kernels/i8mm_matmul.h"

namespace inkling::kernels {

inline constexpr size_t kI8mmPairInputs = 8;                    // of a vector
inline constexpr size_t kI8mmTilePairs = kI8mmTileOutputs / 2;  // of outputs
inline constexpr size_t kI8mmVectorBytes = 2 * kI8mmPairInputs;
inline constexpr size_t kI8mmRowBytes = kI8mmTilePairs * kI8mmVectorBytes;  // the same inputs
inline constexpr size_t kI8mmBlockScaleBytes = kI8mmTileOutputs * sizeof(uint16_t);

// A nibble in the upper half of a byte.
inline constexpr int kI8mmInt4Factor = 16;

constexpr size_t I8mmUnitBytes(I8mmWeights weights) {
  return kI8mmTileOutputs * kI8mmUnit / (weights == I8mmWeights::kInt4 ? 2 : 1);
}

// Bytes in front of a tile's units: three numbers an output, or two.
constexpr size_t I8mmHeadBytes(const I8mmMatrixShape& shape) {
  return kI8mmTileOutputs * sizeof(float) * (shape.block_size == 0 ? 3 : 2);
}

constexpr size_t I8mmTileBytes(const I8mmMatrixShape& shape) {
  const size_t scales =
      shape.block_size == 0 ? 0 : shape.num_inputs / shape.block_size * kI8mmBlockScaleBytes;
  return I8mmHeadBytes(shape) + scales +
         shape.num_inputs / kI8mmUnit * I8mmUnitBytes(shape.weights);
}

// How a packed matrix is dequantised. Where a tile holds the weight of its output `lane` for
// `input`: twice the offset of the byte, and 1 more for the high nibble (of signed ones).
constexpr size_t I8mmWeightPlace(const I8mmMatrixShape& shape, size_t lane, size_t input) {
  const size_t scales =
      shape.block_size == 0 ? 0 : (input / shape.block_size + 1) * kI8mmBlockScaleBytes;
  const size_t unit =
      I8mmHeadBytes(shape) + scales + input / kI8mmUnit * I8mmUnitBytes(shape.weights);
  const size_t vector = unit + lane / 2 * kI8mmVectorBytes + lane % 2 * kI8mmPairInputs;
  const size_t step = input % kI8mmUnit / kI8mmPairInputs;
  const size_t byte = vector + input % kI8mmPairInputs;
  if (shape.weights == I8mmWeights::kInt8) return 2 * (byte + step * kI8mmRowBytes);
  return 2 * (byte + step / 2 * kI8mmRowBytes) + step % 2;
}

// Offset of the scale of an output, or of one of its blocks.
constexpr size_t I8mmScaleOffset(const I8mmMatrixShape& shape, size_t lane, size_t block) {
  if (shape.block_size == 0) return kI8mmTileOutputs * sizeof(int32_t) + lane * sizeof(float);
  const size_t block_bytes =
      kI8mmBlockScaleBytes + shape.block_size / kI8mmUnit * I8mmUnitBytes(shape.weights);
  return I8mmHeadBytes(shape) + block * block_bytes + lane * sizeof(uint16_t);
}

// By what the stored scale of an output is divided: int4 weights count so many times. Scales of
// blocks are stored as they are.
constexpr int I8mmScaleFactor(const I8mmMatrixShape& shape) {
  return shape.weights == I8mmWeights::kInt4 && shape.block_size == 0 ? kI8mmInt4Factor : 1;
}

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_I8MM_LAYOUT_H_
