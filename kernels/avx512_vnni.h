// What BlockMatmul and ChannelMatmul share: how a function is compiled for AVX-512 VNNI, whatever
// the rest of the file is compiled for, the few operations that Highway can't say, and the
// multiply-adds of a unit. Included by their two .cc files alone.
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

#include "kernels/block_matmul.h"

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

// Registers over which the integer sums of one of kRows rows are spread: a multiply-add of bytes
// has to wait for the one before it. They are exact in 32 bits, so the order doesn't matter.
template <size_t kRows>
inline constexpr size_t kChains = kRows == 1  ? 4
                                  : kRows < 4 ? 2
                                              : 1;

// sums[chain * kRows + r] += the inputs of row r in a unit, rows `stride` bytes apart, times the
// unit's weights for 16 outputs. vpdpbusd takes its signed operand, here 4 inputs for all lanes,
// from memory.
template <size_t kRows>
INKLING_AVX512_INLINE void AddUnit(const int8_t* input, size_t stride, const uint8_t* unit,
                                   __m512i* sums) {
  constexpr size_t kLineBytes = 64;
  constexpr size_t kLines = kUnitBytes / kLineBytes;
  const __m512i low = _mm512_set1_epi8(15);
  INKLING_UNROLL
  for (size_t i = 0; i < kLines; ++i) {
    const uint8_t* line = unit + i * kLineBytes;
    Prefetch(line);
    const __m512i nibbles = _mm512_load_si512(line);
    const __m512i weights[2] = {_mm512_and_si512(nibbles, low),
                                _mm512_and_si512(_mm512_srli_epi16(nibbles, 4), low)};
    INKLING_UNROLL
    for (size_t half = 0; half < 2; ++half) {
      __m512i* chain = sums + (2 * i + half) % kChains<kRows> * kRows;
      INKLING_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        const int8_t* four = input + r * stride + 4 * (i + half * kLines);
        chain[r] = _mm512_dpbusd_epi32(chain[r], weights[half], BroadcastInt(four));
      }
    }
  }
}

// Clears all chains of each row but the first.
template <size_t kRows>
INKLING_AVX512_INLINE void ClearOtherChains(__m512i* sums) {
  INKLING_UNROLL
  for (size_t i = kRows; i < kRows * kChains<kRows>; ++i) sums[i] = _mm512_setzero_si512();
}

// Adds them to the first.
template <size_t kRows>
INKLING_AVX512_INLINE void JoinChains(__m512i* sums) {
  INKLING_UNROLL
  for (size_t i = kRows; i < kRows * kChains<kRows>; ++i) {
    sums[i % kRows] = _mm512_add_epi32(sums[i % kRows], sums[i]);
  }
}

}  // namespace inkling::kernels

#else
#define INKLING_HAS_AVX512_VNNI 0
#endif

#endif  // INKLING_KERNELS_AVX512_VNNI_H_
