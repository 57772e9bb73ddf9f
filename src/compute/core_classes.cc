// Every unreadable or unexpected file means that nothing is known, which leaves CPUs in.

#include "src/compute/core_classes.h"

#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace inkling {
namespace {

// A small core has a quarter to two fifths of a big one's capacity, one between them 0.6 or more.
constexpr int64_t kSlowestShare = 2;  // 1 / 2

// First and last CPU of each range.
using CpuRanges = std::vector<std::pair<int32_t, int32_t>>;

// The first word of a file; empty if it can't be read.
std::string ReadWord(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

// "0-3,8" as sysfs writes it; nothing if it isn't written so.
CpuRanges ReadRanges(const std::string& path) {
  CpuRanges ranges;
  for (absl::string_view part : absl::StrSplit(ReadWord(path), ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(part, '-');
    std::pair<int32_t, int32_t> range;
    if (ends.size() > 2 || !absl::SimpleAtoi(ends.front(), &range.first) ||
        !absl::SimpleAtoi(ends.back(), &range.second)) {
      return {};
    }
    ranges.push_back(range);
  }
  return ranges;
}

bool Contains(const CpuRanges& ranges, int32_t cpu) {
  return absl::c_any_of(ranges, [cpu](const std::pair<int32_t, int32_t>& range) {
    return range.first <= cpu && cpu <= range.second;
  });
}

std::string CpuFile(const std::string& system, int32_t cpu, absl::string_view name) {
  return absl::StrCat(system, "/devices/system/cpu/cpu", cpu, "/", name);
}

// Only the big cores of a hybrid x86 machine.
void KeepBigHybridCores(const std::string& system, std::vector<int32_t>& cpus) {
  const CpuRanges big = ReadRanges(system + "/devices/cpu_core/cpus");
  const auto is_big = [&](int32_t cpu) { return Contains(big, cpu); };
  if (!absl::c_any_of(cpus, is_big)) return;
  cpus.erase(std::stable_partition(cpus.begin(), cpus.end(), is_big), cpus.end());
}

// Only those with a large share of the largest capacity.
void KeepFastCores(const std::string& system, std::vector<int32_t>& cpus) {
  std::vector<int32_t> capacities;
  for (int32_t cpu : cpus) {
    int32_t capacity = 0;
    const std::string word = ReadWord(CpuFile(system, cpu, "cpu_capacity"));
    if (!absl::SimpleAtoi(word, &capacity) || capacity <= 0) return;
    capacities.push_back(capacity);
  }
  const int64_t fastest = *absl::c_max_element(capacities);
  size_t kept = 0;
  for (size_t i = 0; i < cpus.size(); ++i) {
    if (kSlowestShare * capacities[i] >= fastest) cpus[kept++] = cpus[i];
  }
  cpus.resize(kept);
}

// Only the first of each core's.
void KeepOneOfEachCore(const std::string& system, std::vector<int32_t>& cpus) {
  std::vector<int32_t> firsts;
  for (int32_t cpu : cpus) {
    const CpuRanges core = ReadRanges(CpuFile(system, cpu, "topology/thread_siblings_list"));
    if (absl::c_none_of(firsts, [&](int32_t first) { return Contains(core, first); })) {
      firsts.push_back(cpu);
    }
  }
  cpus = std::move(firsts);
}

}  // namespace

std::vector<int32_t> CpusWorthAThread(absl::Span<const int32_t> cpus, const std::string& system) {
  std::vector<int32_t> kept(cpus.begin(), cpus.end());
  KeepBigHybridCores(system, kept);
  KeepFastCores(system, kept);
  KeepOneOfEachCore(system, kept);
  return kept;
}

#if defined(__APPLE__)
int32_t NumBigCores() {
  int32_t count = 0;
  size_t size = sizeof count;
  // Performance level 0 is the fastest.
  if (sysctlbyname("hw.perflevel0.physicalcpu", &count, &size, nullptr, 0) != 0) return 0;
  return std::max(0, count);
}
#endif

}  // namespace inkling
