// DefaultFloats: computes in IEEE 754's default floating-point environment, whatever the app's is.
//
// An app may have its thread round another way, flush subnormal numbers, or trap on what is
// invalid. Every public call that computes makes a DefaultFloats first: so results are the same
// everywhere, and afterwards the thread has its own modes, flags and traps again, as if nothing had
// been computed. A few nanoseconds. Threads of a ThreadPool are started inside of one and keep
// that.
//
// WebAssembly has no such environment.

#ifndef INKLING_SRC_COMPUTE_FLOAT_ENVIRONMENT_H_
#define INKLING_SRC_COMPUTE_FLOAT_ENVIRONMENT_H_

#include <cstdint>

#if defined(__x86_64__) || (defined(__i386__) && defined(__SSE__))
#define INKLING_FLOATS_OF_X86 1
#include <xmmintrin.h>
#elif defined(__aarch64__)
#define INKLING_FLOATS_OF_AARCH64 1
#elif defined(__arm__) && defined(__ARM_FP)
#define INKLING_FLOATS_OF_ARM 1
#elif !defined(__wasm__)
#define INKLING_FLOATS_OF_C 1
#include <cfenv>
#endif

namespace inkling {

// The floating-point registers of a thread that aren't numbers.
class FloatEnvironment {
 public:
  // Sets the calling thread's to the default and keeps what they were. In place: a copy would wait
  // for its parts to be stored.
  void KeepAndSetDefault();
  // Sets the calling thread's to what was kept. Only where they are the default.
  void Restore() const;

 private:
#if defined(INKLING_FLOATS_OF_X86)
  uint32_t sse_;  // MXCSR
  // Of the x87, which long doubles use, and on 32-bit systems all numbers that functions return.
  uint16_t x87_control_;
  uint16_t x87_status_;

  static constexpr uint32_t kDefaultSse = 0x1F80;  // to nearest; nothing trapped, nothing flushed
  static constexpr uint32_t kSseFlags = 0x003F;
  static constexpr uint16_t kDefaultX87Control = 0x037F;  // the same, 64 bits of precision
  static constexpr uint16_t kX87Flags = 0x00FF;
  void RestoreX87Flags() const;
#elif defined(INKLING_FLOATS_OF_AARCH64)
  uint64_t control_;  // FPCR
  uint64_t status_;   // FPSR
#elif defined(INKLING_FLOATS_OF_ARM)
  uint32_t both_;  // FPSCR
#elif defined(INKLING_FLOATS_OF_C)
  std::fenv_t all_;
#endif
};

// While one lives, the calling thread computes in the default environment. May be nested.
class DefaultFloats {
 public:
  DefaultFloats() { app_.KeepAndSetDefault(); }
  ~DefaultFloats() { app_.Restore(); }
  DefaultFloats(const DefaultFloats&) = delete;
  DefaultFloats& operator=(const DefaultFloats&) = delete;

  // While one lives, inside of the outermost DefaultFloats, the thread has the app's environment
  // again: for code of the app. What that changes is kept.
  class Interval {
   public:
    explicit Interval(DefaultFloats& floats) : floats_(floats) { floats_.app_.Restore(); }
    ~Interval() { floats_.app_.KeepAndSetDefault(); }
    Interval(const Interval&) = delete;
    Interval& operator=(const Interval&) = delete;

   private:
    DefaultFloats& floats_;
  };

 private:
  FloatEnvironment app_;
};

#if defined(INKLING_FLOATS_OF_X86)

// A write that changes MXCSR costs more than all the rest, so there is none where only flags
// differ.
inline void FloatEnvironment::KeepAndSetDefault() {
  sse_ = _mm_getcsr();
  if ((sse_ & ~kSseFlags) != kDefaultSse) _mm_setcsr(kDefaultSse);
  __asm__ volatile("fnstcw %0" : "=m"(x87_control_));
  __asm__ volatile("fnstsw %0" : "=a"(x87_status_));
  if (x87_control_ != kDefaultX87Control) {
    // A flag that the app had raised before it chose to trap would trap in any other instruction.
    __asm__ volatile("fnclex");
    const uint16_t control = kDefaultX87Control;
    __asm__ volatile("fldcw %0" : : "m"(control));
  }
  __asm__ volatile("" : : : "memory");  // keeps what computes behind it
}

inline void FloatEnvironment::Restore() const {
  __asm__ volatile("" : : : "memory");
  uint16_t status;
  __asm__ volatile("fnstsw %0" : "=a"(status));
  if (((status ^ x87_status_) & kX87Flags) != 0) RestoreX87Flags();
  if (x87_control_ != kDefaultX87Control) __asm__ volatile("fldcw %0" : : "m"(x87_control_));
  if (_mm_getcsr() != sse_) _mm_setcsr(sse_);
}

// The status word can't be loaded alone.
inline void FloatEnvironment::RestoreX87Flags() const {
  uint32_t registers[7];
  __asm__ volatile("fnstenv %0" : "=m"(registers));
  registers[1] = (registers[1] & ~uint32_t{kX87Flags}) | (x87_status_ & kX87Flags);
  __asm__ volatile("fldenv %0" : : "m"(registers));
}

#elif defined(INKLING_FLOATS_OF_AARCH64)

// A write of FPCR holds the core up, so there is none where nothing changes.
inline void FloatEnvironment::KeepAndSetDefault() {
  __asm__ volatile("mrs %0, fpcr" : "=r"(control_));
  __asm__ volatile("mrs %0, fpsr" : "=r"(status_));
  if (control_ != 0) __asm__ volatile("msr fpcr, %0" : : "r"(uint64_t{0}));
  __asm__ volatile("" : : : "memory");  // keeps what computes behind it
}

inline void FloatEnvironment::Restore() const {
  __asm__ volatile("" : : : "memory");
  uint64_t status;
  __asm__ volatile("mrs %0, fpsr" : "=r"(status));
  if (status != status_) __asm__ volatile("msr fpsr, %0" : : "r"(status_));
  if (control_ != 0) __asm__ volatile("msr fpcr, %0" : : "r"(control_));
}

#elif defined(INKLING_FLOATS_OF_ARM)

inline void FloatEnvironment::KeepAndSetDefault() {
  __asm__ volatile("vmrs %0, fpscr" : "=r"(both_));
  __asm__ volatile("vmsr fpscr, %0" : : "r"(uint32_t{0}));
  __asm__ volatile("" : : : "memory");  // keeps what computes behind it
}

inline void FloatEnvironment::Restore() const {
  __asm__ volatile("" : : : "memory");
  __asm__ volatile("vmsr fpscr, %0" : : "r"(both_));
}

#elif defined(INKLING_FLOATS_OF_C)

inline void FloatEnvironment::KeepAndSetDefault() {
  std::fegetenv(&all_);
  std::fesetenv(FE_DFL_ENV);
}

inline void FloatEnvironment::Restore() const { std::fesetenv(&all_); }

#else

inline void FloatEnvironment::KeepAndSetDefault() {}
inline void FloatEnvironment::Restore() const {}

#endif

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_FLOAT_ENVIRONMENT_H_
