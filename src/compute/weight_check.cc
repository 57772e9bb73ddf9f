// The checks of weight_check.h; errors say tensor, place, expected and found.

#include "src/compute/weight_check.h"

#include <cmath>
#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/format/quantization.h"

namespace inkling {
namespace {

// Integer matmuls are summed in 32 bits: 255 steps of activation times 128 of weight (int4
// weights count as 16 times their value) stay below 2^31 up to this many inputs.
constexpr int64_t kMaxQuantizedInputs = 65536;

// XNNPACK works on whole tiles and takes sizes on trust; far above any model, far below overflow.
constexpr int64_t kMaxRowsOrColumns = int64_t{1} << 30;

absl::Status Refuse(const TensorView& tensor, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("tensor ", tensor.info.name, ": ", what));
}

bool IsAligned(const void* pointer, uintptr_t alignment) {
  return reinterpret_cast<uintptr_t>(pointer) % alignment == 0;
}

absl::Status CheckBytes(const TensorView& tensor, absl::string_view what, const std::byte* data,
                        int64_t found, int64_t expected, uintptr_t alignment) {
  if (found != expected) {
    return Refuse(tensor, absl::StrCat(what, ": expected ", expected, " bytes, found ", found));
  }
  if (expected != 0 && (data == nullptr || !IsAligned(data, alignment))) {
    return Refuse(tensor, absl::StrCat(what, ": expected data aligned to ", alignment, " bytes"));
  }
  return absl::OkStatus();
}

uintptr_t ValueAlignment(ElementType element) {
  switch (element) {
    case ElementType::kF32:
      return sizeof(float);
    case ElementType::kF16:
    case ElementType::kBf16:
      return sizeof(uint16_t);
    case ElementType::kInt8Channel:
    case ElementType::kInt4Channel:
    case ElementType::kInt4Block:
      return 1;
  }
  return 1;
}

absl::Status CheckScale(const TensorView& weight, int64_t row, float scale) {
  if (std::isnormal(scale) && scale > 0) return absl::OkStatus();
  return Refuse(weight, absl::StrCat("scale of row ", row,
                                     ": expected a positive normal number, found ", scale));
}

absl::Status CheckChannelScales(const TensorView& weight) {
  const auto* scales = reinterpret_cast<const float*>(weight.scales);
  for (int64_t row = 0; row < weight.info.rows; ++row) {
    ABSL_RETURN_IF_ERROR(CheckScale(weight, row, scales[row]));
  }
  return absl::OkStatus();
}

absl::Status CheckBlockScales(const TensorView& weight) {
  const auto* scales = reinterpret_cast<const uint16_t*>(weight.scales);
  const int64_t blocks = weight.info.columns / weight.type.block_size;
  for (int64_t i = 0; i < weight.info.rows * blocks; ++i) {
    ABSL_RETURN_IF_ERROR(CheckScale(weight, i / blocks, Bfloat16ToFloat(scales[i])));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckWeight(const TensorView& weight) {
  const int64_t rows = weight.info.rows;
  const int64_t columns = weight.info.columns;
  const bool quantized = IsQuantized(weight.type.element);
  const int64_t max_columns = quantized ? kMaxQuantizedInputs : kMaxRowsOrColumns;
  if (rows < 1 || rows > kMaxRowsOrColumns || columns < 1 || columns > max_columns) {
    return Refuse(weight, absl::StrCat("expected 1 to ", kMaxRowsOrColumns, " rows and 1 to ",
                                       max_columns, " columns, found [", rows, ", ", columns, "]"));
  }
  absl::StatusOr<int64_t> value_bytes = ValueBytes(weight.type, rows, columns);
  if (!value_bytes.ok()) return Refuse(weight, value_bytes.status().message());
  absl::StatusOr<int64_t> scale_bytes = ScaleBytes(weight.type, rows, columns);
  if (!scale_bytes.ok()) return Refuse(weight, scale_bytes.status().message());
  ABSL_RETURN_IF_ERROR(CheckBytes(weight, "values", weight.values, weight.value_bytes, *value_bytes,
                                  ValueAlignment(weight.type.element)));
  const bool blocks = weight.type.element == ElementType::kInt4Block;
  ABSL_RETURN_IF_ERROR(CheckBytes(weight, "scales", weight.scales, weight.scale_bytes, *scale_bytes,
                                  blocks ? sizeof(uint16_t) : sizeof(float)));
  if (!quantized) return absl::OkStatus();
  return blocks ? CheckBlockScales(weight) : CheckChannelScales(weight);
}

absl::Status CheckBias(const TensorView& bias, const TensorView& weight) {
  const int64_t size = weight.info.rows;
  if (bias.type.element != ElementType::kF32) {
    return Refuse(bias, absl::StrCat("a bias is f32, found ", TensorTypeName(bias.type)));
  }
  ABSL_RETURN_IF_ERROR(CheckBytes(bias, "values", bias.values, bias.value_bytes,
                                  size * static_cast<int64_t>(sizeof(float)), sizeof(float)));
  const auto* values = reinterpret_cast<const float*>(bias.values);
  for (int64_t i = 0; i < size; ++i) {
    if (!std::isfinite(values[i])) {
      return Refuse(bias,
                    absl::StrCat("value ", i, ": expected a finite number, found ", values[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace inkling
