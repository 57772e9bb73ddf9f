// ChannelMatmul in AVX-512 intrinsics. Sixteen rows go through a tile of outputs at once, which
// leaves half of the registers to weights.
#include "kernels/channel_matmul.h"

#include <algorithm>

#include "kernels/avx512_vnni.h"

namespace inkling::kernels {

#if INKLING_HAS_AVX512_VNNI

namespace {

constexpr size_t kTileOutputs = kBlockTileOutputs;
constexpr size_t kMaxTileRows = 16;

// One row tile's input, from its first row on.
struct RowTile {
  const int8_t* input;
  size_t input_stride;
  const QuantizationParams* params;
  int32_t offsets[kMaxTileRows];  // -8 times the sum of the row
};

// A row tile times one tile of outputs, those in `mask`.
template <size_t kRows>
INKLING_AVX512_VNNI void MultiplyTile(const RowTile& rows, const ChannelTile& tile,
                                      size_t num_inputs, float* output, size_t output_stride,
                                      __mmask16 mask) {
  __m512i sums[kRows * kChains<kRows>];
  const __m512i quant_sums = _mm512_load_si512(tile.sums);
  INKLING_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    sums[r] = _mm512_sub_epi32(
        _mm512_set1_epi32(rows.offsets[r]),
        _mm512_mullo_epi32(quant_sums, _mm512_set1_epi32(rows.params[r].zero_point)));
  }
  ClearOtherChains<kRows>(sums);
  const uint8_t* unit = tile.units;
  for (size_t k = 0; k < num_inputs; k += kMatmulUnit, unit += kUnitBytes) {
    AddUnit<kRows>(rows.input + k, rows.input_stride, unit, sums);
  }
  JoinChains<kRows>(sums);
  const __m512 scales = _mm512_load_ps(tile.scales);
  const __m512 bias = _mm512_load_ps(tile.bias);
  INKLING_UNROLL
  for (size_t r = 0; r < kRows; ++r) {
    const __m512 scaled =
        _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r]), _mm512_set1_ps(rows.params[r].scale));
    _mm512_mask_storeu_ps(output + r * output_stride, mask, _mm512_fmadd_ps(scaled, scales, bias));
  }
}

using MultiplyTileFunction = void (*)(const RowTile&, const ChannelTile&, size_t, float*, size_t,
                                      __mmask16);

constexpr MultiplyTileFunction kMultiplyTile[kMaxTileRows + 1] = {
    nullptr,          MultiplyTile<1>,  MultiplyTile<2>,  MultiplyTile<3>,  MultiplyTile<4>,
    MultiplyTile<5>,  MultiplyTile<6>,  MultiplyTile<7>,  MultiplyTile<8>,  MultiplyTile<9>,
    MultiplyTile<10>, MultiplyTile<11>, MultiplyTile<12>, MultiplyTile<13>, MultiplyTile<14>,
    MultiplyTile<15>, MultiplyTile<16>};

RowTile RowTileAt(const ChannelMatmulArgs& args, size_t first, size_t count) {
  RowTile rows = {
      args.input + first * args.input_stride, args.input_stride, args.params + first, {}};
  const size_t num_units = args.shape.num_inputs / kMatmulUnit;
  for (size_t u = 0; u < num_units; ++u) {
    const int32_t* sums = args.unit_sums + u * args.unit_sum_stride + first;
    for (size_t r = 0; r < count; ++r) rows.offsets[r] += sums[r];
  }
  return rows;
}

}  // namespace

bool HasChannelMatmul() { return HasBlockMatmul(); }

void ChannelMatmul(const ChannelMatmulArgs& args) {
  const ChannelMatrixShape& shape = args.shape;
  // Row tiles of equal height: a last one of few rows would read all weights for little.
  const size_t num_row_tiles = (args.num_rows + kMaxTileRows - 1) / kMaxTileRows;
  for (size_t t = 0; t < num_row_tiles; ++t) {
    const size_t first = args.num_rows * t / num_row_tiles;
    const size_t count = args.num_rows * (t + 1) / num_row_tiles - first;
    const RowTile rows = RowTileAt(args, first, count);
    const MultiplyTileFunction multiply = kMultiplyTile[count];
    for (size_t n = 0; n < shape.num_outputs; n += kTileOutputs) {
      const size_t outputs = std::min(kTileOutputs, shape.num_outputs - n);
      multiply(rows, ChannelTileAt(shape, args.packed, n / kTileOutputs), shape.num_inputs,
               args.output + first * args.output_stride + n, args.output_stride,
               static_cast<__mmask16>((1u << outputs) - 1));
    }
  }
}

#else

bool HasChannelMatmul() { return false; }
void ChannelMatmul(const ChannelMatmulArgs&) {}

#endif

}  // namespace inkling::kernels
