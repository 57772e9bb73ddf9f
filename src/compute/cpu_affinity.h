// The CPUs that threads may run on, and threads that are bound to one of them.
//
// ThreadPool asks. Its own threads are bound for good; the app's thread, which computes too, only
// while it computes, because its mask is the app's.

#ifndef INKLING_SRC_COMPUTE_CPU_AFFINITY_H_
#define INKLING_SRC_COMPUTE_CPU_AFFINITY_H_

#if defined(__linux__)
#include <sched.h>
#endif

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace inkling {

// Numbers of the CPUs that the calling thread may run on, ascending; at least one. Where the system
// has no masks: 0 to the machine's last.
std::vector<int32_t> AllowedCpus();

// Whether `num_threads` threads that the calling thread starts can be bound to the first of `cpus`,
// one each. No CPUs are always right. Errors: Unimplemented where the system binds no threads;
// InvalidArgument for fewer CPUs than threads, a CPU twice, or one that isn't allowed.
absl::Status CheckCpus(absl::Span<const int32_t> cpus, int32_t num_threads);

// Binds the calling thread to a CPU. Returns whether the system did.
bool BindThisThread(int32_t cpu);

// Binds the calling thread to a CPU for as long as this lives, and gives it back the mask that it
// had. A negative CPU, or one that the system no longer allows, leaves the thread as it is.
class CpuBinding {
 public:
  explicit CpuBinding(int32_t cpu);
  ~CpuBinding();
  CpuBinding(const CpuBinding&) = delete;
  CpuBinding& operator=(const CpuBinding&) = delete;

 private:
#if defined(__linux__)
  cpu_set_t before_;
  bool is_bound_ = false;
#endif
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_CPU_AFFINITY_H_
