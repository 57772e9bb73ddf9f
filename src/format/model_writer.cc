// ModelWriter: lays the file out, streams rows to their places while hashing them, and seals the
// file at the end.

#include "src/format/model_writer.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/casts.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/format/container.h"
#include "src/format/content_hash.h"
#include "src/format/model_metadata.h"
#include "src/format/partial_file.h"
#include "src/format/quantization.h"
#include "src/format/stored_tensors.h"

namespace inkling {
namespace {

constexpr size_t kModelIdDigits = 32;

// What is known of a tensor while its rows arrive.
struct Progress {
  int64_t rows_written = 0;
  ContentHash values;
  ContentHash scales;
};

// XNNPACK refuses scales that aren't positive and normal, so none gets into a file.
absl::Status CheckScales(const TensorInfo& info, TensorType type,
                         absl::Span<const std::byte> scales) {
  const bool per_block = type.element == ElementType::kInt4Block;
  const size_t width = per_block ? 2 : 4;
  for (size_t i = 0; i < scales.size(); i += width) {
    uint32_t bits = 0;
    std::memcpy(&bits, scales.data() + i, width);
    const float scale =
        per_block ? Bfloat16ToFloat(static_cast<uint16_t>(bits)) : absl::bit_cast<float>(bits);
    if (scale > 0.0f && std::isnormal(scale)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", info.name, ": scale ", i / width,
                     " of the rows given: ", "expected a positive normal number, found ", scale));
  }
  return absl::OkStatus();
}

void AddNumber(ContentHash& hash, int64_t number) {
  std::array<std::byte, 8> bytes;
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(number >> (8 * i));
  hash.Add(bytes);
}

}  // namespace

struct ModelWriter::State {
  ModelMetadata metadata;
  std::vector<TensorInfo> tensors;
  std::vector<TensorType> types;
  FileLayout layout;
  std::vector<Progress> progress;
  std::unique_ptr<PartialFile> file;
  bool finished = false;

  // Over config, tokenizer, types and bytes: two files with the same id compute the same. Template
  // and provenance don't change what is computed.
  std::string ComputeModelId() const {
    ModelMetadata identity;
    identity.config = metadata.config;
    identity.tokenizer = metadata.tokenizer;
    ContentHash hash;
    hash.Add(EncodeMetadata(identity));
    for (size_t i = 0; i < tensors.size(); ++i) {
      AddNumber(hash, static_cast<int64_t>(types[i].element));
      AddNumber(hash, types[i].block_size);
      hash.Add(progress[i].values.Digest());
      hash.Add(progress[i].scales.Digest());
    }
    return HexDigits(hash.Digest());
  }

  // Everything in front of the tensors: container, metadata, checksum.
  absl::StatusOr<std::vector<std::byte>> EncodeHead() const {
    const std::vector<std::byte> container = EncodeContainer(layout.container);
    const std::vector<std::byte> encoded = EncodeMetadata(metadata);
    const Extent& place = layout.container.metadata;
    if (static_cast<int64_t>(container.size()) > place.offset ||
        static_cast<int64_t>(encoded.size()) != place.size) {
      return absl::InternalError(absl::StrCat("the head changed its size: expected ", place.size,
                                              " bytes of metadata, found ", encoded.size()));
    }
    const auto checksum_offset = static_cast<size_t>(layout.container.checksum.offset);
    std::vector<std::byte> head(checksum_offset);
    std::copy(container.begin(), container.end(), head.begin());
    std::copy(encoded.begin(), encoded.end(), head.begin() + place.offset);
    ContentHash hash;
    hash.Add(head);
    const auto digest = hash.Digest();
    head.insert(head.end(), digest.begin(), digest.end());
    return head;
  }
};

absl::StatusOr<std::unique_ptr<ModelWriter>> ModelWriter::Create(
    const std::string& path, const ModelMetadata& metadata, absl::Span<const TensorType> types) {
  ABSL_RETURN_IF_ERROR(ValidateMetadata(metadata));
  auto state = std::make_unique<State>();
  state->metadata = metadata;
  state->metadata.model_id = std::string(kModelIdDigits, '0');  // the real one is as long
  state->tensors = TensorList(metadata.config);
  state->types.assign(types.begin(), types.end());
  const auto metadata_bytes = static_cast<int64_t>(EncodeMetadata(state->metadata).size());
  if (metadata_bytes > kMaxMetadataBytes) {
    return absl::InvalidArgumentError(absl::StrCat("metadata: expected at most ", kMaxMetadataBytes,
                                                   " bytes, found ", metadata_bytes));
  }
  ABSL_ASSIGN_OR_RETURN(state->layout, LayOutFile(state->tensors, types, metadata_bytes));
  state->progress.resize(state->tensors.size());
  ABSL_ASSIGN_OR_RETURN(state->file, PartialFile::Create(path, state->layout.file_bytes));
  return std::unique_ptr<ModelWriter>(new ModelWriter(std::move(state)));
}

ModelWriter::ModelWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}

ModelWriter::~ModelWriter() = default;

absl::Span<const TensorInfo> ModelWriter::tensors() const { return state_->tensors; }

absl::Status ModelWriter::WriteRows(size_t index, int64_t first_row,
                                    absl::Span<const std::byte> values,
                                    absl::Span<const std::byte> scales) {
  if (index >= state_->tensors.size()) {
    return absl::InvalidArgumentError(absl::StrCat("tensor index: expected less than ",
                                                   state_->tensors.size(), ", found ", index));
  }
  if (state_->finished) return absl::FailedPreconditionError("the file is finished already");
  const TensorInfo& info = state_->tensors[index];
  const TensorType type = state_->types[index];
  Progress& progress = state_->progress[index];
  if (first_row != progress.rows_written) {
    return absl::InvalidArgumentError(absl::StrCat("tensor ", info.name, ": expected row ",
                                                   progress.rows_written, " next, found ",
                                                   first_row));
  }
  ABSL_ASSIGN_OR_RETURN(const int64_t row_bytes, ValueBytes(type, 1, info.columns));
  ABSL_ASSIGN_OR_RETURN(const int64_t row_scale_bytes, ScaleBytes(type, 1, info.columns));
  const auto value_bytes = static_cast<int64_t>(values.size());
  const int64_t rows = value_bytes / row_bytes;
  if (value_bytes % row_bytes != 0 || rows > info.rows - first_row) {
    return absl::InvalidArgumentError(absl::StrCat("tensor ", info.name, ": expected at most ",
                                                   info.rows - first_row, " rows of ", row_bytes,
                                                   " bytes, found ", value_bytes, " bytes"));
  }
  if (static_cast<int64_t>(scales.size()) != rows * row_scale_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("tensor ", info.name, ": expected ",
                                                   rows * row_scale_bytes, " bytes of scales for ",
                                                   rows, " rows, found ", scales.size()));
  }
  ABSL_RETURN_IF_ERROR(CheckScales(info, type, scales));
  const TensorExtents& extents = state_->layout.tensors[index];
  ABSL_RETURN_IF_ERROR(
      state_->file->WriteAt(extents.values.offset + first_row * row_bytes, values));
  ABSL_RETURN_IF_ERROR(
      state_->file->WriteAt(extents.scales.offset + first_row * row_scale_bytes, scales));
  progress.values.Add(values);
  progress.scales.Add(scales);
  progress.rows_written += rows;
  return absl::OkStatus();
}

absl::Status ModelWriter::Finish() {
  if (state_->finished) return absl::FailedPreconditionError("the file is finished already");
  for (size_t i = 0; i < state_->tensors.size(); ++i) {
    if (state_->progress[i].rows_written == state_->tensors[i].rows) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("tensor ", state_->tensors[i].name, ": expected ", state_->tensors[i].rows,
                     " rows, found ", state_->progress[i].rows_written));
  }
  state_->metadata.model_id = state_->ComputeModelId();
  ABSL_ASSIGN_OR_RETURN(const std::vector<std::byte> head, state_->EncodeHead());
  ABSL_RETURN_IF_ERROR(state_->file->WriteAt(0, head));
  ABSL_RETURN_IF_ERROR(state_->file->Commit());
  state_->finished = true;
  return absl::OkStatus();
}

}  // namespace inkling
