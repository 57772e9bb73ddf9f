// Stored rows to float32; see dequantize.h for who calls them.
//
// Each format is one load of as many elements as a float vector has lanes, converted to float and
// multiplied by its scale once, so that results do not depend on the instruction set.
#include "kernels/dequantize.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dequantize.cc"
#include <algorithm>

#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/convert.h"
#include "kernels/vector_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

void Int8Row(const int8_t* values, float scale, float* output, size_t dim) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const hn::Rebind<int8_t, FloatTag> d8;
  const FloatVector scale_v = hn::Set(d, scale);
  ForEachVector(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    const auto wide = hn::PromoteTo(di, LoadLanes(d8, values + i, lanes));
    StoreLanes(d, hn::Mul(hn::ConvertTo(d, wide), scale_v), output + i, lanes);
  });
}

HWY_INLINE float NibbleValue(uint8_t byte, size_t index) {
  const int nibble = index % 2 == 0 ? byte & 15 : byte >> 4;
  return static_cast<float>(nibble - 8);
}

void Int4Row(const uint8_t* nibbles, float scale, float* output, size_t dim) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const hn::Rebind<uint8_t, FloatTag> d8;
  const size_t lanes = hn::Lanes(d);
  const FloatVector scale_v = hn::Set(d, scale);
  const auto eight = hn::Set(di, 8);
  size_t i = 0;
  // A vector of bytes is two vectors of elements: the low nibbles are the even ones.
  for (; i + 2 * lanes <= dim; i += 2 * lanes) {
    const auto bytes = hn::PromoteTo(di, hn::LoadU(d8, nibbles + i / 2));
    const auto even = hn::Sub(hn::And(bytes, hn::Set(di, 15)), eight);
    const auto odd = hn::Sub(hn::ShiftRight<4>(bytes), eight);
    const FloatVector even_f = hn::Mul(hn::ConvertTo(d, even), scale_v);
    const FloatVector odd_f = hn::Mul(hn::ConvertTo(d, odd), scale_v);
    hn::StoreInterleaved2(even_f, odd_f, d, output + i);
  }
  for (; i < dim; ++i) output[i] = NibbleValue(nibbles[i / 2], i) * scale;
}

void Int4BlocksRow(const DequantizeInt4BlocksArgs& args) {
  for (size_t begin = 0; begin < args.dim; begin += args.block_size) {
    const size_t size = std::min(args.block_size, args.dim - begin);
    const float scale = Bf16Value(args.block_scales[begin / args.block_size]);
    Int4Row(args.nibbles + begin / 2, scale * args.factor, args.output + begin, size);
  }
}

void F16Row(const uint16_t* values, float factor, float* output, size_t dim) {
  const FloatTag d;
  const FloatVector factor_v = hn::Set(d, factor);
  ForEachVector(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    StoreLanes(d, hn::Mul(LoadAsFloat(d, values + i, lanes), factor_v), output + i, lanes);
  });
}

void Bf16Row(const uint16_t* values, float factor, float* output, size_t dim) {
  const FloatTag d;
  const FloatVector factor_v = hn::Set(d, factor);
  ForEachVector(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector x = FloatFromBf16(d, LoadLanes(HalfTag<FloatTag>(), values + i, lanes));
    StoreLanes(d, hn::Mul(x, factor_v), output + i, lanes);
  });
}

void F32Row(const float* values, float factor, float* output, size_t dim) {
  const FloatTag d;
  const FloatVector factor_v = hn::Set(d, factor);
  ForEachVector(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    StoreLanes(d, hn::Mul(LoadLanes(d, values + i, lanes), factor_v), output + i, lanes);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(Int8Row);
HWY_EXPORT(Int4Row);
HWY_EXPORT(Int4BlocksRow);
HWY_EXPORT(F16Row);
HWY_EXPORT(Bf16Row);
HWY_EXPORT(F32Row);

void DequantizeInt8(const int8_t* values, float scale, float* output, size_t dim) {
  HWY_DYNAMIC_DISPATCH(Int8Row)(values, scale, output, dim);
}

void DequantizeInt4(const uint8_t* nibbles, float scale, float* output, size_t dim) {
  HWY_DYNAMIC_DISPATCH(Int4Row)(nibbles, scale, output, dim);
}

void DequantizeInt4Blocks(const DequantizeInt4BlocksArgs& args) {
  HWY_DYNAMIC_DISPATCH(Int4BlocksRow)(args);
}

void DequantizeF16(const uint16_t* values, float factor, float* output, size_t dim) {
  HWY_DYNAMIC_DISPATCH(F16Row)(values, factor, output, dim);
}

void DequantizeBf16(const uint16_t* values, float factor, float* output, size_t dim) {
  HWY_DYNAMIC_DISPATCH(Bf16Row)(values, factor, output, dim);
}

void ScaleF32(const float* values, float factor, float* output, size_t dim) {
  HWY_DYNAMIC_DISPATCH(F32Row)(values, factor, output, dim);
}

}  // namespace inkling::kernels
#endif  // HWY_ONCE
