// Shards are numbered in their metadata from 0 and in their names from 1; both must agree.

#include "converter/checkpoints/gguf/gguf_shards.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "converter/files/config_fields.h"
#include "converter/files/gguf_header.h"
#include "converter/files/input_file.h"

namespace inkling {
namespace {

constexpr int32_t kMaxShards = 99999;  // five digits

// "model-00002-of-00003.gguf" in parts. `count` 0: the name has another form.
struct ShardName {
  explicit ShardName(absl::string_view name) {
    constexpr absl::string_view kForm = "-00001-of-00003.gguf";
    if (name.size() < kForm.size()) return;
    const absl::string_view end = name.substr(name.size() - kForm.size());
    if (end[0] != '-' || end.substr(6, 4) != "-of-" || end.substr(15) != ".gguf") return;
    uint32_t first = 0;
    uint32_t second = 0;
    if (!absl::SimpleAtoi(end.substr(1, 5), &first)) return;
    if (!absl::SimpleAtoi(end.substr(10, 5), &second)) return;
    stem = std::string(name.substr(0, name.size() - kForm.size()));
    number = first;
    count = second;
  }

  static std::string Of(absl::string_view stem, size_t number, size_t count) {
    return absl::StrFormat("%s-%05d-of-%05d.gguf", stem, number, count);
  }

  std::string stem;
  uint32_t number = 0;  // from 1
  uint32_t count = 0;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> GgufShardPaths(const std::string& path,
                                                        const GgufHeader& header) {
  ConfigFields fields(header.metadata, path, &header.spelling);
  const int32_t count = fields.Count("split.count", 0);
  if (count > kMaxShards) {
    fields.Reject("split.count", absl::StrCat("at most ", kMaxShards), absl::StrCat(count));
  }
  ABSL_RETURN_IF_ERROR(fields.status());
  if (count <= 1) return std::vector<std::string>{path};
  const std::filesystem::path file(path);
  const ShardName name(file.filename().string());
  if (name.count != static_cast<uint32_t>(count) || name.number < 1 || name.number > name.count) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": one of ", count,
                                                   " files; expected a name that ends in ",
                                                   ShardName::Of("", 1, static_cast<size_t>(count)),
                                                   " or the like, so that the others are "
                                                   "found"));
  }
  std::vector<std::string> paths;
  for (size_t i = 1; i <= name.count; ++i) {
    paths.push_back((file.parent_path() / ShardName::Of(name.stem, i, name.count)).string());
  }
  return paths;
}

absl::Status CheckGgufShard(const std::string& path, const GgufHeader& header, size_t index,
                            size_t count) {
  ConfigFields fields(header.metadata, path, &header.spelling);
  const int32_t found_count = fields.Count("split.count", 0);
  const int32_t found_index = fields.Count("split.no", 0);
  if (std::max(found_count, 1) != static_cast<int32_t>(count)) {
    fields.Reject("split.count", absl::StrCat(count), absl::StrCat(found_count));
  }
  if (found_index != static_cast<int32_t>(index)) {
    fields.Reject("split.no", absl::StrCat(index), absl::StrCat(found_index));
  }
  return fields.status();
}

std::vector<std::string> FindGgufModels(const std::string& folder) {
  std::vector<std::string> models;
  std::set<std::string> stems;
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_regular_file(error)) files.push_back(it->path());
  }
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& path : files) {
    absl::StatusOr<InputFile> file = InputFile::Open(path.string());
    if (!file.ok() || !IsGguf(*file)) continue;
    const ShardName name(path.filename().string());
    if (name.count > 1 && !stems.insert(name.stem).second) continue;
    models.push_back(path.string());
  }
  return models;
}

}  // namespace inkling
