// What of a tensor is copied before it is packed.

#include "src/compute/weight_rows.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "kernels/convert.h"

namespace inkling {
namespace {

// XNNPACK packs rows in units of 8 bytes and loads the last one whole, past the end of a row that
// isn't made of whole ones. Behind the last row there may be nothing: a file can end with its page.
constexpr int64_t kPackingUnitBytes = 8;

bool IsConverted(TensorType type) {
  return type.element == ElementType::kF16 || type.element == ElementType::kBf16;
}

int64_t StoredRowBytes(const TensorView& weight) { return weight.value_bytes / weight.info.rows; }

// Bytes of a row as kernels get it.
int64_t RowBytes(const TensorView& weight) {
  if (!IsConverted(weight.type)) return StoredRowBytes(weight);
  return weight.info.columns * static_cast<int64_t>(sizeof(float));
}

}  // namespace

TensorType PackedType(TensorType type) {
  return IsConverted(type) ? TensorType{ElementType::kF32} : type;
}

absl::StatusOr<WeightRows> WeightRows::Create(const TensorView& weight, const TensorView* bias,
                                              int64_t max_rows) {
  AlignedArray<std::byte> copy;
  const int64_t row_bytes = RowBytes(weight);
  if (max_rows > 0 && (IsConverted(weight.type) || row_bytes % kPackingUnitBytes != 0)) {
    const int64_t bytes = max_rows * row_bytes + kPackingUnitBytes;
    ABSL_ASSIGN_OR_RETURN(copy, AlignedArray<std::byte>::Create(static_cast<size_t>(bytes)));
  }
  return WeightRows(weight, bias, std::move(copy));
}

MatrixRows WeightRows::Slice(MatrixSlice slice) {
  MatrixRows matrix;
  matrix.type = PackedType(weight_->type);
  matrix.rows = slice.size;
  matrix.columns = weight_->info.columns;
  matrix.output_stride = weight_->info.rows;
  matrix.values = weight_->values + StoredRowBytes(*weight_) * slice.first;
  if (copy_.data() != nullptr) {
    CopyRows(slice);
    matrix.values = copy_.data();
  }
  if (weight_->scales != nullptr) {
    matrix.scales = weight_->scales + weight_->scale_bytes / weight_->info.rows * slice.first;
  }
  if (bias_ != nullptr) {
    matrix.bias = reinterpret_cast<const float*>(bias_->values) + slice.first;
  }
  return matrix;
}

void WeightRows::CopyRows(MatrixSlice slice) {
  const int64_t row_bytes = StoredRowBytes(*weight_);
  const std::byte* first = weight_->values + row_bytes * slice.first;
  const auto* halves = reinterpret_cast<const uint16_t*>(first);
  const size_t size = static_cast<size_t>(slice.size * weight_->info.columns);
  if (weight_->type.element == ElementType::kF16) {
    kernels::F16ToF32(halves, reinterpret_cast<float*>(copy_.data()), size);
  } else if (weight_->type.element == ElementType::kBf16) {
    kernels::Bf16ToF32(halves, reinterpret_cast<float*>(copy_.data()), size);
  } else {
    std::memcpy(copy_.data(), first, static_cast<size_t>(row_bytes * slice.size));
  }
}

}  // namespace inkling
