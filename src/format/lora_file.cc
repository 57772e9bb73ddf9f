// Adapters are small beside models, so a file is written from memory and read into it whole.

#include "src/format/lora_file.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "flatbuffers/flatbuffers.h"
#include "src/format/container.h"
#include "src/format/content_hash.h"
#include "src/format/element_type.h"
#include "src/format/lora_metadata_generated.h"
#include "src/format/mapped_file.h"
#include "src/format/partial_file.h"
#include "src/format/stored_tensors.h"
#include "src/format/tensor_list.h"

namespace inkling {
namespace {

constexpr uint32_t kLoraVersion = 1;
constexpr absl::string_view kDownSuffix = ".lora_down";
constexpr absl::string_view kUpSuffix = ".lora_up";

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

TensorInfo DownInfo(const LoraMatrix& matrix) {
  return {absl::StrCat(matrix.weight, kDownSuffix),
          TensorRole::kLinear,
          -1,
          matrix.rank,
          matrix.num_inputs,
          false};
}

TensorInfo UpInfo(const LoraMatrix& matrix) {
  return {absl::StrCat(matrix.weight, kUpSuffix),
          TensorRole::kLinear,
          -1,
          matrix.num_outputs,
          matrix.rank,
          false};
}

absl::Span<const std::byte> BytesOf(const std::vector<float>& values) {
  return {reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(float)};
}

std::string ComputeId(const LoraFile& file) {
  ContentHash hash;
  const auto add = [&](absl::string_view text) {
    hash.Add({reinterpret_cast<const std::byte*>(text.data()), text.size()});
  };
  add(file.base_fingerprint);
  for (const LoraMatrix& matrix : file.matrices) {
    add(absl::StrCat(matrix.weight, " ", matrix.num_inputs, " ", matrix.num_outputs, " ",
                     matrix.rank, "\n"));
    hash.Add(BytesOf(matrix.down));
    hash.Add(BytesOf(matrix.up));
  }
  return HexDigits(hash.Digest());
}

absl::Status CheckMatrix(const LoraMatrix& matrix) {
  constexpr int64_t kMostFloats = std::numeric_limits<int64_t>::max() / 8;
  const bool sized = matrix.num_inputs > 0 && matrix.num_outputs > 0 && matrix.rank > 0 &&
                     matrix.rank <= kMaxLoraRank &&
                     matrix.num_inputs <= kMostFloats / matrix.rank &&
                     matrix.num_outputs <= kMostFloats / matrix.rank;
  if (!sized || matrix.down.size() != static_cast<size_t>(matrix.rank * matrix.num_inputs) ||
      matrix.up.size() != static_cast<size_t>(matrix.rank * matrix.num_outputs)) {
    return absl::InvalidArgumentError(
        absl::StrCat("adapter: ", matrix.weight, ": expected a rank from 1 to ", kMaxLoraRank,
                     " and both of its matrices, found rank ", matrix.rank, ", ",
                     matrix.down.size(), " and ", matrix.up.size(), " values"));
  }
  for (const std::vector<float>* values : {&matrix.down, &matrix.up}) {
    for (const float value : *values) {
      if (std::isfinite(value)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("adapter: ", matrix.weight, ": expected finite numbers, found ", value));
    }
  }
  return absl::OkStatus();
}

std::vector<std::byte> EncodeLoraMetadata(const LoraFile& file, absl::string_view id) {
  FlatBufferBuilder builder;
  const auto bytes = [&](absl::string_view text) {
    return builder.CreateVector(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  const auto fingerprint = bytes(file.base_fingerprint);
  const auto base_source = bytes(file.base_source);
  const auto source = bytes(file.source);
  const auto generator = bytes(file.generator);
  const auto adapter_id = bytes(id);
  wire::FinishLoraMetadataBuffer(
      builder, wire::CreateLoraMetadata(builder, kLoraVersion, fingerprint, base_source, source,
                                        generator, adapter_id));
  const auto* data = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return std::vector<std::byte>(data, data + builder.GetSize());
}

std::string TextOf(const flatbuffers::Vector<uint8_t>* bytes) {
  if (bytes == nullptr) return "";
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

absl::Status DecodeLoraMetadata(absl::Span<const std::byte> bytes, LoraFile& file) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size());
  if (!wire::VerifyLoraMetadataBuffer(verifier))
    return absl::InvalidArgumentError("adapter: its metadata is damaged");
  const wire::LoraMetadata& table = *wire::GetLoraMetadata(data);
  if (table.format_version() != kLoraVersion) {
    return absl::UnimplementedError(absl::StrCat("adapter: format_version ", table.format_version(),
                                                 " is not supported by this version, which reads ",
                                                 kLoraVersion));
  }
  file.base_fingerprint = TextOf(table.base_fingerprint());
  file.base_source = TextOf(table.base_source());
  file.source = TextOf(table.source());
  file.generator = TextOf(table.generator());
  file.adapter_id = TextOf(table.adapter_id());
  return absl::OkStatus();
}

// What the container's tensors say they are.
absl::StatusOr<std::vector<TensorInfo>> Infos(const Container& container) {
  std::vector<TensorInfo> infos;
  for (const ContainerTensor& tensor : container.tensors) {
    if (tensor.shape.size() != 2 || tensor.shape[0] < 1 || tensor.shape[1] < 1 ||
        tensor.type != wire::TensorType::FLOAT32) {
      return absl::InvalidArgumentError(absl::StrCat("adapter: tensor ", tensor.name,
                                                     ": expected a matrix of f32, found another"));
    }
    infos.push_back(
        {tensor.name, TensorRole::kLinear, -1, tensor.shape[0], tensor.shape[1], false});
  }
  return infos;
}

std::vector<float> ValuesOf(const TensorView& view) {
  std::vector<float> values(static_cast<size_t>(view.value_bytes) / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), view.values, values.size() * sizeof(float));
  return values;
}

absl::StatusOr<LoraFile> DecodeLora(absl::Span<const std::byte> bytes) {
  ABSL_ASSIGN_OR_RETURN(const Container container, DecodeContainer(bytes, kLoraEntry));
  ABSL_RETURN_IF_ERROR(CheckChecksum(bytes, container.checksum));
  LoraFile file;
  ABSL_RETURN_IF_ERROR(
      DecodeLoraMetadata(bytes.subspan(static_cast<size_t>(container.metadata.offset),
                                       static_cast<size_t>(container.metadata.size)),
                         file));
  ABSL_ASSIGN_OR_RETURN(const std::vector<TensorInfo> infos, Infos(container));
  ABSL_ASSIGN_OR_RETURN(const std::vector<TensorView> views, FindTensors(infos, container, bytes));
  if (views.size() % 2 != 0 || views.empty())
    return absl::InvalidArgumentError("adapter: expected pairs of matrices");
  for (size_t i = 0; i < views.size(); i += 2) {
    absl::string_view weight = views[i].info.name;
    const bool is_pair = absl::ConsumeSuffix(&weight, kDownSuffix) &&
                         views[i + 1].info.name == absl::StrCat(weight, kUpSuffix);
    if (!is_pair || views[i].info.rows != views[i + 1].info.columns) {
      return absl::InvalidArgumentError(absl::StrCat(
          "adapter: expected both matrices of each update, one behind the other, found ",
          views[i].info.name, " and ", views[i + 1].info.name));
    }
    file.matrices.push_back({std::string(weight), views[i].info.columns, views[i + 1].info.rows,
                             views[i].info.rows, ValuesOf(views[i]), ValuesOf(views[i + 1])});
    ABSL_RETURN_IF_ERROR(CheckMatrix(file.matrices.back()));
  }
  if (ComputeId(file) != file.adapter_id)
    return absl::InvalidArgumentError(
        "adapter: its matrices don't fit its id: the file is damaged");
  return file;
}

}  // namespace

const LoraMatrix* LoraFile::Find(absl::string_view weight) const {
  const auto found = std::find_if(matrices.begin(), matrices.end(), [&](const LoraMatrix& matrix) {
    return matrix.weight == weight;
  });
  return found == matrices.end() ? nullptr : &*found;
}

absl::Status WriteLoraFile(const std::string& path, const LoraFile& file) {
  std::vector<TensorInfo> infos;
  for (const LoraMatrix& matrix : file.matrices) {
    ABSL_RETURN_IF_ERROR(CheckMatrix(matrix));
    infos.push_back(DownInfo(matrix));
    infos.push_back(UpInfo(matrix));
  }
  const std::vector<TensorType> types(infos.size());
  const std::vector<std::byte> metadata = EncodeLoraMetadata(file, ComputeId(file));
  ABSL_ASSIGN_OR_RETURN(
      const FileLayout layout,
      LayOutFile(infos, types, static_cast<int64_t>(metadata.size()), kLoraEntry));
  const std::vector<std::byte> container = EncodeContainer(layout.container);
  std::vector<std::byte> head(static_cast<size_t>(layout.container.checksum.offset));
  std::copy(container.begin(), container.end(), head.begin());
  std::copy(metadata.begin(), metadata.end(), head.begin() + layout.container.metadata.offset);
  ContentHash hash;
  hash.Add(head);
  const auto digest = hash.Digest();
  head.insert(head.end(), digest.begin(), digest.end());
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<PartialFile> out,
                        PartialFile::Create(path, layout.file_bytes));
  ABSL_RETURN_IF_ERROR(out->WriteAt(0, head));
  for (size_t i = 0; i < infos.size(); ++i) {
    const LoraMatrix& matrix = file.matrices[i / 2];
    ABSL_RETURN_IF_ERROR(out->WriteAt(layout.tensors[i].values.offset,
                                      BytesOf(i % 2 == 0 ? matrix.down : matrix.up)));
  }
  return out->Commit();
}

absl::StatusOr<LoraFile> ReadLoraFile(const std::string& path) {
  ABSL_ASSIGN_OR_RETURN(const MappedFile mapped, MappedFile::Open(path));
  absl::StatusOr<LoraFile> file = DecodeLora(mapped.bytes());
  if (file.ok()) return file;
  if (!IsLoraFile(mapped.bytes())) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": expected a LoRA adapter of Inkling, found another file; "
                     "`inkling-convert --lora ADAPTER_DIR OUT --base=MODEL` makes one (",
                     file.status().message(), ")"));
  }
  return absl::Status(file.status().code(), absl::StrCat(path, ": ", file.status().message()));
}

bool IsLoraFile(absl::Span<const std::byte> file) {
  const size_t size = std::min<size_t>(file.size(), kMaxContainerBytes);
  const absl::string_view start(reinterpret_cast<const char*>(file.data()), size);
  return start.substr(std::min<size_t>(4, size), 4) == "TFL3" &&
         absl::StrContains(start, kLoraEntry);
}

}  // namespace inkling
