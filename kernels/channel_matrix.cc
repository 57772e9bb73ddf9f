// The packed form that ChannelMatmul reads, written once when a model is opened; see
// channel_matmul.h for the layout.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "kernels/channel_matmul.h"
#include "kernels/dequantize.h"
#include "kernels/nibble_units.h"

namespace inkling::kernels {
namespace {

constexpr size_t kTileOutputs = kBlockTileOutputs;
constexpr size_t kHeadBytes = kTileOutputs * (sizeof(int32_t) + 2 * sizeof(float));

int32_t SumOfQuants(const uint8_t* nibbles, size_t num_inputs) {
  int32_t sum = 0;
  for (size_t i = 0; i < num_inputs / 2; ++i) sum += (nibbles[i] & 15) + (nibbles[i] >> 4);
  return sum - kInt4ZeroPoint * static_cast<int32_t>(num_inputs);
}

}  // namespace

size_t ChannelMatrixBytes(const ChannelMatrixShape& shape) {
  return (shape.num_outputs + kTileOutputs - 1) / kTileOutputs * ChannelTileBytes(shape);
}

size_t ChannelTileBytes(const ChannelMatrixShape& shape) {
  return kHeadBytes + kTileOutputs * shape.num_inputs / 2;
}

size_t ChannelWeightPlace(size_t lane, size_t input) {
  return 2 * kHeadBytes + NibblePlace(lane, input);
}

size_t ChannelScaleOffset(size_t lane) {
  return kTileOutputs * sizeof(int32_t) + lane * sizeof(float);
}

void PackChannelMatrix(const PackChannelMatrixArgs& args) {
  const ChannelMatrixShape& shape = args.shape;
  auto* tile = static_cast<uint8_t*>(args.packed);
  for (size_t first = 0; first < shape.num_outputs;
       first += kTileOutputs, tile += ChannelTileBytes(shape)) {
    auto* sums = reinterpret_cast<int32_t*>(tile);
    auto* scales = reinterpret_cast<float*>(sums + kTileOutputs);
    float* bias = scales + kTileOutputs;
    const size_t count = std::min(kTileOutputs, shape.num_outputs - first);
    // Outputs that don't exist have scales of 0, and weights that nobody needs to know.
    std::memset(tile, 0, count == kTileOutputs ? kHeadBytes : ChannelTileBytes(shape));
    for (size_t lane = 0; lane < count; ++lane) {
      const uint8_t* nibbles = args.nibbles + (first + lane) * shape.num_inputs / 2;
      PackNibbleUnits(nibbles, shape.num_inputs, lane, tile + kHeadBytes);
      sums[lane] = SumOfQuants(nibbles, shape.num_inputs);
      scales[lane] = args.scales[first + lane];
      if (args.bias != nullptr) bias[lane] = args.bias[first + lane];
    }
  }
}

ChannelTile ChannelTileAt(const ChannelMatrixShape& shape, const void* packed, size_t index) {
  const auto* tile = static_cast<const uint8_t*>(packed) + index * ChannelTileBytes(shape);
  const auto* sums = reinterpret_cast<const int32_t*>(tile);
  const auto* scales = reinterpret_cast<const float*>(sums + kTileOutputs);
  return {sums, scales, scales + kTileOutputs, tile + kHeadBytes};
}

}  // namespace inkling::kernels
