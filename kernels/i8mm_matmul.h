// int8 rows times int8 or int4 matrices on Arm CPUs with I8MM, whose smmla multiplies two rows by
// two outputs, 8 inputs deep.
//
// Called by the compute room in place of XNNPACK's matmuls, which spend as many instructions on
// bringing rows and nibbles into smmla's order as on smmla itself. Here both are in that order
// before: matrices when they are packed, rows once per input, by InterleaveRows.
//
// A packed matrix is tiles of 8 outputs, the last filled up with zeros. One scale an output:
//   i32 sums[8] of the weights, f32 scales[8], f32 bias[8], units of 32 inputs
// One scale a block of inputs:
//   f32 sums[8] of the dequantised weights, f32 bias[8], for every block: bf16 scales[8], units
// A unit is vectors of two outputs x 8 inputs, first the four of inputs 0 to 7, and so on. int4
// weights are signed nibbles, which count 16 times: inputs 0 to 7 are the low nibbles of the unit's
// first four vectors and 8 to 15 the high ones; sums count 16 times too.
#ifndef INKLING_KERNELS_I8MM_MATMUL_H_
#define INKLING_KERNELS_I8MM_MATMUL_H_

#include <cstddef>
#include <cstdint>

#include "kernels/quantize.h"

namespace inkling::kernels {

// Inputs of a unit; a matrix has a multiple, and so has a block.
inline constexpr size_t kI8mmUnit = 32;
// Inputs up to which dot products are exact in 32 bits.
inline constexpr size_t kI8mmMaxInputs = 65536;
// Outputs of a packed tile.
inline constexpr size_t kI8mmTileOutputs = 8;

// True where this CPU has the instructions that I8mmMatmul needs; elsewhere it must not be called.
bool HasI8mmMatmul();

enum class I8mmWeights : uint8_t { kInt8, kInt4 };

struct I8mmMatrixShape {
  size_t num_outputs;
  size_t num_inputs;  // a multiple of kI8mmUnit, at most kI8mmMaxInputs
  I8mmWeights weights;
  size_t block_size;  // inputs of a scale, a multiple of kI8mmUnit, of int4; 0: one scale an output
};

// Of the packed form, a multiple of 64.
size_t I8mmMatrixBytes(const I8mmMatrixShape& shape);

struct PackI8mmMatrixArgs {
  I8mmMatrixShape shape;
  const uint8_t* values;         // [num_outputs, num_inputs] int8, or nibbles with zero point 8,
                                 // even inputs low
  const float* output_scales;    // [num_outputs], where block_size is 0
  const uint16_t* block_scales;  // [num_outputs, num_inputs / block_size], bf16 bits, elsewhere
  const float* bias;             // [num_outputs] or null
  void* packed;                  // I8mmMatrixBytes, aligned to 64 bytes; written
};
void PackI8mmMatrix(const PackI8mmMatrixArgs& args);

// Bytes between pairs of interleaved rows; no multiple of 4096, so that pairs don't share the few
// places that a first cache level has for each address modulo 4096.
constexpr size_t I8mmPairStride(size_t dim) { return 2 * dim + 64; }

struct InterleaveRowsArgs {
  const int8_t* rows;  // [num_rows, dim]
  size_t row_stride;   // bytes between rows
  size_t first_row;    // index of the first one in `pairs`
  size_t num_rows;
  size_t dim;     // a multiple of kI8mmUnit
  int8_t* pairs;  // of all rows, I8mmPairStride apart; the rows' part is written: 8 inputs of the
                  // even row, 8 of the odd one, and so on
};
void InterleaveRows(const InterleaveRowsArgs& args);

struct I8mmMatmulArgs {
  I8mmMatrixShape shape;
  const void* packed;                // as PackI8mmMatrix wrote it
  const int8_t* pairs;               // as InterleaveRows wrote them
  const QuantizationParams* params;  // [num_rows]
  size_t num_rows;
  float* output;         // [num_rows, num_outputs], written
  size_t output_stride;  // floats between rows
};

// A row's result has the same bits alone and among others. Reads nothing behind its inputs, whose
// last pair is whole even if the number of rows is odd: what the missing row holds doesn't matter.
void I8mmMatmul(const I8mmMatmulArgs& args);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_I8MM_MATMUL_H_
