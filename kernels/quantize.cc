// Dynamic int8 quantisation of activation rows; see quantize.h for the contract with XNNPACK.
//
// Two passes over a row: its range, then the conversion. The order of scalar operations in
// ParamsOfRange is that of XNNPACK's reference, because a different rounding there would move the
// zero point of some rows by one. The conversion makes a whole vector of int8 at a time, so that
// a row costs less than it takes the third cache level to deliver it.
#include "kernels/quantize.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantize.cc"
#include <algorithm>
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

// Steps of the residual in one step of its row.
inline constexpr float kResidualSteps = 127.0f;

// 1.5 * 2^23, and its bits. A number of up to 2^21 added to it is rounded to the nearest integer,
// to even between two, and the bits of the sum are that integer above these bits. Two operations;
// where conversion to int leaves large numbers undefined, a safe one takes three.
inline constexpr float kRounder = 12582912.0f;
inline constexpr int32_t kRounderBits = 0x4B400000;

inline QuantizationParams ParamsOfRange(RowRange range) {
  const bool is_zero = range.max - range.min < kSmallestRange;
  const float quants_per_unit = is_zero ? 1.0f : 255.0f / (range.max - range.min);
  const float scaled_min = range.min * quants_per_unit;
  const float scaled_max = range.max * quants_per_unit;
  const float error_from_min = -128.0f + scaled_min;
  const float error_from_max = 127.0f + scaled_max;
  float zero_point =
      error_from_min + error_from_max > 0 ? -128.0f - scaled_min : 127.0f - scaled_max;
  zero_point = zero_point > -128.0f ? zero_point : -128.0f;
  zero_point = zero_point < 127.0f ? zero_point : 127.0f;
  return {static_cast<int32_t>(std::lrintf(zero_point)), 1.0f / quants_per_unit};
}

}  // namespace inkling::kernels
#endif  // INKLING_KERNELS_QUANTIZE_ONCE_

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

using IntTag = hn::RebindToSigned<FloatTag>;
using IntVector = hn::Vec<IntTag>;

// Values that make one vector of int8.
constexpr size_t kStep = 4 * hn::MaxLanes(FloatTag());

HWY_INLINE RowRange RangeOfRow(const float* row, size_t dim) {
  const FloatTag d;
  VectorRange range(d);
  // Lanes beyond the tail load as 0, which is in every range.
  ForEachVector(
      d, dim, [&](size_t i, auto lanes) HWY_ATTR { range.Include(LoadLanes(d, row + i, lanes)); });
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

// The int8 quantised values of a row. Numbers that int8 can't hold get the outermost quantised
// value: by saturation when they are narrowed, or before that by Limited.
class RowQuants {
 public:
  explicit HWY_INLINE RowQuants(QuantizationParams params)
      : quants_per_unit_(hn::Set(FloatTag(), 1.0f / params.scale)),
        lowest_(hn::Set(FloatTag(), static_cast<float>(-128 - params.zero_point))),
        highest_(hn::Set(FloatTag(), static_cast<float>(127 - params.zero_point))),
        zero_bits_(hn::Set(IntTag(), kRounderBits - params.zero_point)) {}

  HWY_INLINE FloatVector Scaled(FloatVector x) const {
    return hn::MaskedMul(hn::Eq(x, x), x, quants_per_unit_);
  }
  HWY_INLINE FloatVector Limited(FloatVector scaled) const {
    return hn::Min(hn::Max(scaled, lowest_), highest_);
  }
  // Of a sum of a scaled value and kRounder.
  HWY_INLINE IntVector Quant(FloatVector sum) const {
    return hn::Sub(hn::BitCast(IntTag(), sum), zero_bits_);
  }

 private:
  FloatVector quants_per_unit_;
  FloatVector lowest_;
  FloatVector highest_;
  IntVector zero_bits_;  // kRounder's, less the zero point
};

HWY_INLINE void StoreNarrowed(IntVector a, IntVector b, IntVector c, IntVector d, int8_t* output) {
  const hn::Repartition<int16_t, FloatTag> d16;
  const hn::Repartition<int8_t, FloatTag> d8;
  hn::StoreU(
      hn::OrderedDemote2To(d8, hn::OrderedDemote2To(d16, a, b), hn::OrderedDemote2To(d16, c, d)),
      d8, output);
}

// Quantises kStep values.
struct ConvertStep {
  static constexpr size_t kRows = 1;

  HWY_INLINE void operator()(const float* from, int8_t* output, size_t /*stride*/) const {
    const FloatTag d;
    const auto quant = [&](size_t part) HWY_ATTR {
      const FloatVector x = quants.Scaled(hn::LoadU(d, from + part * hn::MaxLanes(d)));
      return quants.Quant(hn::Add(x, hn::Set(d, kRounder)));
    };
    StoreNarrowed(quant(0), quant(1), quant(2), quant(3), output);
  }

  RowQuants quants;
};

// ConvertStep, and the residual of each value to the row behind.
struct ConvertStepAndResidual {
  static constexpr size_t kRows = 2;

  HWY_INLINE void operator()(const float* from, int8_t* output, size_t stride) const {
    const FloatTag d;
    const FloatVector rounder = hn::Set(d, kRounder);
    IntVector left[4];
    const auto quant = [&](size_t part) HWY_ATTR {
      const FloatVector x = quants.Scaled(hn::LoadU(d, from + part * hn::MaxLanes(d)));
      const FloatVector sum = hn::Add(quants.Limited(x), rounder);
      // At most a step, not half of one: the zero point's own rounding moves the outermost values.
      const FloatVector rest = hn::Sub(x, hn::Sub(sum, rounder));
      const FloatVector steps = hn::Mul(rest, hn::Set(d, kResidualSteps));
      left[part] =
          hn::Sub(hn::BitCast(IntTag(), hn::Add(steps, rounder)), hn::Set(IntTag(), kRounderBits));
      return quants.Quant(sum);
    };
    StoreNarrowed(quant(0), quant(1), quant(2), quant(3), output);
    StoreNarrowed(left[0], left[1], left[2], left[3], output + stride);
  }

  RowQuants quants;
};

template <class Step>
HWY_INLINE void ConvertRow(const float* row, Step step, int8_t* output, size_t stride, size_t dim) {
  size_t i = 0;
  for (; i + kStep <= dim; i += kStep) step(row + i, output + i, stride);
  if (i == dim) return;
  float last[kStep] = {};
  int8_t converted[2 * kStep];
  std::copy(row + i, row + dim, last);
  step(last, converted, kStep);
  for (size_t r = 0; r < Step::kRows; ++r) {
    std::copy_n(converted + r * kStep, dim - i, output + r * stride + i);
  }
}

void QuantizeEachRow(const QuantizeRowsArgs& args) {
  for (size_t r = 0; r < args.num_rows; ++r) {
    const float* row = args.input + r * args.input_stride;
    const QuantizationParams params =
        ParamsOfRange(args.ranges == nullptr ? RangeOfRow(row, args.dim) : JoinedRange(args, r));
    if (!args.with_residual) {
      args.params[r] = params;
      ConvertRow(row, ConvertStep{RowQuants(params)}, args.output + r * args.output_stride,
                 args.output_stride, args.dim);
      continue;
    }
    args.params[2 * r] = params;
    args.params[2 * r + 1] = {0, params.scale / kResidualSteps};
    ConvertRow(row, ConvertStepAndResidual{RowQuants(params)},
               args.output + 2 * r * args.output_stride, args.output_stride, args.dim);
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
