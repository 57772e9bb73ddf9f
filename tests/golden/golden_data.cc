// Readers of golden.json and of .npy files.

#include "tests/golden/golden_data.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace inkling {
namespace {

using Json = nlohmann::json;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot open ", path));
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

template <typename T>
std::vector<T> Optional(const Json& object, const char* key) {
  return object.contains(key) ? object[key].get<std::vector<T>>() : std::vector<T>();
}

}  // namespace

absl::StatusOr<std::vector<GoldenPrompt>> ReadGoldenPrompts(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  const Json golden = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!golden.is_object() || !golden.contains("prompts")) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected an object with prompts"));
  }
  std::vector<GoldenPrompt> prompts;
  for (const Json& item : golden["prompts"]) {
    if (!item.contains("input_ids") || !item.contains("last_logits") || !item.contains("greedy")) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": prompt ", prompts.size(), " lacks a field"));
    }
    GoldenPrompt prompt;
    prompt.name = item.value("name", absl::StrCat("prompt ", prompts.size()));
    prompt.text = item.value("text", "");
    prompt.tokens = item["input_ids"].get<std::vector<int32_t>>();
    prompt.last_logits = item["last_logits"].get<std::vector<float>>();
    prompt.argmax_all_positions = Optional<int32_t>(item, "argmax_all_positions");
    prompt.token_log_probs = Optional<double>(item, "token_logprobs");
    prompt.greedy = item["greedy"]["ids"].get<std::vector<int32_t>>();
    prompts.push_back(prompt);
  }
  return prompts;
}

absl::StatusOr<NpyArray> ReadNpy(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  const absl::string_view view = *bytes;
  if (!absl::StartsWith(view, absl::string_view("\x93NUMPY\x01\x00", 8)) || view.size() < 10) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a version 1.0 .npy file"));
  }
  const size_t header_size =
      static_cast<uint8_t>(view[8]) + 256 * static_cast<size_t>(static_cast<uint8_t>(view[9]));
  const absl::string_view header = view.substr(10, header_size);
  if (!absl::StrContains(header, "'descr': '<f4'") ||
      !absl::StrContains(header, "'fortran_order': False")) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected float32 in C order, found ", header));
  }
  const size_t open = header.find('(');
  const size_t close = header.find(')');
  if (open == header.npos || close == header.npos || close < open) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": no shape in ", header));
  }
  NpyArray array;
  size_t size = 1;
  for (absl::string_view part :
       absl::StrSplit(header.substr(open + 1, close - open - 1), ',', absl::SkipWhitespace())) {
    uint64_t extent = 0;
    if (!absl::SimpleAtoi(part, &extent))
      return absl::InvalidArgumentError(absl::StrCat(path, ": bad shape"));
    array.shape.push_back(extent);
    size *= extent;
  }
  const absl::string_view data = view.substr(10 + header_size);
  if (data.size() != size * sizeof(float)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected ", size * sizeof(float),
                                                   " bytes of data, found ", data.size()));
  }
  array.values.resize(size);
  std::memcpy(array.values.data(), data.data(), data.size());
  return array;
}

}  // namespace inkling
