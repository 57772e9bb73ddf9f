// Which CPUs are worth a thread: one of each core, and no small cores beside big ones.
//
// ThreadPool::DefaultThreadCount asks. A parallel region lasts until its last thread is done, so a
// core much slower than the others holds them up by more than it helps; and two threads on one core
// share the units that the matmuls keep busy.

#ifndef INKLING_SRC_COMPUTE_CORE_CLASSES_H_
#define INKLING_SRC_COMPUTE_CORE_CLASSES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace inkling {

// Those of `cpus` (not empty) that are worth a thread each, as `system` tells, where Linux's sysfs
// is mounted:
//   - devices/cpu_core lists a hybrid x86 machine's big cores: only those in it, if there are any;
//   - cpuN/cpu_capacity is a CPU's speed in 1/1024 of the machine's fastest: only those at least
//     half as fast as the fastest of `cpus`;
//   - cpuN/topology/thread_siblings_list names the CPUs of one core: only the first of `cpus` in
//   it.
// What can't be read leaves all of them in.
std::vector<int32_t> CpusWorthAThread(absl::Span<const int32_t> cpus, const std::string& system);

#if defined(__APPLE__)
// How many big cores the machine has; 0 if the system doesn't say.
int32_t NumBigCores();
#endif

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_CORE_CLASSES_H_
