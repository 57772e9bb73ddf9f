// Conversions between float32 and 16-bit floats; see convert.h.
//
// The arithmetic is in half_vector-inl.h; these are its loops over spans.
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
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    const auto half = HalfFromFloat(d, LoadLanes(d, input + i, lanes));
    StoreLanes(HalfTag<FloatTag>(), half, output + i, lanes);
  });
}

void Bf16ToF32Span(const uint16_t* input, float* output, size_t size) {
  const FloatTag d;
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    const auto brain = LoadLanes(HalfTag<FloatTag>(), input + i, lanes);
    StoreLanes(d, FloatFromBf16(d, brain), output + i, lanes);
  });
}

void F32ToBf16Span(const float* input, uint16_t* output, size_t size) {
  const FloatTag d;
  const HalfTag<FloatTag> d16;
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    const auto rounded = RoundedToBf16(d, LoadLanes(d, input + i, lanes));
    StoreLanes(d16, hn::TruncateTo(d16, hn::ShiftRight<16>(rounded)), output + i, lanes);
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
