// What the C library does with memory that a conversion frees. For programs: it is a setting of the
// whole process.

#ifndef INKLING_CONVERTER_FREED_MEMORY_H_
#define INKLING_CONVERTER_FREED_MEMORY_H_

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace inkling {

// Every group of rows needs a few megabytes again. Given back to the system each time, they would
// cost more in page faults than rounding costs: gemma-2b to int4/32, 18 s instead of 13.
inline void KeepFreedMemory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc takes
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
#endif
}

// Ends that, with glibc's defaults.
inline void GiveBackFreedMemory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
  malloc_trim(0);
#endif
}

}  // namespace inkling

#endif  // INKLING_CONVERTER_FREED_MEMORY_H_
