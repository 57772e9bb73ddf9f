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

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_I8MM_LAYOUT_H_
