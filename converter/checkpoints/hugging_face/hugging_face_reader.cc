// Finds the weight files of a folder, checks that index and shards agree, and reads rows of
// tensors.

#include "converter/checkpoints/hugging_face/hugging_face_reader.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "converter/checkpoints/pytorch/pytorch_archive.h"
#include "converter/checkpoints/wrapper_names.h"
#include "converter/files/config_fields.h"
#include "converter/files/json_text.h"
#include "converter/files/safetensors_header.h"
#include "converter/files/source_numbers.h"
#include "converter/files/source_tensor.h"

namespace inkling {
namespace {

using nlohmann::json;

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// config.json of `folder`, an object; `weights` names a file that lies next to it, for the message.
absl::StatusOr<json> ReadConfig(const std::string& folder, absl::string_view weights) {
  const std::string path = absl::StrCat(folder, "/config.json");
  if (!Exists(path)) {
    return absl::NotFoundError(absl::StrCat(folder, ": no config.json next to ", weights,
                                            HuggingFaceCheckpoint::AdapterHint(folder)));
  }
  ABSL_ASSIGN_OR_RETURN(json config, ReadJsonFile(path));
  if (config.is_object()) return config;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": expected an object, found ", JsonTypeName(config)));
}

// The file that config.json names, if it names one.
absl::StatusOr<std::string> WeightsNamedByConfig(const std::string& folder) {
  if (!Exists(absl::StrCat(folder, "/config.json"))) return std::string();
  ABSL_ASSIGN_OR_RETURN(const json config, ReadConfig(folder, ""));
  ConfigFields fields(config, absl::StrCat(folder, "/config.json"));
  std::string name = fields.String("transformers_weights", "");
  ABSL_RETURN_IF_ERROR(fields.status());
  return name;
}

// A way in which a Hugging Face folder holds weights, in the order of WeightKind.
struct WeightFormat {
  absl::string_view title;  // for people
  bool (*recognizes)(const InputFile& file);
  absl::StatusOr<std::vector<WeightEntry>> (*read_entries)(const InputFile& file);
};
constexpr WeightFormat kFormats[] = {
    {"safetensors", LooksLikeSafetensors, ReadSafetensorsHeader},
    {"PyTorch", LooksLikePytorch, ReadPytorchArchive},
};

const WeightFormat& FormatOf(WeightKind kind) { return kFormats[static_cast<size_t>(kind)]; }

}  // namespace

absl::StatusOr<std::unique_ptr<Checkpoint>> HuggingFaceCheckpoint::OpenFolder(
    const std::string& folder, const std::string& variant) {
  ABSL_ASSIGN_OR_RETURN(const std::string named, WeightsNamedByConfig(folder));
  ABSL_ASSIGN_OR_RETURN(WeightFiles files, FindWeightFiles(folder, variant, named));
  return OpenFiles(folder, std::move(files));
}

absl::string_view HuggingFaceCheckpoint::AdapterHint(const std::string& folder) {
  if (!Exists(absl::StrCat(folder, "/adapter_config.json"))) return "";
  return ", found a LoRA adapter (adapter_config.json): convert the model that it belongs to, "
         "and the adapter with --lora and --base=MODEL";
}

bool HuggingFaceCheckpoint::Recognizes(const InputFile& file) {
  for (const WeightFormat& format : kFormats) {
    if (format.recognizes(file)) return true;
  }
  return false;
}

absl::StatusOr<std::unique_ptr<Checkpoint>> HuggingFaceCheckpoint::OpenFile(InputFile file) {
  const std::filesystem::path path(file.path());
  const std::string folder =
      path.has_parent_path() ? path.parent_path().string() : std::string(".");
  if (IsPartOfSeveral(path.filename().string())) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.path(), ": holds a part of a model's weights: give the folder, ", folder,
                     ", whose index names the others"));
  }
  for (const WeightKind kind : {WeightKind::kSafetensors, WeightKind::kPytorch}) {
    if (!FormatOf(kind).recognizes(file)) continue;
    WeightFiles files;
    files.kind = kind;
    files.names = {path.filename().string()};
    return OpenFiles(folder, std::move(files));
  }
  return absl::InvalidArgumentError(absl::StrCat(file.path(), ": expected a weight file"));
}

absl::StatusOr<std::unique_ptr<Checkpoint>> HuggingFaceCheckpoint::OpenFiles(
    const std::string& folder, WeightFiles files) {
  std::unique_ptr<HuggingFaceCheckpoint> checkpoint(new HuggingFaceCheckpoint(folder, files.kind));
  ABSL_ASSIGN_OR_RETURN(checkpoint->config_, ReadConfig(folder, files.names.front()));
  for (const std::string& name : files.names) {
    ABSL_RETURN_IF_ERROR(checkpoint->AddFile(absl::StrCat(folder, "/", name)));
  }
  ABSL_RETURN_IF_ERROR(checkpoint->CheckIndex(files));
  checkpoint->notes_ = std::move(files.notes);
  ABSL_RETURN_IF_ERROR(checkpoint->TakeOffPrefixes());
  return checkpoint;
}

absl::Status HuggingFaceCheckpoint::AddFile(const std::string& path) {
  ABSL_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  ABSL_ASSIGN_OR_RETURN(std::vector<WeightEntry> entries, FormatOf(kind_).read_entries(file));

  absl::flat_hash_map<absl::string_view, const SourceTensor*> known;
  for (const SourceTensor& tensor : tensors_) known[tensor.name] = &tensor;
  for (const WeightEntry& entry : entries) {
    const auto twice = known.find(entry.tensor.name);
    if (twice != known.end()) {
      return absl::InvalidArgumentError(absl::StrCat("tensor \"", entry.tensor.name, "\" is in ",
                                                     twice->second->file, " and in ", path,
                                                     ": expected it once"));
    }
  }
  for (WeightEntry& entry : entries) {
    tensors_.push_back(std::move(entry.tensor));
    places_.push_back({files_.size(), entry.offset, entry.row_stride});
  }
  files_.push_back(std::move(file));
  return absl::OkStatus();
}

absl::Status HuggingFaceCheckpoint::CheckIndex(const WeightFiles& files) const {
  if (files.index.empty()) return absl::OkStatus();
  absl::flat_hash_map<absl::string_view, absl::string_view> file_of;
  for (const SourceTensor& tensor : tensors_) file_of[tensor.name] = tensor.file;
  for (const auto& [name, file] : files.weight_map.items()) {
    const std::string expected = absl::StrCat(folder_, "/", file.get_ref<const std::string&>());
    const auto found = file_of.find(name);
    if (found == file_of.end() || found->second != expected) {
      return absl::InvalidArgumentError(
          absl::StrCat(folder_, "/", files.index, ": tensor \"", name, "\": expected in ", expected,
                       ", found ", found == file_of.end() ? "in no file" : found->second));
    }
  }
  return absl::OkStatus();
}

absl::Status HuggingFaceCheckpoint::TakeOffPrefixes() {
  ABSL_ASSIGN_OR_RETURN(prefix_, TakeOffWrapperPrefixes(tensors_));
  if (!prefix_.empty()) {
    notes_.push_back(absl::StrCat("taken off the tensors' names: ", prefix_));
  }
  return absl::OkStatus();
}

std::string HuggingFaceCheckpoint::NameInFile(absl::string_view name) const {
  return absl::StrCat(prefix_, name);
}

std::string HuggingFaceCheckpoint::FormatName() const {
  return absl::StrCat("Hugging Face ", FormatOf(kind_).title, ", ", files_.size(),
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
  if (!CanDequantize(tensor.dtype)) {
    return absl::UnimplementedError(absl::StrCat(tensor.file, ": tensor \"", GivenName(tensor),
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
    ABSL_RETURN_IF_ERROR(
        file.ReadAt(place.offset + (first_row + row) * place.row_stride,
                    absl::MakeSpan(bytes).subspan(row * row_bytes, piece_rows * row_bytes)));
  }
  return ConvertToFloat(bytes, tensor.dtype);
}

}  // namespace inkling
