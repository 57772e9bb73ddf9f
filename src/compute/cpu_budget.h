// How many processors this process may really use: what its control group leaves of those that its
// affinity allows.
//
// ThreadPool::DefaultThreadCount asks. A container with a quota of two processors on a machine of
// 64 must not start 64 threads that are stopped most of the time.

#ifndef INKLING_SRC_COMPUTE_CPU_BUDGET_H_
#define INKLING_SRC_COMPUTE_CPU_BUDGET_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace inkling {

// Processors that a control group's quota amounts to (2.5 for 250 ms in each 100 ms), the least of
// the group's and its ancestors'; nothing if there is no limit. `self` is the text of
// /proc/self/cgroup, `mount` the folder where control groups are mounted, version 1 or 2.
std::optional<double> CgroupProcessors(absl::string_view self, const std::string& mount);

// The threads worth using: `allowed`, or the quota rounded to the nearest number if that is less;
// at least 1.
int32_t ThreadsWithin(int32_t allowed, std::optional<double> quota);

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_CPU_BUDGET_H_
