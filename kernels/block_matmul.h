// int8 rows times an int4 matrix with a scale for each block of inputs, on CPUs with AVX-512 VNNI
// and in WebAssembly's SIMD.
//
// Called by the compute room in place of XNNPACK's matmul, whose blocks end with some 58 vector
// operations; in this layout, with one output a lane, they end with two. Weights stay unsigned
// nibbles, so that activations can be broadcast straight from memory; 8 times the sum of a row's
// activations makes up for it, which is taken once per row, by SumUnits.
//
// A packed matrix is tiles of 16 outputs, one behind the other, the last filled up with zeros. A
// row alone reads all of it in order, as fast as memory gives it:
//   f32 sums[16]    of the dequantised weights, for the activations' zero point
//   f32 bias[16]
//   for every two blocks (or a last one alone):
//     bf16 scales[2][16]
//     units[..][256]  byte 64 * i + 4 * n + j: output n, inputs 4 * i + j (low nibble) and
//                     16 + 4 * i + j (high nibble) of the unit's 32
#ifndef INKLING_KERNELS_BLOCK_MATMUL_H_
#define INKLING_KERNELS_BLOCK_MATMUL_H_

#include <cstddef>
#include <cstdint>

#include "kernels/quantize.h"

namespace inkling::kernels {

// Inputs that are summed as integers; blocks are multiples.
inline constexpr size_t kMatmulUnit = 32;
// Sizes of the packed form.
inline constexpr size_t kBlockTileOutputs = 16;
inline constexpr size_t kUnitBytes = kBlockTileOutputs * kMatmulUnit / 2;
inline constexpr size_t kScaleBytes = kBlockTileOutputs * sizeof(uint16_t);  // of one block

// True where this CPU has the instructions that SumUnits and BlockMatmul need; elsewhere they must
// not be called.
bool HasBlockMatmul();

struct BlockMatrixShape {
  size_t num_outputs;
  size_t num_inputs;  // a multiple of block_size
  size_t block_size;  // a multiple of kMatmulUnit
};

// Of the packed form, a multiple of 64.
size_t BlockMatrixBytes(const BlockMatrixShape& shape);

struct PackBlockMatrixArgs {
  BlockMatrixShape shape;
  const uint8_t* nibbles;  // [num_outputs, num_inputs / 2], even inputs low
  const uint16_t* scales;  // [num_outputs, num_inputs / block_size], bf16 bits
  const float* bias;       // [num_outputs] or null
  void* packed;            // BlockMatrixBytes, aligned to 64 bytes; written
};
void PackBlockMatrix(const PackBlockMatrixArgs& args);

// How a packed matrix is dequantised. Bytes between tiles; where a tile holds the weight of its
// output `lane` for `input`: twice the offset of the byte, and 1 more for the high nibble (a nibble
// less 8 is the integer); and offset of the scale of a block.
size_t BlockTileBytes(const BlockMatrixShape& shape);
size_t BlockWeightPlace(const BlockMatrixShape& shape, size_t lane, size_t input);
size_t BlockScaleOffset(const BlockMatrixShape& shape, size_t lane, size_t block);

// A packed tile: where its parts lie.
struct BlockTile {
  const float* sums;
  const float* bias;
  const uint8_t* blocks;
};
BlockTile BlockTileAt(const BlockMatrixShape& shape, const void* packed, size_t index);

struct SumUnitsArgs {
  const int8_t* rows;  // [num_rows, dim]
  size_t row_stride;   // bytes between rows
  size_t num_rows;
  size_t dim;         // a multiple of kMatmulUnit
  int32_t* sums;      // [dim / kMatmulUnit, num_rows], written: -8 times the sum of each unit; rows
                      // lie side by side, so that a matmul finds those of its rows at one address
  size_t sum_stride;  // values between units
};
void SumUnits(const SumUnitsArgs& args);

// Arguments of a matmul with a matrix of a packed form; Shape says which.
template <class Shape>
struct UnitMatmulArgs {
  Shape shape;
  const void* packed;                // as the form's Pack wrote it
  const int8_t* input;               // [num_rows, num_inputs]
  size_t input_stride;               // bytes between rows
  const int32_t* unit_sums;          // [num_inputs / kMatmulUnit, num_rows], of SumUnits
  size_t unit_sum_stride;            // values between units
  const QuantizationParams* params;  // [num_rows]
  size_t num_rows;
  float* output;         // [num_rows, num_outputs], written
  size_t output_stride;  // floats between rows
};
using BlockMatmulArgs = UnitMatmulArgs<BlockMatrixShape>;

// A row's result has the same bits alone and among others. Reads nothing behind its inputs.
void BlockMatmul(const BlockMatmulArgs& args);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_BLOCK_MATMUL_H_
