// Dynamic int8 quantisation of activation rows; see quantize.h for the contract with XNNPACK.
//
// Two passes over a row: its range, then the conversion. The order of scalar operations in
// ParamsOfRange is that of XNNPACK's reference, because a different rounding there would move the
// zero point of some rows by one.
#include "kernels/quantize.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantize.cc"
#include <cmath>
#include <limits>

#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/vector_span-inl.h"

// Scalar code that every instruction set shares; the guard keeps re-inclusion from defining it
// twice.
#ifndef INKLING_KERNELS_QUANTIZE_ONCE_
#define INKLING_KERNELS_QUANTIZE_ONCE_
namespace inkling::kernels {

struct RowRange {
  float min;  // <= 0
  float max;  // >= 0
};

// Below this range 255 / range is no longer finite.
inline constexpr float kSmallestRange = 1e-36f;

inline QuantizationParams ParamsOfRange(RowRange range) {
  const bool is_zero = range.max - range.min < kSmallestRange;
  const float levels_per_unit = is_zero ? 1.0f : 255.0f / (range.max - range.min);
  const float scaled_min = range.min * levels_per_unit;
  const float scaled_max = range.max * levels_per_unit;
  const float error_from_min = -128.0f + scaled_min;
  const float error_from_max = 127.0f + scaled_max;
  float zero_point =
      error_from_min + error_from_max > 0 ? -128.0f - scaled_min : 127.0f - scaled_max;
  zero_point = zero_point > -128.0f ? zero_point : -128.0f;
  zero_point = zero_point < 127.0f ? zero_point : 127.0f;
  return {static_cast<int32_t>(std::lrintf(zero_point)), 1.0f / levels_per_unit};
}

}  // namespace inkling::kernels
#endif  // INKLING_KERNELS_QUANTIZE_ONCE_

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

// Makes a value safe to convert: NaN becomes 0, infinities the largest value whose range is finite.
HWY_INLINE FloatVector Bounded(FloatTag d, FloatVector x) {
  const FloatVector limit = hn::Set(d, std::numeric_limits<float>::max() / 2);
  const FloatVector number = hn::IfThenZeroElse(hn::IsNaN(x), x);
  return hn::Min(hn::Max(number, hn::Neg(limit)), limit);
}

HWY_INLINE RowRange RangeOfRow(const float* row, size_t dim) {
  const FloatTag d;
  FloatVector min = hn::Zero(d);
  FloatVector max = hn::Zero(d);
  // Lanes beyond the tail load as 0, which is in every range.
  ForEachVector(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector x = Bounded(d, LoadLanes(d, row + i, lanes));
    min = hn::Min(min, x);
    max = hn::Max(max, x);
  });
  return {hn::ReduceMin(d, min), hn::ReduceMax(d, max)};
}

HWY_INLINE void ConvertRow(const float* row, QuantizationParams params, int8_t* output,
                           size_t dim) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const hn::Rebind<int8_t, FloatTag> d8;
  const FloatVector levels_per_unit = hn::Set(d, 1.0f / params.scale);
  const FloatVector lowest = hn::Set(d, static_cast<float>(-128 - params.zero_point));
  const FloatVector highest = hn::Set(d, static_cast<float>(127 - params.zero_point));
  const auto zero_point = hn::Set(di, params.zero_point);
  ForEachVector(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector x = hn::Mul(Bounded(d, LoadLanes(d, row + i, lanes)), levels_per_unit);
    // Limited before the zero point is added: what the sum rounds to depends on it.
    const auto rounded = hn::NearestInt(hn::Min(hn::Max(x, lowest), highest));
    StoreLanes(d8, hn::DemoteTo(d8, hn::Add(rounded, zero_point)), output + i, lanes);
  });
}

void QuantizeEachRow(const QuantizeRowsArgs& args) {
  for (size_t r = 0; r < args.num_rows; ++r) {
    const float* row = args.input + r * args.input_stride;
    const QuantizationParams params = ParamsOfRange(RangeOfRow(row, args.dim));
    args.params[r] = params;
    ConvertRow(row, params, args.output + r * args.output_stride, args.dim);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(QuantizeEachRow);

void QuantizeRows(const QuantizeRowsArgs& args) { HWY_DYNAMIC_DISPATCH(QuantizeEachRow)(args); }

}  // namespace inkling::kernels
#endif  // HWY_ONCE
