// exp, tanh and the tail of the normal distribution on vectors of float32.
//
// Included by kernels/*.cc, once per instruction set. Our own rather than Highway's contrib math
// for three reasons: NaN in gives NaN out, the last bits are pinned by our tests, and erfc is not
// there. Polynomials were fitted at Chebyshev nodes in double and rounded to float; the figures
// below are the fit's largest relative error. Rounding adds about 1e-7.
#if defined(INKLING_KERNELS_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INKLING_KERNELS_VECTOR_MATH_INL_H_
#undef INKLING_KERNELS_VECTOR_MATH_INL_H_
#else
#define INKLING_KERNELS_VECTOR_MATH_INL_H_
#endif

#include <cstddef>
#include <limits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Evaluates coefficients[0] + x coefficients[1] + ... by Horner's rule.
template <class D, size_t kCount, class V = hn::Vec<D>>
HWY_INLINE V Polynomial(D d, V x, const float (&coefficients)[kCount]) {
  V sum = hn::Set(d, coefficients[kCount - 1]);
  HWY_UNROLL(16)
  for (size_t i = 1; i < kCount; ++i) {
    sum = hn::MulAdd(sum, x, hn::Set(d, coefficients[kCount - 1 - i]));
  }
  return sum;
}

// exp(x); 0 below -87.3 (results would be subnormal), infinity above 88.7. Fit: 1.1e-8.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Exp(D d, V x) {
  // (exp(r) - 1 - r) / r^2 on [-ln(2) / 2, ln(2) / 2].
  static constexpr float kRest[] = {5.000000000e-01f, 1.666657627e-01f, 4.166655615e-02f,
                                    8.363178931e-03f, 1.392618404e-03f};
  const hn::RebindToSigned<D> di;
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits of the sum.
  const V magic = hn::Set(d, 12582912.0f);
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504f), magic);
  const V n = hn::Sub(shifted, magic);
  // ln(2) in two parts: n times the first, of 9 bits, is exact.
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  const V sum = hn::Add(hn::MulAdd(hn::Mul(r, r), Polynomial(d, r, kRest), r), hn::Set(d, 1.0f));
  // Multiplies by 2^n in the exponent field, which cannot leave its range between the two limits.
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(di, shifted));
  const V scaled = hn::BitCast(d, hn::Add(hn::BitCast(di, sum), exponent));
  const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  // Written so that NaN fails both comparisons and comes out of x + infinity.
  const V upper = hn::IfThenElse(hn::Le(x, hn::Set(d, 88.72f)), scaled, hn::Add(x, infinity));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.33f)), upper);
}

// tanh(x), with full relative accuracy near 0. Fit: 6.4e-9 below the limit.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Tanh(D d, V x) {
  // (tanh(x) - x) / x^3 in x^2, on |x| <= 0.65.
  static constexpr float kRest[] = {-3.333333433e-01f, 1.333329082e-01f,  -5.395634845e-02f,
                                    2.174618654e-02f,  -8.272456937e-03f, 2.214902779e-03f};
  const V one = hn::Set(d, 1.0f);
  const V square = hn::Mul(x, x);
  const V small = hn::MulAdd(hn::Mul(x, square), Polynomial(d, square, kRest), x);
  const V magnitude = hn::Abs(x);
  const V power = Exp(d, hn::Add(magnitude, magnitude));
  const V large = hn::Sub(one, hn::Div(hn::Set(d, 2.0f), hn::Add(power, one)));
  const auto is_small = hn::Lt(magnitude, hn::Set(d, 0.65f));
  return hn::IfThenElse(is_small, small, hn::CopySign(large, x));
}

// erfc(x / sqrt(2)) for x >= 0, twice the normal distribution's tail, with full relative accuracy.
// Fit: 2.6e-8.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V NormalTail(D d, V x) {
  // erfc(y) exp(y^2) / t in t = 1 / (1 + 0.35 y), on y in [0, 10.2]: smooth, unlike erfc itself.
  static constexpr float kScaled[] = {
      1.974873245e-01f, 1.970660239e-01f,  1.885317415e-01f, 1.481213868e-01f,  1.552610397e-01f,
      6.922331452e-02f, -5.612625740e-03f, 1.644102782e-01f, -1.514872611e-01f, 3.699879721e-02f};
  const V one = hn::Set(d, 1.0f);
  const V minus_half = hn::Set(d, -0.5f);
  const V t = hn::Div(one, hn::MulAdd(x, hn::Set(d, 0.247487373f), one));  // 0.35 / sqrt(2)
  // exp(-x^2 / 2) magnifies the rounding of x^2, so x^2 is taken in two parts: the square of its
  // upper 12 bits, which is exact, and the small rest.
  const hn::RebindToUnsigned<D> du;
  const V high = hn::BitCast(d, hn::And(hn::BitCast(du, x), hn::Set(du, 0xFFFFF000u)));
  const V rest = hn::Mul(hn::Sub(x, high), hn::Add(x, high));
  const V bell =
      hn::Mul(Exp(d, hn::Mul(hn::Mul(high, high), minus_half)), Exp(d, hn::Mul(rest, minus_half)));
  return hn::Mul(hn::Mul(t, Polynomial(d, t, kScaled)), bell);
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#endif  // INKLING_KERNELS_VECTOR_MATH_INL_H_
