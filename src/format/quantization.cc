// QuantizeRows and DequantizeRows: one function per element type, chosen once per call.

#include "src/format/quantization.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/base/casts.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "kernels/convert.h"
#include "kernels/dequantize.h"
#include "kernels/weight_quantization.h"
#include "src/format/quantized_range.h"

namespace inkling {
namespace {

constexpr float kLargestHalf = 65504.0f;

absl::Status CheckSize(absl::string_view what, size_t found, int64_t expected) {
  if (static_cast<int64_t>(found) == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, ": expected ", expected, ", found ", found));
}

// The largest |weight|; infinity or NaN if one of them is. As integers, magnitudes compare like
// floats, NaN and infinity above all, and the maximum vectorises.
float MaxAbs(absl::Span<const float> weights) {
  uint32_t largest = 0;
  for (float weight : weights) {
    const uint32_t magnitude = absl::bit_cast<uint32_t>(weight) & 0x7fffffff;
    largest = magnitude > largest ? magnitude : largest;
  }
  return absl::bit_cast<float>(largest);
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
  const auto convert = element == ElementType::kF16 ? kernels::F32ToF16 : kernels::F32ToBf16;
  convert(weights.data(), reinterpret_cast<uint16_t*>(values), weights.size());
}

// `weights` are whole runs that share a scale each; `rows` has its sizes already.
QuantizedRows QuantizeRuns(absl::Span<const float> weights, size_t run, TensorType type,
                           ScaleSearch search, QuantizedRows rows) {
  const bool int8 = type.element == ElementType::kInt8Channel;
  const bool block = type.element == ElementType::kInt4Block;
  const QuantizedRange range = int8 ? kInt8Range : kInt4Range;
  std::vector<float> scales(weights.size() / run);
  const kernels::WeightScalesArgs args = {
      .weights = weights.data(),
      .num_runs = scales.size(),
      .run_size = run,
      .lowest_quant = range.lowest,
      .highest_quant = range.highest,
      .stored = block ? kernels::StoredScale::kBf16 : kernels::StoredScale::kF32,
      .scales = scales.data()};
  std::vector<float> dividers(scales.size());
  if (search == ScaleSearch::kSquaredError && !int8) {
    kernels::UnbiasedScales(args, dividers.data());
  } else {
    search == ScaleSearch::kMaxAbs ? kernels::MaxAbsScales(args)
                                   : kernels::SquaredErrorScales(args);
    dividers = scales;
  }

  std::vector<int8_t> run_quants(run);
  for (size_t i = 0; i < scales.size(); ++i) {
    std::byte* values = rows.values.data() + i * (int8 ? run : run / 2);
    kernels::RoundToQuants(
        {.weights = weights.data() + i * run,
         .size = run,
         .divider = dividers[i],
         .lowest_quant = range.lowest,
         .highest_quant = range.highest,
         .quants = int8 ? reinterpret_cast<int8_t*>(values) : run_quants.data()});
    if (!int8) {
      kernels::PackNibbles(run_quants.data(), run, reinterpret_cast<uint8_t*>(values));
    }
  }
  StoreFloats(scales, block ? ElementType::kBf16 : ElementType::kF32, rows.scales.data());
  return rows;
}

float LoadFloat(const std::byte* bytes) {
  float value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// One row of values, with its scales, to floats.
void LoadRow(const std::byte* values, const std::byte* scales, TensorType type,
             absl::Span<float> row) {
  const size_t size = row.size();
  const auto* bytes = reinterpret_cast<const uint8_t*>(values);
  switch (type.element) {
    case ElementType::kF32:
      std::memcpy(row.data(), values, size * sizeof(float));
      return;
    case ElementType::kF16:
      kernels::F16ToF32(reinterpret_cast<const uint16_t*>(values), row.data(), size);
      return;
    case ElementType::kBf16:
      kernels::Bf16ToF32(reinterpret_cast<const uint16_t*>(values), row.data(), size);
      return;
    case ElementType::kInt8Channel:
      kernels::DequantizeInt8(reinterpret_cast<const int8_t*>(values), LoadFloat(scales),
                              row.data(), size);
      return;
    case ElementType::kInt4Channel:
      kernels::DequantizeInt4(bytes, LoadFloat(scales), row.data(), size);
      return;
    case ElementType::kInt4Block: {
      const size_t block = static_cast<size_t>(type.block_size);
      for (size_t i = 0; i < size / block; ++i) {
        uint16_t bits;
        std::memcpy(&bits, scales + i * sizeof bits, sizeof bits);
        const float scale = kernels::Bf16Value(bits);
        kernels::DequantizeInt4(bytes + i * block / 2, scale, row.data() + i * block, block);
      }
      return;
    }
  }
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
      return QuantizeRuns(weights, static_cast<size_t>(columns), type, search, std::move(result));
    case ElementType::kInt4Block:
      return QuantizeRuns(weights, static_cast<size_t>(type.block_size), type, search,
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
  for (int64_t row = 0; row < rows; ++row) {
    LoadRow(values.data() + value_bytes / rows * row, scales.data() + scale_bytes / rows * row,
            type, absl::MakeSpan(weights).subspan(row * columns, columns));
  }
  return weights;
}

uint16_t FloatToHalf(float value) {
  uint16_t bits;
  kernels::F32ToF16(&value, &bits, 1);
  return bits;
}

float HalfToFloat(uint16_t bits) {
  float value;
  kernels::F16ToF32(&bits, &value, 1);
  return value;
}

uint16_t FloatToBfloat16(float value) {
  uint16_t bits;
  kernels::F32ToBf16(&value, &bits, 1);
  return bits;
}

float Bfloat16ToFloat(uint16_t bits) { return kernels::Bf16Value(bits); }

}  // namespace inkling
