// ModelReader::Open: map, decode the container, compare the checksum, decode the metadata, find
// every tensor.

#include "src/format/model_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/format/container.h"
#include "src/format/foreign_file.h"
#include "src/format/lora_file.h"
#include "src/format/model_metadata.h"
#include "src/format/stored_tensors.h"

namespace inkling {
namespace {

struct Contents {
  ModelMetadata metadata;
  std::vector<TensorView> tensors;
};

// How much is looked at to tell what a file is; it has the container.
size_t BeginBytes(const ModelBytes& file) {
  return std::min(file.bytes().size(), static_cast<size_t>(kMaxContainerBytes));
}

// The head of a file, from its beginning to its checksum, where flatbuffers can be read: they want
// their numbers aligned to 64 bytes. That is in the file itself, or in a copy of the head.
class AlignedHead {
 public:
  // Its BeginBytes are loaded.
  explicit AlignedHead(const ModelBytes& file) : file_(file) {}

  // The first `size` bytes. Errors: those of loading; ResourceExhausted.
  absl::StatusOr<absl::Span<const std::byte>> First(size_t size) {
    const absl::Span<const std::byte> begin = file_.bytes().first(size);
    if (size > loaded_) {
      ABSL_RETURN_IF_ERROR(
          file_.Load(static_cast<int64_t>(loaded_), static_cast<int64_t>(size - loaded_)));
      loaded_ = size;
    }
    if (reinterpret_cast<uintptr_t>(begin.data()) % kExtentAlignment == 0) return begin;
    copy_ = MapFreshPages(size, PageAccess::kReadWrite);
    if (copy_ == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no memory for a copy of the file's first ", size, " bytes"));
    }
    std::memcpy(copy_.get(), begin.data(), size);
    return absl::Span<const std::byte>(copy_.get(), size);
  }

 private:
  const ModelBytes& file_;
  size_t loaded_ = BeginBytes(file_);
  MappedPages copy_;
};

absl::StatusOr<Contents> DecodeFile(const ModelBytes& bytes) {
  const absl::Span<const std::byte> file = bytes.bytes();
  AlignedHead head(bytes);
  ABSL_ASSIGN_OR_RETURN(absl::Span<const std::byte> begin, head.First(BeginBytes(bytes)));
  ABSL_ASSIGN_OR_RETURN(const Container container, DecodeContainer(begin, file.size()));
  ABSL_ASSIGN_OR_RETURN(begin, head.First(static_cast<size_t>(container.checksum.end())));
  const absl::Span<const std::byte> metadata = begin.subspan(
      static_cast<size_t>(container.metadata.offset), static_cast<size_t>(container.metadata.size));
  if (absl::Status damage = CheckChecksum(begin, container.checksum); !damage.ok()) {
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
  if (bytes.is_loaded_in_parts()) bytes.Release(0, container.checksum.end());
  return contents;
}

// For a file that can't be decoded: what it is instead, where that can be told.
absl::Status OpenError(const std::string& path, absl::Span<const std::byte> file,
                       const absl::Status& status) {
  const absl::string_view start(reinterpret_cast<const char*>(file.data()),
                                std::min(file.size(), kForeignFileBytes));
  if (IsLoraFile(file)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path,
        ": expected a model file of Inkling, found a LoRA adapter; open its base model and "
        "load the adapter beside it (--lora)"));
  }
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

// The norm whose output the matrix `weight` reads; empty where it reads something else.
std::string NormInFrontOf(absl::string_view weight, const ModelConfig& config) {
  const size_t end_of_layer = weight.find('.', std::strlen("layers."));
  if (!absl::StartsWith(weight, "layers.") || end_of_layer == absl::string_view::npos) return "";
  const absl::string_view layer = weight.substr(0, end_of_layer + 1);
  const absl::string_view part = weight.substr(end_of_layer + 1);
  for (const char* attention : {"attention.q.weight", "attention.k.weight", "attention.v.weight"}) {
    if (part == attention) return absl::StrCat(layer, "attention_norm.weight");
  }
  if (part != "feed_forward.gate.weight" && part != "feed_forward.up.weight") return "";
  return absl::StrCat(layer, config.residual == ResidualKind::kParallelSharedNorm
                                 ? "attention_norm.weight"
                                 : "feed_forward_norm.weight");
}

}  // namespace

std::vector<float> ModelMetadata::ColumnFactorsOf(absl::string_view weight) const {
  std::vector<float> factors;
  if (!columns.has_value()) return factors;
  const std::string norm = NormInFrontOf(weight, config);
  for (const ColumnExponents& one : *columns) {
    if (one.norm != norm) continue;
    for (const int8_t exponent : one.exponents) factors.push_back(std::ldexp(1.0f, exponent));
  }
  return factors;
}

absl::StatusOr<std::unique_ptr<ModelReader>> ModelReader::Open(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": expected a model file of Inkling, found a folder; if it is a "
                     "checkpoint's, `inkling-convert ",
                     path, " model.tflite` makes one of it"));
  }
  ABSL_ASSIGN_OR_RETURN(ModelBytes bytes, ModelBytes::FromPath(path));
  return Open(std::move(bytes), path);
}

absl::StatusOr<std::unique_ptr<ModelReader>> ModelReader::Open(ModelBytes bytes,
                                                               const std::string& name) {
  ABSL_RETURN_IF_ERROR(bytes.Load(0, static_cast<int64_t>(BeginBytes(bytes))));
  absl::StatusOr<Contents> contents = DecodeFile(bytes);
  if (!contents.ok()) {
    return OpenError(name, bytes.bytes(), contents.status());
  }
  // Bytes don't move with the object, so the views stay good.
  return std::unique_ptr<ModelReader>(new ModelReader(
      std::move(bytes), std::move(contents->metadata), std::move(contents->tensors)));
}

ModelReader::ModelReader(ModelBytes bytes, ModelMetadata metadata, std::vector<TensorView> tensors)
    : bytes_(std::move(bytes)), metadata_(std::move(metadata)), tensors_(std::move(tensors)) {}

ModelReader::~ModelReader() = default;

const TensorView* ModelReader::Find(absl::string_view name) const {
  const auto found = std::find_if(tensors_.begin(), tensors_.end(), [name](const TensorView& view) {
    return view.info.name == name;
  });
  return found == tensors_.end() ? nullptr : &*found;
}

int64_t ModelReader::file_bytes() const { return static_cast<int64_t>(bytes_.bytes().size()); }

int64_t ModelReader::OffsetOf(const std::byte* data) const { return data - bytes_.bytes().data(); }

bool ModelReader::IsKept(const TensorView& view) const {
  return bytes_.is_loaded_in_parts() && view.info.role != TensorRole::kLinear &&
         view.info.role != TensorRole::kHead;
}

int64_t ModelReader::kept_bytes() const {
  int64_t bytes = 0;
  for (const TensorView& view : tensors_) {
    if (IsKept(view)) bytes += view.value_bytes + view.scale_bytes;
  }
  return bytes;
}

absl::Status ModelReader::LoadKept() const {
  for (const TensorView& view : tensors_) {
    if (!IsKept(view)) continue;
    ABSL_RETURN_IF_ERROR(LoadScales(view));
    ABSL_RETURN_IF_ERROR(bytes_.Load(OffsetOf(view.values), view.value_bytes));
  }
  return absl::OkStatus();
}

absl::Status ModelReader::LoadValues(const TensorView& view) const {
  if (IsKept(view)) return absl::OkStatus();
  return bytes_.Load(OffsetOf(view.values), view.value_bytes);
}

absl::Status ModelReader::LoadScales(const TensorView& view) const {
  if (view.scales == nullptr) return absl::OkStatus();
  return bytes_.Load(OffsetOf(view.scales), view.scale_bytes);
}

void ModelReader::ReleasePages(const TensorView& view) const {
  if (IsKept(view)) return;
  bytes_.Release(OffsetOf(view.values), view.value_bytes);
  if (view.scales != nullptr) bytes_.Release(OffsetOf(view.scales), view.scale_bytes);
}

void ModelReader::ReleaseFilePages() const {
  if (!bytes_.is_loaded_in_parts()) bytes_.Release(0, file_bytes());
}

void ModelReader::ReleaseRows(const TensorView& view, int64_t first_row, int64_t num_rows) const {
  if (IsKept(view)) return;
  const int64_t row_bytes = view.value_bytes / view.info.rows;
  bytes_.Release(OffsetOf(view.values) + first_row * row_bytes, num_rows * row_bytes);
}

}  // namespace inkling
