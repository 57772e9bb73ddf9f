// Vectors of float32 to and from IEEE binary16 and bfloat16 bits.
//
// Included by kernels/*.cc, once per instruction set. Uses the machine's f16 conversion where there
// is one; elsewhere it is integer arithmetic of our own, because Highway's leaves out infinities
// and NaN. bf16 is integer arithmetic everywhere, so that its rounding never differs.
#if defined(INKLING_KERNELS_HALF_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INKLING_KERNELS_HALF_VECTOR_INL_H_
#undef INKLING_KERNELS_HALF_VECTOR_INL_H_
#else
#define INKLING_KERNELS_HALF_VECTOR_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

// F16C comes with the AVX2 class and above; every NEON class has fcvt.
#undef INKLING_KERNELS_HAS_F16
#if HWY_TARGET_IS_NEON || (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2)
#define INKLING_KERNELS_HAS_F16 1
#else
#define INKLING_KERNELS_HAS_F16 0
#endif

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using HalfTag = hn::Rebind<uint16_t, D>;

// Returns the float32 values of f16 bits; exact.
template <class D>
HWY_INLINE hn::Vec<D> FloatFromHalf(D d, hn::Vec<HalfTag<D>> half) {
#if INKLING_KERNELS_HAS_F16
  return hn::PromoteTo(d, hn::BitCast(hn::Rebind<hwy::float16_t, D>(), half));
#else
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::PromoteTo(du, half);
  const auto magnitude = hn::And(bits, hn::Set(du, 0x7FFF));
  const auto sign = hn::ShiftLeft<16>(hn::Xor(bits, magnitude));
  // With exponent and mantissa in float32's places, 2^112 makes up for the different bias, also for
  // subnormals.
  const auto shifted = hn::BitCast(d, hn::ShiftLeft<13>(magnitude));
  const auto scaled = hn::BitCast(du, hn::Mul(shifted, hn::Set(d, 5.192296858534828e33f)));
  const auto all_ones = hn::Or(scaled, hn::Set(du, 0x7F800000));
  const auto is_finite = hn::Lt(magnitude, hn::Set(du, 0x7C00));
  return hn::BitCast(d, hn::Or(hn::IfThenElse(is_finite, scaled, all_ones), sign));
#endif
}

// Returns the f16 bits nearest to the values, ties to even; infinity beyond 65519.
template <class D>
HWY_INLINE hn::Vec<HalfTag<D>> HalfFromFloat([[maybe_unused]] D d, hn::Vec<D> x) {
  const HalfTag<D> d16;
#if INKLING_KERNELS_HAS_F16
  return hn::BitCast(d16, hn::DemoteTo(hn::Rebind<hwy::float16_t, D>(), x));
#else
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, x);
  const auto magnitude = hn::And(bits, hn::Set(du, 0x7FFFFFFF));
  const auto sign = hn::ShiftRight<16>(hn::Xor(bits, magnitude));
  // Normal results: moves the bias by 112, adds half a unit less one plus the bit that makes ties
  // even, and cuts 13 bits off. A carry into the exponent is right, up to infinity.
  const auto is_odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(du, 1));
  const auto rounding = hn::Add(is_odd, hn::Set(du, 0xC8000FFFu));
  const auto normal = hn::ShiftRight<13>(hn::Add(magnitude, rounding));
  // Subnormal results: the unit of 0.5f's mantissa is 2^-24, so the addition rounds as wanted.
  const auto half = hn::Set(d, 0.5f);
  const auto sum = hn::BitCast(du, hn::Add(hn::BitCast(d, magnitude), half));
  const auto subnormal = hn::Sub(sum, hn::BitCast(du, half));
  auto result = hn::IfThenElse(hn::Lt(magnitude, hn::Set(du, 0x38800000)), subnormal, normal);
  result = hn::IfThenElse(hn::Ge(magnitude, hn::Set(du, 0x47800000)), hn::Set(du, 0x7C00), result);
  result = hn::IfThenElse(hn::Gt(magnitude, hn::Set(du, 0x7F800000)), hn::Set(du, 0x7E00), result);
  return hn::TruncateTo(d16, hn::Or(result, sign));
#endif
}

// Returns the float32 values of bf16 bits; exact.
template <class D>
HWY_INLINE hn::Vec<D> FloatFromBf16(D d, hn::Vec<HalfTag<D>> brain) {
  const hn::RebindToUnsigned<D> du;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, brain)));
}

// Returns the values rounded to bfloat16, ties to even, as bits in the upper half of 32. NaN stays
// NaN.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> RoundedToBf16(D /*d*/, hn::Vec<D> x) {
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, x);
  const auto is_odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  const auto rounded = hn::Add(bits, hn::Add(is_odd, hn::Set(du, 0x7FFF)));
  // Rounding could carry a NaN over to infinity; a set quiet bit keeps it one.
  const auto quiet = hn::Or(bits, hn::Set(du, 0x00400000));
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(x));
  const auto kept = hn::IfThenElse(is_nan, quiet, rounded);
  return hn::And(kept, hn::Set(du, 0xFFFF0000u));
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#endif  // INKLING_KERNELS_HALF_VECTOR_INL_H_
