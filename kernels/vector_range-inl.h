// Running minimum and maximum of values that are to be quantised.
//
// Included by kernels/*.cc, once per instruction set: by quantize.cc, and by kernels that write
// rows and take their range on the way, so that nobody reads the rows for it. Minimum and maximum
// don't depend on the order, so a range in parts is the range of the whole, bit for bit.
#if defined(INKLING_KERNELS_VECTOR_RANGE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INKLING_KERNELS_VECTOR_RANGE_INL_H_
#undef INKLING_KERNELS_VECTOR_RANGE_INL_H_
#else
#define INKLING_KERNELS_VECTOR_RANGE_INL_H_
#endif

#include <algorithm>
#include <limits>

#include "hwy/highway.h"
#include "kernels/vector_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

// Starts as the range of 0. NaN counts as 0, infinities as the largest values whose range is
// finite.
class VectorRange {
 public:
  HWY_INLINE explicit VectorRange(FloatTag d) : min_(hn::Zero(d)), max_(hn::Zero(d)) {}

  HWY_INLINE void Include(FloatVector x) {
    const FloatVector number = hn::IfThenElseZero(hn::Eq(x, x), x);
    min_ = hn::Min(min_, number);
    max_ = hn::Max(max_, number);
  }

  HWY_INLINE float Min(FloatTag d) const { return std::max(hn::ReduceMin(d, min_), -kLimit); }
  HWY_INLINE float Max(FloatTag d) const { return std::min(hn::ReduceMax(d, max_), kLimit); }

 private:
  static constexpr float kLimit = std::numeric_limits<float>::max() / 2;

  FloatVector min_;
  FloatVector max_;
};

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#endif  // INKLING_KERNELS_VECTOR_RANGE_INL_H_
