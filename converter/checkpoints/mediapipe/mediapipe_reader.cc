// Gives the file's tensors their Hugging Face names and shapes, and reads rows of them.

#include "converter/checkpoints/mediapipe/mediapipe_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
#include "converter/checkpoints/mediapipe/mediapipe_companions.h"
#include "converter/checkpoints/mediapipe/mediapipe_shapes.h"
#include "converter/checkpoints/mediapipe/mediapipe_tokenizer.h"
#include "converter/files/source_tensor.h"

namespace inkling {
namespace {

using Type = MediapipeTensor::Type;

constexpr absl::string_view kTokenEmbedding = "params.lm.token_embedding.w";
constexpr size_t kFusedParts = 3;

std::string TypeName(const MediapipeMatrix& matrix) {
  const bool asymmetric = matrix.zero_points >= 0;
  switch (matrix.type) {
    case Type::kInt8:
      return asymmetric ? "INT8 with zero points" : "INT8";
    case Type::kInt4:
      return asymmetric ? "INT4 with zero points" : "INT4";
    case Type::kF16:
      return "F16";
    case Type::kF32:
    case Type::kInt32:
      break;
  }
  return "F32";
}

bool IsInteger(Type type) { return type == Type::kInt8 || type == Type::kInt4; }

// LayerNorms of files for cpu are written [1, 1, n].
std::vector<int64_t> WithoutLeadingOnes(const std::vector<int64_t>& shape) {
  size_t first = 0;
  while (first + 1 < shape.size() && shape[first] == 1) ++first;
  return std::vector<int64_t>(shape.begin() + static_cast<ptrdiff_t>(first), shape.end());
}

// Where the values of `tensor` lie that has this shape; its size is checked here for gpu.
absl::StatusOr<MediapipeMatrix> ValuesOf(const MediapipeTensor& tensor,
                                         const std::vector<int64_t>& shape,
                                         MediapipeBackend backend) {
  MediapipeMatrix matrix;
  matrix.type = tensor.type;
  matrix.values = tensor.offset;
  matrix.rows = shape.empty() ? 1 : shape[0];
  for (size_t i = 1; i < shape.size(); ++i) matrix.columns *= shape[i];
  if (backend == MediapipeBackend::kCpu) return matrix;
  matrix.tiled = shape.size() == 2;
  const std::optional<int64_t> needed =
      MediapipeValueBytes(tensor.type, matrix.rows, matrix.columns, matrix.tiled);
  if (needed == tensor.bytes) return matrix;
  return absl::InvalidArgumentError(
      absl::StrCat("tensor \"", tensor.name, "\": by LlmParameters [", absl::StrJoin(shape, ", "),
                   "] of ", TypeName(matrix), ", which is ",
                   needed.has_value() ? absl::StrCat(*needed, " bytes") : "more than any file has",
                   ", found ", tensor.bytes));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Checkpoint>> MediapipeCheckpoint::Open(InputFile input) {
  std::optional<MediapipeBundle> bundle;
  if (LooksLikeMediapipeBundle(input)) {
    ABSL_ASSIGN_OR_RETURN(bundle, ReadMediapipeBundle(input));
    input.Narrow(bundle->model_offset, bundle->model_bytes);
  }
  std::unique_ptr<MediapipeCheckpoint> checkpoint(new MediapipeCheckpoint(std::move(input)));
  const absl::Status filled = checkpoint->Fill(bundle);
  if (filled.ok()) return checkpoint;
  const std::string& path = checkpoint->file_.path();
  if (absl::StartsWith(filled.message(), path)) return filled;
  return absl::Status(filled.code(), absl::StrCat(path, ": ", filled.message()));
}

// An error that names the file, said of the model in it.
absl::Status MediapipeCheckpoint::AboutBundledModel(const absl::Status& status) const {
  return absl::Status(status.code(),
                      absl::StrCat(file_.path(), ": TF_LITE_PREFILL_DECODE",
                                   absl::StripPrefix(status.message(), file_.path())));
}

absl::Status MediapipeCheckpoint::Fill(const std::optional<MediapipeBundle>& bundle) {
  in_bundle_ = bundle.has_value();
  absl::StatusOr<MediapipeFile> read = ReadMediapipeFile(file_);
  if (!read.ok()) return in_bundle_ ? AboutBundledModel(read.status()) : read.status();
  MediapipeFile& file = *read;
  backend_ = file.backend;
  const bool tied =
      std::none_of(file.tensors.begin(), file.tensors.end(),
                   [](const MediapipeTensor& tensor) { return tensor.name == kTokenEmbedding; });
  ABSL_ASSIGN_OR_RETURN(type_, FindMediapipeModelType(file.model_type));
  ABSL_ASSIGN_OR_RETURN(parameters_, ReadLlmParameters(file.parameters));
  ABSL_ASSIGN_OR_RETURN(config_, MediapipeConfig(type_, parameters_, tied));
  tokenizer_ = std::move(file.tokenizer);
  if (in_bundle_) {
    if (!bundle->tokenizer.empty()) tokenizer_ = bundle->tokenizer;
    ABSL_RETURN_IF_ERROR(ApplyBundleMetadata(bundle->metadata, parameters_));
    if (!bundle->others.empty()) {
      notes_.push_back(
          absl::StrCat("left out of the bundle: ", absl::StrJoin(bundle->others, ", ")));
    }
  }
  parameters_.bytes_to_unicode |= type_.family->byte_tokenizer;
  ABSL_RETURN_IF_ERROR(AddTensors(file.tensors, tied));
  return NoteLostZeroPoints();
}

std::string MediapipeCheckpoint::FormatName() const {
  return absl::StrCat(in_bundle_ ? "MediaPipe bundle with an LLM file" : "MediaPipe LLM file",
                      backend_ == MediapipeBackend::kGpu ? " for gpu, " : ", ", type_.name);
}

// A quantised tensor and its companions belong together; everything else is a tensor of its own.
absl::Status MediapipeCheckpoint::AddTensors(const std::vector<MediapipeTensor>& tensors,
                                             bool tied) {
  const MediapipeCompanions companions(tensors);
  for (const MediapipeTensor& tensor : tensors) {
    if (companions.IsCompanion(tensor)) continue;
    std::vector<int64_t> shape = backend_ == MediapipeBackend::kCpu
                                     ? WithoutLeadingOnes(tensor.shape)
                                     : MediapipeShape(tensor.name, parameters_);
    if (shape.empty() && backend_ == MediapipeBackend::kGpu) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor \"", tensor.name, "\": a ", type_.name, " model has none"));
    }
    ABSL_ASSIGN_OR_RETURN(MediapipeMatrix matrix, ValuesOf(tensor, shape, backend_));
    ABSL_RETURN_IF_ERROR(companions.Find(tensor, shape, backend_, file_, matrix));
    ABSL_RETURN_IF_ERROR(AddTensor(tensor, matrix, std::move(shape), tied));
  }
  return CheckFused();
}

absl::Status MediapipeCheckpoint::AddTensor(const MediapipeTensor& tensor,
                                            const MediapipeMatrix& matrix,
                                            std::vector<int64_t> shape, bool tied) {
  MediapipeTensorName name = HuggingFaceName(*type_.family, tensor.name, tied);
  if (name.part >= 0 && !shape.empty()) return AddPart(name, tensor, matrix, shape);
  tensors_.push_back({std::move(name.hugging_face), TypeName(matrix), std::move(shape),
                      file_.path(), tensor.bytes});
  places_.push_back({{matrix}, 0});
  return absl::OkStatus();
}

absl::Status MediapipeCheckpoint::AddPart(const MediapipeTensorName& name,
                                          const MediapipeTensor& tensor,
                                          const MediapipeMatrix& matrix,
                                          const std::vector<int64_t>& shape) {
  const auto [found, is_new] = fused_.try_emplace(name.hugging_face, tensors_.size());
  if (is_new) {
    std::vector<int64_t> fused_shape = shape;
    fused_shape[0] *= kFusedParts;
    tensors_.push_back(
        {name.hugging_face, TypeName(matrix), std::move(fused_shape), file_.path(), 0});
    places_.push_back(
        {std::vector<MediapipeMatrix>(kFusedParts), parameters_.transformer.head_dimension});
  }
  Place& place = places_[found->second];
  SourceTensor& fused = tensors_[found->second];
  if (fused.dtype != TypeName(matrix) || fused.shape.size() != shape.size() ||
      fused.shape[0] != shape[0] * static_cast<int64_t>(kFusedParts) ||
      !std::equal(shape.begin() + 1, shape.end(), fused.shape.begin() + 1) ||
      shape[0] % place.run != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor \"", tensor.name, "\" [", absl::StrJoin(shape, ", "),
        "]: expected q, k and v of a layer to have one shape and type, whole heads of ", place.run,
        " rows"));
  }
  place.pieces[static_cast<size_t>(name.part)] = matrix;
  fused.bytes += tensor.bytes;
  return absl::OkStatus();
}

absl::Status MediapipeCheckpoint::CheckFused() const {
  for (const auto& [name, index] : fused_) {
    for (const MediapipeMatrix& piece : places_[index].pieces) {
      if (piece.values >= 0) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("expected q, k and v in every layer, found no more than two for ", name));
    }
  }
  return absl::OkStatus();
}

// MediaPipe's converter loses the zero points of asymmetric files for cpu, and nothing in them says
// so. But symmetric rounding leaves the lowest quantised value out, where asymmetric rounding gives
// every row both ends.
absl::Status MediapipeCheckpoint::NoteLostZeroPoints() {
  constexpr int64_t kSampledRows = 4;
  constexpr int64_t kFewestRows = 16;
  int64_t num_rows = 0;
  for (const Place& place : places_) {
    const MediapipeMatrix& matrix = place.pieces[0];
    if (matrix.tiled || !IsInteger(matrix.type)) continue;
    const int64_t sampled = std::min(kSampledRows, matrix.rows);
    ABSL_ASSIGN_OR_RETURN(const bool full, UsesBothEnds(file_, matrix, sampled));
    if (!full) return absl::OkStatus();
    num_rows += sampled;
  }
  if (num_rows < kFewestRows) return absl::OkStatus();
  notes_.push_back(
      "every row of the weights uses all quantised values, as after MediaPipe's asymmetric "
      "quantisation, "
      "whose zero points files for cpu have lost: if the model writes nonsense, that is why, and "
      "the checkpoint must be converted instead");
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

template <typename Read>
absl::Status MediapipeCheckpoint::ForEachRun(size_t index, int64_t first_row, int64_t num_rows,
                                             const Read& read) const {
  ABSL_RETURN_IF_ERROR(CheckRows(index, first_row, num_rows));
  const Place& place = places_[index];
  const int64_t parts = static_cast<int64_t>(place.pieces.size());
  const int64_t run = parts == 1 ? NumRows(tensors_[index]) : place.run;
  for (int64_t row = first_row; row < first_row + num_rows;) {
    // Row r of a fused tensor lies in piece (r / run) % parts, after the runs before it there.
    const int64_t length = std::min(first_row + num_rows - row, run - row % run);
    const int64_t row_of_piece = row / (run * parts) * run + row % run;
    ABSL_RETURN_IF_ERROR(
        read(place.pieces[static_cast<size_t>(row / run % parts)], row_of_piece, length));
    row += length;
  }
  return absl::OkStatus();
}

std::optional<TensorType> MediapipeCheckpoint::StoredType(size_t index) const {
  const MediapipeMatrix& matrix = places_[index].pieces[0];
  if (matrix.zero_points >= 0) return std::nullopt;
  TensorType type;
  if (matrix.type == Type::kInt8) type = {ElementType::kInt8Channel, 0};
  if (matrix.type == Type::kInt4) type = {ElementType::kInt4Channel, 0};
  if (!IsInteger(matrix.type) || !TypeFits(type, matrix.columns)) return std::nullopt;
  return type;
}

// Blocks of 32 lose the least of four bits with a zero point for each row.
std::optional<TensorType> MediapipeCheckpoint::KeptType(size_t index) const {
  if (const std::optional<TensorType> stored = StoredType(index)) return stored;
  const MediapipeMatrix& matrix = places_[index].pieces[0];
  if (matrix.type == Type::kInt8) return TensorType{ElementType::kInt8Channel, 0};
  if (matrix.type == Type::kInt4) return TensorType{ElementType::kInt4Block, 32};
  return std::nullopt;
}

absl::StatusOr<QuantizedRows> MediapipeCheckpoint::ReadStoredRows(size_t index, int64_t first_row,
                                                                  int64_t num_rows) const {
  if (!StoredType(index).has_value()) {
    return Checkpoint::ReadStoredRows(index, first_row, num_rows);
  }
  QuantizedRows rows;
  ABSL_RETURN_IF_ERROR(ForEachRun(index, first_row, num_rows,
                                  [&](const MediapipeMatrix& piece, int64_t first, int64_t count) {
                                    return AppendStoredRows(file_, piece, first, count, rows);
                                  }));
  return rows;
}

absl::StatusOr<std::vector<float>> MediapipeCheckpoint::ReadRows(size_t index, int64_t first_row,
                                                                 int64_t num_rows) const {
  std::vector<float> rows;
  ABSL_RETURN_IF_ERROR(ForEachRun(index, first_row, num_rows,
                                  [&](const MediapipeMatrix& piece, int64_t first, int64_t count) {
                                    return AppendFloatRows(file_, piece, first, count, rows);
                                  }));
  return rows;
}

absl::StatusOr<ImportedTokenizer> MediapipeCheckpoint::ImportTokenizer(
    const std::string& vocabulary_path) const {
  return ImportMediapipeTokenizer(file_.path(), tokenizer_, parameters_, vocabulary_path);
}

}  // namespace inkling
