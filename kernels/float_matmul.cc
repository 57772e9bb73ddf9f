// A panel is tiles of two vectors of outputs, each [inputs][outputs of the tile]: a tile's inputs
// follow each other, and its sums for several rows stay in registers from the first to the last.
#include "kernels/float_matmul.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/float_matmul.cc"
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/dequantize.h"
#include "kernels/vector_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

constexpr size_t kLanes = HWY_MAX_LANES_D(FloatTag);
constexpr size_t kTileOutputs = 2 * kLanes;
constexpr size_t kTileFloats = kTileOutputs * kPanelInputs;
static_assert(kPanelOutputs % kTileOutputs == 0);

// Rows whose sums fit the registers beside a tile's weights and an input.
#if HWY_TARGET & HWY_ALL_NEON
constexpr size_t kMaxTileRows = 8;
#else
constexpr size_t kMaxTileRows = kLanes >= 16 ? 12 : kLanes == 8 ? 6 : 4;
#endif

using ByteTag = hn::FixedTag<uint8_t, kChunkBytes>;

HWY_INLINE void PlaceQuants(hn::Vec<ByteTag> quants, const ChunkHalf& half, uint8_t* panel) {
  const ByteTag d;
  if (half.order == QuantOrder::kRun) return hn::StoreU(quants, d, panel + half.places[0]);
  HWY_ALIGN uint8_t bytes[kChunkBytes];
  hn::Store(quants, d, bytes);
  HWY_UNROLL(16)
  for (size_t i = 0; i < kChunkBytes; ++i) panel[half.places[i]] = bytes[i];
}

// Turns a square of 8 outputs x 8 inputs around: each vector of `quants` has two outputs.
HWY_INLINE void PlaceSquare(const hn::Vec<ByteTag>* quants, const ChunkHalf& half, uint8_t* panel) {
  const ByteTag d;
  const hn::Repartition<uint32_t, ByteTag> fours;
  const hn::Half<ByteTag> eight;
  // Outputs 0 and 2, 1 and 3, 4 and 6, 5 and 7.
  const auto even = hn::InterleaveLower(d, quants[0], quants[1]);
  const auto odd = hn::InterleaveUpper(d, quants[0], quants[1]);
  const auto upper_even = hn::InterleaveLower(d, quants[2], quants[3]);
  const auto upper_odd = hn::InterleaveUpper(d, quants[2], quants[3]);
  // Outputs 0 to 3 and 4 to 7 of four inputs.
  const auto lower = [&](auto a, auto b)
                         HWY_ATTR { return hn::BitCast(fours, hn::InterleaveLower(d, a, b)); };
  const auto upper = [&](auto a, auto b)
                         HWY_ATTR { return hn::BitCast(fours, hn::InterleaveUpper(d, a, b)); };
  const auto first = lower(even, odd);
  const auto first_upper = lower(upper_even, upper_odd);
  const auto last = upper(even, odd);
  const auto last_upper = upper(upper_even, upper_odd);
  const hn::Vec<ByteTag> pairs[4] = {// of inputs
                                     hn::BitCast(d, hn::InterleaveLower(fours, first, first_upper)),
                                     hn::BitCast(d, hn::InterleaveUpper(fours, first, first_upper)),
                                     hn::BitCast(d, hn::InterleaveLower(fours, last, last_upper)),
                                     hn::BitCast(d, hn::InterleaveUpper(fours, last, last_upper))};
  uint8_t* place = panel + half.places[0];
  HWY_UNROLL(4)
  for (size_t i = 0; i < 4; ++i, place += 2 * kPanelOutputs) {
    hn::StoreU(hn::LowerHalf(eight, pairs[i]), eight, place);
    hn::StoreU(hn::UpperHalf(eight, pairs[i]), eight, place + kPanelOutputs);
  }
}

void UnpackBytes(const UnpackQuantsArgs& args) {
  const ByteTag d;
  const auto flip = hn::Set(d, args.flip);
  auto* panel = reinterpret_cast<uint8_t*>(args.quants);
  for (size_t c = 0; c < args.num_chunks; ++c) {
    const uint8_t* packed = args.packed + args.offsets[c];
    if (args.halves[c].order != QuantOrder::kSquare) {
      PlaceQuants(hn::Xor(hn::LoadU(d, packed), flip), args.halves[c], panel);
      continue;
    }
    hn::Vec<ByteTag> quants[kSquareChunks];
    HWY_UNROLL(4)
    for (size_t i = 0; i < kSquareChunks; ++i) {
      quants[i] = hn::Xor(hn::LoadU(d, packed + i * kChunkBytes), flip);
    }
    PlaceSquare(quants, args.halves[c], panel);
    c += kSquareChunks - 1;
  }
}

void UnpackNibbles(const UnpackQuantsArgs& args) {
  const ByteTag d;
  const auto flip = hn::Set(d, static_cast<uint8_t>(args.flip * 17));
  const auto low = hn::Set(d, uint8_t{15});
  const auto zero = hn::Set(d, uint8_t{kInt4ZeroPoint});
  auto* panel = reinterpret_cast<uint8_t*>(args.quants);
  for (size_t c = 0; c < args.num_chunks; ++c) {
    const uint8_t* packed = args.packed + args.offsets[c];
    const ChunkHalf* halves = args.halves + 2 * c;
    if (halves[0].order != QuantOrder::kSquare) {
      const auto bytes = hn::Xor(hn::LoadU(d, packed), flip);
      PlaceQuants(hn::Sub(hn::And(bytes, low), zero), halves[0], panel);
      PlaceQuants(hn::Sub(hn::ShiftRight<4>(bytes), zero), halves[1], panel);
      continue;
    }
    hn::Vec<ByteTag> first[kSquareChunks];
    hn::Vec<ByteTag> last[kSquareChunks];
    HWY_UNROLL(4)
    for (size_t i = 0; i < kSquareChunks; ++i) {
      const auto bytes = hn::Xor(hn::LoadU(d, packed + i * kChunkBytes), flip);
      first[i] = hn::Sub(hn::And(bytes, low), zero);
      last[i] = hn::Sub(hn::ShiftRight<4>(bytes), zero);
    }
    PlaceSquare(first, halves[0], panel);
    PlaceSquare(last, halves[1], panel);
    c += kSquareChunks - 1;
  }
}

void UnpackPanel(const UnpackQuantsArgs& args) {
  return args.has_nibbles ? UnpackNibbles(args) : UnpackBytes(args);
}

void DequantizeValues(const DequantizePanelArgs& args) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> ints;
  const hn::Repartition<int16_t, FloatTag> shorts;
  const hn::Rebind<int8_t, decltype(shorts)> bytes;
  for (size_t n = 0; n < kPanelOutputs; n += kTileOutputs) {
    float* tile = args.panel + n * kPanelInputs;
    const float* scales = args.scales + n;
    for (size_t k = 0; k < args.num_inputs; scales += kPanelOutputs) {
      const FloatVector first_scales = hn::LoadU(d, scales);
      const FloatVector last_scales = hn::LoadU(d, scales + kLanes);
      const size_t end = std::min(k + args.block_inputs, args.num_inputs);
      for (; k < end; ++k) {
        const auto quants =
            hn::PromoteTo(shorts, hn::LoadU(bytes, args.quants + k * kPanelOutputs + n));
        const FloatVector first = hn::ConvertTo(d, hn::PromoteLowerTo(ints, quants));
        const FloatVector last = hn::ConvertTo(d, hn::PromoteUpperTo(ints, quants));
        hn::Store(hn::Mul(first, first_scales), d, tile + k * kTileOutputs);
        hn::Store(hn::Mul(last, last_scales), d, tile + k * kTileOutputs + kLanes);
      }
    }
  }
}

size_t IndexInPanel(size_t output, size_t input) {
  return output / kTileOutputs * kTileFloats + input * kTileOutputs + output % kTileOutputs;
}

// Adds one input of kRows rows, input_of(row) in all lanes. One after the other, so that sums don't
// have to leave their registers for inputs.
template <size_t kRows, class InputOf>
HWY_INLINE void AddInput(const float* weights, FloatVector* sums, const InputOf& input_of) {
  const FloatTag d;
  const FloatVector first = hn::Load(d, weights);
  const FloatVector last = hn::Load(d, weights + kLanes);
  HWY_UNROLL(12)
  for (size_t r = 0; r < kRows; ++r) {
    const FloatVector input = input_of(r);
    sums[2 * r] = hn::MulAdd(input, first, sums[2 * r]);
    sums[2 * r + 1] = hn::MulAdd(input, last, sums[2 * r + 1]);
  }
}

#if HWY_TARGET & HWY_ALL_NEON
// Adds lane kLane of each row's inputs.
template <size_t kRows, int kLane>
HWY_INLINE void AddLane(const FloatVector* inputs, const float* weights, FloatVector* sums) {
  AddInput<kRows>(weights + kLane * kTileOutputs, sums,
                  [&](size_t r) HWY_ATTR { return hn::Broadcast<kLane>(inputs[r]); });
}
#endif

// kRows rows through one tile of outputs; all of the tile's are written to `output`.
template <size_t kRows>
HWY_NOINLINE void MultiplyTile(const float* HWY_RESTRICT rows, size_t num_inputs,
                               const float* HWY_RESTRICT weights, float* HWY_RESTRICT output,
                               size_t output_stride) {
  const FloatTag d;
  FloatVector sums[2 * kRows];
  HWY_UNROLL(12)
  for (size_t r = 0; r < kRows; ++r) {
    sums[2 * r] = hn::LoadU(d, output + r * output_stride);
    sums[2 * r + 1] = hn::LoadU(d, output + r * output_stride + kLanes);
  }
#if HWY_TARGET & HWY_ALL_NEON
  // NEON multiplies by a lane as well as by a vector, so one load does for four inputs.
  for (const float* end = rows + num_inputs; rows != end; rows += 4, weights += 4 * kTileOutputs) {
    FloatVector inputs[kRows];
    HWY_UNROLL(12)
    for (size_t r = 0; r < kRows; ++r) inputs[r] = hn::LoadU(d, rows + r * kPanelRowStride);
    AddLane<kRows, 0>(inputs, weights, sums);
    AddLane<kRows, 1>(inputs, weights, sums);
    AddLane<kRows, 2>(inputs, weights, sums);
    AddLane<kRows, 3>(inputs, weights, sums);
  }
#else
  for (const float* end = rows + num_inputs; rows != end; ++rows, weights += kTileOutputs) {
    AddInput<kRows>(weights, sums,
                    [&](size_t r) HWY_ATTR { return hn::Set(d, rows[r * kPanelRowStride]); });
  }
#endif
  HWY_UNROLL(12)
  for (size_t r = 0; r < kRows; ++r) {
    hn::StoreU(sums[2 * r], d, output + r * output_stride);
    hn::StoreU(sums[2 * r + 1], d, output + r * output_stride + kLanes);
  }
}

using MultiplyTileFunction = void (*)(const float*, size_t, const float*, float*, size_t);

// Rows 1 ... kMaxTileRows, at [rows - 1].
MultiplyTileFunction TileFunctionFor(size_t num_rows) {
  static constexpr MultiplyTileFunction kFunctions[] = {
    MultiplyTile<1>,
    MultiplyTile<2>,
    MultiplyTile<3>,
    MultiplyTile<4>,
#if HWY_TARGET & HWY_ALL_NEON
    MultiplyTile<5>,
    MultiplyTile<6>,
    MultiplyTile<7>,
    MultiplyTile<8>,
#elif HWY_MAX_BYTES >= 32
    MultiplyTile<5>,
    MultiplyTile<6>,
#if HWY_MAX_BYTES >= 64
    MultiplyTile<7>,
    MultiplyTile<8>,
    MultiplyTile<9>,
    MultiplyTile<10>,
    MultiplyTile<11>,
    MultiplyTile<12>,
#endif
#endif
  };
  static_assert(sizeof(kFunctions) / sizeof(kFunctions[0]) == kMaxTileRows);
  return kFunctions[num_rows - 1];
}

void MultiplyRows(const MultiplyPanelArgs& args) {
  // Row tiles of equal height: a last one of few rows would cost as much as a full one.
  const size_t num_row_tiles = (args.num_rows + kMaxTileRows - 1) / kMaxTileRows;
  for (size_t n = 0; n < args.num_outputs; n += kTileOutputs) {
    const float* weights = args.panel + n * kPanelInputs;
    const size_t count = std::min(kTileOutputs, args.num_outputs - n);
    for (size_t t = 0; t < num_row_tiles; ++t) {
      const size_t first = args.num_rows * t / num_row_tiles;
      const size_t num_rows = args.num_rows * (t + 1) / num_row_tiles - first;
      const MultiplyTileFunction multiply = TileFunctionFor(num_rows);
      const float* rows = args.rows + first * kPanelRowStride;
      float* output = args.output + first * args.output_stride + n;
      if (count == kTileOutputs) {
        multiply(rows, args.num_inputs, weights, output, args.output_stride);
        continue;
      }
      float whole[kMaxTileRows][kTileOutputs] = {};
      for (size_t r = 0; r < num_rows; ++r) {
        std::copy_n(output + r * args.output_stride, count, whole[r]);
      }
      multiply(rows, args.num_inputs, weights, whole[0], kTileOutputs);
      for (size_t r = 0; r < num_rows; ++r) {
        std::copy_n(whole[r], count, output + r * args.output_stride);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(UnpackPanel);
HWY_EXPORT(DequantizeValues);
HWY_EXPORT(IndexInPanel);
HWY_EXPORT(MultiplyRows);

void UnpackQuants(const UnpackQuantsArgs& args) { HWY_DYNAMIC_DISPATCH(UnpackPanel)(args); }
void DequantizePanel(const DequantizePanelArgs& args) {
  HWY_DYNAMIC_DISPATCH(DequantizeValues)(args);
}
size_t PanelIndex(size_t output, size_t input) {
  return HWY_DYNAMIC_DISPATCH(IndexInPanel)(output, input);
}
void MultiplyPanel(const MultiplyPanelArgs& args) { HWY_DYNAMIC_DISPATCH(MultiplyRows)(args); }

}  // namespace inkling::kernels
#endif  // HWY_ONCE
