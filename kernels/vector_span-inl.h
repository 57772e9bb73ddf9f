// Loads, stores and a loop over a span of floats whose length is no multiple of the vector.
//
// Included by kernels/*.cc, once per instruction set. A loop body is written once, as a generic
// lambda over (index, lanes), and runs with `AllLanes` for whole vectors and `FirstLanes` for the
// tail; a masked tail load yields zeros in the lanes beyond, and a masked store leaves them alone.
#if defined(INKLING_KERNELS_VECTOR_SPAN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INKLING_KERNELS_VECTOR_SPAN_INL_H_
#undef INKLING_KERNELS_VECTOR_SPAN_INL_H_
#else
#define INKLING_KERNELS_VECTOR_SPAN_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/half_vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVector = hn::Vec<FloatTag>;

// int8 to float32, and back from integers within its range.
template <class D>
HWY_INLINE hn::Vec<D> FloatFromQuants(D d, hn::Vec<hn::Rebind<int8_t, D>> quants) {
  return hn::ConvertTo(d, hn::PromoteTo(hn::RebindToSigned<D>(), quants));
}

template <class D>
HWY_INLINE hn::Vec<hn::Rebind<int8_t, D>> QuantsFromFloat(D /*d*/, hn::Vec<D> x) {
  return hn::DemoteTo(hn::Rebind<int8_t, D>(), hn::NearestInt(x));
}

struct AllLanes {};
struct FirstLanes {
  size_t count;  // > 0 and below the number of lanes
};

template <class D>
HWY_INLINE hn::Vec<D> LoadLanes(D d, const hn::TFromD<D>* from, AllLanes) {
  return hn::LoadU(d, from);
}

template <class D>
HWY_INLINE hn::Vec<D> LoadLanes(D d, const hn::TFromD<D>* from, FirstLanes lanes) {
  return hn::LoadN(d, from, lanes.count);
}

template <class D>
HWY_INLINE void StoreLanes(D d, hn::Vec<D> v, hn::TFromD<D>* to, AllLanes) {
  hn::StoreU(v, d, to);
}

template <class D>
HWY_INLINE void StoreLanes(D d, hn::Vec<D> v, hn::TFromD<D>* to, FirstLanes lanes) {
  hn::StoreN(v, d, to, lanes.count);
}

// Loads cache or weight elements as float32: f16 is passed as its bits.
template <class Lanes>
HWY_INLINE FloatVector LoadAsFloat(FloatTag d, const float* from, Lanes lanes) {
  return LoadLanes(d, from, lanes);
}

template <class Lanes>
HWY_INLINE FloatVector LoadAsFloat(FloatTag d, const uint16_t* from, Lanes lanes) {
  return FloatFromHalf(d, LoadLanes(HalfTag<FloatTag>(), from, lanes));
}

template <class Lanes>
HWY_INLINE FloatVector LoadAsFloat(FloatTag d, const int8_t* from, Lanes lanes) {
  return FloatFromQuants(d, LoadLanes(hn::Rebind<int8_t, FloatTag>(), from, lanes));
}

// Calls body(i, lanes) for i = 0, N, 2N ... so that every element of [0, size) is covered once.
template <class D, class Body>
HWY_INLINE void ForEachVector(D d, size_t size, const Body& body) {
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= size; i += lanes) body(i, AllLanes());
  if (i < size) body(i, FirstLanes{size - i});
}

// The same two vectors at a time, for bodies of so few operations that counting and branching are a
// large share.
template <class D, class Body>
HWY_INLINE void ForEachTwoVectors(D d, size_t size, const Body& body) {
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + 2 * lanes <= size; i += 2 * lanes) {
    body(i, AllLanes());
    body(i + lanes, AllLanes());
  }
  for (; i + lanes <= size; i += lanes) body(i, AllLanes());
  if (i < size) body(i, FirstLanes{size - i});
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#endif  // INKLING_KERNELS_VECTOR_SPAN_INL_H_
