// Floating-point environments that an app may have, and a look at every bit of the thread's own.
//
// Between SetHostFloats and the last HostFloats a test computes with no floating-point number: that
// would raise flags, or be trapped.

#ifndef INKLING_TESTS_TESTING_HOST_FLOATS_H_
#define INKLING_TESTS_TESTING_HOST_FLOATS_H_

#include <cfenv>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#if defined(__x86_64__) || (defined(__i386__) && defined(__SSE__))
#include <xmmintrin.h>
#endif

namespace inkling {

// Everything about the calling thread's floating-point environment.
struct HostFloats {
  uint64_t control = 0;  // of the vector unit, with its flags on x86
  uint64_t flags = 0;
  uint64_t x87_control = 0;
  uint64_t x87_flags = 0;
  friend bool operator==(const HostFloats&, const HostFloats&) = default;
};

inline HostFloats ReadHostFloats() {
  HostFloats floats;
#if defined(__x86_64__) || (defined(__i386__) && defined(__SSE__))
  floats.control = _mm_getcsr();
  uint16_t word = 0;
  __asm__ volatile("fnstcw %0" : "=m"(word));
  floats.x87_control = word;
  __asm__ volatile("fnstsw %0" : "=m"(word));
  floats.x87_flags = word & 0xFF;
#elif defined(__aarch64__)
  __asm__ volatile("mrs %0, fpcr" : "=r"(floats.control));
  __asm__ volatile("mrs %0, fpsr" : "=r"(floats.flags));
#elif defined(__arm__)
  uint32_t both = 0;
  __asm__ volatile("vmrs %0, fpscr" : "=r"(both));
  floats.control = both & 0x0FFFFFFF;  // above: of the latest comparison
#else
  floats.control = static_cast<uint64_t>(std::fegetround());
  floats.flags = static_cast<uint64_t>(std::fetestexcept(FE_ALL_EXCEPT));
#endif
  return floats;
}

// One that an app could have.
struct HostFloatsCase {
  std::string name;
  int rounding = FE_TONEAREST;
  bool traps = false;    // on everything that can be trapped, inexact results included
  bool flushes = false;  // subnormal numbers, as inputs and results
  bool flagged = false;  // everything has happened before
};

// All roundings, each plain, trapping, flushing, and with all of that.
inline std::vector<HostFloatsCase> HostFloatsCases() {
  std::vector<HostFloatsCase> cases;
  const std::pair<const char*, int> roundings[] = {
#if defined(FE_UPWARD)
    {"Upward", FE_UPWARD},
    {"Downward", FE_DOWNWARD},
    {"TowardZero", FE_TOWARDZERO},
#endif
    {"Nearest", FE_TONEAREST}
  };
  for (const auto& [name, rounding] : roundings) {
    const std::string start = name;
    cases.push_back({.name = start, .rounding = rounding});
    cases.push_back({.name = start + "Flagged", .rounding = rounding, .flagged = true});
    cases.push_back({.name = start + "Trapping", .rounding = rounding, .traps = true});
    cases.push_back({.name = start + "Flushing", .rounding = rounding, .flushes = true});
    cases.push_back({.name = start + "All",
                     .rounding = rounding,
                     .traps = true,
                     .flushes = true,
                     .flagged = true});
  }
  return cases;
}

// Gives the calling thread that environment, where the CPU has it.
inline void SetHostFloats(const HostFloatsCase& floats) {
  std::fesetenv(FE_DFL_ENV);
  if (floats.flagged) {
    std::feraiseexcept(FE_ALL_EXCEPT);
  }
  std::fesetround(floats.rounding);
#if defined(__x86_64__) || (defined(__i386__) && defined(__SSE__))
  uint32_t control = _mm_getcsr();
  if (floats.flushes) control |= 0x8040;  // results to zero, inputs as zero
  if (floats.traps) control &= ~uint32_t{0x1F80};
  uint16_t x87_control = 0;
  __asm__ volatile("fnstcw %0" : "=m"(x87_control));
  if (floats.traps) x87_control &= 0xFFC0;
  __asm__ volatile("fldcw %0" : : "m"(x87_control));
  _mm_setcsr(control);
#elif defined(__aarch64__)
  uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  if (floats.flushes) control |= uint64_t{1} << 24;
  if (floats.traps) control |= uint64_t{0x1F} << 8;  // most Arm CPUs can't and ignore it
  __asm__ volatile("msr fpcr, %0" : : "r"(control));
#elif defined(__arm__)
  uint32_t both = 0;
  __asm__ volatile("vmrs %0, fpscr" : "=r"(both));
  if (floats.flushes) both |= uint32_t{1} << 24;
  __asm__ volatile("vmsr fpscr, %0" : : "r"(both));
#endif
}

// What a thread has that never asked for anything.
inline void ResetHostFloats() {
#if defined(__x86_64__) || defined(__i386__)
  __asm__ volatile("fnclex");  // flags that are trapped would trap in what follows
#endif
  std::fesetenv(FE_DFL_ENV);
#if defined(__x86_64__) || (defined(__i386__) && defined(__SSE__))
  _mm_setcsr(0x1F80);
#endif
}

}  // namespace inkling

#endif  // INKLING_TESTS_TESTING_HOST_FLOATS_H_
