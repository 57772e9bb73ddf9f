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

#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/vector_range-inl.h"
#include "kernels/vector_span-inl.h"

// Scalar code that every instruction set shares; the guard keeps re-inclusion from defining it
// twice.
#ifndef INKLING_KERNELS_QUANTIZE_ONCE_
#define INKLING_KERNELS_QUANTIZE_ONCE_
namespace inkling::kernels {

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

HWY_INLINE RowRange RangeOfRow(const float* row, size_t dim) {
  const FloatTag d;
  VectorRange range(d);
  // Lanes beyond the tail load as 0, which is in every range.
  ForEachVector(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    range.Include(d, LoadLanes(d, row + i, lanes));
  });
  return {range.Min(d), range.Max(d)};
}

// Of row r, from what is known of its parts.
HWY_INLINE RowRange JoinedRange(const QuantizeRowsArgs& args, size_t r) {
  RowRange range;
  for (size_t p = 0; p < args.num_parts; ++p) {
    const RowRange& part = args.ranges[p * args.range_stride + r];
    if (part.min < range.min) range.min = part.min;
    if (part.max > range.max) range.max = part.max;
  }
  return range;
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
    const QuantizationParams params =
        ParamsOfRange(args.ranges == nullptr ? RangeOfRow(row, args.dim) : JoinedRange(args, r));
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
