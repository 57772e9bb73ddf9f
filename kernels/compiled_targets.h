// The instruction sets that kernels are compiled for. Every kernels/*.cc includes this first,
// before any Highway header, so that all files and the kernel tests agree.
//
// Left out are sets that cost code size and give these float kernels nothing over one that is kept:
// SSSE3, the AVX-512 variants beyond the first (they add integer dot products and bf16, used by
// XNNPACK), NEON with AES or bf16. SVE and RVV have vectors of a size unknown to the compiler,
// which cannot be array elements as attention's accumulators are; SVE2 of today's phones is 128
// bits wide, the width of NEON.
#ifndef INKLING_KERNELS_COMPILED_TARGETS_H_
#define INKLING_KERNELS_COMPILED_TARGETS_H_

#ifdef HWY_DISABLED_TARGETS
#error "Include kernels/compiled_targets.h before any Highway header"
#endif

#define HWY_DISABLED_TARGETS                                                         \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR | HWY_AVX10_2 | HWY_NEON | \
   HWY_NEON_BF16 | HWY_ALL_SVE | HWY_RVV)

#endif  // INKLING_KERNELS_COMPILED_TARGETS_H_
