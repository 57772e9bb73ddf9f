// BlockMatmul in AVX-512 intrinsics. Fourteen rows go through a tile of outputs at once. The
// integer sums of a block lie in registers, the float sums, which are touched once a block, where
// the compiler likes: one core does 446, 432 and 406 Gop/s in blocks of 128, 64 and 32 (464 per
// channel); with 12 and 16 rows it is 444 and 440 in blocks of 128. Each row adds its blocks in
// order, whatever rows there are beside it.
#include "kernels/block_matmul.h"

#include <algorithm>
#include <cstring>

#include "kernels/avx512_vnni.h"
#include "kernels/dequantize.h"

namespace inkling::kernels {

#if INKLING_HAS_AVX512_VNNI

namespace {

constexpr size_t kTileOutputs = kBlockTileOutputs;
constexpr size_t kMaxTileRows = 14;

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
  size_t unit_sum_stride;
};

// Adds scale * (block of weights x the block's inputs) to the sums of kRows rows. The block is
// units [begin, end), whose weights lie at `unit`.
template <size_t kRows>
INKLING_AVX512_INLINE void AddBlock(const RowTile& rows, size_t begin, size_t end,
                                    const uint8_t* unit, __m512 scale, __m512* sums) {
  __m512i integers[kRows * kChains<kRows>];
  INKLING_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    integers[r] = BroadcastInt(rows.unit_sums + begin * rows.unit_sum_stride + r);
  }
  ClearOtherChains<kRows>(integers);
  for (size_t u = begin;; unit += kUnitBytes) {
    AddUnit<kRows>(rows.input + u * kMatmulUnit, rows.input_stride, unit, integers);
    if (++u == end) break;
    INKLING_UNROLL
    for (size_t r = 0; r < kRows; ++r) {
      integers[r] = _mm512_add_epi32(integers[r],
                                     BroadcastInt(rows.unit_sums + u * rows.unit_sum_stride + r));
    }
  }
  JoinChains<kRows>(integers);
  INKLING_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    sums[r] = _mm512_fmadd_ps(scale, _mm512_cvtepi32_ps(integers[r]), sums[r]);
  }
}

// Rows [first_row, first_row + kRows) of one tile's outputs, those in `mask`.
template <size_t kRows>
INKLING_AVX512_VNNI void MultiplyTile(const BlockMatmulArgs& args, const BlockTile& tile,
                                      size_t first_row, size_t first_output, __mmask16 mask) {
  const size_t num_units = args.shape.num_inputs / kMatmulUnit;
  const size_t block_units = args.shape.block_size / kMatmulUnit;
  const RowTile rows = {args.input + first_row * args.input_stride, args.input_stride,
                        args.unit_sums + first_row, args.unit_sum_stride};
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
      AddBlock<kRows>(rows, block, block + block_units, next, LoadScales(scales), sums);
      next += block_units * kUnitBytes;
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

using MultiplyTileFunction = void (*)(const BlockMatmulArgs&, const BlockTile&, size_t, size_t,
                                      __mmask16);
constexpr MultiplyTileFunction kMultiplyTile[kMaxTileRows + 1] = {
    nullptr,          MultiplyTile<1>,  MultiplyTile<2>,  MultiplyTile<3>,  MultiplyTile<4>,
    MultiplyTile<5>,  MultiplyTile<6>,  MultiplyTile<7>,  MultiplyTile<8>,  MultiplyTile<9>,
    MultiplyTile<10>, MultiplyTile<11>, MultiplyTile<12>, MultiplyTile<13>, MultiplyTile<14>};

}  // namespace

bool HasBlockMatmul() {
  return (hwy::SupportedTargets() & (HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR)) != 0;
}

INKLING_AVX512_VNNI void SumUnits(const SumUnitsArgs& args) {
  const __m256i weights = _mm256_set1_epi8(kInt4ZeroPoint);
  const size_t num_units = args.dim / kMatmulUnit;
  for (size_t r = 0; r < args.num_rows; ++r) {
    const int8_t* row = args.rows + r * args.row_stride;
    for (size_t u = 0; u < num_units; ++u) {
      const auto* unit = reinterpret_cast<const __m256i*>(row + u * kMatmulUnit);
      const __m256i eight =
          _mm256_dpbusd_epi32(_mm256_setzero_si256(), weights, _mm256_loadu_si256(unit));
      __m128i sum =
          _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
      sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
      sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
      args.sums[u * args.sum_stride + r] = -_mm_cvtsi128_si32(sum);
    }
  }
}

void BlockMatmul(const BlockMatmulArgs& args) {
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

#elif !defined(__wasm_simd128__)  // block_matmul_wasm.cc has another

bool HasBlockMatmul() { return false; }
void SumUnits(const SumUnitsArgs&) {}
void BlockMatmul(const BlockMatmulArgs&) {}

#endif

}  // namespace inkling::kernels
