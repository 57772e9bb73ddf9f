// The packed form that I8mmMatmul reads, written once when a model is opened, and the order of its
// rows, written once per input; see i8mm_matmul.h for both.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/convert.h"
#include "kernels/dequantize.h"
#include "kernels/i8mm_layout.h"
#include "kernels/i8mm_matmul.h"

namespace inkling::kernels {
namespace {

// One output's weights, whatever they are stored as.
class OutputWeights {
 public:
  OutputWeights(const PackI8mmMatrixArgs& args, size_t output)
      : weights_(args.shape.weights),
        values_(args.values + output * args.shape.num_inputs / (IsInt4() ? 2 : 1)) {}

  int At(size_t input) const {
    if (!IsInt4()) return static_cast<int8_t>(values_[input]);
    const uint8_t both = values_[input / 2];
    return (input % 2 == 0 ? both & 15 : both >> 4) - kInt4ZeroPoint;
  }

  // Of inputs [first, end), as often as the matmul counts them.
  int32_t Sum(size_t first, size_t end) const {
    int32_t sum = 0;
    for (size_t i = first; i < end; ++i) sum += At(i);
    return IsInt4() ? kI8mmInt4Factor * sum : sum;
  }

 private:
  bool IsInt4() const { return weights_ == I8mmWeights::kInt4; }

  I8mmWeights weights_;
  const uint8_t* values_;
};

// Writes output `lane` of the unit of 32 inputs that begins with `first`.
void PackUnit(const OutputWeights& weights, I8mmWeights type, size_t first, size_t lane,
              uint8_t* unit) {
  uint8_t* vector = unit + lane / 2 * kI8mmVectorBytes + lane % 2 * kI8mmPairInputs;
  for (size_t k = 0; k < kI8mmUnit; ++k) {
    const size_t step = k / kI8mmPairInputs;
    const auto weight = static_cast<uint8_t>(weights.At(first + k));
    if (type == I8mmWeights::kInt8) {
      vector[step * kI8mmRowBytes + k % kI8mmPairInputs] = weight;
    } else {
      uint8_t& byte = vector[step / 2 * kI8mmRowBytes + k % kI8mmPairInputs];
      byte = static_cast<uint8_t>(byte | (step % 2 == 0 ? weight & 15 : weight << 4));
    }
  }
}

// Writes output `lane` of a tile whose outputs have one scale each.
void PackScaledOutput(const PackI8mmMatrixArgs& args, size_t output, size_t lane, uint8_t* tile) {
  const I8mmMatrixShape& shape = args.shape;
  const OutputWeights weights(args, output);
  auto* sums = reinterpret_cast<int32_t*>(tile);
  auto* scales = reinterpret_cast<float*>(tile + kI8mmTileOutputs * sizeof(int32_t));
  const auto factor = static_cast<float>(I8mmScaleFactor(shape));
  sums[lane] = weights.Sum(0, shape.num_inputs);
  scales[lane] = args.output_scales[output] / factor;
  if (args.bias != nullptr) scales[kI8mmTileOutputs + lane] = args.bias[output];
  uint8_t* unit = tile + I8mmHeadBytes(shape);
  for (size_t k = 0; k < shape.num_inputs; k += kI8mmUnit, unit += I8mmUnitBytes(shape.weights)) {
    PackUnit(weights, shape.weights, k, lane, unit);
  }
}

// Writes output `lane` of a tile whose outputs have one scale a block.
void PackBlockOutput(const PackI8mmMatrixArgs& args, size_t output, size_t lane, uint8_t* tile) {
  const I8mmMatrixShape& shape = args.shape;
  const OutputWeights weights(args, output);
  const size_t num_blocks = shape.num_inputs / shape.block_size;
  const uint16_t* scales = args.block_scales + output * num_blocks;
  uint8_t* next = tile + I8mmHeadBytes(shape);
  double sum = 0;
  for (size_t b = 0; b < num_blocks; ++b) {
    const size_t first = b * shape.block_size;
    const size_t end = first + shape.block_size;
    sum += static_cast<double>(Bf16Value(scales[b])) * weights.Sum(first, end);
    std::memcpy(next + lane * sizeof(uint16_t), scales + b, sizeof(uint16_t));
    next += kI8mmBlockScaleBytes;
    for (size_t k = first; k < end; k += kI8mmUnit, next += I8mmUnitBytes(shape.weights)) {
      PackUnit(weights, shape.weights, k, lane, next);
    }
  }
  auto* sums = reinterpret_cast<float*>(tile);
  sums[lane] = static_cast<float>(sum);
  if (args.bias != nullptr) sums[kI8mmTileOutputs + lane] = args.bias[output];
}

}  // namespace

size_t I8mmMatrixBytes(const I8mmMatrixShape& shape) {
  const size_t tiles = (shape.num_outputs + kI8mmTileOutputs - 1) / kI8mmTileOutputs;
  return (tiles * I8mmTileBytes(shape) + 63) / 64 * 64;
}

void PackI8mmMatrix(const PackI8mmMatrixArgs& args) {
  auto* packed = static_cast<uint8_t*>(args.packed);
  std::memset(packed, 0, I8mmMatrixBytes(args.shape));  // outputs that don't exist have scales of 0
  for (size_t output = 0; output < args.shape.num_outputs; ++output) {
    uint8_t* tile = packed + output / kI8mmTileOutputs * I8mmTileBytes(args.shape);
    const size_t lane = output % kI8mmTileOutputs;
    if (args.shape.block_size == 0) {
      PackScaledOutput(args, output, lane, tile);
    } else {
      PackBlockOutput(args, output, lane, tile);
    }
  }
}

void InterleaveRows(const InterleaveRowsArgs& args) {
  for (size_t r = 0; r < args.num_rows; ++r) {
    const int8_t* row = args.rows + r * args.row_stride;
    const size_t index = args.first_row + r;
    int8_t* place = args.pairs + index / 2 * I8mmPairStride(args.dim) + index % 2 * kI8mmPairInputs;
    for (size_t k = 0; k < args.dim; k += kI8mmPairInputs) {
      std::memcpy(place + 2 * k, row + k, kI8mmPairInputs);
    }
  }
}

}  // namespace inkling::kernels
