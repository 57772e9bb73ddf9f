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

// Steps of a remainder in a step of its row.
inline constexpr float kRemainderLevels = 127.0f;

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

using IntTag = hn::RebindToSigned<FloatTag>;
using IntVector = hn::Vec<IntTag>;

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

// The int8 levels of a row.
class RowLevels {
 public:
  explicit HWY_INLINE RowLevels(QuantizationParams params)
      : levels_per_unit_(1.0f / params.scale),
        lowest_(static_cast<float>(-128 - params.zero_point)),
        highest_(static_cast<float>(127 - params.zero_point)),
        zero_point_(params.zero_point) {}

  HWY_INLINE FloatVector Scaled(FloatTag d, FloatVector x) const {
    return hn::Mul(Bounded(d, x), hn::Set(d, levels_per_unit_));
  }
  // Limited before the zero point is added: what the sum rounds to depends on it.
  HWY_INLINE IntVector Rounded(FloatTag d, FloatVector scaled) const {
    return hn::NearestInt(hn::Min(hn::Max(scaled, hn::Set(d, lowest_)), hn::Set(d, highest_)));
  }
  HWY_INLINE IntVector WithZeroPoint(IntVector rounded) const {
    return hn::Add(rounded, hn::Set(IntTag(), zero_point_));
  }

 private:
  float levels_per_unit_;
  float lowest_;
  float highest_;
  int32_t zero_point_;
};

HWY_INLINE void ConvertRow(const float* row, QuantizationParams params, int8_t* output,
                           size_t dim) {
  const FloatTag d;
  const hn::Rebind<int8_t, FloatTag> d8;
  const RowLevels levels(params);
  ForEachVector(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    const auto rounded = levels.Rounded(d, levels.Scaled(d, LoadLanes(d, row + i, lanes)));
    StoreLanes(d8, hn::DemoteTo(d8, levels.WithZeroPoint(rounded)), output + i, lanes);
  });
}

// ConvertRow, and what it leaves of each value, in `remainder`.
HWY_INLINE void ConvertRowAndRemainder(const float* row, QuantizationParams params, int8_t* output,
                                       int8_t* remainder, size_t dim) {
  const FloatTag d;
  const hn::Rebind<int8_t, FloatTag> d8;
  const RowLevels levels(params);
  ForEachVector(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector x = levels.Scaled(d, LoadLanes(d, row + i, lanes));
    const auto rounded = levels.Rounded(d, x);
    StoreLanes(d8, hn::DemoteTo(d8, levels.WithZeroPoint(rounded)), output + i, lanes);
    // At most a step, not half of one: the zero point's own rounding moves the outermost levels.
    const FloatVector left = hn::Sub(x, hn::ConvertTo(d, rounded));
    const FloatVector steps = hn::Mul(left, hn::Set(d, kRemainderLevels));
    StoreLanes(d8, hn::DemoteTo(d8, hn::NearestInt(steps)), remainder + i, lanes);
  });
}

void QuantizeEachRow(const QuantizeRowsArgs& args) {
  for (size_t r = 0; r < args.num_rows; ++r) {
    const float* row = args.input + r * args.input_stride;
    const QuantizationParams params =
        ParamsOfRange(args.ranges == nullptr ? RangeOfRow(row, args.dim) : JoinedRange(args, r));
    if (!args.with_remainders) {
      args.params[r] = params;
      ConvertRow(row, params, args.output + r * args.output_stride, args.dim);
      continue;
    }
    args.params[2 * r] = params;
    args.params[2 * r + 1] = {0, params.scale / kRemainderLevels};
    int8_t* output = args.output + 2 * r * args.output_stride;
    ConvertRowAndRemainder(row, params, output, output + args.output_stride, args.dim);
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
