// Four rows share each load of the matrix; rows that are left go one by one.
#include "kernels/low_rank.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/low_rank.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/vector_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

constexpr size_t kTileRows = 4;

// output[r][0, padded_rank) of rows [first, first + kRows).
template <size_t kRows, typename Element>
void DownRows(const LowRankDownArgs& args, const Element* matrix, size_t first) {
  const FloatTag d;
  const float* x = args.input + first * args.input_stride;
  const size_t stride = args.input_stride;
  float* out = args.output + first * args.padded_rank;
  for (size_t j = 0; j < args.padded_rank; j += hn::Lanes(d)) {
    FloatVector sum0 = hn::Zero(d);
    FloatVector sum1 = hn::Zero(d);
    FloatVector sum2 = hn::Zero(d);
    FloatVector sum3 = hn::Zero(d);
    for (size_t i = 0; i < args.num_inputs; ++i) {
      const FloatVector weight = LoadAsFloat(d, matrix + i * args.padded_rank + j, AllLanes());
      sum0 = hn::MulAdd(hn::Set(d, x[i]), weight, sum0);
      if constexpr (kRows > 1) {
        sum1 = hn::MulAdd(hn::Set(d, x[stride + i]), weight, sum1);
        sum2 = hn::MulAdd(hn::Set(d, x[2 * stride + i]), weight, sum2);
        sum3 = hn::MulAdd(hn::Set(d, x[3 * stride + i]), weight, sum3);
      }
    }
    hn::StoreU(sum0, d, out + j);
    if constexpr (kRows > 1) {
      hn::StoreU(sum1, d, out + args.padded_rank + j);
      hn::StoreU(sum2, d, out + 2 * args.padded_rank + j);
      hn::StoreU(sum3, d, out + 3 * args.padded_rank + j);
    }
  }
}

template <typename Element>
void Down(const LowRankDownArgs& args, const Element* matrix) {
  size_t row = 0;
  for (; row + kTileRows <= args.num_rows; row += kTileRows) DownRows<kTileRows>(args, matrix, row);
  for (; row < args.num_rows; ++row) DownRows<1>(args, matrix, row);
}

// output[r] of rows [first, first + kRows).
template <size_t kRows, typename Element>
void UpRows(const LowRankUpArgs& args, const Element* matrix, size_t first) {
  const FloatTag d;
  const float* x = args.input + first * args.input_stride;
  const size_t stride = args.input_stride;
  float* out = args.output + first * args.output_stride;
  ForEachVector(d, args.num_outputs, [&](size_t o, auto lanes) HWY_ATTR {
    float* const out0 = out + o;
    float* const out1 = out0 + (kRows > 1 ? args.output_stride : 0);
    float* const out2 = out1 + (kRows > 1 ? args.output_stride : 0);
    float* const out3 = out2 + (kRows > 1 ? args.output_stride : 0);
    FloatVector sum0 = LoadLanes(d, out0, lanes);
    FloatVector sum1 = LoadLanes(d, out1, lanes);
    FloatVector sum2 = LoadLanes(d, out2, lanes);
    FloatVector sum3 = LoadLanes(d, out3, lanes);
    for (size_t j = 0; j < args.rank; ++j) {
      const FloatVector weight = LoadAsFloat(d, matrix + j * args.matrix_stride + o, lanes);
      sum0 = hn::MulAdd(hn::Set(d, x[j]), weight, sum0);
      if constexpr (kRows > 1) {
        sum1 = hn::MulAdd(hn::Set(d, x[stride + j]), weight, sum1);
        sum2 = hn::MulAdd(hn::Set(d, x[2 * stride + j]), weight, sum2);
        sum3 = hn::MulAdd(hn::Set(d, x[3 * stride + j]), weight, sum3);
      }
    }
    StoreLanes(d, sum0, out0, lanes);
    if constexpr (kRows > 1) {
      StoreLanes(d, sum1, out1, lanes);
      StoreLanes(d, sum2, out2, lanes);
      StoreLanes(d, sum3, out3, lanes);
    }
  });
}

template <typename Element>
void Up(const LowRankUpArgs& args, const Element* matrix) {
  size_t row = 0;
  for (; row + kTileRows <= args.num_rows; row += kTileRows) UpRows<kTileRows>(args, matrix, row);
  for (; row < args.num_rows; ++row) UpRows<1>(args, matrix, row);
}

void LowRankDownSpan(const LowRankDownArgs& args) {
  if (args.matrix_f32 != nullptr) return Down(args, args.matrix_f32);
  Down(args, args.matrix_f16);
}

void LowRankUpSpan(const LowRankUpArgs& args) {
  if (args.matrix_f32 != nullptr) return Up(args, args.matrix_f32);
  Up(args, args.matrix_f16);
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(LowRankDownSpan);
HWY_EXPORT(LowRankUpSpan);

void LowRankDown(const LowRankDownArgs& args) { HWY_DYNAMIC_DISPATCH(LowRankDownSpan)(args); }
void LowRankUp(const LowRankUpArgs& args) { HWY_DYNAMIC_DISPATCH(LowRankUpSpan)(args); }

}  // namespace inkling::kernels
#endif  // HWY_ONCE
