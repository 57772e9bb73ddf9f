// What BlockProduct and ChannelProduct share: how a function is compiled for AVX-512 VNNI, whatever
// the rest of the file is compiled for, and the few operations that Highway can't say. Included by
// their two .cc files alone.
#ifndef INKLING_KERNELS_AVX512_VNNI_H_
#define INKLING_KERNELS_AVX512_VNNI_H_

#include "kernels/compiled_targets.h"
// After compiled_targets.h.
#include "hwy/highway.h"

#if HWY_ARCH_X86_64 && defined(__GNUC__)
#define INKLING_HAS_AVX512_VNNI 1
#if !defined(__clang__)
// GCC's own header leaves a variable that doesn't matter uninitialised (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#define INKLING_AVX512_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define INKLING_AVX512_INLINE INKLING_AVX512_VNNI __attribute__((always_inline)) inline
// In front of loops over what must lie in registers.
#if defined(__clang__)
#define INKLING_UNROLL _Pragma("clang loop unroll(full)")
#else
#define INKLING_UNROLL _Pragma("GCC unroll 16")
#endif

namespace inkling::kernels {

// How far ahead of its use a line of weights is asked for: a page, because the hardware's own
// prefetching starts anew with every page.
constexpr size_t kPrefetchBytes = 4096;

INKLING_AVX512_INLINE __m512i BroadcastInt(const void* bytes) {
  int32_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return _mm512_set1_epi32(value);
}

INKLING_AVX512_INLINE void Prefetch(const uint8_t* line) {
  _mm_prefetch(reinterpret_cast<const char*>(line) + kPrefetchBytes, _MM_HINT_T0);
}

}  // namespace inkling::kernels

#else
#define INKLING_HAS_AVX512_VNNI 0
#endif

#endif  // INKLING_KERNELS_AVX512_VNNI_H_
