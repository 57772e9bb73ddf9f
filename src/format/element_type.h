// ElementType: how the numbers of one tensor are stored in a model file, and how many bytes they
// take.
//
// The quantised types follow XNNPACK's own conventions (qc8w, qc4w, qb4w), so that loading is
// packing and nothing else.

#ifndef INKLING_SRC_FORMAT_ELEMENT_TYPE_H_
#define INKLING_SRC_FORMAT_ELEMENT_TYPE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace inkling {

// Stored in files: append, never renumber.
enum class ElementType : uint8_t {
  kF32 = 0,
  kF16 = 1,
  kBf16 = 2,
  kInt8Channel = 3,  // symmetric int8, one f32 scale per output row
  kInt4Channel =
      4,  // unsigned nibbles, zero point 8, low nibble = even element; one f32 scale per output row
  kInt4Block = 5,  // the same nibbles; one bf16 scale per `block_size` inputs of each output row
};

// True for the types with scales, whose matmuls take int8 activations.
bool IsQuantized(ElementType element);

// An element type with its block length.
struct TensorType {
  ElementType element = ElementType::kF32;
  int32_t block_size = 0;  // 32, 64 or 128 for kInt4Block; 0 otherwise
  friend bool operator==(const TensorType&, const TensorType&) = default;
};

// "f32", "f16", "bf16", "int8", "int4" (per channel), "int4/32", "int4/64", "int4/128".
absl::string_view TensorTypeName(TensorType type);

// Bytes of the values of a [rows, columns] tensor. Errors: negative sizes, overflow, columns that
// the type can't hold (int4 wants an even number of columns, blocks want a multiple of the block
// size).
absl::StatusOr<int64_t> ValueBytes(TensorType type, int64_t rows, int64_t columns);

// Bytes of the scales that go with them; 0 for float types. f32 [rows], or bf16 [rows][columns /
// block_size].
absl::StatusOr<int64_t> ScaleBytes(TensorType type, int64_t rows, int64_t columns);

// True if a [*, columns] matrix can be stored as `type`.
bool TypeFits(TensorType type, int64_t columns);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_ELEMENT_TYPE_H_
