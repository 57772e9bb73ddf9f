// Reads control group files; every unreadable or unexpected file means "no limit known".

#include "src/compute/cpu_budget.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace inkling {
namespace {

// The blank-separated words of a short file; none if it can't be read.
std::vector<std::string> ReadWords(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> words;
  std::string word;
  while (words.size() < 4 && file >> word) words.push_back(word);
  return words;
}

std::optional<double> Ratio(absl::string_view quota, absl::string_view period) {
  double numerator = 0;
  double denominator = 0;
  if (!absl::SimpleAtod(quota, &numerator) || !absl::SimpleAtod(period, &denominator)) return {};
  if (!(numerator > 0) || !(denominator > 0)) return {};  // -1: no limit
  return numerator / denominator;
}

// Version 2: "max 100000" or "250000 100000" (microseconds).
std::optional<double> UnifiedLimit(const std::string& folder) {
  const std::vector<std::string> words = ReadWords(folder + "/cpu.max");
  if (words.size() != 2) return {};
  return Ratio(words[0], words[1]);
}

// Version 1: a file each.
std::optional<double> LegacyLimit(const std::string& folder) {
  const std::vector<std::string> quota = ReadWords(folder + "/cpu.cfs_quota_us");
  const std::vector<std::string> period = ReadWords(folder + "/cpu.cfs_period_us");
  if (quota.size() != 1 || period.size() != 1) return {};
  return Ratio(quota[0], period[0]);
}

void Tighten(std::optional<double>& least, std::optional<double> limit) {
  if (limit.has_value() && (!least.has_value() || *limit < *least)) least = limit;
}

// The least limit of `group` ("/a/b") and its ancestors below `root`.
template <typename Limit>
std::optional<double> LeastLimit(const std::string& root, absl::string_view group, Limit limit) {
  std::optional<double> least;
  while (true) {
    group = absl::StripSuffix(group, "/");
    Tighten(least, limit(absl::StrCat(root, group)));
    const size_t slash = group.rfind('/');
    if (slash == absl::string_view::npos) return least;
    group = group.substr(0, slash);
  }
}

bool Lists(absl::string_view controllers, absl::string_view wanted) {
  for (absl::string_view controller : absl::StrSplit(controllers, ',')) {
    if (controller == wanted) return true;
  }
  return false;
}

}  // namespace

std::optional<double> CgroupProcessors(absl::string_view self, const std::string& mount) {
  std::optional<double> least;
  // Lines are "id:controllers:/group"; version 2 has no controllers.
  for (absl::string_view line : absl::StrSplit(self, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    if (fields[1].empty()) {
      Tighten(least, LeastLimit(mount, fields[2], UnifiedLimit));
    } else if (Lists(fields[1], "cpu")) {
      Tighten(least, LeastLimit(mount + "/cpu", fields[2], LegacyLimit));
    }
  }
  return least;
}

int32_t ThreadsWithin(int32_t allowed, std::optional<double> quota) {
  if (!quota.has_value() || !(*quota < allowed)) return std::max(1, allowed);
  return std::max(1, static_cast<int32_t>(std::lround(*quota)));
}

}  // namespace inkling
