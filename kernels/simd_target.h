// The instruction class that the kernels of this room run with on this CPU.
//
// For people: a model's description shows it, so that a silently slow build can't hide. Which
// classes are compiled at all is in compiled_targets.h.
#ifndef INKLING_KERNELS_SIMD_TARGET_H_
#define INKLING_KERNELS_SIMD_TARGET_H_

namespace inkling::kernels {

// Returns Highway's name of the best target compiled in that this CPU has: "AVX3", "AVX2",
// "NEON_WITHOUT_AES", ...
const char* SimdTargetName();

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_SIMD_TARGET_H_
