// Finds the shards of a folder, checks that index and shards agree, and reads rows of tensors.

#include "converter/safetensors_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "converter/json_text.h"
#include "converter/safetensors_header.h"
#include "converter/source_numbers.h"

namespace inkling {
namespace {

using nlohmann::json;

constexpr absl::string_view kIndexName = "model.safetensors.index.json";

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// Names of the files in `folder` that end in `suffix`, sorted.
std::vector<std::string> NamesEndingIn(const std::string& folder, absl::string_view suffix) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::string name = it->path().filename().string();
    if (absl::EndsWith(name, suffix)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status NoWeights(const std::string& folder) {
  for (const absl::string_view suffix :
       {".bin", ".pt", ".pth", ".gguf", ".ckpt", ".msgpack", ".h5"}) {
    const std::vector<std::string> others = NamesEndingIn(folder, suffix);
    if (others.empty()) continue;
    return absl::UnimplementedError(absl::StrCat(folder, ": expected safetensors, found ",
                                                 others[0],
                                                 ", a format that this version doesn't read"));
  }
  return absl::NotFoundError(
      absl::StrCat(folder, ": expected model.safetensors or ", kIndexName, ", found neither"));
}

// The shards that the index names, each once; a name may not lead out of the folder.
absl::StatusOr<std::vector<std::string>> ShardNames(const json& index, const std::string& path) {
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object() || map->empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": weight_map: expected an object that names files"));
  }
  std::set<std::string> names;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": weight_map[\"", tensor,
                                                     "\"]: expected a file name, found ",
                                                     JsonTypeName(file)));
    }
    const std::string& name = file.get_ref<const std::string&>();
    if (name.empty() || name == "." || name == ".." || absl::StrContains(name, '/') ||
        absl::StrContains(name, '\\') || absl::StrContains(name, '\0')) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": weight_map[\"", tensor,
                       "\"]: expected a file in this folder, found \"", name, "\""));
    }
    names.insert(name);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Checkpoint>> SafetensorsCheckpoint::OpenFolder(
    const std::string& folder) {
  const std::string index_path = absl::StrCat(folder, "/", kIndexName);
  if (Exists(index_path)) {
    absl::StatusOr<json> index = ReadJsonFile(index_path);
    if (!index.ok()) return index.status();
    absl::StatusOr<std::vector<std::string>> names = ShardNames(*index, index_path);
    if (!names.ok()) return names.status();
    return OpenFiles(folder, *names, &(*index)["weight_map"]);
  }
  if (Exists(absl::StrCat(folder, "/model.safetensors"))) {
    return OpenFiles(folder, {"model.safetensors"}, nullptr);
  }
  const std::vector<std::string> names = NamesEndingIn(folder, ".safetensors");
  if (names.empty()) return NoWeights(folder);
  if (names.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder, ": ", names.size(), " safetensors files (", names[0], ", ", names[1],
                     ", ...) but no ", kIndexName, " that says how they belong together"));
  }
  return OpenFiles(folder, names, nullptr);
}

absl::StatusOr<std::unique_ptr<Checkpoint>> SafetensorsCheckpoint::OpenFile(
    const std::string& path) {
  const std::filesystem::path file(path);
  const std::string folder =
      file.has_parent_path() ? file.parent_path().string() : std::string(".");
  return OpenFiles(folder, {file.filename().string()}, nullptr);
}

absl::StatusOr<std::unique_ptr<Checkpoint>> SafetensorsCheckpoint::OpenFiles(
    const std::string& folder, const std::vector<std::string>& names, const json* weight_map) {
  std::unique_ptr<SafetensorsCheckpoint> checkpoint(new SafetensorsCheckpoint(folder));
  const std::string config_path = absl::StrCat(folder, "/config.json");
  absl::StatusOr<json> config = ReadJsonFile(config_path);
  if (!config.ok()) return config.status();
  if (!config->is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(config_path, ": expected an object, found ", JsonTypeName(*config)));
  }
  checkpoint->config_ = *std::move(config);
  for (const std::string& name : names) {
    absl::Status added = checkpoint->AddFile(absl::StrCat(folder, "/", name));
    if (!added.ok()) return added;
  }
  if (weight_map != nullptr) {
    if (absl::Status agreed = checkpoint->CheckIndex(*weight_map); !agreed.ok()) return agreed;
  }
  return checkpoint;
}

absl::Status SafetensorsCheckpoint::AddFile(const std::string& path) {
  absl::StatusOr<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::vector<SafetensorsEntry>> entries = ReadSafetensorsHeader(*file);
  if (!entries.ok()) return entries.status();

  absl::flat_hash_map<absl::string_view, const SourceTensor*> known;
  for (const SourceTensor& tensor : tensors_) known[tensor.name] = &tensor;
  for (const SafetensorsEntry& entry : *entries) {
    const auto twice = known.find(entry.tensor.name);
    if (twice != known.end()) {
      return absl::InvalidArgumentError(absl::StrCat("tensor \"", entry.tensor.name, "\" is in ",
                                                     twice->second->file, " and in ", path,
                                                     ": expected it once"));
    }
  }
  for (SafetensorsEntry& entry : *entries) {
    tensors_.push_back(std::move(entry.tensor));
    places_.push_back({files_.size(), entry.offset});
  }
  files_.push_back(*std::move(file));
  return absl::OkStatus();
}

absl::Status SafetensorsCheckpoint::CheckIndex(const json& weight_map) const {
  absl::flat_hash_map<absl::string_view, absl::string_view> file_of;
  for (const SourceTensor& tensor : tensors_) file_of[tensor.name] = tensor.file;
  for (const auto& [name, file] : weight_map.items()) {
    const std::string expected = absl::StrCat(folder_, "/", file.get_ref<const std::string&>());
    const auto found = file_of.find(name);
    if (found == file_of.end() || found->second != expected) {
      return absl::InvalidArgumentError(
          absl::StrCat(folder_, "/", kIndexName, ": tensor \"", name, "\": expected in ", expected,
                       ", found ", found == file_of.end() ? "in no file" : found->second));
    }
  }
  return absl::OkStatus();
}

std::string SafetensorsCheckpoint::FormatName() const {
  return absl::StrCat("Hugging Face safetensors, ", files_.size(),
                      files_.size() == 1 ? " file" : " files");
}

std::vector<std::string> SafetensorsCheckpoint::Files() const {
  std::vector<std::string> paths;
  for (const InputFile& file : files_) paths.push_back(file.path());
  return paths;
}

absl::StatusOr<std::vector<float>> SafetensorsCheckpoint::ReadRows(size_t index, int64_t first_row,
                                                                   int64_t num_rows) const {
  const SourceTensor& tensor = tensors_[index];
  const int64_t rows = tensor.shape.empty() ? 1 : tensor.shape[0];
  if (first_row < 0 || num_rows < 0 || first_row > rows || num_rows > rows - first_row) {
    return absl::OutOfRangeError(absl::StrCat(tensor.name, ": rows ", first_row, " to ",
                                              first_row + num_rows, " of ", rows));
  }
  if (!CanWiden(tensor.dtype)) {
    return absl::UnimplementedError(absl::StrCat(tensor.file, ": tensor \"", tensor.name,
                                                 "\": expected F32, F16 or BF16, found ",
                                                 tensor.dtype));
  }
  const int64_t row_bytes = rows == 0 ? 0 : tensor.bytes / rows;
  std::vector<std::byte> bytes(static_cast<size_t>(num_rows * row_bytes));
  const Place& place = places_[index];
  absl::Status read =
      files_[place.file].ReadAt(place.offset + first_row * row_bytes, absl::MakeSpan(bytes));
  if (!read.ok()) return read;
  return WidenToFloat(bytes, tensor.dtype);
}

}  // namespace inkling
