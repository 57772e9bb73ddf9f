// Asks each compiled target for its own name through the dispatch that all kernels use; see
// simd_target.h for who shows it.
#include "kernels/simd_target.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd_target.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace inkling::kernels::HWY_NAMESPACE {

const char* TargetNameHere() { return hwy::TargetName(HWY_TARGET); }

}  // namespace inkling::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(TargetNameHere);

const char* SimdTargetName() { return HWY_DYNAMIC_DISPATCH(TargetNameHere)(); }

}  // namespace inkling::kernels
#endif  // HWY_ONCE
