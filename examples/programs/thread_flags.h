// Help of --decode-threads and --cpus, which inkling-run and inkling-bench take.

#ifndef INKLING_EXAMPLES_PROGRAMS_THREAD_FLAGS_H_
#define INKLING_EXAMPLES_PROGRAMS_THREAD_FLAGS_H_

namespace inkling {

inline constexpr char kDecodeThreadsHelp[] =
    "Threads for generated tokens, where that should be another number; 0 = --threads";
inline constexpr char kCpusHelp[] =
    "CPUs that threads are bound to, one each: 0,1; without it the system chooses";

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_THREAD_FLAGS_H_
