// QuantizeRows and DequantizeRows: one function per element type, chosen once per call.

#include "src/format/quantization.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/format/scale_search.h"

namespace inkling {
namespace {

constexpr int kInt4ZeroPoint = 8;
constexpr float kLargestHalf = 65504.0f;

absl::Status CheckSize(absl::string_view what, size_t found, int64_t expected) {
  if (static_cast<int64_t>(found) == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, ": expected ", expected, ", found ", found));
}

// Every weight finite and, for f16, inside its range.
absl::Status CheckWeights(absl::Span<const float> weights, int64_t columns, TensorType type) {
  const bool half = type.element == ElementType::kF16;
  // 65520 and above rounds to infinity.
  const float limit = half ? 65520.0f : INFINITY;
  if (MaxAbs(weights) < limit) return absl::OkStatus();
  const auto bad = std::find_if(weights.begin(), weights.end(),
                                [limit](float w) { return !(std::fabs(w) < limit); });
  const int64_t index = bad - weights.begin();
  return absl::InvalidArgumentError(
      absl::StrCat("weight at row ", index / columns, ", column ", index % columns, ": expected ",
                   half ? absl::StrCat("at most ", kLargestHalf, " for f16") : "a finite number",
                   ", found ", *bad));
}

void StoreFloats(absl::Span<const float> weights, ElementType element, std::byte* values) {
  if (element == ElementType::kF32) {
    std::memcpy(values, weights.data(), weights.size() * sizeof(float));
    return;
  }
  const bool half = element == ElementType::kF16;
  for (size_t i = 0; i < weights.size(); ++i) {
    const uint16_t bits = half ? FloatToHalf(weights[i]) : FloatToBfloat16(weights[i]);
    std::memcpy(values + i * sizeof bits, &bits, sizeof bits);
  }
}

void StoreInt8(absl::Span<const float> weights, float scale, std::byte* values) {
  const float inverse = 1.0f / scale;
  for (size_t i = 0; i < weights.size(); ++i) {
    const float level = NearestLevel(weights[i] * inverse, kInt8Levels);
    values[i] = static_cast<std::byte>(static_cast<int>(level));
  }
}

// An even number of weights; the first of two in the low nibble.
void StoreInt4(absl::Span<const float> weights, float scale, std::byte* values) {
  const float inverse = 1.0f / scale;
  for (size_t i = 0; i + 1 < weights.size(); i += 2) {
    const int low =
        static_cast<int>(NearestLevel(weights[i] * inverse, kInt4Levels)) + kInt4ZeroPoint;
    const int high =
        static_cast<int>(NearestLevel(weights[i + 1] * inverse, kInt4Levels)) + kInt4ZeroPoint;
    values[i / 2] = static_cast<std::byte>(low | (high << 4));
  }
}

// `rows` has its sizes already.
QuantizedRows QuantizeChannels(absl::Span<const float> weights, int64_t columns,
                               ElementType element, ScaleSearch search, QuantizedRows rows) {
  const bool int8 = element == ElementType::kInt8Channel;
  const size_t row_bytes = static_cast<size_t>(int8 ? columns : columns / 2);
  for (size_t row = 0; row * columns < weights.size(); ++row) {
    const absl::Span<const float> run = weights.subspan(row * columns, columns);
    const float scale =
        ChooseScale(run, int8 ? kInt8Levels : kInt4Levels, ScaleFormat::kF32, search);
    std::memcpy(rows.scales.data() + row * sizeof scale, &scale, sizeof scale);
    std::byte* values = rows.values.data() + row * row_bytes;
    int8 ? StoreInt8(run, scale, values) : StoreInt4(run, scale, values);
  }
  return rows;
}

QuantizedRows QuantizeBlocks(absl::Span<const float> weights, size_t block, ScaleSearch search,
                             QuantizedRows rows) {
  for (size_t i = 0; i * block < weights.size(); ++i) {
    const absl::Span<const float> run = weights.subspan(i * block, block);
    const float scale = ChooseScale(run, kInt4Levels, ScaleFormat::kBf16, search);
    const uint16_t bits = FloatToBfloat16(scale);
    std::memcpy(rows.scales.data() + i * sizeof bits, &bits, sizeof bits);
    StoreInt4(run, scale, rows.values.data() + i * block / 2);
  }
  return rows;
}

float LoadFloat(const std::byte* bytes) {
  float value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

uint16_t LoadBits16(const std::byte* bytes) {
  uint16_t bits;
  std::memcpy(&bits, bytes, sizeof bits);
  return bits;
}

int LoadInt4(const std::byte* values, size_t index) {
  const int pair = std::to_integer<int>(values[index / 2]);
  return (index % 2 == 0 ? pair & 15 : pair >> 4) - kInt4ZeroPoint;
}

// The weight at `index` of the row-major matrix.
float LoadWeight(const std::byte* values, const std::byte* scales, size_t index, size_t columns,
                 TensorType type) {
  switch (type.element) {
    case ElementType::kF32:
      return LoadFloat(values + index * 4);
    case ElementType::kF16:
      return HalfToFloat(LoadBits16(values + index * 2));
    case ElementType::kBf16:
      return Bfloat16ToFloat(LoadBits16(values + index * 2));
    case ElementType::kInt8Channel:
      return LoadFloat(scales + index / columns * 4) *
             static_cast<float>(static_cast<int8_t>(values[index]));
    case ElementType::kInt4Channel:
      return LoadFloat(scales + index / columns * 4) * static_cast<float>(LoadInt4(values, index));
    case ElementType::kInt4Block:
      return Bfloat16ToFloat(LoadBits16(scales + index / type.block_size * 2)) *
             static_cast<float>(LoadInt4(values, index));
  }
  return 0.0f;
}

}  // namespace

absl::StatusOr<QuantizedRows> QuantizeRows(absl::Span<const float> weights, int64_t rows,
                                           int64_t columns, TensorType type, ScaleSearch search) {
  ABSL_ASSIGN_OR_RETURN(const int64_t value_bytes, ValueBytes(type, rows, columns));
  ABSL_ASSIGN_OR_RETURN(const int64_t scale_bytes, ScaleBytes(type, rows, columns));
  ABSL_RETURN_IF_ERROR(CheckSize("number of weights", weights.size(), rows * columns));
  ABSL_RETURN_IF_ERROR(CheckWeights(weights, columns, type));
  QuantizedRows result;
  result.values.resize(static_cast<size_t>(value_bytes));
  result.scales.resize(static_cast<size_t>(scale_bytes));
  if (weights.empty()) return result;
  switch (type.element) {
    case ElementType::kF32:
    case ElementType::kF16:
    case ElementType::kBf16:
      StoreFloats(weights, type.element, result.values.data());
      break;
    case ElementType::kInt8Channel:
    case ElementType::kInt4Channel:
      return QuantizeChannels(weights, columns, type.element, search, std::move(result));
    case ElementType::kInt4Block:
      return QuantizeBlocks(weights, static_cast<size_t>(type.block_size), search,
                            std::move(result));
  }
  return result;
}

absl::StatusOr<std::vector<float>> DequantizeRows(absl::Span<const std::byte> values,
                                                  absl::Span<const std::byte> scales, int64_t rows,
                                                  int64_t columns, TensorType type) {
  ABSL_ASSIGN_OR_RETURN(const int64_t value_bytes, ValueBytes(type, rows, columns));
  ABSL_ASSIGN_OR_RETURN(const int64_t scale_bytes, ScaleBytes(type, rows, columns));
  ABSL_RETURN_IF_ERROR(CheckSize("bytes of values", values.size(), value_bytes));
  ABSL_RETURN_IF_ERROR(CheckSize("bytes of scales", scales.size(), scale_bytes));
  std::vector<float> weights(static_cast<size_t>(rows * columns));
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i] = LoadWeight(values.data(), scales.data(), i, static_cast<size_t>(columns), type);
  }
  return weights;
}

}  // namespace inkling
