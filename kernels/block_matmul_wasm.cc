// BlockMatmul in WebAssembly's SIMD, whose multiply-add takes pairs of 16-bit values: weights
// become 16 bits once for two rows, inputs once for eight outputs. A vector of sums holds two
// outputs in two parts each, which are added where a block ends.
//
// XNNPACK's matmuls of int4 in blocks are scalar there; its matmuls per channel are not, and
// faster than these.
#include <algorithm>
#include <cstring>

#include "kernels/block_matmul.h"
#include "kernels/dequantize.h"

#if defined(__wasm_simd128__)
#include <wasm_simd128.h>

namespace inkling::kernels {
namespace {

constexpr size_t kTileOutputs = kBlockTileOutputs;
// Half a tile goes through at a time: with two rows its sums take 8 vectors, and engines that run
// on 16 registers keep the weights in the others.
constexpr size_t kHalfOutputs = kTileOutputs / 2;
constexpr size_t kHalves = kHalfOutputs / 4;  // vectors of a value an output
constexpr size_t kSums = 2 * kHalves;         // vectors of sums in two parts
constexpr size_t kMaxTileRows = 2;            // 3 and 4 are slower by 4%

// The results of half a tile: a value an output.
struct HalfTile {
  v128_t values[kHalves];
};

// Adds a unit's weights for half a tile, at `unit`, times the inputs of kRows rows, `stride` bytes
// apart.
template <size_t kRows>
inline void AddUnit(const int8_t* input, size_t stride, const uint8_t* unit, v128_t* sums) {
  constexpr size_t kLines = 4;
  constexpr size_t kLineBytes = kUnitBytes / kLines;
  const v128_t low = wasm_i8x16_splat(15);
#pragma clang loop unroll(full)
  for (size_t i = 0; i < kLines; ++i) {
    const v128_t nibbles[2] = {wasm_v128_load(unit + i * kLineBytes),
                               wasm_v128_load(unit + i * kLineBytes + 16)};
#pragma clang loop unroll(full)
    for (size_t upper = 0; upper < 2; ++upper) {
      v128_t weights[kSums];
#pragma clang loop unroll(full)
      for (size_t v = 0; v < 2; ++v) {
        const v128_t bytes =
            upper == 0 ? wasm_v128_and(nibbles[v], low) : wasm_u8x16_shr(nibbles[v], 4);
        weights[2 * v] = wasm_u16x8_extend_low_u8x16(bytes);
        weights[2 * v + 1] = wasm_u16x8_extend_high_u8x16(bytes);
      }
#pragma clang loop unroll(full)
      for (size_t r = 0; r < kRows; ++r) {
        const int8_t* four = input + r * stride + 4 * i + upper * (kMatmulUnit / 2);
        const v128_t inputs = wasm_i16x8_extend_low_i8x16(wasm_v128_load32_splat(four));
#pragma clang loop unroll(full)
        for (size_t s = 0; s < kSums; ++s) {
          v128_t& sum = sums[r * kSums + s];
          sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(weights[s], inputs));
        }
      }
    }
  }
}

// The sums of one row, whose parts are added up, and `offset`.
inline HalfTile Joined(const v128_t* sums, v128_t offset) {
  HalfTile joined;
  for (size_t v = 0; v < kHalves; ++v) {
    const v128_t a = sums[2 * v];
    const v128_t b = sums[2 * v + 1];
    const v128_t parts =
        wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 2, 4, 6), wasm_i32x4_shuffle(a, b, 1, 3, 5, 7));
    joined.values[v] = wasm_i32x4_add(parts, offset);
  }
  return joined;
}

// Writes the first `count` values.
inline void Store(const HalfTile& half, size_t count, float* output) {
  if (count >= kHalfOutputs) {
    for (size_t v = 0; v < kHalves; ++v) wasm_v128_store(output + 4 * v, half.values[v]);
  } else {
    std::memcpy(output, half.values, count * sizeof(float));
  }
}

// bf16 to f32, of half a tile.
inline HalfTile LoadScales(const uint8_t* scales) {
  const v128_t bits = wasm_v128_load(scales);
  return {{wasm_i32x4_shl(wasm_u32x4_extend_low_u16x8(bits), 16),
           wasm_i32x4_shl(wasm_u32x4_extend_high_u16x8(bits), 16)}};
}

// Rows [first_row, first_row + kRows) of outputs [first_output, first_output + count), half of
// `tile` or less.
template <size_t kRows>
void MultiplyHalf(const BlockMatmulArgs& args, const BlockTile& tile, size_t first_row,
                  size_t first_output, size_t count) {
  const size_t half = first_output % kTileOutputs / kHalfOutputs;
  const size_t num_units = args.shape.num_inputs / kMatmulUnit;
  const size_t block_units = args.shape.block_size / kMatmulUnit;
  const int8_t* input = args.input + first_row * args.input_stride;
  const QuantizationParams* params = args.params + first_row;
  const int32_t* unit_sums = args.unit_sums + first_row;
  HalfTile sums[kRows];
  for (size_t r = 0; r < kRows; ++r) {
    const v128_t zero_point = wasm_f32x4_splat(static_cast<float>(-params[r].zero_point));
    for (size_t v = 0; v < kHalves; ++v) {
      const v128_t weights = wasm_v128_load(tile.sums + half * kHalfOutputs + 4 * v);
      sums[r].values[v] = wasm_f32x4_mul(weights, zero_point);
    }
  }
  const uint8_t* next = tile.blocks;
  for (size_t pair = 0; pair < num_units; pair += 2 * block_units) {
    const uint8_t* scales = next + half * kHalfOutputs * sizeof(uint16_t);
    next += 2 * kScaleBytes;
    const size_t pair_end = std::min(pair + 2 * block_units, num_units);
    for (size_t block = pair; block < pair_end; block += block_units, scales += kScaleBytes) {
      v128_t integers[kRows * kSums] = {};
      int32_t offsets[kRows] = {};
      for (size_t u = block; u < block + block_units; ++u, next += kUnitBytes) {
        AddUnit<kRows>(input + u * kMatmulUnit, args.input_stride, next + half * 32, integers);
        for (size_t r = 0; r < kRows; ++r) offsets[r] += unit_sums[u * args.unit_sum_stride + r];
      }
      const HalfTile scale = LoadScales(scales);
      for (size_t r = 0; r < kRows; ++r) {
        const HalfTile joined = Joined(integers + r * kSums, wasm_i32x4_splat(offsets[r]));
        for (size_t v = 0; v < kHalves; ++v) {
          const v128_t value = wasm_f32x4_convert_i32x4(joined.values[v]);
          sums[r].values[v] =
              wasm_f32x4_add(sums[r].values[v], wasm_f32x4_mul(value, scale.values[v]));
        }
      }
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    HalfTile result;
    for (size_t v = 0; v < kHalves; ++v) {
      const v128_t bias = wasm_v128_load(tile.bias + half * kHalfOutputs + 4 * v);
      const v128_t scaled = wasm_f32x4_mul(sums[r].values[v], wasm_f32x4_splat(params[r].scale));
      result.values[v] = wasm_f32x4_add(scaled, bias);
    }
    Store(result, count, args.output + (first_row + r) * args.output_stride + first_output);
  }
}

// All rows through one half of a tile before the next: its weights stay in the first cache level.
void MultiplyTile(const BlockMatmulArgs& args, const BlockTile& tile, size_t first_output) {
  const size_t end = std::min(first_output + kTileOutputs, args.shape.num_outputs);
  for (size_t n = first_output; n < end; n += kHalfOutputs) {
    const size_t count = std::min(kHalfOutputs, end - n);
    size_t r = 0;
    for (; r + kMaxTileRows <= args.num_rows; r += kMaxTileRows) {
      MultiplyHalf<kMaxTileRows>(args, tile, r, n, count);
    }
    if (r < args.num_rows) MultiplyHalf<1>(args, tile, r, n, count);
  }
}

}  // namespace

bool HasBlockMatmul() { return true; }

void SumUnits(const SumUnitsArgs& args) {
  for (size_t r = 0; r < args.num_rows; ++r) {
    const int8_t* row = args.rows + r * args.row_stride;
    for (size_t u = 0; u < args.dim / kMatmulUnit; ++u, row += kMatmulUnit) {
      const v128_t sixteen =
          wasm_i16x8_add(wasm_i16x8_extadd_pairwise_i8x16(wasm_v128_load(row)),
                         wasm_i16x8_extadd_pairwise_i8x16(wasm_v128_load(row + 16)));
      const v128_t four = wasm_i32x4_extadd_pairwise_i16x8(sixteen);
      const int32_t sum = wasm_i32x4_extract_lane(four, 0) + wasm_i32x4_extract_lane(four, 1) +
                          wasm_i32x4_extract_lane(four, 2) + wasm_i32x4_extract_lane(four, 3);
      args.sums[u * args.sum_stride + r] = -kInt4ZeroPoint * sum;
    }
  }
}

void BlockMatmul(const BlockMatmulArgs& args) {
  for (size_t n = 0; n < args.shape.num_outputs; n += kTileOutputs) {
    MultiplyTile(args, BlockTileAt(args.shape, args.packed, n / kTileOutputs), n);
  }
}

}  // namespace inkling::kernels

#endif  // __wasm_simd128__
