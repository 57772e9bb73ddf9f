// Header checks in the order of trust: length, JSON, each entry by itself, then the entries
// together.

#include "converter/files/safetensors_header.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "converter/files/checked_size.h"
#include "converter/files/json_text.h"
#include "converter/files/source_numbers.h"

namespace inkling {
namespace {

using nlohmann::json;

// The reference implementation's own limit.
constexpr int64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxDimensions = 8;
constexpr int64_t kLengthBytes = 8;

absl::Status Invalid(const InputFile& file, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(file.path(), ": ", what));
}

absl::StatusOr<std::string> ReadHeaderText(const InputFile& file) {
  if (file.size() < kLengthBytes) {
    return Invalid(file, absl::StrCat("a safetensors file begins with a header length of 8 bytes, "
                                      "found a file of ",
                                      file.size(), " bytes"));
  }
  uint64_t length = 0;
  ABSL_RETURN_IF_ERROR(file.ReadAt(
      0, absl::MakeSpan(reinterpret_cast<std::byte*>(&length), static_cast<size_t>(kLengthBytes))));
  if (length > static_cast<uint64_t>(kMaxHeaderBytes)) {
    return Invalid(
        file, absl::StrCat("header length: expected at most ", kMaxHeaderBytes, ", found ", length,
                           "; this is no safetensors file, or a damaged one"));
  }
  if (length > static_cast<uint64_t>(file.size() - kLengthBytes)) {
    return absl::DataLossError(absl::StrCat(file.path(), ": truncated: the header has ", length,
                                            " bytes, found ", file.size() - kLengthBytes));
  }
  std::string text(static_cast<size_t>(length), '\0');
  ABSL_RETURN_IF_ERROR(file.ReadAt(
      kLengthBytes, absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), text.size())));
  if (text.empty() || text[0] != '{') {
    return Invalid(file, "the header must begin with '{': this is no safetensors file");
  }
  return text;
}

// entry[key] as a list of non-negative 63-bit integers.
absl::StatusOr<std::vector<int64_t>> IntegerList(const json& entry, absl::string_view key,
                                                 size_t max_size) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array() || found->size() > max_size) {
    return absl::InvalidArgumentError(
        absl::StrCat(key, ": expected a list of at most ", max_size, " integers, found ",
                     found == entry.end() ? "nothing"
                     : !found->is_array() ? std::string(JsonTypeName(*found))
                                          : absl::StrCat(found->size())));
  }
  std::vector<int64_t> list;
  for (const json& item : *found) {
    if (!item.is_number_unsigned() ||
        item.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return absl::InvalidArgumentError(
          absl::StrCat(key, ": expected integers from 0 to 2^63 - 1, found ", item.dump()));
    }
    list.push_back(static_cast<int64_t>(item.get<uint64_t>()));
  }
  return list;
}

// dtype and shape -> bytes, with checked multiplication.
absl::StatusOr<int64_t> TensorBytes(absl::string_view dtype, absl::Span<const int64_t> shape) {
  const int64_t size = DtypeBytes(dtype);
  if (size == 0) {
    return absl::InvalidArgumentError(absl::StrCat("dtype \"", dtype, "\" is not known"));
  }
  int64_t bytes = 0;
  if (!CheckedMultiply(size, shape, bytes)) {
    return absl::InvalidArgumentError("shape: the number of values overflows 63 bits");
  }
  return bytes;
}

absl::StatusOr<WeightEntry> ReadEntry(absl::string_view name, const json& entry, int64_t data_start,
                                      int64_t data_bytes) {
  if (!entry.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected an object, found ", JsonTypeName(entry)));
  }
  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) {
    return absl::InvalidArgumentError("dtype: expected a string");
  }
  WeightEntry result;
  result.tensor.name = std::string(name);
  result.tensor.dtype = dtype->get<std::string>();

  ABSL_ASSIGN_OR_RETURN(std::vector<int64_t> shape, IntegerList(entry, "shape", kMaxDimensions));
  ABSL_ASSIGN_OR_RETURN(int64_t bytes, TensorBytes(result.tensor.dtype, shape));
  ABSL_ASSIGN_OR_RETURN(std::vector<int64_t> offsets, IntegerList(entry, "data_offsets", 2));
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    return absl::InvalidArgumentError("data_offsets: expected [begin, end] with begin <= end");
  }
  const auto [begin, end] = std::pair(offsets[0], offsets[1]);
  if (end - begin != bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("data_offsets: dtype and shape need ", bytes, " bytes, found ", end - begin));
  }
  if (end > data_bytes) {
    return absl::DataLossError(
        absl::StrCat("truncated: data_offsets end at ", end, " of ", data_bytes, " data bytes"));
  }
  result.tensor.shape = std::move(shape);
  result.tensor.bytes = bytes;
  result.offset = data_start + begin;
  result.row_stride = RowBytes(result.tensor);
  return result;
}

// The tensors, sorted by offset, must tile [data_start, file size).
absl::Status CheckCoverage(const InputFile& file, absl::Span<const WeightEntry> entries,
                           int64_t data_start) {
  int64_t next = data_start;
  for (const WeightEntry& entry : entries) {
    if (entry.offset != next) {
      return Invalid(file,
                     absl::StrCat("tensor \"", entry.tensor.name, "\": data_offsets begin at ",
                                  entry.offset - data_start, ", expected ", next - data_start,
                                  entry.offset < next ? " (it overlaps another tensor)"
                                                      : " (bytes that no tensor owns)"));
    }
    next += entry.tensor.bytes;
  }
  if (next != file.size()) {
    return Invalid(
        file, absl::StrCat("the tensors end at byte ", next, ", the file at byte ", file.size()));
  }
  return absl::OkStatus();
}

}  // namespace

bool LooksLikeSafetensors(const InputFile& file) {
  std::byte first = {};
  return file.size() > kLengthBytes && file.ReadAt(kLengthBytes, absl::MakeSpan(&first, 1)).ok() &&
         first == std::byte{'{'};
}

absl::StatusOr<std::vector<WeightEntry>> ReadSafetensorsHeader(const InputFile& file) {
  ABSL_ASSIGN_OR_RETURN(std::string text, ReadHeaderText(file));
  ABSL_ASSIGN_OR_RETURN(json header, ParseJson(text, absl::StrCat(file.path(), ": header")));

  const int64_t data_start = kLengthBytes + static_cast<int64_t>(text.size());
  std::vector<WeightEntry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") continue;
    absl::StatusOr<WeightEntry> entry =
        ReadEntry(name, value, data_start, file.size() - data_start);
    if (!entry.ok()) {
      return absl::Status(entry.status().code(), absl::StrCat(file.path(), ": tensor \"", name,
                                                              "\": ", entry.status().message()));
    }
    entry->tensor.file = file.path();
    entries.push_back(*std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const WeightEntry& a, const WeightEntry& b) {
    return std::pair(a.offset, a.tensor.bytes) < std::pair(b.offset, b.tensor.bytes);
  });
  ABSL_RETURN_IF_ERROR(CheckCoverage(file, entries, data_start));
  return entries;
}

}  // namespace inkling
