// The packed form that BlockMatmul reads, written once when a model is opened; see block_matmul.h
// for the layout.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "kernels/block_matmul.h"
#include "kernels/convert.h"
#include "kernels/dequantize.h"
#include "kernels/nibble_units.h"

namespace inkling::kernels {
namespace {

constexpr size_t kTileOutputs = kBlockTileOutputs;
constexpr size_t kHeadBytes = 2 * kTileOutputs * sizeof(float);

size_t NumBlocks(const BlockMatrixShape& shape) { return shape.num_inputs / shape.block_size; }

size_t BlockBytes(const BlockMatrixShape& shape) {
  return shape.block_size / kMatmulUnit * kUnitBytes;
}

// Offsets, behind the tile's head, of a block's two blocks with their scales, and of its units.
size_t PairOffset(const BlockMatrixShape& shape, size_t block) {
  return block / 2 * 2 * (kScaleBytes + BlockBytes(shape));
}
size_t UnitsOffset(const BlockMatrixShape& shape, size_t block) {
  return PairOffset(shape, block) + 2 * kScaleBytes + block % 2 * BlockBytes(shape);
}

// Sum of a row's dequantised weights.
float SumOfRow(const uint8_t* nibbles, const uint16_t* scales, const BlockMatrixShape& shape) {
  double sum = 0;
  for (size_t block = 0; block < NumBlocks(shape); ++block) {
    const uint8_t* bytes = nibbles + block * shape.block_size / 2;
    int quants = 0;
    for (size_t i = 0; i < shape.block_size / 2; ++i) quants += (bytes[i] & 15) + (bytes[i] >> 4);
    quants -= kInt4ZeroPoint * static_cast<int>(shape.block_size);
    sum += static_cast<double>(Bf16Value(scales[block])) * quants;
  }
  return static_cast<float>(sum);
}

// Writes lane `lane` of all blocks.
void PackOutput(const BlockMatrixShape& shape, const uint8_t* nibbles, const uint16_t* scales,
                size_t lane, uint8_t* blocks) {
  for (size_t b = 0; b < NumBlocks(shape); ++b) {
    std::memcpy(blocks + BlockScaleOffset(shape, lane, b) - kHeadBytes, scales + b,
                sizeof(uint16_t));
    PackNibbleUnits(nibbles + b * shape.block_size / 2, shape.block_size, lane,
                    blocks + UnitsOffset(shape, b));
  }
}

}  // namespace

size_t BlockMatrixBytes(const BlockMatrixShape& shape) {
  return (shape.num_outputs + kTileOutputs - 1) / kTileOutputs * BlockTileBytes(shape);
}

size_t BlockTileBytes(const BlockMatrixShape& shape) {
  const size_t num_blocks = NumBlocks(shape);
  return kHeadBytes + (num_blocks + 1) / 2 * 2 * kScaleBytes + num_blocks * BlockBytes(shape);
}

size_t BlockWeightPlace(const BlockMatrixShape& shape, size_t lane, size_t input) {
  return 2 * (kHeadBytes + UnitsOffset(shape, input / shape.block_size)) +
         NibblePlace(lane, input % shape.block_size);
}

size_t BlockScaleOffset(const BlockMatrixShape& shape, size_t lane, size_t block) {
  return kHeadBytes + PairOffset(shape, block) + block % 2 * kScaleBytes + lane * sizeof(uint16_t);
}

void PackBlockMatrix(const PackBlockMatrixArgs& args) {
  const BlockMatrixShape& shape = args.shape;
  auto* packed = static_cast<uint8_t*>(args.packed);
  for (size_t first = 0; first < shape.num_outputs; first += kTileOutputs) {
    uint8_t* tile = packed + first / kTileOutputs * BlockTileBytes(shape);
    auto* sums = reinterpret_cast<float*>(tile);
    float* bias = sums + kTileOutputs;
    // Outputs that don't exist have scales of 0.
    std::memset(tile, 0, BlockTileBytes(shape));
    for (size_t lane = 0; lane < std::min(kTileOutputs, shape.num_outputs - first); ++lane) {
      const size_t output = first + lane;
      const uint8_t* nibbles = args.nibbles + output * shape.num_inputs / 2;
      const uint16_t* scales = args.scales + output * NumBlocks(shape);
      sums[lane] = SumOfRow(nibbles, scales, shape);
      if (args.bias != nullptr) bias[lane] = args.bias[output];
      PackOutput(shape, nibbles, scales, lane, tile + kHeadBytes);
    }
  }
}

BlockTile BlockTileAt(const BlockMatrixShape& shape, const void* packed, size_t index) {
  const auto* tile = static_cast<const uint8_t*>(packed) + index * BlockTileBytes(shape);
  const auto* sums = reinterpret_cast<const float*>(tile);
  return {sums, sums + kTileOutputs, tile + kHeadBytes};
}

}  // namespace inkling::kernels
