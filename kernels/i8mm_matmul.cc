// I8mmMatmul in NEON intrinsics: Highway has no smmla.
//
// Four pairs of rows go through a tile of outputs at once. With one scale an output, the 16 vectors
// of integer sums of 8 rows x 8 outputs stay in registers from the first input to the last. With
// blocks, float sums have to stay there too, so more than 4 rows go through half a tile at a time.
// Sums of a block are exact in 32 bits, and each result adds its blocks in order, whatever rows
// there are beside it.
#include "kernels/i8mm_matmul.h"

#include "kernels/compiled_targets.h"
// After compiled_targets.h.
#include "hwy/highway.h"

// Clang before 17 declares I8MM's intrinsics only where the whole file may use them.
#if HWY_ARCH_ARM_A64 && HWY_IS_LITTLE_ENDIAN && \
    ((defined(__clang__) && __clang_major__ >= 17) || (!defined(__clang__) && defined(__GNUC__)))
#define INKLING_HAS_I8MM_MATMUL 1
#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif
#else
#define INKLING_HAS_I8MM_MATMUL 0
#endif

#include <algorithm>
#include <cstddef>

#include "kernels/i8mm_layout.h"

namespace inkling::kernels {

#if INKLING_HAS_I8MM_MATMUL

#if defined(__clang__)
#define INKLING_I8MM __attribute__((target("i8mm")))
#define INKLING_UNROLL _Pragma("clang loop unroll(full)")
#else
#define INKLING_I8MM __attribute__((target("arch=armv8.2-a+i8mm")))
#define INKLING_UNROLL _Pragma("GCC unroll 8")
#endif
#define INKLING_I8MM_INLINE INKLING_I8MM __attribute__((always_inline)) inline

namespace {

constexpr size_t kMaxRowPairs = 4;

// Integer sums of pairs of rows x pairs of outputs: {even row, odd row} x {even, odd output}.
template <size_t kRowPairs, size_t kOutputPairs>
struct Sums {
  int32x4_t of[kRowPairs][kOutputPairs];
};

// Adds 16 inputs: of each pair of rows 8 with `low` and the next 8 with `high`.
template <size_t kRowPairs, size_t kOutputPairs>
INKLING_I8MM_INLINE void AddInputs(const int8_t* pairs, size_t pair_stride, const int8x16_t* low,
                                   const int8x16_t* high, Sums<kRowPairs, kOutputPairs>& sums) {
  INKLING_UNROLL
  for (size_t r = 0; r < kRowPairs; ++r) {
    const int8x16_t first = vld1q_s8(pairs + r * pair_stride);
    const int8x16_t second = vld1q_s8(pairs + r * pair_stride + kI8mmVectorBytes);
    INKLING_UNROLL
    for (size_t p = 0; p < kOutputPairs; ++p) {
      sums.of[r][p] = vmmlaq_s32(sums.of[r][p], first, low[p]);
    }
    INKLING_UNROLL
    for (size_t p = 0; p < kOutputPairs; ++p) {
      sums.of[r][p] = vmmlaq_s32(sums.of[r][p], second, high[p]);
    }
  }
}

// Adds one unit of 32 inputs; `unit` is that of the first pair of outputs.
template <I8mmWeights kWeights, size_t kRowPairs, size_t kOutputPairs>
INKLING_I8MM_INLINE void AddUnit(const int8_t* pairs, size_t pair_stride, const int8_t* unit,
                                 Sums<kRowPairs, kOutputPairs>& sums) {
  INKLING_UNROLL
  for (size_t half = 0; half < 2; ++half) {
    int8x16_t low[kOutputPairs];
    int8x16_t high[kOutputPairs];
    INKLING_UNROLL
    for (size_t p = 0; p < kOutputPairs; ++p) {
      if constexpr (kWeights == I8mmWeights::kInt8) {
        const int8_t* vector = unit + 2 * half * kI8mmRowBytes + p * kI8mmVectorBytes;
        low[p] = vld1q_s8(vector);
        high[p] = vld1q_s8(vector + kI8mmRowBytes);
      } else {
        const int8x16_t both = vld1q_s8(unit + half * kI8mmRowBytes + p * kI8mmVectorBytes);
        low[p] = vshlq_n_s8(both, 4);
        high[p] = vandq_s8(both, vdupq_n_s8(static_cast<int8_t>(0xF0)));
      }
    }
    AddInputs(pairs + 2 * half * kI8mmVectorBytes, pair_stride, low, high, sums);
  }
}

// Halves of two vectors of two numbers each, that is of numbers of 64 bits.
INKLING_I8MM_INLINE float32x4_t LowHalves(float32x4_t a, float32x4_t b) {
  return vreinterpretq_f32_f64(vzip1q_f64(vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(b)));
}
INKLING_I8MM_INLINE float32x4_t HighHalves(float32x4_t a, float32x4_t b) {
  return vreinterpretq_f32_f64(vzip2q_f64(vreinterpretq_f64_f32(a), vreinterpretq_f64_f32(b)));
}
INKLING_I8MM_INLINE int32x4_t LowHalves(int32x4_t a, int32x4_t b) {
  return vreinterpretq_s32_s64(vzip1q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}
INKLING_I8MM_INLINE int32x4_t HighHalves(int32x4_t a, int32x4_t b) {
  return vreinterpretq_s32_s64(vzip2q_s64(vreinterpretq_s64_s32(a), vreinterpretq_s64_s32(b)));
}

// Outputs {a, b} of four, for the two rows of a pair: {a, b, a, b}; `half` is which two.
template <typename Vector>
INKLING_I8MM_INLINE Vector TwoOutputs(Vector four, size_t half) {
  return half == 0 ? LowHalves(four, four) : HighHalves(four, four);
}

// Rows that go through the matrix together, from an even one on.
struct RowTile {
  const int8_t* pairs;
  size_t pair_stride;
  const QuantizationParams* params;  // of whole pairs
};

// {zero point, scale} of two rows.
INKLING_I8MM_INLINE int32x4_t ParamsOfPair(const RowTile& rows, size_t pair) {
  static_assert(sizeof(QuantizationParams) == 8 && offsetof(QuantizationParams, scale) == 4);
  return vld1q_s32(&rows.params[2 * pair].zero_point);
}
INKLING_I8MM_INLINE int32x4_t ZeroPointsOf(const RowTile& rows, size_t pair) {
  const int32x4_t params = ParamsOfPair(rows, pair);
  return vtrn1q_s32(params, params);
}
// Where the results of a tile go: 8 outputs of each row, rows `stride` floats apart.
struct TileOutput {
  float* values;
  size_t stride;
};

// A tile of one scale an output; kRows is 1 or even.
template <I8mmWeights kWeights, size_t kRows>
INKLING_I8MM void MultiplyTile(const I8mmMatrixShape& shape, const uint8_t* tile,
                               const RowTile& rows, const TileOutput& output) {
  constexpr size_t kRowPairs = (kRows + 1) / 2;
  const auto* weight_sums = reinterpret_cast<const int32_t*>(tile);
  Sums<kRowPairs, kI8mmTilePairs> sums;
  INKLING_UNROLL
  for (size_t p = 0; p < kI8mmTilePairs; ++p) {
    const int32x4_t two = vnegq_s32(TwoOutputs(vld1q_s32(weight_sums + p / 2 * 4), p % 2));
    INKLING_UNROLL
    for (size_t r = 0; r < kRowPairs; ++r) {
      sums.of[r][p] = vmulq_s32(two, ZeroPointsOf(rows, r));
    }
  }
  const int8_t* pairs = rows.pairs;
  const auto* unit = reinterpret_cast<const int8_t*>(tile + I8mmHeadBytes(shape));
  for (const int8_t* end = pairs + 2 * shape.num_inputs; pairs != end; pairs += 2 * kI8mmUnit) {
    AddUnit<kWeights>(pairs, rows.pair_stride, unit, sums);
    unit += I8mmUnitBytes(kWeights);
  }
  const auto* scales = reinterpret_cast<const float*>(weight_sums + kI8mmTileOutputs);
  INKLING_UNROLL
  for (size_t lane = 0; lane < kI8mmTileOutputs; lane += 4) {
    const float32x4_t four_scales = vld1q_f32(scales + lane);
    const float32x4_t bias = vld1q_f32(scales + kI8mmTileOutputs + lane);
    INKLING_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const float32x4_t params = vreinterpretq_f32_s32(ParamsOfPair(rows, r / 2));
      const int32x4_t* two = sums.of[r / 2] + lane / 2;
      const float32x4_t sum =
          vcvtq_f32_s32(r % 2 == 0 ? LowHalves(two[0], two[1]) : HighHalves(two[0], two[1]));
      const float32x4_t scaled =
          r % 2 == 0 ? vmulq_laneq_f32(sum, params, 1) : vmulq_laneq_f32(sum, params, 3);
      vst1q_f32(output.values + r * output.stride + lane, vfmaq_f32(bias, scaled, four_scales));
    }
  }
}

// Adds the units of one block, kBlockUnits or, where that is 0, as many as `shape` says.
template <size_t kBlockUnits, size_t kRowPairs, size_t kOutputPairs>
INKLING_I8MM_INLINE void AddBlock(const I8mmMatrixShape& shape, const RowTile& rows,
                                  const int8_t*& pairs, const uint8_t*& units,
                                  Sums<kRowPairs, kOutputPairs>& sums) {
  const size_t count = kBlockUnits != 0 ? kBlockUnits : shape.block_size / kI8mmUnit;
  for (size_t u = 0; u < count; ++u) {
    AddUnit<I8mmWeights::kInt4>(pairs, rows.pair_stride, reinterpret_cast<const int8_t*>(units),
                                sums);
    units += I8mmUnitBytes(I8mmWeights::kInt4);
    pairs += 2 * kI8mmUnit;
  }
}

// Four outputs' scales of a block, as floats.
INKLING_I8MM_INLINE float32x4_t BlockScales(const uint8_t* scales) {
  const uint16x4_t bits = vld1_u16(reinterpret_cast<const uint16_t*>(scales));
  return vreinterpretq_f32_u32(vshll_n_u16(bits, 16));
}

// What int4 sums count too often.
constexpr float kInt4Part = 0.0625f;

// Outputs [kLane, kLane + 2 * kOutputPairs) of a tile of one scale a block.
template <size_t kBlockUnits, size_t kRowPairs, size_t kOutputPairs, size_t kLane>
INKLING_I8MM void MultiplyBlocks(const I8mmMatrixShape& shape, const uint8_t* tile,
                                 const RowTile& rows, const TileOutput& output) {
  const auto* weight_sums = reinterpret_cast<const float*>(tile) + kLane;
  float32x4_t results[kRowPairs][kOutputPairs];
  INKLING_UNROLL
  for (size_t p = 0; p < kOutputPairs; ++p) {
    const float32x4_t two = vnegq_f32(TwoOutputs(vld1q_f32(weight_sums + p / 2 * 4), p % 2));
    INKLING_UNROLL
    for (size_t r = 0; r < kRowPairs; ++r) {
      results[r][p] = vmulq_f32(two, vcvtq_f32_s32(ZeroPointsOf(rows, r)));
    }
  }
  constexpr size_t kLaneBytes = kLane / 2 * kI8mmVectorBytes;
  const int8_t* pairs = rows.pairs;
  const int8_t* end = pairs + 2 * shape.num_inputs;
  for (const uint8_t* next = tile + I8mmHeadBytes(shape) + kLaneBytes; pairs != end;) {
    const uint8_t* scales = next - kLaneBytes + kLane * sizeof(uint16_t);
    next += kI8mmBlockScaleBytes;
    Sums<kRowPairs, kOutputPairs> sums = {};
    AddBlock<kBlockUnits>(shape, rows, pairs, next, sums);
    INKLING_UNROLL
    for (size_t p = 0; p < kOutputPairs; ++p) {
      const float32x4_t two = TwoOutputs(BlockScales(scales + p / 2 * 4 * sizeof(uint16_t)), p % 2);
      INKLING_UNROLL
      for (size_t r = 0; r < kRowPairs; ++r) {
        results[r][p] = vfmaq_f32(results[r][p], vcvtq_f32_s32(sums.of[r][p]), two);
      }
    }
  }
  const float* bias = reinterpret_cast<const float*>(tile) + kI8mmTileOutputs + kLane;
  INKLING_UNROLL
  for (size_t p = 0; p < kOutputPairs; p += 2) {
    const float32x4_t four = vld1q_f32(bias + 2 * p);
    INKLING_UNROLL
    for (size_t r = 0; r < kRowPairs; ++r) {
      const float32x4_t scales =
          vmulq_n_f32(vreinterpretq_f32_s32(ParamsOfPair(rows, r)), kInt4Part);
      const float32x4_t even = LowHalves(results[r][p], results[r][p + 1]);
      const float32x4_t odd = HighHalves(results[r][p], results[r][p + 1]);
      float* place = output.values + 2 * r * output.stride + kLane + 2 * p;
      vst1q_f32(place, vfmaq_laneq_f32(four, even, scales, 1));
      vst1q_f32(place + output.stride, vfmaq_laneq_f32(four, odd, scales, 3));
    }
  }
}

// A tile of one scale a block times a row alone: only sums of the pair's even row become floats.
template <size_t kBlockUnits>
INKLING_I8MM void MultiplyBlocksByOneRow(const I8mmMatrixShape& shape, const uint8_t* tile,
                                         const RowTile& rows, const TileOutput& output) {
  constexpr size_t kVectors = kI8mmTileOutputs / 4;
  const auto* weight_sums = reinterpret_cast<const float*>(tile);
  const float zero_point = static_cast<float>(rows.params[0].zero_point);
  float32x4_t results[kVectors];
  INKLING_UNROLL
  for (size_t i = 0; i < kVectors; ++i) {
    results[i] = vmulq_n_f32(vnegq_f32(vld1q_f32(weight_sums + 4 * i)), zero_point);
  }
  const int8_t* pairs = rows.pairs;
  const int8_t* end = pairs + 2 * shape.num_inputs;
  for (const uint8_t* next = tile + I8mmHeadBytes(shape); pairs != end;) {
    const uint8_t* scales = next;
    next += kI8mmBlockScaleBytes;
    Sums<1, kI8mmTilePairs> sums = {};
    AddBlock<kBlockUnits>(shape, rows, pairs, next, sums);
    INKLING_UNROLL
    for (size_t i = 0; i < kVectors; ++i) {
      const int32x4_t sum = LowHalves(sums.of[0][2 * i], sums.of[0][2 * i + 1]);
      results[i] =
          vfmaq_f32(results[i], vcvtq_f32_s32(sum), BlockScales(scales + 4 * i * sizeof(uint16_t)));
    }
  }
  INKLING_UNROLL
  for (size_t i = 0; i < kVectors; ++i) {
    const float32x4_t bias = vld1q_f32(weight_sums + kI8mmTileOutputs + 4 * i);
    vst1q_f32(output.values + 4 * i,
              vfmaq_n_f32(bias, results[i], rows.params[0].scale * kInt4Part));
  }
}

template <size_t kBlockUnits, size_t kRows>
INKLING_I8MM void MultiplyTileOfBlocks(const I8mmMatrixShape& shape, const uint8_t* tile,
                                       const RowTile& rows, const TileOutput& output) {
  if constexpr (kRows == 1) {
    MultiplyBlocksByOneRow<kBlockUnits>(shape, tile, rows, output);
  } else if constexpr (kRows <= 4) {
    MultiplyBlocks<kBlockUnits, kRows / 2, kI8mmTilePairs, 0>(shape, tile, rows, output);
  } else {
    constexpr size_t kHalf = kI8mmTileOutputs / 2;
    MultiplyBlocks<kBlockUnits, kRows / 2, kHalf / 2, 0>(shape, tile, rows, output);
    MultiplyBlocks<kBlockUnits, kRows / 2, kHalf / 2, kHalf>(shape, tile, rows, output);
  }
}

using MultiplyFunction = void (*)(const I8mmMatrixShape&, const uint8_t*, const RowTile&,
                                  const TileOutput&);

// For 1 row, or for 2, 4, 6 and 8.
constexpr size_t kNumFunctions = kMaxRowPairs + 1;
template <I8mmWeights kWeights>
constexpr MultiplyFunction kMultiplyTile[kNumFunctions] = {
    MultiplyTile<kWeights, 1>, MultiplyTile<kWeights, 2>, MultiplyTile<kWeights, 4>,
    MultiplyTile<kWeights, 6>, MultiplyTile<kWeights, 8>};
template <size_t kBlockUnits>
constexpr MultiplyFunction kMultiplyTileOfBlocks[kNumFunctions] = {
    MultiplyTileOfBlocks<kBlockUnits, 1>, MultiplyTileOfBlocks<kBlockUnits, 2>,
    MultiplyTileOfBlocks<kBlockUnits, 4>, MultiplyTileOfBlocks<kBlockUnits, 6>,
    MultiplyTileOfBlocks<kBlockUnits, 8>};

MultiplyFunction FunctionFor(size_t num_rows, const I8mmMatrixShape& shape) {
  const size_t index = num_rows == 1 ? 0 : (num_rows + 1) / 2;
  if (shape.block_size == kI8mmUnit) return kMultiplyTileOfBlocks<1>[index];
  if (shape.block_size != 0) return kMultiplyTileOfBlocks<0>[index];
  return shape.weights == I8mmWeights::kInt4 ? kMultiplyTile<I8mmWeights::kInt4>[index]
                                             : kMultiplyTile<I8mmWeights::kInt8>[index];
}

// Rows [first, first + num_rows), at most 8, through all outputs.
void MultiplyRows(const I8mmMatmulArgs& args, size_t first, size_t num_rows) {
  const I8mmMatrixShape& shape = args.shape;
  const MultiplyFunction multiply = FunctionFor(num_rows, shape);
  RowTile rows = {args.pairs + first / 2 * I8mmPairStride(shape.num_inputs),
                  I8mmPairStride(shape.num_inputs), args.params + first};
  // A row that doesn't exist has the parameters of the one before, and results that nobody reads.
  QuantizationParams params[2 * kMaxRowPairs];
  const bool lacks_row = num_rows % 2 != 0;
  if (lacks_row) {
    std::copy_n(rows.params, num_rows, params);
    params[num_rows] = params[num_rows - 1];
    rows.params = params;
  }
  const auto* tile = static_cast<const uint8_t*>(args.packed);
  for (size_t n = 0; n < shape.num_outputs; n += kI8mmTileOutputs, tile += I8mmTileBytes(shape)) {
    float* place = args.output + first * args.output_stride + n;
    const size_t count = std::min(kI8mmTileOutputs, shape.num_outputs - n);
    if (count == kI8mmTileOutputs && (num_rows == 1 || !lacks_row)) {
      multiply(shape, tile, rows, {place, args.output_stride});
      continue;
    }
    float whole[2 * kMaxRowPairs][kI8mmTileOutputs];
    multiply(shape, tile, rows, {whole[0], kI8mmTileOutputs});
    for (size_t r = 0; r < num_rows; ++r) {
      std::copy_n(whole[r], count, place + r * args.output_stride);
    }
  }
}

}  // namespace

bool HasI8mmMatmul() {
  // Highway asks for bf16, which came with I8MM; Linux can be asked for I8MM itself.
#if defined(__linux__)
  constexpr unsigned long kI8mm = 1ul << 13;  // HWCAP2_I8MM, which old headers lack
  if ((getauxval(AT_HWCAP2) & kI8mm) == 0) return false;
#endif
  return (hwy::SupportedTargets() & HWY_NEON_BF16) != 0;
}

void I8mmMatmul(const I8mmMatmulArgs& args) {
  const size_t num_pairs = (args.num_rows + 1) / 2;
  // Row tiles of equal height: a last one of few rows would read all weights for little.
  const size_t num_row_tiles = (num_pairs + kMaxRowPairs - 1) / kMaxRowPairs;
  for (size_t t = 0; t < num_row_tiles; ++t) {
    const size_t first = 2 * (num_pairs * t / num_row_tiles);
    const size_t end = 2 * (num_pairs * (t + 1) / num_row_tiles);
    MultiplyRows(args, first, std::min(end, args.num_rows) - first);
  }
}

#else

bool HasI8mmMatmul() { return false; }
void I8mmMatmul(const I8mmMatmulArgs&) {}

#endif

}  // namespace inkling::kernels
