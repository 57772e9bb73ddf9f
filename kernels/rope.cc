// Rotary position embedding; see rope.h for who calls it.
//
// The table is scalar: it is filled once per Forward for all layers, and double cosine and sine
// keep angles of a hundred thousand radians exact.
#include "kernels/rope.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rope.cc"
#include <cmath>

#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/vector_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

void RotateRows(const ApplyRopeArgs& args) {
  const FloatTag d;
  const size_t half = args.rotary_dim / 2;
  for (size_t r = 0; r < args.num_rows; ++r) {
    const float* cosine = args.cosine + r * half;
    const float* sine = args.sine + r * half;
    for (size_t h = 0; h < args.num_heads; ++h) {
      float* first = args.heads + r * args.row_stride + h * args.head_stride;
      float* second = first + half;
      ForEachVector(d, half, [&](size_t i, auto lanes) HWY_ATTR {
        const FloatVector a = LoadLanes(d, first + i, lanes);
        const FloatVector b = LoadLanes(d, second + i, lanes);
        const FloatVector c = LoadLanes(d, cosine + i, lanes);
        const FloatVector s = LoadLanes(d, sine + i, lanes);
        StoreLanes(d, hn::NegMulAdd(b, s, hn::Mul(a, c)), first + i, lanes);
        StoreLanes(d, hn::MulAdd(a, s, hn::Mul(b, c)), second + i, lanes);
      });
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(RotateRows);

void FillRopeTable(const RopeTableArgs& args) {
  for (size_t r = 0; r < args.num_rows; ++r) {
    const float position = static_cast<float>(args.first_position + static_cast<int64_t>(r));
    float* cosine = args.cosine + r * args.num_frequencies;
    float* sine = args.sine + r * args.num_frequencies;
    for (size_t i = 0; i < args.num_frequencies; ++i) {
      const float angle = position * args.frequencies[i];
      cosine[i] = static_cast<float>(std::cos(static_cast<double>(angle))) * args.attention_factor;
      sine[i] = static_cast<float>(std::sin(static_cast<double>(angle))) * args.attention_factor;
    }
  }
}

void ApplyRope(const ApplyRopeArgs& args) { HWY_DYNAMIC_DISPATCH(RotateRows)(args); }

}  // namespace inkling::kernels
#endif  // HWY_ONCE
