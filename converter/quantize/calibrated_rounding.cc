// Coordinate descent over the quantised values and scales of one row after another.

#include "converter/quantize/calibrated_rounding.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/format/quantized_range.h"

namespace inkling {
namespace {

// Rounds over all columns; the descent has come to rest after fewer, mostly.
constexpr int kMaxRounds = 12;

// Part of the mean square of all inputs that is added to each one's own: inputs that the
// calibration text never shows are not free of error on another text.
constexpr double kDamping = 0.01;

constexpr int kInt4ZeroPoint = 8;

// H with its damping; rows are those of InputMoments.
class DampedMoments {
 public:
  explicit DampedMoments(const InputMoments& inputs)
      : block_(static_cast<size_t>(inputs.block)),
        columns_(static_cast<size_t>(inputs.columns)),
        values_(inputs.values) {
    double sum = 0;
    for (size_t i = 0; i < columns_; ++i) sum += values_[i * block_ + i % block_];
    const double mean = sum / static_cast<double>(columns_);
    const float added = static_cast<float>(mean > 0 ? kDamping * mean : 1.0);
    for (size_t i = 0; i < columns_; ++i) values_[i * block_ + i % block_] += added;
  }

  size_t columns() const { return columns_; }
  size_t block() const { return block_; }
  size_t FirstOfBlock(size_t column) const { return column / block_ * block_; }
  size_t BlockEnd(size_t column) const { return std::min(FirstOfBlock(column) + block_, columns_); }
  // Of column i with those of its block, from FirstOfBlock(i) on.
  const float* Row(size_t i) const { return &values_[i * block_]; }

 private:
  size_t block_;
  size_t columns_;
  std::vector<float> values_;
};

// One row: w = scale * quant + error, with the gradient H * error kept up to date.
class RowDescent {
 public:
  RowDescent(const DampedMoments& moments, TensorType type)
      : moments_(moments),
        range_(type.element == ElementType::kInt8Channel ? kInt8Range : kInt4Range),
        bf16_scales_(type.element == ElementType::kInt4Block),
        run_(type.element == ElementType::kInt4Block ? static_cast<size_t>(type.block_size)
                                                     : moments.columns()),
        quants(moments.columns()),
        scales(moments.columns() / run_),
        gradient_(moments.columns()) {}

 private:
  const DampedMoments& moments_;
  QuantizedRange range_;
  bool bf16_scales_;
  size_t run_;  // columns that share a scale

 public:
  std::vector<float> quants;  // [columns]
  std::vector<float> scales;  // [columns / run]

  void Run(absl::Span<const float> weights) {
    std::fill(gradient_.begin(), gradient_.end(), 0.0f);
    for (size_t i = 0; i < weights.size(); ++i) {
      AddToError(i, weights[i] - scales[i / run_] * quants[i]);
    }
    for (int round = 0; round < kMaxRounds; ++round) {
      const bool quants_changed = ImproveQuants();
      const bool scales_changed = ImproveScales();
      if (!quants_changed && !scales_changed) return;
    }
  }

 private:
  void AddToError(size_t column, float change) {
    const float* row = moments_.Row(column);
    float* gradient = &gradient_[moments_.FirstOfBlock(column)];
    const size_t size = moments_.BlockEnd(column) - moments_.FirstOfBlock(column);
    for (size_t i = 0; i < size; ++i) gradient[i] += change * row[i];
  }

  bool ImproveQuants() {
    bool changed = false;
    for (size_t i = 0; i < quants.size(); ++i) {
      const float scale = scales[i / run_];
      const float own = moments_.Row(i)[i - moments_.FirstOfBlock(i)];
      const float best = NearestQuant(quants[i] + gradient_[i] / (scale * own), range_);
      if (best == quants[i]) continue;
      AddToError(i, scale * (quants[i] - best));
      quants[i] = best;
      changed = true;
    }
    return changed;
  }

  bool ImproveScales() {
    bool changed = false;
    for (size_t run = 0; run < scales.size(); ++run) changed |= ImproveScale(run);
    return changed;
  }

  // The error falls by 2 d (l . g) - d^2 (l . H l) when the scale rises by d.
  bool ImproveScale(size_t run) {
    const size_t begin = run * run_;
    const size_t end = begin + run_;
    double along = 0;
    double curvature = 0;
    for (size_t i = begin; i < end; ++i) {
      along += static_cast<double>(quants[i]) * gradient_[i];
      const size_t first = std::max(begin, moments_.FirstOfBlock(i));
      const size_t last = std::min(end, moments_.BlockEnd(i));
      const float* row = moments_.Row(i) - moments_.FirstOfBlock(i);
      float sum = 0;
      for (size_t j = first; j < last; ++j) sum += row[j] * quants[j];
      curvature += static_cast<double>(quants[i]) * sum;
    }
    if (!(curvature > 0)) return false;
    float scale = scales[run] + static_cast<float>(along / curvature);
    if (bf16_scales_) scale = Bfloat16ToFloat(FloatToBfloat16(scale));
    const double step = static_cast<double>(scale) - scales[run];
    const double gain = 2 * step * along - step * step * curvature;
    // Gains below the rounding of the sums would let the descent run in circles.
    if (!(gain > 1e-6 * step * step * curvature) || !(scale >= FLT_MIN && scale <= FLT_MAX)) {
      return false;
    }
    for (size_t i = begin; i < end; ++i) {
      AddToError(i, (scales[run] - scale) * quants[i]);
    }
    scales[run] = scale;
    return true;
  }

  std::vector<float> gradient_;
};

// Moves quantised values and scales of a row between their bytes and a descent.
class StoredRow {
 public:
  StoredRow(TensorType type, size_t columns, size_t row, QuantizedRows& rows)
      : int8_(type.element == ElementType::kInt8Channel),
        bf16_(type.element == ElementType::kInt4Block),
        values_(rows.values.data() + row * (int8_ ? columns : columns / 2)),
        scales_(rows.scales.data() +
                row * (bf16_ ? columns / static_cast<size_t>(type.block_size) * 2 : 4)) {}

  void Load(RowDescent& row) const {
    for (size_t i = 0; i < row.quants.size(); ++i) {
      if (int8_) {
        row.quants[i] = static_cast<float>(static_cast<int8_t>(values_[i]));
      } else {
        const int pair = std::to_integer<int>(values_[i / 2]);
        row.quants[i] = static_cast<float>((i % 2 == 0 ? pair & 15 : pair >> 4) - kInt4ZeroPoint);
      }
    }
    for (size_t i = 0; i < row.scales.size(); ++i) {
      uint16_t bits;
      if (bf16_) {
        std::memcpy(&bits, scales_ + 2 * i, 2);
        row.scales[i] = Bfloat16ToFloat(bits);
      } else {
        std::memcpy(&row.scales[i], scales_ + 4 * i, 4);
      }
    }
  }

  void Store(const RowDescent& row) {
    for (size_t i = 0; i < row.quants.size(); ++i) {
      const int quant = static_cast<int>(row.quants[i]);
      if (int8_) {
        values_[i] = static_cast<std::byte>(quant);
      } else if (i % 2 == 0) {
        values_[i / 2] = static_cast<std::byte>(quant + kInt4ZeroPoint);
      } else {
        values_[i / 2] |= static_cast<std::byte>((quant + kInt4ZeroPoint) << 4);
      }
    }
    for (size_t i = 0; i < row.scales.size(); ++i) {
      const uint16_t bits = FloatToBfloat16(row.scales[i]);
      if (bf16_) {
        std::memcpy(scales_ + 2 * i, &bits, 2);
      } else {
        std::memcpy(scales_ + 4 * i, &row.scales[i], 4);
      }
    }
  }

 private:
  bool int8_;
  bool bf16_;
  std::byte* values_;
  std::byte* scales_;
};

}  // namespace

absl::Status RefineRows(absl::Span<const float> weights, int64_t columns, TensorType type,
                        const InputMoments& inputs, QuantizedRows& rows) {
  const bool blocks = type.element == ElementType::kInt4Block;
  if (!blocks && type.element != ElementType::kInt8Channel &&
      type.element != ElementType::kInt4Channel) {
    return absl::OkStatus();
  }
  if (inputs.columns != columns) {
    return absl::InvalidArgumentError(
        absl::StrCat("inputs of a matrix: expected ", columns, " columns, found ", inputs.columns));
  }
  const DampedMoments moments(inputs);
  RowDescent row(moments, type);
  const size_t width = static_cast<size_t>(columns);
  for (size_t i = 0; (i + 1) * width <= weights.size(); ++i) {
    StoredRow bytes(type, width, i, rows);
    bytes.Load(row);
    row.Run(weights.subspan(i * width, width));
    bytes.Store(row);
  }
  return absl::OkStatus();
}

double OutputErrorPower(absl::Span<const float> errors, const InputMoments& inputs) {
  const size_t columns = static_cast<size_t>(inputs.columns);
  const size_t block = static_cast<size_t>(inputs.block);
  double power = 0;
  for (size_t i = 0; i < errors.size(); ++i) {
    const size_t column = i % columns;
    const size_t first = column / block * block;
    const size_t size = std::min(block, columns - first);
    const float* moments = &inputs.values[column * block];
    const float* row = &errors[i - column + first];
    float sum = 0;
    for (size_t j = 0; j < size; ++j) sum += moments[j] * row[j];
    power += static_cast<double>(errors[i]) * sum;
  }
  return power;
}

}  // namespace inkling
