// Tells checkpoint formats apart by content. A new format adds its reader here.

#include "converter/checkpoints/checkpoint.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "converter/checkpoints/gguf/gguf_reader.h"
#include "converter/checkpoints/gguf/gguf_shards.h"
#include "converter/checkpoints/hugging_face/hugging_face_reader.h"
#include "converter/checkpoints/hugging_face/weight_files.h"
#include "converter/checkpoints/llama2c/llama2c_reader.h"
#include "converter/checkpoints/mediapipe/mediapipe_reader.h"
#include "converter/files/gguf_header.h"
#include "converter/files/input_file.h"
#include "src/format/foreign_file.h"

namespace inkling {
namespace {

constexpr char kFormats[] =
    "a Hugging Face folder (config.json and safetensors or pytorch_model.bin), one of those weight "
    "files with config.json next to it, a GGUF file, a MediaPipe LLM file or .task bundle of "
    "one, or a llama2.c .bin file of version 0";

// The formats that are one file, told apart by its first bytes. A new one adds its line.
struct FileFormat {
  bool (*recognizes)(const InputFile& file);
  absl::StatusOr<std::unique_ptr<Checkpoint>> (*open)(InputFile file);
};
constexpr FileFormat kFileFormats[] = {
    {IsGguf, GgufCheckpoint::OpenFile},
    {Llama2cCheckpoint::Recognizes, Llama2cCheckpoint::Create},
    {MediapipeCheckpoint::Recognizes, MediapipeCheckpoint::Open},  // bundles are ZIP archives, too
    {HuggingFaceCheckpoint::Recognizes, HuggingFaceCheckpoint::OpenFile},
};

// The beginning of a file, as much as tells what it is.
absl::StatusOr<std::string> StartOf(const InputFile& file) {
  std::string start(static_cast<size_t>(std::min<int64_t>(file.size(), kForeignFileBytes)), '\0');
  ABSL_RETURN_IF_ERROR(
      file.ReadAt(0, absl::MakeSpan(reinterpret_cast<std::byte*>(start.data()), start.size())));
  return start;
}

// What a file that no reader takes is, and what to do with it.
std::string FoundInstead(absl::string_view start, int64_t size) {
  if (IsModelFile(start)) return "found a model file of Inkling, which needs no conversion";
  if (absl::StartsWith(start, "24ka")) return "found a llama2.c file of a later version";
  const ForeignFile file = RecognizeForeignFile(start, size);
  if (file.name.empty()) return "found something else";
  if (file.use != ForeignFile::Use::kOther) return absl::StrCat("found ", file.name);
  return DescribeForeignFile(file, "");
}

absl::StatusOr<std::unique_ptr<Checkpoint>> OpenSingleFile(const std::string& path) {
  ABSL_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  for (const FileFormat& format : kFileFormats) {
    if (format.recognizes(file)) return format.open(std::move(file));
  }
  ABSL_ASSIGN_OR_RETURN(const std::string start, StartOf(file));
  return absl::UnimplementedError(
      absl::StrCat(path, ": expected ", kFormats, ", ", FoundInstead(start, file.size())));
}

// What a folder without a model is taken for, and where the model may be.
std::string NoModelHint(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder / "snapshots", error)) {
    return ", found a folder of the hub's cache: give one of those in its `snapshots`";
  }
  return std::string(HuggingFaceCheckpoint::AdapterHint(folder.string()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Checkpoint>> Checkpoint::Open(const std::string& path,
                                                             const std::string& variant) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return absl::NotFoundError(absl::StrCat(path, ": no such file or folder"));
  }
  const bool is_folder = std::filesystem::is_directory(status);
  if (!variant.empty() && !is_folder) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a folder, of whose weights --variant=", variant,
                     " names some, found a file"));
  }
  if (!is_folder) return OpenSingleFile(path);
  const bool has_config =
      std::filesystem::exists(std::filesystem::path(path) / "config.json", error);
  if (!variant.empty() || (has_config && HasWeightFiles(path))) {
    return HuggingFaceCheckpoint::OpenFolder(path, variant);
  }
  if (!FindGgufModels(path).empty()) return GgufCheckpoint::OpenFolder(path);
  if (has_config || HasWeightFiles(path)) {
    return HuggingFaceCheckpoint::OpenFolder(path);  // says what is missing
  }
  return absl::NotFoundError(absl::StrCat(path,
                                          ": no config.json and no GGUF file in this folder; "
                                          "expected ",
                                          kFormats, NoModelHint(path)));
}

absl::StatusOr<QuantizedRows> Checkpoint::ReadStoredRows(size_t index, int64_t /*first_row*/,
                                                         int64_t /*num_rows*/) const {
  return absl::FailedPreconditionError(
      absl::StrCat("tensor \"", tensors()[index].name, "\" isn't quantised as a model file's"));
}

}  // namespace inkling
