// Work is cut by the matrices and the rows, never by the number of threads, so results have the
// same bits for any number: the inputs of a first half go in pieces whose sums are added in order.

#include "src/decoder/cpu_adapter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kernels/convert.h"
#include "kernels/low_rank.h"

namespace inkling {
namespace {

// Inputs of one piece of a first half: a microsecond or two of one row.
constexpr size_t kPieceInputs = 1024;
// Outputs and rows of one piece of work.
constexpr size_t kTileOutputs = 512;
constexpr size_t kTileRows = 16;
// Multiply-adds below which the caller is done sooner than others are woken.
constexpr size_t kMinMultiplyAddsToSplit = size_t{1} << 16;

constexpr std::array<const char*, kNumAdapterTargets> kTargetNames = {
    "attention.q",       "attention.k",     "attention.v",      "attention.output",
    "feed_forward.gate", "feed_forward.up", "feed_forward.down"};

// The power of two that brings the largest of `values` to [0.5, 1); 1 for zeros.
float PowerOfTwoAbove(absl::Span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  if (largest == 0) return 1;
  int exponent = 0;
  std::frexp(largest, &exponent);
  return std::ldexp(1.0f, exponent);
}

// Puts `values` into `f32`, or into `f16` divided by a power of two that `factor` is multiplied by.
absl::Status Store(std::vector<float> values, bool half, AlignedArray<float>& f32,
                   AlignedArray<uint16_t>& f16, float& factor) {
  if (!half) {
    ABSL_ASSIGN_OR_RETURN(f32, AlignedArray<float>::CreateUnset(values.size()));
    std::copy(values.begin(), values.end(), f32.data());
    return absl::OkStatus();
  }
  const float scale = PowerOfTwoAbove(values);
  for (float& value : values) value /= scale;
  factor *= scale;
  ABSL_ASSIGN_OR_RETURN(f16, AlignedArray<uint16_t>::CreateUnset(values.size()));
  kernels::F32ToF16(values.data(), f16.data(), values.size());
  return absl::OkStatus();
}

// `columns`: what the columns of the model's matrix were multiplied with; empty: nothing.
absl::StatusOr<LowRankMatrix> Prepare(const LoraMatrix& given, absl::Span<const float> columns,
                                      bool half) {
  LowRankMatrix matrix;
  matrix.num_inputs = given.num_inputs;
  matrix.num_outputs = given.num_outputs;
  matrix.rank = static_cast<size_t>(given.rank);
  matrix.padded_rank =
      (matrix.rank + kernels::kRankPadding - 1) / kernels::kRankPadding * kernels::kRankPadding;
  const auto inputs = static_cast<size_t>(given.num_inputs);
  const auto outputs = static_cast<size_t>(given.num_outputs);
  std::vector<float> down(inputs * matrix.padded_rank);
  for (size_t j = 0; j < matrix.rank; ++j) {
    for (size_t i = 0; i < inputs; ++i) {
      const float column = columns.empty() ? 1.0f : columns[i];
      down[i * matrix.padded_rank + j] = given.down[j * inputs + i] * column;
    }
  }
  std::vector<float> up(matrix.rank * outputs);
  for (size_t o = 0; o < outputs; ++o) {
    for (size_t j = 0; j < matrix.rank; ++j) up[j * outputs + o] = given.up[o * matrix.rank + j];
  }
  ABSL_RETURN_IF_ERROR(
      Store(std::move(down), half, matrix.down_f32, matrix.down_f16, matrix.factor));
  ABSL_RETURN_IF_ERROR(Store(std::move(up), half, matrix.up_f32, matrix.up_f16, matrix.factor));
  return matrix;
}

absl::Status CheckShape(const LoraMatrix& matrix, const TensorView& weight) {
  if (matrix.num_inputs == weight.info.columns && matrix.num_outputs == weight.info.rows)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("adapter: ", matrix.weight, ": expected ", weight.info.columns, " inputs and ",
                   weight.info.rows, " outputs, as the model's, found ", matrix.num_inputs, " and ",
                   matrix.num_outputs));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CpuAdapter>> CpuAdapter::Create(const LoraFile& file,
                                                               const ModelReader& reader) {
  auto adapter = absl::WrapUnique(new CpuAdapter);
  adapter->layers_.resize(static_cast<size_t>(reader.config().num_layers));
  size_t placed = 0;
  for (size_t layer = 0; layer < adapter->layers_.size(); ++layer) {
    for (size_t target = 0; target < kNumAdapterTargets; ++target) {
      const std::string name = absl::StrCat("layers.", layer, ".", kTargetNames[target], ".weight");
      const LoraMatrix* given = file.Find(name);
      const TensorView* weight = reader.Find(name);
      if (given == nullptr || weight == nullptr) continue;
      ABSL_RETURN_IF_ERROR(CheckShape(*given, *weight));
      const ElementType element = weight->type.element;
      const bool half = element == ElementType::kInt8Channel ||
                        element == ElementType::kInt4Channel || element == ElementType::kInt4Block;
      ABSL_ASSIGN_OR_RETURN(adapter->layers_[layer][target],
                            Prepare(*given, reader.metadata().ColumnFactorsOf(name), half));
      const LowRankMatrix& matrix = *adapter->layers_[layer][target];
      const size_t values = static_cast<size_t>(matrix.num_inputs) * matrix.padded_rank +
                            static_cast<size_t>(matrix.num_outputs) * matrix.rank;
      adapter->bytes_ += static_cast<int64_t>(values * (half ? 2 : 4));
      ++placed;
    }
  }
  if (placed == file.matrices.size()) return adapter;
  for (const LoraMatrix& matrix : file.matrices) {
    if (reader.Find(matrix.weight) != nullptr) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("adapter: it changes ", matrix.weight, ", which the model doesn't have"));
  }
  return absl::InvalidArgumentError("adapter: it changes matrices other than those of layers");
}

LowRankUpdate::LowRankUpdate(absl::Span<const ActiveAdapter> adapters, int32_t layer,
                             absl::Span<const AdapterTarget> targets, const Activations& input,
                             size_t num_rows, std::vector<float>& memory, ThreadPool& pool)
    : num_rows_(num_rows), pool_(pool) {
  size_t floats = 0;
  for (const AdapterTarget target : targets) {
    for (const ActiveAdapter& active : adapters) {
      const LowRankMatrix* matrix =
          static_cast<const CpuAdapter*>(active.adapter)->matrix(layer, target);
      if (matrix == nullptr || active.weight == 0) continue;
      const size_t pieces =
          (static_cast<size_t>(matrix->num_inputs) + kPieceInputs - 1) / kPieceInputs;
      parts_.push_back({target, matrix, matrix->factor * active.weight, pieces, nullptr});
      floats += pieces * num_rows * matrix->padded_rank;
    }
  }
  if (parts_.empty() || num_rows == 0) return;
  if (memory.size() < floats) memory.resize(floats);
  float* next = memory.data();
  for (Part& part : parts_) {
    part.sums = next;
    next += part.num_pieces * num_rows * part.matrix->padded_rank;
  }
  RunDown(input);
}

void LowRankUpdate::RunDown(const Activations& input) {
  const size_t row_tiles = (num_rows_ + kTileRows - 1) / kTileRows;
  size_t count = 0;
  size_t multiply_adds = 0;
  for (const Part& part : parts_) {
    count += part.num_pieces * row_tiles;
    multiply_adds +=
        num_rows_ * static_cast<size_t>(part.matrix->num_inputs) * part.matrix->padded_rank;
  }
  const size_t max_workers = multiply_adds < kMinMultiplyAddsToSplit ? 1 : count;
  pool_.ForEachItem(count, max_workers, [&](size_t item, size_t) {
    const Part* part = parts_.data();
    for (; item >= part->num_pieces * row_tiles; ++part) item -= part->num_pieces * row_tiles;
    const LowRankMatrix& matrix = *part->matrix;
    const size_t piece = item / row_tiles;
    const size_t first_row = item % row_tiles * kTileRows;
    const size_t first = piece * kPieceInputs;
    const auto inputs = static_cast<size_t>(matrix.num_inputs);
    const size_t skipped = first * matrix.padded_rank;
    kernels::LowRankDown(
        {.input = input.rows() + first_row * inputs + first,
         .input_stride = inputs,
         .num_rows = std::min(kTileRows, num_rows_ - first_row),
         .num_inputs = std::min(kPieceInputs, inputs - first),
         .matrix_f32 =
             matrix.down_f32.data() == nullptr ? nullptr : matrix.down_f32.data() + skipped,
         .matrix_f16 =
             matrix.down_f16.data() == nullptr ? nullptr : matrix.down_f16.data() + skipped,
         .padded_rank = matrix.padded_rank,
         .output = part->sums + (piece * num_rows_ + first_row) * matrix.padded_rank});
  });
  for (Part& part : parts_) {
    const size_t size = num_rows_ * part.matrix->padded_rank;
    for (size_t i = 0; i < size; ++i) {
      float sum = part.sums[i];
      for (size_t piece = 1; piece < part.num_pieces; ++piece) sum += part.sums[piece * size + i];
      part.sums[i] = sum * part.factor;
    }
  }
}

void LowRankUpdate::Add(AdapterTarget target, size_t first, size_t count, float* output,
                        size_t output_stride) const {
  for (const Part& part : parts_) {
    if (part.target != target) continue;
    const LowRankMatrix& matrix = *part.matrix;
    kernels::LowRankUp(
        {.input = part.sums,
         .input_stride = matrix.padded_rank,
         .num_rows = num_rows_,
         .rank = matrix.rank,
         .matrix_f32 = matrix.up_f32.data() == nullptr ? nullptr : matrix.up_f32.data() + first,
         .matrix_f16 = matrix.up_f16.data() == nullptr ? nullptr : matrix.up_f16.data() + first,
         .matrix_stride = static_cast<size_t>(matrix.num_outputs),
         .num_outputs = count,
         .output = output,
         .output_stride = output_stride});
  }
}

void LowRankUpdate::AddAll(AdapterTarget target, float* output, size_t dim) const {
  size_t ranks = 0;
  for (const Part& part : parts_) ranks += part.target == target ? part.matrix->rank : 0;
  if (ranks == 0) return;
  const size_t count = (dim + kTileOutputs - 1) / kTileOutputs;
  const size_t max_workers = num_rows_ * ranks * dim < kMinMultiplyAddsToSplit ? 1 : count;
  pool_.ForEachItem(count, max_workers, [&](size_t item, size_t) {
    const size_t first = item * kTileOutputs;
    Add(target, first, std::min(kTileOutputs, dim - first), output + first, dim);
  });
}

}  // namespace inkling
