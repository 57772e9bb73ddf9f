// LayOutFile of stored_tensors.h: container tensors with their places, in file order.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/format/stored_tensors.h"

namespace inkling {
namespace {

wire::TensorType WireType(ElementType element) {
  switch (element) {
    case ElementType::kF32:
      return wire::TensorType::FLOAT32;
    case ElementType::kF16:
      return wire::TensorType::FLOAT16;
    case ElementType::kBf16:
      return wire::TensorType::BFLOAT16;
    case ElementType::kInt8Channel:
      return wire::TensorType::INT8;
    case ElementType::kInt4Channel:
    case ElementType::kInt4Block:
      return wire::TensorType::INT4;
  }
  return wire::TensorType::FLOAT32;
}

std::vector<int32_t> Shape(const TensorInfo& info) {
  if (info.is_vector) return {static_cast<int32_t>(info.columns)};
  return {static_cast<int32_t>(info.rows), static_cast<int32_t>(info.columns)};
}

ContainerTensor ScaleTensor(const TensorInfo& info, TensorType type) {
  ContainerTensor scales;
  scales.name = absl::StrCat(info.name, ".scale");
  if (type.element == ElementType::kInt4Block) {
    scales.shape = {static_cast<int32_t>(info.rows),
                    static_cast<int32_t>(info.columns / type.block_size)};
    scales.type = wire::TensorType::BFLOAT16;
  } else {
    scales.shape = {static_cast<int32_t>(info.rows)};
    scales.type = wire::TensorType::FLOAT32;
  }
  return scales;
}

// Hands out places one behind the other.
class Cursor {
 public:
  explicit Cursor(int64_t start) : end_(start) {}

  absl::StatusOr<Extent> Take(int64_t size) {
    const int64_t alignment = size >= kLargeExtent ? kPageAlignment : kExtentAlignment;
    if (size > std::numeric_limits<int64_t>::max() - end_ - alignment) {
      return absl::InvalidArgumentError("the file's size overflows 63 bits");
    }
    const Extent extent = {(end_ + alignment - 1) / alignment * alignment, size};
    end_ = extent.end();
    return extent;
  }

  int64_t end() const { return end_; }

 private:
  int64_t end_;
};

absl::Status CheckTypes(absl::Span<const TensorInfo> tensors, absl::Span<const TensorType> types) {
  if (types.size() != tensors.size()) {
    return absl::InvalidArgumentError(absl::StrCat("types: expected one for each of the config's ",
                                                   tensors.size(), " tensors, found ",
                                                   types.size()));
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (TypeAllowed(tensors[i].role, types[i]) && TypeFits(types[i], tensors[i].columns)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("tensor ", tensors[i].name, " [", tensors[i].rows, ", ", tensors[i].columns,
                     "] can't be stored as ", TensorTypeName(types[i])));
  }
  return absl::OkStatus();
}

// The container's tensors without places.
std::vector<ContainerTensor> Describe(absl::Span<const TensorInfo> tensors,
                                      absl::Span<const TensorType> types) {
  std::vector<ContainerTensor> stored;
  for (size_t i = 0; i < tensors.size(); ++i) {
    ContainerTensor values;
    values.name = tensors[i].name;
    values.shape = Shape(tensors[i]);
    values.type = WireType(types[i].element);
    values.extent = {1, 1};  // any number above 0: EncodeContainer's length doesn't depend on it
    if (types[i].element < ElementType::kInt8Channel) {
      stored.push_back(std::move(values));
      continue;
    }
    values.scale_tensor = static_cast<int32_t>(stored.size()) + 1;
    values.block_size = types[i].element == ElementType::kInt4Block
                            ? types[i].block_size
                            : static_cast<int32_t>(tensors[i].columns);
    ContainerTensor scales = ScaleTensor(tensors[i], types[i]);
    scales.extent = {1, 1};
    stored.push_back(std::move(values));
    stored.push_back(std::move(scales));
  }
  return stored;
}

}  // namespace

absl::StatusOr<FileLayout> LayOutFile(absl::Span<const TensorInfo> tensors,
                                      absl::Span<const TensorType> types, int64_t metadata_bytes,
                                      const char* metadata_entry) {
  ABSL_RETURN_IF_ERROR(CheckTypes(tensors, types));
  FileLayout layout;
  Container& container = layout.container;
  container.metadata_entry = metadata_entry;
  container.tensors = Describe(tensors, types);
  container.metadata = container.checksum = {1, 1};
  const auto container_bytes = static_cast<int64_t>(EncodeContainer(container).size());
  if (container_bytes > kMaxContainerBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("container: expected at most ", kMaxContainerBytes, " bytes, found ",
                     container_bytes, ": too many tensors (", container.tensors.size(), ")"));
  }
  Cursor cursor(container_bytes);
  ABSL_ASSIGN_OR_RETURN(container.metadata, cursor.Take(metadata_bytes));
  ABSL_ASSIGN_OR_RETURN(container.checksum, cursor.Take(kChecksumBytes));
  size_t stored = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    ABSL_ASSIGN_OR_RETURN(const int64_t value_bytes,
                          ValueBytes(types[i], tensors[i].rows, tensors[i].columns));
    ABSL_ASSIGN_OR_RETURN(const int64_t scale_bytes,
                          ScaleBytes(types[i], tensors[i].rows, tensors[i].columns));
    TensorExtents extents;
    ABSL_ASSIGN_OR_RETURN(extents.values, cursor.Take(value_bytes));
    container.tensors[stored++].extent = extents.values;
    if (scale_bytes > 0) {
      ABSL_ASSIGN_OR_RETURN(extents.scales, cursor.Take(scale_bytes));
      container.tensors[stored++].extent = extents.scales;
    }
    layout.tensors.push_back(extents);
  }
  layout.file_bytes = cursor.end();
  return layout;
}

}  // namespace inkling
