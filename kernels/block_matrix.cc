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

size_t TileBytes(const BlockMatrixShape& shape) {
  const size_t num_blocks = NumBlocks(shape);
  return kHeadBytes + (num_blocks + 1) / 2 * 2 * kScaleBytes + num_blocks * BlockBytes(shape);
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
    uint8_t* pair = blocks + b / 2 * 2 * (kScaleBytes + BlockBytes(shape));
    std::memcpy(pair + b % 2 * kScaleBytes + lane * sizeof(uint16_t), scales + b, sizeof(uint16_t));
    PackNibbleUnits(nibbles + b * shape.block_size / 2, shape.block_size, lane,
                    pair + 2 * kScaleBytes + b % 2 * BlockBytes(shape));
  }
}

}  // namespace

size_t BlockMatrixBytes(const BlockMatrixShape& shape) {
  return (shape.num_outputs + kTileOutputs - 1) / kTileOutputs * TileBytes(shape);
}

void PackBlockMatrix(const PackBlockMatrixArgs& args) {
  const BlockMatrixShape& shape = args.shape;
  auto* packed = static_cast<uint8_t*>(args.packed);
  for (size_t first = 0; first < shape.num_outputs; first += kTileOutputs) {
    uint8_t* tile = packed + first / kTileOutputs * TileBytes(shape);
    auto* sums = reinterpret_cast<float*>(tile);
    float* bias = sums + kTileOutputs;
    // Outputs that don't exist have scales of 0.
    std::memset(tile, 0, TileBytes(shape));
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
  const auto* tile = static_cast<const uint8_t*>(packed) + index * TileBytes(shape);
  const auto* sums = reinterpret_cast<const float*>(tile);
  return {sums, sums + kTileOutputs, tile + kHeadBytes};
}

}  // namespace inkling::kernels
