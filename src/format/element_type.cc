// Sizes and names of element types. The reader, the writer and the quantiser compute every byte
// count here.

#include "src/format/element_type.h"

#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

bool IsKnown(TensorType type) {
  if (type.element == ElementType::kInt4Block) {
    return type.block_size == 32 || type.block_size == 64 || type.block_size == 128;
  }
  return type.element < ElementType::kInt4Block && type.block_size == 0;
}

absl::Status CheckShape(TensorType type, int64_t rows, int64_t columns) {
  if (!IsKnown(type)) {
    return absl::InvalidArgumentError(absl::StrCat("element type ", static_cast<int>(type.element),
                                                   " with block size ", type.block_size,
                                                   " is not supported by this version"));
  }
  if (rows < 0 || columns < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape [", rows, ", ", columns, "]: expected no negative size"));
  }
  if (!TypeFits(type, columns)) {
    const int multiple = type.element == ElementType::kInt4Block ? type.block_size : 2;
    return absl::InvalidArgumentError(absl::StrCat(TensorTypeName(type),
                                                   " wants a number of columns divisible by ",
                                                   multiple, ", found ", columns));
  }
  return absl::OkStatus();
}

// a * b for non-negative a and b, or an error.
absl::StatusOr<int64_t> Multiply(int64_t a, int64_t b) {
  if (a != 0 && b > std::numeric_limits<int64_t>::max() / a) {
    return absl::InvalidArgumentError(absl::StrCat("the size ", a, " x ", b, " overflows 63 bits"));
  }
  return a * b;
}

}  // namespace

bool IsQuantized(ElementType element) {
  switch (element) {
    case ElementType::kF32:
    case ElementType::kF16:
    case ElementType::kBf16:
      return false;
    case ElementType::kInt8Channel:
    case ElementType::kInt4Channel:
    case ElementType::kInt4Block:
      return true;
  }
  return false;
}

absl::string_view TensorTypeName(TensorType type) {
  switch (type.element) {
    case ElementType::kF32:
      return "f32";
    case ElementType::kF16:
      return "f16";
    case ElementType::kBf16:
      return "bf16";
    case ElementType::kInt8Channel:
      return "int8";
    case ElementType::kInt4Channel:
      return "int4";
    case ElementType::kInt4Block:
      if (type.block_size == 32) return "int4/32";
      if (type.block_size == 64) return "int4/64";
      if (type.block_size == 128) return "int4/128";
      break;
  }
  return "unknown";
}

bool TypeFits(TensorType type, int64_t columns) {
  if (!IsKnown(type)) return false;
  if (type.element == ElementType::kInt4Block) return columns % type.block_size == 0;
  if (type.element == ElementType::kInt4Channel) return columns % 2 == 0;
  return true;
}

absl::StatusOr<int64_t> ValueBytes(TensorType type, int64_t rows, int64_t columns) {
  ABSL_RETURN_IF_ERROR(CheckShape(type, rows, columns));
  ABSL_ASSIGN_OR_RETURN(const int64_t count, Multiply(rows, columns));
  switch (type.element) {
    case ElementType::kF32:
      return Multiply(count, 4);
    case ElementType::kF16:
    case ElementType::kBf16:
      return Multiply(count, 2);
    case ElementType::kInt8Channel:
      return count;
    case ElementType::kInt4Channel:
    case ElementType::kInt4Block:
      return count / 2;
  }
  return absl::InternalError("unreachable: the element type was checked");
}

absl::StatusOr<int64_t> ScaleBytes(TensorType type, int64_t rows, int64_t columns) {
  ABSL_RETURN_IF_ERROR(CheckShape(type, rows, columns));
  switch (type.element) {
    case ElementType::kF32:
    case ElementType::kF16:
    case ElementType::kBf16:
      return 0;
    case ElementType::kInt8Channel:
    case ElementType::kInt4Channel:
      return Multiply(rows, 4);
    case ElementType::kInt4Block: {
      ABSL_ASSIGN_OR_RETURN(const int64_t scales, Multiply(rows, columns / type.block_size));
      return Multiply(scales, 2);
    }
  }
  return absl::InternalError("unreachable: the element type was checked");
}

}  // namespace inkling
