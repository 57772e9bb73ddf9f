// Linux and Android have masks of CPUs. Apple's systems and WebAssembly let nobody choose one.

#include "src/compute/cpu_affinity.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace inkling {
namespace {

#if defined(__linux__)
// Of the calling thread; false on a machine with more CPUs than a cpu_set_t holds.
bool GetMask(cpu_set_t& mask) {
  CPU_ZERO(&mask);
  return sched_getaffinity(0, sizeof mask, &mask) == 0;
}
#endif

}  // namespace

std::vector<int32_t> AllowedCpus() {
  std::vector<int32_t> cpus;
#if defined(__linux__)
  cpu_set_t mask;
  if (GetMask(mask)) {
    for (int32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(static_cast<size_t>(cpu), &mask)) cpus.push_back(cpu);
    }
  }
  if (!cpus.empty()) return cpus;
#endif
  const int32_t count = std::max(1, static_cast<int32_t>(std::thread::hardware_concurrency()));
  for (int32_t cpu = 0; cpu < count; ++cpu) cpus.push_back(cpu);
  return cpus;
}

absl::Status CheckCpus(absl::Span<const int32_t> cpus, int32_t num_threads) {
  if (cpus.empty()) return absl::OkStatus();
#if defined(__linux__)
  if (static_cast<int64_t>(cpus.size()) < num_threads) {
    return absl::InvalidArgumentError(absl::StrCat("cpus: expected one for each of ", num_threads,
                                                   " threads, found ", cpus.size()));
  }
  const std::vector<int32_t> allowed = AllowedCpus();
  for (size_t i = 0; i < cpus.size(); ++i) {
    if (!absl::c_linear_search(allowed, cpus[i])) {
      return absl::InvalidArgumentError(absl::StrCat(
          "cpus[", i, "]: expected one of the ", allowed.size(), " CPUs, ", allowed.front(), " to ",
          allowed.back(), ", that this thread may run on, found ", cpus[i]));
    }
    if (absl::c_linear_search(cpus.first(i), cpus[i])) {
      return absl::InvalidArgumentError(
          absl::StrCat("cpus[", i, "]: expected each CPU once, found ", cpus[i], " again"));
    }
  }
  return absl::OkStatus();
#else
  return absl::UnimplementedError(absl::StrCat("cpus: this system can't bind ", num_threads,
                                               " threads to CPUs; expected none"));
#endif
}

#if defined(__linux__)

bool BindThisThread(int32_t cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return false;
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(static_cast<size_t>(cpu), &mask);
  return sched_setaffinity(0, sizeof mask, &mask) == 0;
}

CpuBinding::CpuBinding(int32_t cpu) {
  is_bound_ = cpu >= 0 && GetMask(before_) && BindThisThread(cpu);
}

CpuBinding::~CpuBinding() {
  if (is_bound_) sched_setaffinity(0, sizeof before_, &before_);
}

#else

bool BindThisThread(int32_t) { return false; }
CpuBinding::CpuBinding(int32_t) {}
CpuBinding::~CpuBinding() = default;

#endif

}  // namespace inkling
