// One slice per thread: read, transform, quantise, and measure against what was read.

#include "converter/quantize/row_encoder.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/casts.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "converter/quantize/calibrated_rounding.h"
#include "kernels/weight_quantization.h"

namespace inkling {
namespace {

// 1 MiB of floats per slice: with its copies it stays in the caches, and starting a thread (20 us)
// doesn't show beside the milliseconds of its work.
constexpr int64_t kSliceValues = int64_t{1} << 18;
constexpr int64_t kMaxThreads = 8;

void AddErrors(absl::Span<const float> weights, absl::Span<const float> stored,
               EncodedRows& encoded) {
  const kernels::ErrorSums sums = kernels::SumErrors(weights.data(), stored.data(), weights.size());
  encoded.squared_error += sums.squared_error;
  encoded.squared_norm += sums.squared_norm;
}

// What the runtime demands of scales: f32, or bf16 for blocks, positive and normal.
absl::Status CheckScales(absl::Span<const std::byte> scales, TensorType type) {
  const size_t size = type.element == ElementType::kInt4Block ? 2 : 4;
  for (size_t i = 0; i + size <= scales.size(); i += size) {
    uint32_t bits = 0;  // the upper half of a float is its bf16
    std::memcpy(reinterpret_cast<std::byte*>(&bits) + 4 - size, &scales[i], size);
    const float scale = absl::bit_cast<float>(bits);
    if (std::isnormal(scale) && scale > 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("scale ", i / size, ": expected a positive normal number, found ", scale));
  }
  return absl::OkStatus();
}

// Model files leave out the value -128 (src/format/quantized_range.h), which others may use: rows
// that have it are quantised again from their values.
absl::Status ReplaceLowestQuant(absl::Span<const float> weights, int64_t columns,
                                ScaleSearch search, QuantizedRows& rows) {
  constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
  constexpr std::byte kLowest{0x80};
  const size_t size = static_cast<size_t>(columns);
  for (size_t row = 0; (row + 1) * size <= rows.values.size(); ++row) {
    const absl::Span<std::byte> values = absl::MakeSpan(rows.values).subspan(row * size, size);
    if (std::find(values.begin(), values.end(), kLowest) == values.end()) continue;
    ABSL_ASSIGN_OR_RETURN(const QuantizedRows again, QuantizeRows(weights.subspan(row * size, size),
                                                                  1, columns, kInt8, search));
    std::copy(again.values.begin(), again.values.end(), values.begin());
    std::copy(again.scales.begin(), again.scales.end(),
              rows.scales.begin() + static_cast<ptrdiff_t>(row * sizeof(float)));
  }
  return absl::OkStatus();
}

// Blocks of 32 weights that are `block_scales[i]` times whole numbers from -8 to 7 keep those
// numbers; their scales are rounded to bf16. Not so where the scale is negative, which model files
// can't have: there the search's result stays, whose quantised values reach to 7 on the side that
// had 8.
void KeepBlockQuants(absl::Span<const float> weights, absl::Span<const float> block_scales,
                     QuantizedRows& rows) {
  constexpr size_t kBlock = 32;
  constexpr int kZeroPoint = 8;
  for (size_t i = 0; i < block_scales.size(); ++i) {
    const uint16_t bits = FloatToBfloat16(block_scales[i]);
    const float scale = Bfloat16ToFloat(bits);
    if (!std::isnormal(scale) || scale < 0.0f) continue;
    std::memcpy(&rows.scales[i * sizeof(bits)], &bits, sizeof(bits));
    for (size_t j = 0; j < kBlock; j += 2) {
      const float* pair = &weights[i * kBlock + j];
      const int low = static_cast<int>(std::lround(pair[0] / block_scales[i])) + kZeroPoint;
      const int high = static_cast<int>(std::lround(pair[1] / block_scales[i])) + kZeroPoint;
      rows.values[(i * kBlock + j) / 2] = static_cast<std::byte>(low | high << 4);
    }
  }
}

}  // namespace

RowEncoder::RowEncoder(const Checkpoint& checkpoint, ScaleSearch search)
    : checkpoint_(checkpoint),
      search_(search),
      num_threads_(std::clamp<int64_t>(std::thread::hardware_concurrency(), 1, kMaxThreads)) {}

absl::StatusOr<std::vector<EncodedRows>> RowEncoder::Encode(
    const PlannedTensor& tensor, TensorType type, int64_t first_row,
    const RowCalibration& calibration) const {
  const int64_t left = tensor.info.rows - first_row;
  const int64_t slice_rows = std::max<int64_t>(1, kSliceValues / tensor.info.columns);
  const int64_t num_slices = std::min(num_threads_, (left + slice_rows - 1) / slice_rows);

  std::vector<absl::StatusOr<EncodedRows>> slices(static_cast<size_t>(num_slices));
  const auto encode = [&](int64_t i) {
    const int64_t first = first_row + i * slice_rows;
    slices[i] = EncodeSlice(tensor, type, first, std::min(slice_rows, tensor.info.rows - first),
                            calibration);
  };
  std::vector<std::thread> threads;
  for (int64_t i = 1; i < num_slices; ++i) threads.emplace_back(encode, i);
  if (num_slices > 0) encode(0);
  for (std::thread& thread : threads) thread.join();

  std::vector<EncodedRows> encoded;
  for (int64_t i = 0; i < num_slices; ++i) {
    if (!slices[i].ok()) {
      return absl::Status(
          slices[i].status().code(),
          absl::StrCat(tensor.info.name, ", rows counted from ", first_row + i * slice_rows, ": ",
                       slices[i].status().message()));
    }
    encoded.push_back(*std::move(slices[i]));
  }
  return encoded;
}

absl::StatusOr<EncodedRows> RowEncoder::EncodeSlice(const PlannedTensor& tensor, TensorType type,
                                                    int64_t first_row, int64_t num_rows,
                                                    const RowCalibration& calibration) const {
  if (PlannedStoredType(checkpoint_, tensor) == type) {
    return TakeSlice(tensor, type, first_row, num_rows);
  }
  const int64_t columns = tensor.info.columns;
  ABSL_ASSIGN_OR_RETURN(std::vector<float> weights,
                        ReadPlannedRows(checkpoint_, tensor, first_row, num_rows));
  EncodedRows encoded;
  encoded.first_row = first_row;
  encoded.num_rows = num_rows;
  ABSL_ASSIGN_OR_RETURN(encoded.bytes, QuantizeRows(weights, num_rows, columns, type, search_));
  if (type == TensorType{ElementType::kInt4Block, 32}) {
    ABSL_ASSIGN_OR_RETURN(const std::vector<float> block_scales,
                          ReadPlannedBlockScales(checkpoint_, tensor, first_row, num_rows));
    KeepBlockQuants(weights, block_scales, encoded.bytes);
  }
  if (calibration.refine) {
    ABSL_RETURN_IF_ERROR(RefineRows(weights, columns, type, *calibration.inputs, encoded.bytes));
  }
  ABSL_ASSIGN_OR_RETURN(
      std::vector<float> stored,
      DequantizeRows(encoded.bytes.values, encoded.bytes.scales, num_rows, columns, type));
  AddErrors(weights, stored, encoded);
  if (calibration.inputs.has_value()) {
    for (size_t i = 0; i < stored.size(); ++i) stored[i] = weights[i] - stored[i];
    encoded.output_error = OutputErrorPower(stored, *calibration.inputs);
  }
  return encoded;
}

absl::StatusOr<EncodedRows> RowEncoder::TakeSlice(const PlannedTensor& tensor, TensorType type,
                                                  int64_t first_row, int64_t num_rows) const {
  const int64_t columns = tensor.info.columns;
  EncodedRows encoded;
  encoded.first_row = first_row;
  encoded.num_rows = num_rows;
  ABSL_ASSIGN_OR_RETURN(encoded.bytes,
                        ReadPlannedStoredRows(checkpoint_, tensor, first_row, num_rows));
  QuantizedRows& bytes = encoded.bytes;
  ABSL_ASSIGN_OR_RETURN(const std::vector<float> weights,
                        DequantizeRows(bytes.values, bytes.scales, num_rows, columns, type));
  ABSL_RETURN_IF_ERROR(CheckScales(bytes.scales, type));
  if (type.element == ElementType::kInt8Channel) {
    ABSL_RETURN_IF_ERROR(ReplaceLowestQuant(weights, columns, search_, bytes));
  }
  ABSL_ASSIGN_OR_RETURN(const std::vector<float> stored,
                        DequantizeRows(bytes.values, bytes.scales, num_rows, columns, type));
  AddErrors(weights, stored, encoded);
  return encoded;
}

}  // namespace inkling
