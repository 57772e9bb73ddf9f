// Opens the shards, has their tensors presented, and reads rows of them.

#include "converter/checkpoints/gguf/gguf_reader.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "converter/checkpoints/gguf/gguf_config.h"
#include "converter/checkpoints/gguf/gguf_families.h"
#include "converter/checkpoints/gguf/gguf_shards.h"
#include "converter/files/block_formats.h"
#include "converter/files/config_fields.h"
#include "converter/files/gguf_header.h"
#include "converter/files/source_numbers.h"
#include "converter/tokenizer/tokenizer_import_gguf.h"

namespace inkling {
namespace {

using nlohmann::json;

// All the file's values as floats; a vector of divisors is short.
absl::StatusOr<std::vector<float>> ReadVector(const InputFile& file, const GgufTensor& entry) {
  constexpr int64_t kMaxBytes = int64_t{1} << 20;
  if (entry.tensor.bytes > kMaxBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(entry.tensor.file, ": tensor \"", entry.tensor.name, "\": expected at most ",
                     kMaxBytes, " bytes, found ", entry.tensor.bytes));
  }
  std::vector<std::byte> bytes(static_cast<size_t>(entry.tensor.bytes));
  ABSL_RETURN_IF_ERROR(file.ReadAt(entry.offset, absl::MakeSpan(bytes)));
  return ConvertToFloat(bytes, entry.tensor.dtype);
}

absl::StatusOr<GgufRopeDivisors> ReadDivisors(absl::Span<const InputFile> files,
                                              absl::Span<const GgufTensor> tensors,
                                              absl::Span<const size_t> file_of) {
  GgufRopeDivisors divisors;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string& name = tensors[i].tensor.name;
    std::vector<float>* place = name == "rope_freqs.weight"           ? &divisors.all
                                : name == "rope_factors_short.weight" ? &divisors.short_text
                                : name == "rope_factors_long.weight"  ? &divisors.long_text
                                                                      : nullptr;
    if (place == nullptr) continue;
    ABSL_ASSIGN_OR_RETURN(*place, ReadVector(files[file_of[i]], tensors[i]));
  }
  return divisors;
}

// The family of the file's architecture. Files of other kinds (adapters, vision parts) name theirs.
absl::StatusOr<const GgufFamily*> ReadFamily(const json& metadata, const FieldSpelling& spelling,
                                             const std::string& path) {
  ConfigFields fields(metadata, path, &spelling);
  const std::string type = fields.String("general.type", "model");
  if (type != "model") fields.Reject("general.type", "model", type);
  const std::string architecture = fields.String("general.architecture", "");
  if (architecture.empty()) fields.Reject("general.architecture", "a name", "nothing");
  ABSL_RETURN_IF_ERROR(fields.status());
  absl::StatusOr<const GgufFamily*> family = FindGgufFamily(architecture);
  if (family.ok()) return family;
  return absl::Status(family.status().code(), absl::StrCat(path, ": ", family.status().message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Checkpoint>> GgufCheckpoint::OpenFile(InputFile file) {
  ABSL_ASSIGN_OR_RETURN(const GgufHeader header, ReadGgufHeader(file, GgufParts::kModel));
  ABSL_ASSIGN_OR_RETURN(const std::vector<std::string> paths, GgufShardPaths(file.path(), header));
  std::unique_ptr<GgufCheckpoint> checkpoint(new GgufCheckpoint());
  ABSL_RETURN_IF_ERROR(checkpoint->Read(paths));
  return checkpoint;
}

absl::StatusOr<std::unique_ptr<Checkpoint>> GgufCheckpoint::OpenFolder(const std::string& folder) {
  const std::vector<std::string> models = FindGgufModels(folder);
  if (models.empty()) return absl::NotFoundError(absl::StrCat(folder, ": no GGUF file"));
  if (models.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(folder, ": expected one GGUF model, found ",
                                                   models.size(), " (", models[0], ", ", models[1],
                                                   "...); give the file"));
  }
  ABSL_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(models.front()));
  return OpenFile(std::move(file));
}

absl::Status GgufCheckpoint::Read(const std::vector<std::string>& paths) {
  json metadata;
  std::vector<GgufTensor> tensors;
  std::vector<size_t> file_of;
  absl::flat_hash_set<std::string> names;
  for (size_t i = 0; i < paths.size(); ++i) {
    ABSL_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(paths[i]));
    ABSL_ASSIGN_OR_RETURN(GgufHeader header, ReadGgufHeader(file, GgufParts::kModel));
    ABSL_RETURN_IF_ERROR(CheckGgufShard(paths[i], header, i, paths.size()));
    if (i == 0) {  // the others have split.* only
      metadata = std::move(header.metadata);
      spelling_ = std::move(header.spelling);
    }
    for (GgufTensor& entry : header.tensors) {
      if (!names.insert(entry.tensor.name).second) {
        return absl::InvalidArgumentError(absl::StrCat(paths[i], ": tensor \"", entry.tensor.name,
                                                       "\" is in another shard, too"));
      }
      file_of.push_back(i);
      tensors.push_back(std::move(entry));
    }
    files_.push_back(std::move(file));
  }
  ConfigFields fields(metadata, paths.front(), &spelling_);
  const int32_t expected = fields.Count("split.tensors.count", 0);
  if (paths.size() > 1 && expected != static_cast<int32_t>(tensors.size())) {
    fields.Reject("split.tensors.count", absl::StrCat(tensors.size(), ", as the shards have"),
                  absl::StrCat(expected));
  }
  ABSL_RETURN_IF_ERROR(fields.status());

  ABSL_ASSIGN_OR_RETURN(family_, ReadFamily(metadata, spelling_, paths.front()));
  ABSL_ASSIGN_OR_RETURN(const GgufRopeDivisors divisors, ReadDivisors(files_, tensors, file_of));
  ABSL_ASSIGN_OR_RETURN(
      config_, GgufConfig(metadata, *family_, tensors, divisors, paths.front(), spelling_));
  const GgufHeads heads = {config_["num_attention_heads"].get<int64_t>(),
                           config_["num_key_value_heads"].get<int64_t>(),
                           config_["head_dim"].get<int64_t>()};
  ABSL_ASSIGN_OR_RETURN(views_, PresentGgufTensors(tensors, *family_, heads));
  absl::flat_hash_map<absl::string_view, size_t> index_of;
  for (size_t i = 0; i < files_.size(); ++i) index_of[files_[i].path()] = i;
  for (const GgufView& view : views_) {
    tensors_.push_back(view.tensor);
    file_of_.push_back(index_of[view.tensor.file]);
    is_quantized_ = is_quantized_ || FindBlockFormat(view.tensor.dtype)->num_values > 1;
  }
  return absl::OkStatus();
}

std::string GgufCheckpoint::FormatName() const {
  return absl::StrCat("GGUF, ", files_.size(), files_.size() == 1 ? " file" : " files");
}

std::string GgufCheckpoint::NameInFile(absl::string_view name) const {
  for (const SourceTensor& tensor : tensors_) {
    if (tensor.name == name) return GivenName(tensor);
  }
  return GgufTensorName(*family_, name);
}

std::vector<std::string> GgufCheckpoint::Files() const {
  std::vector<std::string> paths;
  paths.reserve(files_.size());
  for (const InputFile& file : files_) paths.push_back(file.path());
  return paths;
}

absl::StatusOr<ImportedTokenizer> GgufCheckpoint::ImportTokenizer(
    const std::string& vocabulary_path) const {
  if (vocabulary_path.empty()) return ImportTokenizerGguf(files_.front());
  ABSL_ASSIGN_OR_RETURN(ImportedTokenizer imported, ImportTokenizerFile(vocabulary_path));
  ABSL_RETURN_IF_ERROR(ApplyGgufMetadata(files_.front(), imported));
  return imported;
}

absl::StatusOr<std::vector<std::byte>> GgufCheckpoint::ReadBytes(size_t index, int64_t first_row,
                                                                 int64_t num_rows) const {
  const GgufView& view = views_[index];
  const int64_t rows = view.tensor.shape.front();
  if (first_row < 0 || num_rows < 0 || first_row > rows || num_rows > rows - first_row) {
    return absl::OutOfRangeError(absl::StrCat(view.tensor.name, ": rows ", first_row, " to ",
                                              first_row + num_rows, " of ", rows));
  }
  const InputFile& file = files_[file_of_[index]];
  const int64_t row_bytes = view.tensor.bytes / rows;
  std::vector<std::byte> bytes(static_cast<size_t>(num_rows * row_bytes));
  for (int64_t row = 0; row < num_rows;) {
    // Rows that follow each other in the file, too, are read at once.
    const int64_t stored = view.order.StoredRow(first_row + row);
    int64_t count = view.order.is_identity() ? num_rows : 1;
    while (row + count < num_rows &&
           view.order.StoredRow(first_row + row + count) == stored + count)
      ++count;
    ABSL_RETURN_IF_ERROR(
        file.ReadAt(view.offset + stored * row_bytes,
                    absl::MakeSpan(bytes).subspan(static_cast<size_t>(row * row_bytes),
                                                  static_cast<size_t>(count * row_bytes))));
    row += count;
  }
  return bytes;
}

absl::StatusOr<std::vector<float>> GgufCheckpoint::ReadRows(size_t index, int64_t first_row,
                                                            int64_t num_rows) const {
  ABSL_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, ReadBytes(index, first_row, num_rows));
  ABSL_ASSIGN_OR_RETURN(std::vector<float> values, ConvertToFloat(bytes, tensors_[index].dtype));
  // A sum of 0.5 or more is the same again once the recipe has added 1; a smaller one may differ by
  // 2^-25.
  if (const float added = views_[index].added; added != 0.0f) {
    for (float& value : values) value -= added;
  }
  return values;
}

std::optional<TensorType> GgufCheckpoint::KeptType(size_t index) const {
  // In a quantised file, matrices of plain numbers were left so on purpose.
  if (!is_quantized_) return std::nullopt;
  const std::string& dtype = tensors_[index].dtype;
  if (dtype == "F32") return TensorType{ElementType::kF32, 0};
  if (dtype == "F16") return TensorType{ElementType::kF16, 0};
  if (dtype == "BF16") return TensorType{ElementType::kBf16, 0};
  if (dtype == "Q4_0" || dtype == "Q4_1" || dtype == "Q4_K") {
    return TensorType{ElementType::kInt4Block, 32};
  }
  return TensorType{ElementType::kInt8Channel, 0};
}

absl::StatusOr<std::vector<float>> GgufCheckpoint::ReadBlockScales(size_t index, int64_t first_row,
                                                                   int64_t num_rows) const {
  if (tensors_[index].dtype != "Q4_0") return std::vector<float>();
  ABSL_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, ReadBytes(index, first_row, num_rows));
  return Q4BlockScales(bytes);
}

}  // namespace inkling
