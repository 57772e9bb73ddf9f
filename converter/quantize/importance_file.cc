// The safetensors form of ImportanceData, both ways.

#include "converter/quantize/importance_file.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "converter/files/safetensors_header.h"
#include "nlohmann/json.hpp"

namespace inkling {
namespace {

constexpr absl::string_view kInputs = ".inputs";
constexpr absl::string_view kOutputs = ".outputs";

struct FileTensor {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

}  // namespace

std::string InputOwner(absl::string_view weight) {
  for (absl::string_view shared : {"attention.k.weight", "attention.v.weight"}) {
    if (absl::ConsumeSuffix(&weight, shared)) return absl::StrCat(weight, "attention.q.weight");
  }
  if (absl::ConsumeSuffix(&weight, "feed_forward.gate.weight")) {
    return absl::StrCat(weight, "feed_forward.up.weight");
  }
  return std::string(weight);
}

absl::Status WriteImportance(const std::string& path, const ImportanceData& data) {
  std::vector<FileTensor> tensors;
  tensors.reserve(data.inputs.size() + data.outputs.size());
  for (const auto& [name, inputs] : data.inputs) {
    tensors.push_back({absl::StrCat(name, kInputs), {inputs.columns, inputs.block}, inputs.values});
  }
  for (const auto& [name, outputs] : data.outputs) {
    tensors.push_back({absl::StrCat(name, kOutputs),
                       {3},
                       {static_cast<float>(outputs.power), static_cast<float>(outputs.sensitivity),
                        static_cast<float>(outputs.squared_range)}});
  }
  nlohmann::json header;
  size_t end = 0;
  for (const FileTensor& tensor : tensors) {
    const size_t begin = end;
    end += tensor.values.size() * sizeof(float);
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
  }
  const std::string text = header.dump();
  const uint64_t length = text.size();
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << text;
  for (const FileTensor& tensor : tensors) {
    file.write(reinterpret_cast<const char*>(tensor.values.data()),
               static_cast<std::streamsize>(tensor.values.size() * sizeof(float)));
  }
  file.close();
  if (file.fail()) return absl::UnavailableError(absl::StrCat("can't write '", path, "'"));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ImportanceFile>> ImportanceFile::Open(const std::string& path) {
  ABSL_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  auto result = absl::WrapUnique(new ImportanceFile(std::move(file)));
  ABSL_RETURN_IF_ERROR(result->ReadEntries());
  return result;
}

absl::Status ImportanceFile::ReadEntries() {
  ABSL_ASSIGN_OR_RETURN(const std::vector<WeightEntry> entries, ReadSafetensorsHeader(file_));
  for (const WeightEntry& entry : entries) {
    absl::string_view name = entry.tensor.name;
    const std::vector<int64_t>& shape = entry.tensor.shape;
    const bool inputs = absl::ConsumeSuffix(&name, kInputs);
    const bool outputs = !inputs && absl::ConsumeSuffix(&name, kOutputs);
    const bool shape_fits = inputs ? shape.size() == 2 && shape[0] > 0 && shape[1] > 0
                                   : shape == std::vector<int64_t>{3};
    if ((!inputs && !outputs) || !shape_fits || entry.tensor.dtype != "F32") {
      return absl::InvalidArgumentError(absl::StrCat(
          file_.path(), ": tensor \"", entry.tensor.name,
          "\": expected F32 NAME.inputs [columns, block] or NAME.outputs [3], as inkling-eval "
          "importance of this version writes them"));
    }
    if (inputs) {
      inputs_.emplace(name, entry);
      continue;
    }
    ABSL_ASSIGN_OR_RETURN(const std::vector<float> numbers, ReadNumbers(entry));
    if (std::any_of(numbers.begin(), numbers.end(), [](float x) { return x < 0; })) {
      return absl::InvalidArgumentError(absl::StrCat(file_.path(), ": tensor \"", entry.tensor.name,
                                                     "\": expected numbers from 0 up, found ",
                                                     absl::StrJoin(numbers, ", ")));
    }
    outputs_[std::string(name)] = {numbers[0], numbers[1], numbers[2]};
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> ImportanceFile::ReadNumbers(const WeightEntry& entry) const {
  std::vector<float> numbers(static_cast<size_t>(entry.tensor.bytes) / sizeof(float));
  ABSL_RETURN_IF_ERROR(
      file_.ReadAt(entry.offset, absl::MakeSpan(reinterpret_cast<std::byte*>(numbers.data()),
                                                static_cast<size_t>(entry.tensor.bytes))));
  if (!std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); })) {
    return absl::InvalidArgumentError(absl::StrCat(file_.path(), ": tensor \"", entry.tensor.name,
                                                   "\": expected finite numbers"));
  }
  return numbers;
}

absl::StatusOr<InputMoments> ImportanceFile::ReadInputs(absl::string_view weight,
                                                        int64_t columns) const {
  const auto found = inputs_.find(InputOwner(weight));
  if (found == inputs_.end()) {
    return absl::NotFoundError(
        absl::StrCat(file_.path(), " has no inputs of ", weight, "; was it made for this model?"));
  }
  InputMoments moments;
  moments.columns = found->second.tensor.shape[0];
  moments.block = found->second.tensor.shape[1];
  if (moments.columns != columns || moments.block > columns) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_.path(), ": tensor \"", found->second.tensor.name, "\": expected ",
                     columns, " columns and blocks of at most that, found [", moments.columns, ", ",
                     moments.block, "]; was it made for this model?"));
  }
  ABSL_ASSIGN_OR_RETURN(moments.values, ReadNumbers(found->second));
  return moments;
}

absl::StatusOr<OutputImportance> ImportanceFile::Outputs(absl::string_view weight) const {
  const auto found = outputs_.find(weight);
  if (found != outputs_.end()) return found->second;
  return absl::NotFoundError(
      absl::StrCat(file_.path(), " has no outputs of ", weight, "; was it made for this model?"));
}

}  // namespace inkling
