// BlockProduct in AVX-512 intrinsics: vpdpbusd takes its signed operand, here 4 activations for all
// lanes, from memory, which Highway's SumOfMulQuadAccumulate can't say.
//
// Twelve rows go through a tile of outputs at once: their sums take 12 registers, the integer sums
// of a unit 12, and its weights the rest, so that the compiler keeps a few elsewhere; measured
// faster than fewer rows, or integer sums of 4 or 6 rows at a time (400 Gop/s on one core against
// 390, 367 and 388). Products of a unit are exact in 32 bits, and each row adds its units in order,
// whatever rows there are beside it.
#include "kernels/block_product.h"

#include <algorithm>
#include <cstring>

#include "kernels/avx512_vnni.h"
#include "kernels/dequantize.h"

namespace inkling::kernels {

#if INKLING_HAS_AVX512_VNNI

namespace {

constexpr size_t kTileOutputs = kBlockTileOutputs;
constexpr size_t kMaxTileRows = 12;
constexpr size_t kUnitVectors = 8;  // of 4 inputs x 16 outputs, a byte each

// bf16 to f32.
INKLING_AVX512_INLINE __m512 LoadScales(const uint8_t* scales) {
  const __m256i bits = _mm256_load_si256(reinterpret_cast<const __m256i*>(scales));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

// One row tile's input, from its first row on.
struct RowTile {
  const int8_t* input;
  size_t input_stride;
  const int32_t* unit_sums;
  size_t num_units;
};

// Adds scale * (unit of weights x the unit's inputs) to the sums of kRows rows.
template <size_t kRows>
INKLING_AVX512_INLINE void AddUnit(const RowTile& rows, size_t index, const uint8_t* unit,
                                   __m512 scale, __m512* sums) {
  const __m512i low = _mm512_set1_epi8(15);
  __m512i weights[kUnitVectors];
  INKLING_UNROLL
  for (size_t i = 0; i < kUnitVectors / 2; ++i) {
    const __m512i nibbles = _mm512_load_si512(unit + 64 * i);
    weights[i] = _mm512_and_si512(nibbles, low);
    weights[i + kUnitVectors / 2] = _mm512_and_si512(_mm512_srli_epi16(nibbles, 4), low);
  }
  const int8_t* input = rows.input + index * kProductUnit;
  __m512i products[kRows];
  INKLING_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    products[r] = BroadcastInt(rows.unit_sums + r * rows.num_units + index);
  }
  INKLING_UNROLL
  for (size_t i = 0; i < kUnitVectors; ++i) {
    INKLING_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      const int8_t* four = input + r * rows.input_stride + 4 * i;
      products[r] = _mm512_dpbusd_epi32(products[r], weights[i], BroadcastInt(four));
    }
  }
  INKLING_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    sums[r] = _mm512_fmadd_ps(scale, _mm512_cvtepi32_ps(products[r]), sums[r]);
  }
}

// Rows [first_row, first_row + kRows) of one tile's outputs, those in `mask`.
template <size_t kRows>
INKLING_AVX512_VNNI void MultiplyTile(const BlockProductArgs& args, const BlockTile& tile,
                                      size_t first_row, size_t first_output, __mmask16 mask) {
  const size_t num_units = args.shape.num_inputs / kProductUnit;
  const size_t block_units = args.shape.block_size / kProductUnit;
  const RowTile rows = {args.input + first_row * args.input_stride, args.input_stride,
                        args.unit_sums + first_row * num_units, num_units};
  const QuantizationParams* params = args.params + first_row;
  __m512 sums[kRows];
  const __m512 weight_sums = _mm512_load_ps(tile.sums);
  INKLING_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    const float zero_point = static_cast<float>(-params[r].zero_point);
    sums[r] = _mm512_mul_ps(weight_sums, _mm512_set1_ps(zero_point));
  }
  const uint8_t* next = tile.blocks;
  for (size_t pair = 0; pair < num_units; pair += 2 * block_units) {
    const uint8_t* scales = next;
    Prefetch(next);
    next += 2 * kScaleBytes;
    const size_t pair_end = std::min(pair + 2 * block_units, num_units);
    for (size_t block = pair; block < pair_end; block += block_units, scales += kScaleBytes) {
      const __m512 scale = LoadScales(scales);
      for (size_t u = block; u < block + block_units; ++u, next += kUnitBytes) {
        INKLING_UNROLL
        for (size_t line = 0; line < kUnitBytes; line += 64) Prefetch(next + line);
        AddUnit<kRows>(rows, u, next, scale, sums);
      }
    }
  }
  const __m512 bias = _mm512_load_ps(tile.bias);
  float* output = args.output + first_row * args.output_stride + first_output;
  INKLING_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    const __m512 result = _mm512_fmadd_ps(_mm512_set1_ps(params[r].scale), sums[r], bias);
    _mm512_mask_storeu_ps(output + r * args.output_stride, mask, result);
  }
}

using MultiplyTileFunction = void (*)(const BlockProductArgs&, const BlockTile&, size_t, size_t,
                                      __mmask16);
constexpr MultiplyTileFunction kMultiplyTile[kMaxTileRows + 1] = {
    nullptr,          MultiplyTile<1>,  MultiplyTile<2>, MultiplyTile<3>, MultiplyTile<4>,
    MultiplyTile<5>,  MultiplyTile<6>,  MultiplyTile<7>, MultiplyTile<8>, MultiplyTile<9>,
    MultiplyTile<10>, MultiplyTile<11>, MultiplyTile<12>};

}  // namespace

bool HasBlockProduct() {
  return (hwy::SupportedTargets() & (HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR)) != 0;
}

INKLING_AVX512_VNNI void SumUnits(const SumUnitsArgs& args) {
  const __m256i weights = _mm256_set1_epi8(kInt4ZeroPoint);
  const size_t num_units = args.dim / kProductUnit;
  for (size_t r = 0; r < args.num_rows; ++r) {
    const int8_t* row = args.rows + r * args.row_stride;
    for (size_t u = 0; u < num_units; ++u) {
      const auto* unit = reinterpret_cast<const __m256i*>(row + u * kProductUnit);
      const __m256i eight =
          _mm256_dpbusd_epi32(_mm256_setzero_si256(), weights, _mm256_loadu_si256(unit));
      __m128i sum =
          _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
      sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
      sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
      args.sums[r * num_units + u] = -_mm_cvtsi128_si32(sum);
    }
  }
}

void BlockProduct(const BlockProductArgs& args) {
  // Row tiles of equal height: a last one of few rows would read all weights for little.
  const size_t num_row_tiles = (args.num_rows + kMaxTileRows - 1) / kMaxTileRows;
  for (size_t t = 0; t < num_row_tiles; ++t) {
    const size_t first = args.num_rows * t / num_row_tiles;
    const size_t end = args.num_rows * (t + 1) / num_row_tiles;
    const MultiplyTileFunction multiply = kMultiplyTile[end - first];
    for (size_t n = 0; n < args.shape.num_outputs; n += kTileOutputs) {
      const size_t count = std::min(kTileOutputs, args.shape.num_outputs - n);
      multiply(args, BlockTileAt(args.shape, args.packed, n / kTileOutputs), first, n,
               static_cast<__mmask16>((1u << count) - 1));
    }
  }
}

#else

bool HasBlockProduct() { return false; }
void SumUnits(const SumUnitsArgs&) {}
void BlockProduct(const BlockProductArgs&) {}

#endif

}  // namespace inkling::kernels
