// Conversions between float32 and 16-bit floats; see convert.h.
//
// f16 uses the hardware's conversion where there is one; bf16 is integer arithmetic everywhere, so
// that its rounding is the same on every machine.
#include "kernels/convert.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/convert.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/vector_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

void F16ToF32Span(const uint16_t* input, float* output, size_t size) {
  const FloatTag d;
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    StoreLanes(d, LoadAsFloat(d, input + i, lanes), output + i, lanes);
  });
}

void F32ToF16Span(const float* input, uint16_t* output, size_t size) {
  const FloatTag d;
  const hn::Rebind<hwy::float16_t, FloatTag> d16;
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    const auto half = hn::DemoteTo(d16, LoadLanes(d, input + i, lanes));
    StoreLanes(d16, half, reinterpret_cast<hwy::float16_t*>(output) + i, lanes);
  });
}

void Bf16ToF32Span(const uint16_t* input, float* output, size_t size) {
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> du;
  const hn::Rebind<uint16_t, FloatTag> d16;
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    const auto bits = hn::ShiftLeft<16>(hn::PromoteTo(du, LoadLanes(d16, input + i, lanes)));
    StoreLanes(d, hn::BitCast(d, bits), output + i, lanes);
  });
}

void F32ToBf16Span(const float* input, uint16_t* output, size_t size) {
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> du;
  const hn::Rebind<uint16_t, FloatTag> d16;
  const auto one = hn::Set(du, 1);
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector x = LoadLanes(d, input + i, lanes);
    const auto bits = hn::BitCast(du, x);
    // Ties go to even: half a unit less one, plus the bit that decides whether the kept part is
    // odd.
    const auto is_odd = hn::And(hn::ShiftRight<16>(bits), one);
    const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(is_odd, hn::Set(du, 0x7FFF))));
    // Rounding could carry a NaN over to infinity; a set quiet bit keeps it one.
    const auto quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(du, 0x40));
    const auto is_nan = hn::RebindMask(du, hn::IsNaN(x));
    StoreLanes(d16, hn::TruncateTo(d16, hn::IfThenElse(is_nan, quiet, rounded)), output + i, lanes);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(F16ToF32Span);
HWY_EXPORT(F32ToF16Span);
HWY_EXPORT(Bf16ToF32Span);
HWY_EXPORT(F32ToBf16Span);

void F16ToF32(const uint16_t* input, float* output, size_t size) {
  HWY_DYNAMIC_DISPATCH(F16ToF32Span)(input, output, size);
}

void F32ToF16(const float* input, uint16_t* output, size_t size) {
  HWY_DYNAMIC_DISPATCH(F32ToF16Span)(input, output, size);
}

void Bf16ToF32(const uint16_t* input, float* output, size_t size) {
  HWY_DYNAMIC_DISPATCH(Bf16ToF32Span)(input, output, size);
}

void F32ToBf16(const float* input, uint16_t* output, size_t size) {
  HWY_DYNAMIC_DISPATCH(F32ToBf16Span)(input, output, size);
}

}  // namespace inkling::kernels
#endif  // HWY_ONCE
