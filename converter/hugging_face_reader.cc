// Finds the weight files of a folder, checks that index and shards agree, and reads rows of
// tensors.

#include "converter/hugging_face_reader.h"

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
#include "converter/pytorch_archive.h"
#include "converter/safetensors_header.h"
#include "converter/source_numbers.h"

namespace inkling {
namespace {

using nlohmann::json;

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
  constexpr absl::string_view kExpected =
      "expected model.safetensors, pytorch_model.bin, or the index of their shards";
  for (const absl::string_view suffix :
       {".pth", ".pt", ".ckpt", ".onnx", ".msgpack", ".h5", ".bin"}) {
    std::vector<std::string> others = NamesEndingIn(folder, suffix);
    std::erase(others, "tokenizer.bin");
    if (others.empty()) continue;
    return absl::UnimplementedError(
        absl::StrCat(folder, ": ", kExpected, ", found ", others[0],
                     ", which is in another format or under a name that isn't known"));
  }
  return absl::NotFoundError(absl::StrCat(folder, ": ", kExpected, ", found none of them"));
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

// A way in which a Hugging Face folder holds weights.
struct HuggingFaceCheckpoint::WeightFormat {
  absl::string_view title;  // for people
  absl::string_view file;
  absl::string_view index;
  absl::string_view suffix;  // of a lone file with another name; empty: only `file` will do
  bool (*recognizes)(const InputFile& file);
  absl::StatusOr<std::vector<WeightEntry>> (*read_entries)(const InputFile& file);
};

// In the order in which a folder that has several is read.
absl::Span<const HuggingFaceCheckpoint::WeightFormat> HuggingFaceCheckpoint::WeightFormats() {
  static constexpr WeightFormat kFormats[] = {
      {"safetensors", "model.safetensors", "model.safetensors.index.json", ".safetensors",
       LooksLikeSafetensors, ReadSafetensorsHeader},
      {"PyTorch", "pytorch_model.bin", "pytorch_model.bin.index.json", "", LooksLikePytorch,
       ReadPytorchArchive},
  };
  return kFormats;
}

absl::StatusOr<std::unique_ptr<Checkpoint>> HuggingFaceCheckpoint::OpenFolder(
    const std::string& folder) {
  for (const WeightFormat& format : WeightFormats()) {
    if (Exists(absl::StrCat(folder, "/", format.index))) return OpenShards(folder, format);
    if (Exists(absl::StrCat(folder, "/", format.file))) {
      return OpenFiles(folder, format, {std::string(format.file)}, nullptr);
    }
  }
  // A file with a name of its own may be something else, so it counts last.
  for (const WeightFormat& format : WeightFormats()) {
    if (format.suffix.empty()) continue;
    const std::vector<std::string> names = NamesEndingIn(folder, format.suffix);
    if (names.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          folder, ": ", names.size(), " ", format.title, " files (", names[0], ", ", names[1],
          ", ...) but no ", format.index, " that says how they belong together"));
    }
    if (names.size() == 1) return OpenFiles(folder, format, names, nullptr);
  }
  return NoWeights(folder);
}

bool HuggingFaceCheckpoint::HasWeights(const std::string& folder) {
  for (const WeightFormat& format : WeightFormats()) {
    if (Exists(absl::StrCat(folder, "/", format.index))) return true;
    if (Exists(absl::StrCat(folder, "/", format.file))) return true;
    if (!format.suffix.empty() && !NamesEndingIn(folder, format.suffix).empty()) return true;
  }
  return false;
}

absl::string_view HuggingFaceCheckpoint::AdapterHint(const std::string& folder) {
  if (!Exists(absl::StrCat(folder, "/adapter_config.json"))) return "";
  return ", found a LoRA adapter (adapter_config.json): convert the model that it belongs to";
}

bool HuggingFaceCheckpoint::Recognizes(const InputFile& file) {
  for (const WeightFormat& format : WeightFormats()) {
    if (format.recognizes(file)) return true;
  }
  return false;
}

absl::StatusOr<std::unique_ptr<Checkpoint>> HuggingFaceCheckpoint::OpenFile(InputFile file) {
  const std::filesystem::path path(file.path());
  const std::string folder =
      path.has_parent_path() ? path.parent_path().string() : std::string(".");
  for (const WeightFormat& format : WeightFormats()) {
    if (!format.recognizes(file)) continue;
    return OpenFiles(folder, format, {path.filename().string()}, nullptr);
  }
  return absl::InvalidArgumentError(absl::StrCat(file.path(), ": expected a weight file"));
}

absl::StatusOr<std::unique_ptr<Checkpoint>> HuggingFaceCheckpoint::OpenShards(
    const std::string& folder, const WeightFormat& format) {
  const std::string path = absl::StrCat(folder, "/", format.index);
  absl::StatusOr<json> index = ReadJsonFile(path);
  if (!index.ok()) return index.status();
  absl::StatusOr<std::vector<std::string>> names = ShardNames(*index, path);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (Exists(absl::StrCat(folder, "/", name))) continue;
    return absl::NotFoundError(absl::StrCat(folder, "/", name, ": no such file, and ", format.index,
                                            " says that it holds tensors"));
  }
  return OpenFiles(folder, format, *names, &(*index)["weight_map"]);
}

absl::StatusOr<std::unique_ptr<Checkpoint>> HuggingFaceCheckpoint::OpenFiles(
    const std::string& folder, const WeightFormat& format, const std::vector<std::string>& names,
    const json* weight_map) {
  std::unique_ptr<HuggingFaceCheckpoint> checkpoint(new HuggingFaceCheckpoint(folder, format));
  const std::string config_path = absl::StrCat(folder, "/config.json");
  if (!Exists(config_path)) {
    return absl::NotFoundError(
        absl::StrCat(folder, ": no config.json next to ", names.front(), AdapterHint(folder)));
  }
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

absl::Status HuggingFaceCheckpoint::AddFile(const std::string& path) {
  absl::StatusOr<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::vector<WeightEntry>> entries = format_.read_entries(*file);
  if (!entries.ok()) return entries.status();

  absl::flat_hash_map<absl::string_view, const SourceTensor*> known;
  for (const SourceTensor& tensor : tensors_) known[tensor.name] = &tensor;
  for (const WeightEntry& entry : *entries) {
    const auto twice = known.find(entry.tensor.name);
    if (twice != known.end()) {
      return absl::InvalidArgumentError(absl::StrCat("tensor \"", entry.tensor.name, "\" is in ",
                                                     twice->second->file, " and in ", path,
                                                     ": expected it once"));
    }
  }
  for (WeightEntry& entry : *entries) {
    tensors_.push_back(std::move(entry.tensor));
    places_.push_back({files_.size(), entry.offset, entry.row_stride});
  }
  files_.push_back(*std::move(file));
  return absl::OkStatus();
}

absl::Status HuggingFaceCheckpoint::CheckIndex(const json& weight_map) const {
  absl::flat_hash_map<absl::string_view, absl::string_view> file_of;
  for (const SourceTensor& tensor : tensors_) file_of[tensor.name] = tensor.file;
  for (const auto& [name, file] : weight_map.items()) {
    const std::string expected = absl::StrCat(folder_, "/", file.get_ref<const std::string&>());
    const auto found = file_of.find(name);
    if (found == file_of.end() || found->second != expected) {
      return absl::InvalidArgumentError(absl::StrCat(
          folder_, "/", format_.index, ": tensor \"", name, "\": expected in ", expected,
          ", found ", found == file_of.end() ? "in no file" : found->second));
    }
  }
  return absl::OkStatus();
}

std::string HuggingFaceCheckpoint::FormatName() const {
  return absl::StrCat("Hugging Face ", format_.title, ", ", files_.size(),
                      files_.size() == 1 ? " file" : " files");
}

std::vector<std::string> HuggingFaceCheckpoint::Files() const {
  std::vector<std::string> paths;
  paths.reserve(files_.size());
  for (const InputFile& file : files_) paths.push_back(file.path());
  return paths;
}

absl::StatusOr<ImportedTokenizer> HuggingFaceCheckpoint::ImportTokenizer(
    const std::string& vocabulary_path) const {
  if (vocabulary_path.empty()) return ImportTokenizerFolder(folder_);
  return ImportTokenizerWithConfig(vocabulary_path, folder_);
}

absl::StatusOr<std::vector<float>> HuggingFaceCheckpoint::ReadRows(size_t index, int64_t first_row,
                                                                   int64_t num_rows) const {
  const SourceTensor& tensor = tensors_[index];
  const int64_t rows = NumRows(tensor);
  if (first_row < 0 || num_rows < 0 || first_row > rows || num_rows > rows - first_row) {
    return absl::OutOfRangeError(absl::StrCat(tensor.name, ": rows ", first_row, " to ",
                                              first_row + num_rows, " of ", rows));
  }
  if (!CanWiden(tensor.dtype)) {
    return absl::UnimplementedError(absl::StrCat(tensor.file, ": tensor \"", tensor.name,
                                                 "\": expected F32, F16 or BF16, found ",
                                                 tensor.dtype));
  }
  const Place& place = places_[index];
  const InputFile& file = files_[place.file];
  const int64_t row_bytes = RowBytes(tensor);
  std::vector<std::byte> bytes(static_cast<size_t>(num_rows * row_bytes));
  // Rows without gaps are one piece.
  const int64_t piece_rows = place.row_stride == row_bytes ? num_rows : 1;
  for (int64_t row = 0; row < num_rows; row += piece_rows) {
    absl::Status read =
        file.ReadAt(place.offset + (first_row + row) * place.row_stride,
                    absl::MakeSpan(bytes).subspan(row * row_bytes, piece_rows * row_bytes));
    if (!read.ok()) return read;
  }
  return WidenToFloat(bytes, tensor.dtype);
}

}  // namespace inkling
