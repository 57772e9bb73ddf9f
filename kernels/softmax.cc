// Softmax, log-sum-exp and argmax over one row; see softmax.h.
//
// Rows are as long as a vocabulary, so the loops are plain vector passes. NaN must come out of
// softmax rather than vanish in a comparison, which is why sums, not maxima, decide about it.
#include "kernels/softmax.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax.cc"
#include <cmath>
#include <limits>

#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/vector_math-inl.h"
#include "kernels/vector_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

// Returns the largest value; NaN is passed over, -inf for an empty row.
HWY_INLINE float LargestValue(const float* values, size_t size) {
  const FloatTag d;
  const size_t lanes = hn::Lanes(d);
  float scalar_max = -std::numeric_limits<float>::infinity();
  FloatVector max = hn::Set(d, scalar_max);
  size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const FloatVector x = hn::LoadU(d, values + i);
    max = hn::IfThenElse(hn::Gt(x, max), x, max);
  }
  for (; i < size; ++i) scalar_max = values[i] > scalar_max ? values[i] : scalar_max;
  const float vector_max = hn::ReduceMax(d, max);
  return vector_max > scalar_max ? vector_max : scalar_max;
}

// Returns sum(exp(values - max)). Writes the terms to `output` unless it is null.
HWY_INLINE float SumOfExponentials(const float* values, float max, float* output, size_t size) {
  const FloatTag d;
  const FloatVector max_v = hn::Set(d, max);
  const size_t lanes = hn::Lanes(d);
  FloatVector sum = hn::Zero(d);
  size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const FloatVector term = Exp(d, hn::Sub(hn::LoadU(d, values + i), max_v));
    if (output != nullptr) hn::StoreU(term, d, output + i);
    sum = hn::Add(sum, term);
  }
  if (i < size) {
    const size_t rest = size - i;
    const FloatVector term = Exp(d, hn::Sub(hn::LoadN(d, values + i, rest), max_v));
    if (output != nullptr) hn::StoreN(term, d, output + i, rest);
    sum = hn::Add(sum, hn::IfThenElseZero(hn::FirstN(d, rest), term));
  }
  return hn::ReduceSum(d, sum);
}

HWY_INLINE void ScaleValues(float* values, float factor, size_t size) {
  const FloatTag d;
  const FloatVector factor_v = hn::Set(d, factor);
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    StoreLanes(d, hn::Mul(LoadLanes(d, values + i, lanes), factor_v), values + i, lanes);
  });
}

HWY_INLINE bool HasNan(const float* values, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (std::isnan(values[i])) return true;
  }
  return false;
}

void SoftmaxRow(const float* input, float* output, size_t size) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float max = LargestValue(input, size);
  if (max == -infinity && !HasNan(input, size)) {
    for (size_t i = 0; i < size; ++i) output[i] = 1.0f / static_cast<float>(size);
    return;
  }
  const float sum = SumOfExponentials(input, max, output, size);
  ScaleValues(output, 1.0f / sum, size);
}

float LogSumExpRow(const float* values, size_t size) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float max = LargestValue(values, size);
  if (max == infinity || max == -infinity) {
    return HasNan(values, size) ? std::numeric_limits<float>::quiet_NaN() : max;
  }
  return max + std::log(SumOfExponentials(values, max, nullptr, size));
}

size_t ArgMaxRow(const float* values, size_t size) {
  const FloatTag d;
  const size_t lanes = hn::Lanes(d);
  const float max = LargestValue(values, size);
  if (max == -std::numeric_limits<float>::infinity()) return 0;
  const FloatVector max_v = hn::Set(d, max);
  size_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const auto is_max = hn::Eq(hn::LoadU(d, values + i), max_v);
    if (!hn::AllFalse(d, is_max)) return i + hn::FindKnownFirstTrue(d, is_max);
  }
  for (; i < size; ++i) {
    if (values[i] == max) return i;
  }
  return 0;
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(SoftmaxRow);
HWY_EXPORT(LogSumExpRow);
HWY_EXPORT(ArgMaxRow);

void Softmax(const float* input, float* output, size_t size) {
  HWY_DYNAMIC_DISPATCH(SoftmaxRow)(input, output, size);
}

float LogSumExp(const float* values, size_t size) {
  return HWY_DYNAMIC_DISPATCH(LogSumExpRow)(values, size);
}

size_t ArgMax(const float* values, size_t size) {
  return HWY_DYNAMIC_DISPATCH(ArgMaxRow)(values, size);
}

}  // namespace inkling::kernels
#endif  // HWY_ONCE
