// Gives the file's tensors their Hugging Face names, and reads rows of them with their scales.

#include "converter/mediapipe_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "converter/mediapipe_tokenizer.h"
#include "converter/source_numbers.h"
#include "converter/weight_entry.h"

namespace inkling {
namespace {

using Type = MediapipeTensor::Type;

constexpr absl::string_view kScaleEnding = "_quantized_scale";
constexpr absl::string_view kZeroPointEnding = "_quantized_zp";
constexpr absl::string_view kTokenEmbedding = "params.lm.token_embedding.w";
constexpr size_t kFusedParts = 3;

absl::string_view TypeName(Type type) {
  return type == Type::kF32 ? "F32" : type == Type::kInt8 ? "INT8" : "INT4";
}

// Bytes of the values of a row.
int64_t RowValueBytes(Type type, int64_t columns) {
  return type == Type::kF32 ? 4 * columns : type == Type::kInt8 ? columns : columns / 2;
}

int64_t Columns(const SourceTensor& tensor) {
  int64_t columns = 1;
  for (size_t i = 1; i < tensor.shape.size(); ++i) columns *= tensor.shape[i];
  return columns;
}

// LayerNorms are written [1, 1, n].
std::vector<int64_t> WithoutLeadingOnes(const std::vector<int64_t>& shape) {
  size_t first = 0;
  while (first + 1 < shape.size() && shape[first] == 1) ++first;
  return std::vector<int64_t>(shape.begin() + static_cast<ptrdiff_t>(first), shape.end());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Checkpoint>> MediapipeCheckpoint::Open(InputFile input) {
  ABSL_ASSIGN_OR_RETURN(MediapipeFile file, ReadMediapipeFile(input));
  std::unique_ptr<MediapipeCheckpoint> checkpoint(new MediapipeCheckpoint(std::move(input)));
  const bool tied =
      std::none_of(file.tensors.begin(), file.tensors.end(),
                   [](const MediapipeTensor& tensor) { return tensor.name == kTokenEmbedding; });
  const auto fill = [&]() -> absl::Status {
    ABSL_ASSIGN_OR_RETURN(checkpoint->type_, FindMediapipeModelType(file.model_type));
    ABSL_ASSIGN_OR_RETURN(checkpoint->parameters_, ReadLlmParameters(file.parameters));
    ABSL_ASSIGN_OR_RETURN(checkpoint->config_,
                          MediapipeConfig(checkpoint->type_, checkpoint->parameters_, tied));
    checkpoint->parameters_.bytes_to_unicode |= checkpoint->type_.family->byte_tokenizer;
    checkpoint->tokenizer_ = std::move(file.tokenizer);
    return checkpoint->AddTensors(file.tensors, tied);
  };
  if (const absl::Status filled = fill(); !filled.ok()) {
    return absl::Status(filled.code(),
                        absl::StrCat(checkpoint->file_.path(), ": ", filled.message()));
  }
  return checkpoint;
}

// A quantised tensor and its scales belong together; everything else is a tensor of its own.
absl::Status MediapipeCheckpoint::AddTensors(const std::vector<MediapipeTensor>& tensors,
                                             bool tied) {
  absl::flat_hash_map<absl::string_view, const MediapipeTensor*> by_name;
  for (const MediapipeTensor& tensor : tensors) by_name[tensor.name] = &tensor;
  for (const MediapipeTensor& tensor : tensors) {
    absl::string_view name = tensor.name;
    if (absl::EndsWith(name, kZeroPointEnding)) {
      return absl::UnimplementedError(
          absl::StrCat("tensor \"", name, "\": asymmetric quantisation is not supported"));
    }
    if (absl::ConsumeSuffix(&name, kScaleEnding) && by_name.contains(name)) continue;
    const auto scales = by_name.find(absl::StrCat(tensor.name, kScaleEnding));
    ABSL_RETURN_IF_ERROR(
        AddTensor(tensor, scales == by_name.end() ? nullptr : scales->second, tied));
  }
  return CheckFused();
}

absl::Status MediapipeCheckpoint::AddTensor(const MediapipeTensor& tensor,
                                            const MediapipeTensor* scales, bool tied) {
  const std::vector<int64_t> shape = WithoutLeadingOnes(tensor.shape);
  const int64_t rows = shape.empty() ? 1 : shape[0];
  Piece piece = {tensor.offset, -1};
  if (tensor.type != Type::kF32) {
    if (scales == nullptr || scales->type != Type::kF32 || scales->bytes != 4 * rows ||
        shape.size() != 2) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor \"", tensor.name, "\" [", absl::StrJoin(shape, ", "), "]: expected a matrix and ",
          rows, " scales of type FLOAT32 in \"", tensor.name, kScaleEnding, "\", found ",
          scales == nullptr ? "none" : absl::StrCat(scales->bytes, " bytes")));
    }
    piece.scales = scales->offset;
  }
  MediapipeTensorName name = HuggingFaceName(*type_.family, tensor.name, tied);
  if (name.part < 0 || shape.empty()) {
    tensors_.push_back({std::move(name.hugging_face), std::string(TypeName(tensor.type)), shape,
                        file_.path(), tensor.bytes});
    places_.push_back({tensor.type, {piece}, 0});
    return absl::OkStatus();
  }
  const auto [found, is_new] = fused_.try_emplace(name.hugging_face, tensors_.size());
  if (is_new) {
    std::vector<int64_t> fused_shape = shape;
    fused_shape[0] *= kFusedParts;
    tensors_.push_back({std::move(name.hugging_face), std::string(TypeName(tensor.type)),
                        std::move(fused_shape), file_.path(), 0});
    places_.push_back(
        {tensor.type, std::vector<Piece>(kFusedParts), parameters_.transformer.head_dimension});
  }
  Place& place = places_[found->second];
  SourceTensor& fused = tensors_[found->second];
  if (place.type != tensor.type || fused.shape.size() != shape.size() ||
      fused.shape[0] != rows * static_cast<int64_t>(kFusedParts) ||
      !std::equal(shape.begin() + 1, shape.end(), fused.shape.begin() + 1) ||
      rows % place.run != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor \"", tensor.name, "\" [", absl::StrJoin(shape, ", "),
        "]: expected q, k and v of a layer to have one shape and type, whole heads of ", place.run,
        " rows"));
  }
  place.pieces[static_cast<size_t>(name.part)] = piece;
  fused.bytes += tensor.bytes;
  return absl::OkStatus();
}

absl::Status MediapipeCheckpoint::CheckFused() const {
  for (const auto& [name, index] : fused_) {
    for (const Piece& piece : places_[index].pieces) {
      if (piece.values >= 0) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("expected q, k and v in every layer, found no more than two for ", name));
    }
  }
  return absl::OkStatus();
}

absl::Status MediapipeCheckpoint::CheckRows(size_t index, int64_t first_row,
                                            int64_t num_rows) const {
  const SourceTensor& tensor = tensors_[index];
  const int64_t rows = NumRows(tensor);
  if (first_row >= 0 && num_rows >= 0 && first_row <= rows && num_rows <= rows - first_row) {
    return absl::OkStatus();
  }
  return absl::OutOfRangeError(
      absl::StrCat(tensor.name, ": rows ", first_row, " to ", first_row + num_rows, " of ", rows));
}

// Appends rows of one piece to `rows`.
absl::Status MediapipeCheckpoint::ReadPiece(const Place& place, const Piece& piece,
                                            int64_t first_row, int64_t num_rows, int64_t columns,
                                            QuantizedRows& rows) const {
  const auto append = [&](int64_t start, int64_t row_bytes, std::vector<std::byte>& bytes) {
    const size_t end = bytes.size();
    bytes.resize(end + static_cast<size_t>(num_rows * row_bytes));
    return file_.ReadAt(start + first_row * row_bytes, absl::MakeSpan(bytes).subspan(end));
  };
  ABSL_RETURN_IF_ERROR(append(piece.values, RowValueBytes(place.type, columns), rows.values));
  if (piece.scales < 0) return absl::OkStatus();
  return append(piece.scales, sizeof(float), rows.scales);
}

absl::StatusOr<QuantizedRows> MediapipeCheckpoint::ReadBytes(size_t index, int64_t first_row,
                                                             int64_t num_rows) const {
  ABSL_RETURN_IF_ERROR(CheckRows(index, first_row, num_rows));
  const Place& place = places_[index];
  const int64_t columns = Columns(tensors_[index]);
  const int64_t parts = static_cast<int64_t>(place.pieces.size());
  const int64_t run = parts == 1 ? NumRows(tensors_[index]) : place.run;
  QuantizedRows rows;
  for (int64_t row = first_row; row < first_row + num_rows;) {
    // Row r of a fused tensor lies in piece (r / run) % parts, after the runs before it there.
    const int64_t length = std::min(first_row + num_rows - row, run - row % run);
    const int64_t row_of_piece = row / (run * parts) * run + row % run;
    ABSL_RETURN_IF_ERROR(ReadPiece(place, place.pieces[static_cast<size_t>(row / run % parts)],
                                   row_of_piece, length, columns, rows));
    row += length;
  }
  return rows;
}

std::optional<TensorType> MediapipeCheckpoint::StoredType(size_t index) const {
  switch (places_[index].type) {
    case Type::kInt8:
      return TensorType{ElementType::kInt8Channel, 0};
    case Type::kInt4:
      return TensorType{ElementType::kInt4Channel, 0};
    case Type::kF32:
      break;
  }
  return std::nullopt;
}

absl::StatusOr<QuantizedRows> MediapipeCheckpoint::ReadStoredRows(size_t index, int64_t first_row,
                                                                  int64_t num_rows) const {
  if (!StoredType(index).has_value()) {
    return Checkpoint::ReadStoredRows(index, first_row, num_rows);
  }
  return ReadBytes(index, first_row, num_rows);
}

absl::StatusOr<std::vector<float>> MediapipeCheckpoint::ReadRows(size_t index, int64_t first_row,
                                                                 int64_t num_rows) const {
  ABSL_ASSIGN_OR_RETURN(const QuantizedRows rows, ReadBytes(index, first_row, num_rows));
  const std::optional<TensorType> type = StoredType(index);
  if (!type.has_value()) return WidenToFloat(rows.values, "F32");
  return DequantizeRows(rows.values, rows.scales, num_rows, Columns(tensors_[index]), *type);
}

absl::StatusOr<ImportedTokenizer> MediapipeCheckpoint::ImportTokenizer(
    const std::string& vocabulary_path) const {
  return ImportMediapipeTokenizer(file_.path(), tokenizer_, parameters_, vocabulary_path);
}

}  // namespace inkling
