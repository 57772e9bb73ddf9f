// Feed-forward activations and the soft cap; see activation.h for who calls them.
//
// Both gelus and silu are written as x over a sum of exponentials or x times erfc, so that their
// negative tails keep relative accuracy where 1 + tanh or 1 + erf would cancel to 0.
#include "kernels/activation.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activation.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/vector_math-inl.h"
#include "kernels/vector_range-inl.h"
#include "kernels/vector_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

struct SiluFunction {
  HWY_INLINE FloatVector operator()(FloatTag d, FloatVector x) const {
    return hn::Div(x, hn::Add(Exp(d, hn::Neg(x)), hn::Set(d, 1.0f)));
  }
};

struct GeluTanhFunction {
  HWY_INLINE FloatVector operator()(FloatTag d, FloatVector x) const {
    // (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)), with -2 u = x * (kLinear + kCubic x^2).
    const FloatVector linear = hn::Set(d, -1.595769122f);  // -2 sqrt(2 / pi)
    const FloatVector cubic = hn::Set(d, -0.0713548163f);  // the same times 0.044715
    const FloatVector exponent = hn::Mul(x, hn::MulAdd(hn::Mul(x, x), cubic, linear));
    return hn::Div(x, hn::Add(Exp(d, exponent), hn::Set(d, 1.0f)));
  }
};

struct GeluErfFunction {
  HWY_INLINE FloatVector operator()(FloatTag d, FloatVector x) const {
    // The tail is 0 in float long before 30; the limit keeps infinity out of the split of its
    // square.
    const FloatVector limit = hn::Set(d, 30.0f);
    const FloatVector magnitude = hn::Abs(x);
    const FloatVector bounded = hn::IfThenElse(hn::Gt(magnitude, limit), limit, magnitude);
    const FloatVector tail = hn::Mul(NormalTail(d, bounded), hn::Set(d, 0.5f));
    const auto is_negative = hn::Lt(x, hn::Zero(d));
    const FloatVector share = hn::IfThenElse(is_negative, tail, hn::Sub(hn::Set(d, 1.0f), tail));
    return hn::Mul(x, share);
  }
};

struct ReluFunction {
  HWY_INLINE FloatVector operator()(FloatTag d, FloatVector x) const {
    // Not Max, whose result for NaN depends on the instruction set: NaN stays NaN here.
    return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
  }
};

template <class Function>
HWY_INLINE void ActivateWith(const ActivateArgs& args, const Function& function) {
  const FloatTag d;
  for (size_t r = 0; r < args.num_rows; ++r) {
    const float* input = args.input + r * args.input_stride;
    float* output = args.output + r * args.output_stride;
    VectorRange range(d);
    if (args.multiplier == nullptr) {
      ForEachVector(d, args.dim, [&](size_t i, auto lanes) HWY_ATTR {
        const FloatVector active = function(d, LoadLanes(d, input + i, lanes));
        // What the lanes beyond the tail hold is a function of 0: 0.
        range.Include(active);
        StoreLanes(d, active, output + i, lanes);
      });
    } else {
      const float* multiplier = args.multiplier + r * args.multiplier_stride;
      ForEachVector(d, args.dim, [&](size_t i, auto lanes) HWY_ATTR {
        const FloatVector active = function(d, LoadLanes(d, input + i, lanes));
        const FloatVector gated = hn::Mul(active, LoadLanes(d, multiplier + i, lanes));
        range.Include(gated);
        StoreLanes(d, gated, output + i, lanes);
      });
    }
    if (args.ranges != nullptr) args.ranges[r] = {range.Min(d), range.Max(d)};
  }
}

void ActivateRows(const ActivateArgs& args) {
  switch (args.activation) {
    case Activation::kSilu:
      return ActivateWith(args, SiluFunction());
    case Activation::kGeluTanh:
      return ActivateWith(args, GeluTanhFunction());
    case Activation::kGeluErf:
      return ActivateWith(args, GeluErfFunction());
    case Activation::kRelu:
      return ActivateWith(args, ReluFunction());
  }
}

void SoftCapValues(float* values, size_t size, float cap) {
  const FloatTag d;
  const FloatVector cap_v = hn::Set(d, cap);
  const FloatVector inverse = hn::Set(d, 1.0f / cap);
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector x = LoadLanes(d, values + i, lanes);
    StoreLanes(d, hn::Mul(cap_v, Tanh(d, hn::Mul(x, inverse))), values + i, lanes);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(ActivateRows);
HWY_EXPORT(SoftCapValues);

void Activate(const ActivateArgs& args) { HWY_DYNAMIC_DISPATCH(ActivateRows)(args); }

void SoftCap(float* values, size_t size, float cap) {
  HWY_DYNAMIC_DISPATCH(SoftCapValues)(values, size, cap);
}

}  // namespace inkling::kernels
#endif  // HWY_ONCE
