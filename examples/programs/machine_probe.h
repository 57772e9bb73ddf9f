// What the machine can do at best: int8 multiply-adds and bytes read a second.
//
// inkling-bench measures both in the run whose figures it compares with them, because a shared
// machine's limits move by a third from one minute to the next. The kernels are as simple as can
// be: many independent accumulators for the one, plain loads for the other.

#ifndef INKLING_EXAMPLES_PROGRAMS_MACHINE_PROBE_H_
#define INKLING_EXAMPLES_PROGRAMS_MACHINE_PROBE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace inkling {

struct MachineLimits {
  // int8 multiply-adds a second of a prompt's threads together, without touching memory: 4
  // multiplications of 8-bit values added to each 32-bit lane by one instruction where the CPU has
  // it (AVX-512 VNNI, Arm's dot product), several where it hasn't. I8MM, which multiplies tiles,
  // isn't counted.
  double multiply_adds_per_second = 0;
  // Bytes a second that a generated token's threads together read from memory that no cache holds.
  double bytes_read_per_second = 0;
};

// Takes about half a second; the best of several short measurements. Threads are bound to `cpus` as
// a model's are. Errors: those of ThreadPool::Create; ResourceExhausted if there aren't 512 MiB of
// memory to read.
absl::StatusOr<MachineLimits> ProbeMachine(int32_t num_threads, int32_t decode_threads,
                                           absl::Span<const int32_t> cpus);

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_MACHINE_PROBE_H_
