// Root-mean-square and layer normalisation; see norm.h for who calls them.
//
// Sums run in four independent vectors of float32, which keeps the error of a sum over a few
// thousand squares near 1e-7 and hides the latency of the additions.
#include "kernels/norm.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm.cc"
#include <cmath>

#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/vector_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

// Sums term(i, lanes) over the row; terms of lanes beyond the tail must be 0.
template <class Term>
HWY_INLINE float SumOverRow(FloatTag d, size_t dim, const Term& term) {
  const size_t lanes = hn::Lanes(d);
  FloatVector sum0 = hn::Zero(d);
  FloatVector sum1 = hn::Zero(d);
  FloatVector sum2 = hn::Zero(d);
  FloatVector sum3 = hn::Zero(d);
  size_t i = 0;
  for (; i + 4 * lanes <= dim; i += 4 * lanes) {
    sum0 = hn::Add(sum0, term(i, AllLanes()));
    sum1 = hn::Add(sum1, term(i + lanes, AllLanes()));
    sum2 = hn::Add(sum2, term(i + 2 * lanes, AllLanes()));
    sum3 = hn::Add(sum3, term(i + 3 * lanes, AllLanes()));
  }
  for (; i + lanes <= dim; i += lanes) sum0 = hn::Add(sum0, term(i, AllLanes()));
  if (i < dim) sum1 = hn::Add(sum1, term(i, FirstLanes{dim - i}));
  return hn::ReduceSum(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)));
}

// Writes row * factor * weight.
HWY_INLINE void ScaleRow(FloatTag d, const float* row, float factor, const float* weight,
                         size_t dim, float* output) {
  const FloatVector factor_v = hn::Set(d, factor);
  if (weight == nullptr) {
    ForEachTwoVectors(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
      StoreLanes(d, hn::Mul(LoadLanes(d, row + i, lanes), factor_v), output + i, lanes);
    });
    return;
  }
  ForEachTwoVectors(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector scaled = hn::Mul(LoadLanes(d, row + i, lanes), factor_v);
    StoreLanes(d, hn::Mul(scaled, LoadLanes(d, weight + i, lanes)), output + i, lanes);
  });
}

HWY_INLINE void RmsNormRow(const float* row, const float* weight, float epsilon, size_t dim,
                           float* output) {
  const FloatTag d;
  const float sum = SumOverRow(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector x = LoadLanes(d, row + i, lanes);
    return hn::Mul(x, x);
  });
  const float factor = 1.0f / std::sqrt(sum / static_cast<float>(dim) + epsilon);
  ScaleRow(d, row, factor, weight, dim, output);
}

HWY_INLINE void AddRow(float* residual, const float* addend, float scale, size_t dim) {
  const FloatTag d;
  const FloatVector scale_v = hn::Set(d, scale);
  ForEachTwoVectors(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector scaled = hn::Mul(LoadLanes(d, addend + i, lanes), scale_v);
    StoreLanes(d, hn::Add(LoadLanes(d, residual + i, lanes), scaled), residual + i, lanes);
  });
}

void RmsNormRows(const RmsNormArgs& args) {
  for (size_t r = 0; r < args.num_rows; ++r) {
    RmsNormRow(args.input + r * args.input_stride, args.weight, args.epsilon, args.dim,
               args.output + r * args.output_stride);
  }
}

HWY_INLINE void LayerNormRow(const LayerNormArgs& args, const float* row, float* output) {
  const FloatTag d;
  const size_t dim = args.dim;
  const float mean =
      SumOverRow(d, dim,
                 [&](size_t i, auto lanes) HWY_ATTR { return LoadLanes(d, row + i, lanes); }) /
      static_cast<float>(dim);
  const FloatVector mean_v = hn::Set(d, mean);
  // A second pass over the centred row: the one-pass formula cancels where the mean is large.
  float sum = SumOverRow(d, dim / hn::Lanes(d) * hn::Lanes(d), [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector x = hn::Sub(LoadLanes(d, row + i, lanes), mean_v);
    return hn::Mul(x, x);
  });
  for (size_t i = dim / hn::Lanes(d) * hn::Lanes(d); i < dim; ++i) {
    sum += (row[i] - mean) * (row[i] - mean);
  }
  const float factor = 1.0f / std::sqrt(sum / static_cast<float>(dim) + args.epsilon);
  const FloatVector factor_v = hn::Set(d, factor);
  const float* weight = args.weight;
  const float* bias = args.bias;
  ForEachVector(d, dim, [&](size_t i, auto lanes) HWY_ATTR {
    FloatVector x = hn::Mul(hn::Sub(LoadLanes(d, row + i, lanes), mean_v), factor_v);
    if (weight != nullptr) x = hn::Mul(x, LoadLanes(d, weight + i, lanes));
    if (bias != nullptr) x = hn::Add(x, LoadLanes(d, bias + i, lanes));
    StoreLanes(d, x, output + i, lanes);
  });
}

void LayerNormRows(const LayerNormArgs& args) {
  for (size_t r = 0; r < args.num_rows; ++r) {
    LayerNormRow(args, args.input + r * args.input_stride, args.output + r * args.output_stride);
  }
}

void ResidualAddRows(const ResidualAddArgs& args) {
  for (size_t r = 0; r < args.num_rows; ++r) {
    AddRow(args.residual + r * args.residual_stride, args.addend + r * args.addend_stride,
           args.scale, args.dim);
  }
}

void AddRmsNormRows(const AddRmsNormArgs& args) {
  for (size_t r = 0; r < args.num_rows; ++r) {
    // Row by row, so that the sum is still in the first cache level when the norm reads it.
    float* residual = args.residual + r * args.residual_stride;
    AddRow(residual, args.addend + r * args.addend_stride, 1.0f, args.dim);
    RmsNormRow(residual, args.weight, args.epsilon, args.dim, args.output + r * args.output_stride);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(RmsNormRows);
HWY_EXPORT(LayerNormRows);
HWY_EXPORT(ResidualAddRows);
HWY_EXPORT(AddRmsNormRows);

void RmsNorm(const RmsNormArgs& args) { HWY_DYNAMIC_DISPATCH(RmsNormRows)(args); }
void LayerNorm(const LayerNormArgs& args) { HWY_DYNAMIC_DISPATCH(LayerNormRows)(args); }
void ResidualAdd(const ResidualAddArgs& args) { HWY_DYNAMIC_DISPATCH(ResidualAddRows)(args); }
void AddRmsNorm(const AddRmsNormArgs& args) { HWY_DYNAMIC_DISPATCH(AddRmsNormRows)(args); }

}  // namespace inkling::kernels
#endif  // HWY_ONCE
