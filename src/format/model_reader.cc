// ModelReader::Open: map, decode the container, compare the checksum, decode the metadata, find
// every tensor.

#include "src/format/model_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/format/container.h"
#include "src/format/content_hash.h"
#include "src/format/foreign_file.h"
#include "src/format/model_metadata.h"
#include "src/format/stored_tensors.h"

namespace inkling {
namespace {

struct Contents {
  ModelMetadata metadata;
  std::vector<TensorView> tensors;
};

absl::Status CheckChecksum(absl::Span<const std::byte> file, const Extent& checksum) {
  ContentHash hash;
  hash.Add(file.first(static_cast<size_t>(checksum.offset)));
  const std::array<std::byte, kChecksumBytes> expected = hash.Digest();
  const absl::Span<const std::byte> found =
      file.subspan(static_cast<size_t>(checksum.offset), kChecksumBytes);
  if (std::equal(expected.begin(), expected.end(), found.begin())) return absl::OkStatus();
  std::array<std::byte, kChecksumBytes> stored;
  std::copy(found.begin(), found.end(), stored.begin());
  return absl::InvalidArgumentError(
      absl::StrCat("checksum of the first ", checksum.offset, " bytes: expected ",
                   HexDigits(expected), ", found ", HexDigits(stored), ": the file is damaged"));
}

absl::StatusOr<Contents> DecodeFile(absl::Span<const std::byte> file) {
  ABSL_ASSIGN_OR_RETURN(const Container container, DecodeContainer(file));
  const absl::Span<const std::byte> metadata = file.subspan(
      static_cast<size_t>(container.metadata.offset), static_cast<size_t>(container.metadata.size));
  if (absl::Status damage = CheckChecksum(file, container.checksum); !damage.ok()) {
    ABSL_RETURN_IF_ERROR(RefuseEarlierFormat(metadata));  // whose checksum was another hash
    return damage;
  }
  Contents contents;
  ABSL_ASSIGN_OR_RETURN(contents.metadata, DecodeMetadata(metadata));
  // The list is as long as the config says; a hostile config mustn't make it longer than the file's
  // own.
  const int64_t layers = contents.metadata.config.num_layers;
  if (layers > static_cast<int64_t>(container.tensors.size())) {
    return absl::InvalidArgumentError(absl::StrCat("container: expected tensors for ", layers,
                                                   " layers, found ", container.tensors.size(),
                                                   " tensors"));
  }
  ABSL_ASSIGN_OR_RETURN(contents.tensors,
                        FindTensors(TensorList(contents.metadata.config), container, file));
  return contents;
}

// For a file that can't be decoded: what it is instead, where that can be told.
absl::Status OpenError(const std::string& path, absl::Span<const std::byte> file,
                       const absl::Status& status) {
  const absl::string_view start(reinterpret_cast<const char*>(file.data()),
                                std::min(file.size(), kForeignFileBytes));
  const std::string foreign =
      DescribeForeignFile(RecognizeForeignFile(start, static_cast<int64_t>(file.size())), path);
  if (foreign.empty()) {
    return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
  }
  // A TFLite file has been looked into: a damaged one of ours may be taken for another.
  const bool looked_into = start.substr(std::min<size_t>(4, start.size()), 4) == "TFL3";
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": expected a model file of Inkling, ", foreign,
                   looked_into ? absl::StrCat(" (", status.message(), ")") : ""));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ModelReader>> ModelReader::Open(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": expected a model file of Inkling, found a folder; if it is a "
                     "checkpoint's, `inkling-convert ",
                     path, " model.tflite` makes one of it"));
  }
  ABSL_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  absl::StatusOr<Contents> contents = DecodeFile(file.bytes());
  if (!contents.ok()) return OpenError(path, file.bytes(), contents.status());
  // The mapping doesn't move with the object, so the views stay good.
  return std::unique_ptr<ModelReader>(new ModelReader(
      std::move(file), std::move(contents->metadata), std::move(contents->tensors)));
}

ModelReader::ModelReader(MappedFile file, ModelMetadata metadata, std::vector<TensorView> tensors)
    : file_(std::move(file)), metadata_(std::move(metadata)), tensors_(std::move(tensors)) {}

ModelReader::~ModelReader() = default;

const TensorView* ModelReader::Find(absl::string_view name) const {
  const auto found = std::find_if(tensors_.begin(), tensors_.end(), [name](const TensorView& view) {
    return view.info.name == name;
  });
  return found == tensors_.end() ? nullptr : &*found;
}

int64_t ModelReader::file_bytes() const { return static_cast<int64_t>(file_.bytes().size()); }

void ModelReader::ReleasePages(const TensorView& view) const {
  file_.ReleasePages(view.values - file_.bytes().data(), view.value_bytes);
  if (view.scales != nullptr)
    file_.ReleasePages(view.scales - file_.bytes().data(), view.scale_bytes);
}

void ModelReader::ReleaseRows(const TensorView& view, int64_t first_row, int64_t num_rows) const {
  const int64_t row_bytes = view.value_bytes / view.info.rows;
  file_.ReleasePages(view.values - file_.bytes().data() + first_row * row_bytes,
                     num_rows * row_bytes);
}

}  // namespace inkling
