// DecodeContainer: the flatbuffers verifier, then everything that it doesn't know: extents,
// indices, uniqueness.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "flatbuffers/flatbuffers.h"
#include "src/format/container.h"
#include "src/format/content_hash.h"

namespace inkling {
namespace {

constexpr flatbuffers::uoffset_t kMaxDepth = 16;
constexpr flatbuffers::uoffset_t kMaxTables = 1 << 17;
constexpr flatbuffers::uoffset_t kMaxRank = 8;
constexpr flatbuffers::uoffset_t kMaxNameBytes = 256;

// Wide enough for the identifier, and an end of file in the middle of it.
constexpr size_t kSmallestFile = 64;

absl::Status VerifyFlatbuffer(absl::Span<const std::byte> bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size(),
                                 {.max_depth = kMaxDepth, .max_tables = kMaxTables});
  if (wire::VerifyModelBuffer(verifier)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("container: expected a TFLite flatbuffer in the first ", bytes.size(),
                   " bytes, found a damaged one"));
}

absl::Status CheckIdentifier(absl::Span<const std::byte> file) {
  if (file.size() < kSmallestFile) {
    return absl::InvalidArgumentError(absl::StrCat("container: expected at least ", kSmallestFile,
                                                   " bytes, found ", file.size()));
  }
  if (flatbuffers::BufferHasIdentifier(file.data(), wire::ModelIdentifier()))
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("container: expected the identifier \"",
                                                 wire::ModelIdentifier(),
                                                 "\" at byte 4, found another"));
}

// Buffers as extents; each is handed out once.
class BufferTable {
 public:
  explicit BufferTable(const flatbuffers::Vector<flatbuffers::Offset<wire::Buffer>>& buffers)
      : buffers_(buffers), used_(buffers.size(), false) {}

  absl::StatusOr<Extent> Take(uint32_t index, absl::string_view user, uint64_t file_bytes) {
    if (index == 0 || index >= buffers_.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("container: ", user, ": expected a buffer from 1 to ",
                       static_cast<int64_t>(buffers_.size()) - 1, ", found ", index));
    }
    if (used_[index]) {
      return absl::InvalidArgumentError(absl::StrCat(
          "container: ", user, ": expected a buffer of its own, found buffer ", index, " again"));
    }
    used_[index] = true;
    const wire::Buffer& buffer = *buffers_.Get(index);
    const uint64_t offset = buffer.offset();
    const uint64_t size = buffer.size();
    if (buffer.data() != nullptr || size == 0 || offset > file_bytes ||
        size > file_bytes - offset) {
      return absl::InvalidArgumentError(
          absl::StrCat("container: ", user, ": expected bytes inside the file's ", file_bytes,
                       ", found ", size, " bytes at offset ", offset));
    }
    if (offset % kExtentAlignment != 0) {
      return absl::InvalidArgumentError(absl::StrCat("container: ", user,
                                                     ": expected an offset divisible by ",
                                                     kExtentAlignment, ", found ", offset));
    }
    return Extent{static_cast<int64_t>(offset), static_cast<int64_t>(size)};
  }

 private:
  const flatbuffers::Vector<flatbuffers::Offset<wire::Buffer>>& buffers_;
  std::vector<bool> used_;
};

absl::StatusOr<Extent> FindEntry(const wire::Model& model, absl::string_view name,
                                 BufferTable& buffers, uint64_t file_bytes) {
  const wire::Metadata* found = nullptr;
  if (model.metadata() != nullptr) {
    for (const wire::Metadata* entry : *model.metadata()) {
      if (entry->name() == nullptr || entry->name()->string_view() != name) continue;
      if (found != nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat("container: expected one metadata entry \"", name, "\", found two"));
      }
      found = entry;
    }
  }
  if (found == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("container: expected a metadata entry \"", name,
                                                   "\", found none: not a model file of Inkling"));
  }
  return buffers.Take(found->buffer(), absl::StrCat("entry \"", name, "\""), file_bytes);
}

absl::StatusOr<ContainerTensor> Decode(const wire::Tensor& table, BufferTable& buffers,
                                       uint64_t file_bytes) {
  if (table.name() == nullptr || table.name()->size() > kMaxNameBytes || table.shape() == nullptr ||
      table.shape()->size() > kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrCat("container: expected tensors with a name of at most ", kMaxNameBytes,
                     " bytes and a shape of rank ", kMaxRank, " or less, found another"));
  }
  ContainerTensor tensor;
  tensor.name = table.name()->str();
  tensor.shape.assign(table.shape()->begin(), table.shape()->end());
  tensor.type = table.type();
  ABSL_ASSIGN_OR_RETURN(
      tensor.extent,
      buffers.Take(table.buffer(), absl::StrCat("tensor ", tensor.name), file_bytes));
  if (table.quantization() != nullptr) {
    const wire::BlockwiseQuantization* details =
        table.quantization()->details_as_BlockwiseQuantization();
    if (details == nullptr) {
      return absl::UnimplementedError(
          absl::StrCat("container: tensor ", tensor.name,
                       ": expected block-wise quantisation details, found others"));
    }
    tensor.scale_tensor = details->scales();
    tensor.block_size = details->block_size();
  }
  return tensor;
}

// The extents in file order, with what they belong to.
absl::Status CheckOrder(const Container& container) {
  std::vector<std::pair<Extent, absl::string_view>> extents = {
      {container.metadata, container.metadata_entry}, {container.checksum, kChecksumEntry}};
  for (const ContainerTensor& tensor : container.tensors)
    extents.emplace_back(tensor.extent, tensor.name);
  std::sort(extents.begin(), extents.end(),
            [](const auto& a, const auto& b) { return a.first.offset < b.first.offset; });
  for (size_t i = 1; i < extents.size(); ++i) {
    if (extents[i].first.offset < extents[i - 1].first.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("container: expected buffers that don't overlap, found ", extents[i].second,
                       " at offset ", extents[i].first.offset, " inside ", extents[i - 1].second,
                       ", which ends at ", extents[i - 1].first.end()));
    }
  }
  if (extents[0].first.offset != container.metadata.offset ||
      extents[1].first.offset != container.checksum.offset) {
    return absl::InvalidArgumentError(
        absl::StrCat("container: expected metadata, then the checksum, then tensors, found ",
                     extents[0].second, ", then ", extents[1].second));
  }
  if (container.checksum.offset > kMaxContainerBytes + kMaxMetadataBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "container: expected the checksum in the first ", kMaxContainerBytes + kMaxMetadataBytes,
        " bytes, found it at offset ", container.checksum.offset));
  }
  if (container.checksum.size != kChecksumBytes) {
    return absl::InvalidArgumentError(absl::StrCat("container: the checksum: expected ",
                                                   kChecksumBytes, " bytes, found ",
                                                   container.checksum.size));
  }
  return absl::OkStatus();
}

absl::StatusOr<Container> DecodeModel(const wire::Model& model, const char* metadata_entry,
                                      uint64_t file_bytes) {
  if (model.version() != kTfliteVersion) {
    return absl::UnimplementedError(
        absl::StrCat("container: TFLite schema version ", model.version(),
                     " is not supported by this version, which reads ", kTfliteVersion));
  }
  if (model.buffers() == nullptr || model.subgraphs() == nullptr ||
      model.subgraphs()->size() != 1 || model.subgraphs()->Get(0)->tensors() == nullptr) {
    return absl::InvalidArgumentError(
        "container: expected buffers and one subgraph with tensors, found others");
  }
  BufferTable buffers(*model.buffers());
  Container container;
  container.metadata_entry = metadata_entry;
  ABSL_ASSIGN_OR_RETURN(container.metadata, FindEntry(model, metadata_entry, buffers, file_bytes));
  ABSL_ASSIGN_OR_RETURN(container.checksum, FindEntry(model, kChecksumEntry, buffers, file_bytes));
  for (const wire::Tensor* table : *model.subgraphs()->Get(0)->tensors()) {
    ABSL_ASSIGN_OR_RETURN(ContainerTensor tensor, Decode(*table, buffers, file_bytes));
    container.tensors.push_back(std::move(tensor));
  }
  return container;
}

}  // namespace

absl::StatusOr<Container> DecodeContainer(absl::Span<const std::byte> file,
                                          const char* metadata_entry) {
  return DecodeContainer(file, file.size(), metadata_entry);
}

absl::StatusOr<Container> DecodeContainer(absl::Span<const std::byte> begin, uint64_t file_bytes,
                                          const char* metadata_entry) {
  ABSL_RETURN_IF_ERROR(CheckIdentifier(begin));
  absl::Span<const std::byte> region =
      begin.first(std::min<size_t>(begin.size(), kMaxContainerBytes));
  ABSL_RETURN_IF_ERROR(VerifyFlatbuffer(region));
  const wire::Model& model = *wire::GetModel(begin.data());
  ABSL_ASSIGN_OR_RETURN(Container container, DecodeModel(model, metadata_entry, file_bytes));
  ABSL_RETURN_IF_ERROR(CheckOrder(container));
  // Once more with only what lies in front of the first extent: no table reaches into tensors or
  // metadata.
  const auto first = static_cast<size_t>(container.metadata.offset);
  if (first < kSmallestFile) {
    return absl::InvalidArgumentError(absl::StrCat(
        "container: expected metadata behind the flatbuffer, found it at offset ", first));
  }
  if (first < region.size()) {
    ABSL_RETURN_IF_ERROR(VerifyFlatbuffer(region.first(first)));
  }
  return container;
}

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

}  // namespace inkling
