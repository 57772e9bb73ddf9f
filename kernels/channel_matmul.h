// int8 rows times an int4 matrix with one scale for each output, on CPUs with AVX-512 VNNI.
//
// Called by the compute room in place of XNNPACK's matmul, which computes as fast but reads its
// weights slower: here they are asked for a page ahead, and packed several times sooner. All sums
// are integers. Weights stay unsigned nibbles, as in BlockMatmul; 8 times the sum of a row's
// activations makes up for it (SumUnits).
//
// A packed matrix is tiles of 16 outputs, one behind the other, the last filled up with zeros. A
// row alone reads all of it in order:
//   int32 sums[16]    of the quants, for the activations' zero point
//   f32 scales[16]
//   f32 bias[16]
//   units[..][256]    as block_matmul.h has them
#ifndef INKLING_KERNELS_CHANNEL_MATMUL_H_
#define INKLING_KERNELS_CHANNEL_MATMUL_H_

#include <cstddef>
#include <cstdint>

#include "kernels/block_matmul.h"
#include "kernels/quantize.h"

namespace inkling::kernels {

struct ChannelMatrixShape {
  size_t num_outputs;
  size_t num_inputs;  // a multiple of kMatmulUnit
};

// Of the packed form, a multiple of 64.
size_t ChannelMatrixBytes(const ChannelMatrixShape& shape);

struct PackChannelMatrixArgs {
  ChannelMatrixShape shape;
  const uint8_t* nibbles;  // [num_outputs, num_inputs / 2], even inputs low
  const float* scales;     // [num_outputs]
  const float* bias;       // [num_outputs] or null
  void* packed;            // ChannelMatrixBytes, aligned to 64 bytes; written
};
void PackChannelMatrix(const PackChannelMatrixArgs& args);

// How a packed matrix is dequantised: as BlockTileBytes, BlockWeightPlace and BlockScaleOffset say
// of blocks.
size_t ChannelTileBytes(const ChannelMatrixShape& shape);
size_t ChannelWeightPlace(size_t lane, size_t input);
size_t ChannelScaleOffset(size_t lane);

// A packed tile: where its parts lie.
struct ChannelTile {
  const int32_t* sums;
  const float* scales;
  const float* bias;
  const uint8_t* units;
};
ChannelTile ChannelTileAt(const ChannelMatrixShape& shape, const void* packed, size_t index);

using ChannelMatmulArgs = UnitMatmulArgs<ChannelMatrixShape>;

// True where this CPU has the instructions that ChannelMatmul needs; elsewhere it must not be
// called.
bool HasChannelMatmul();

// A row's result has the same bits alone and among others. Reads nothing behind its inputs.
void ChannelMatmul(const ChannelMatmulArgs& args);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_CHANNEL_MATMUL_H_
