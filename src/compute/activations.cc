// All forms that there is room for are made together, a tile of rows at a time, while the tile is
// in the cache.

#include "src/compute/activations.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "kernels/block_matmul.h"
#include "kernels/i8mm_matmul.h"
#include "kernels/quantize.h"

namespace inkling {
namespace {

// Sums behind a unit's last row. Units a multiple of 1024 rows apart would share the few places
// that a first cache level has for them.
constexpr size_t kUnitSumPadding = 16;

// Values below which one thread is done sooner than others are woken: about 2 us of work.
constexpr int64_t kMinValuesToSplit = 32768;

constexpr int64_t kCacheAliasBytes = 4096;
constexpr int64_t kCacheLineBytes = 64;

bool IsInt8(RowForm form) { return form != RowForm::kFloat; }

}  // namespace

absl::StatusOr<Activations> Activations::Create(int64_t max_rows, int64_t dim,
                                                const ActivationRoom& room) {
  constexpr int64_t kMaxValues = std::numeric_limits<int32_t>::max();
  const int64_t rows_per_row = Int8RowsPerRow(room.residual);
  if (max_rows < 1 || dim < 1 || max_rows > kMaxValues / dim / rows_per_row) {
    return absl::InvalidArgumentError(
        absl::StrCat("activations: expected at least one row and column and at most ", kMaxValues,
                     " values, found [", max_rows, ", ", dim, "]"));
  }
  const size_t values = static_cast<size_t>(max_rows * dim);
  Activations activations;
  activations.max_rows_ = max_rows;
  activations.dim_ = dim;
  activations.residual_room_ = room.residual;
  activations.quantized_stride_ = QuantizedStride(dim);
  ABSL_ASSIGN_OR_RETURN(activations.rows_,
                        AlignedArray<float>::Create(values + kReadAheadBytes / sizeof(float)));
  ABSL_ASSIGN_OR_RETURN(activations.ranges_, AlignedArray<kernels::RowRange>::Create(
                                                 room.max_parts * static_cast<size_t>(max_rows)));
  if (!absl::c_any_of(room.forms, IsInt8)) return activations;
  const size_t int8_rows = static_cast<size_t>(max_rows * rows_per_row);
  const size_t quantized_bytes = int8_rows * static_cast<size_t>(activations.quantized_stride_);
  ABSL_ASSIGN_OR_RETURN(activations.quantized_,
                        AlignedArray<int8_t>::Create(quantized_bytes + kReadAheadBytes));
  ABSL_ASSIGN_OR_RETURN(activations.parameters_, AlignedArray<kernels::QuantizationParams>::Create(
                                                     int8_rows + kExtraParameters));
  if (absl::c_linear_search(room.forms, RowForm::kInt8UnitSums)) {
    activations.unit_sum_stride_ = int8_rows + kUnitSumPadding;
    const size_t num_units = static_cast<size_t>(dim) / kernels::kMatmulUnit;
    ABSL_ASSIGN_OR_RETURN(activations.unit_sums_,
                          AlignedArray<int32_t>::Create(num_units * activations.unit_sum_stride_));
  }
  if (absl::c_linear_search(room.forms, RowForm::kInt8Pairs)) {
    const size_t pair_bytes = kernels::I8mmPairStride(static_cast<size_t>(dim));
    ABSL_ASSIGN_OR_RETURN(activations.pairs_,
                          AlignedArray<int8_t>::Create((int8_rows + 1) / 2 * pair_bytes));
  }
  return activations;
}

int64_t Activations::QuantizedStride(int64_t dim) {
  return dim % kCacheAliasBytes == 0 ? dim + kCacheLineBytes : dim;
}

float* Activations::BeginRows(size_t num_parts) {
  known_parts_ = num_parts;
  quantized_rows_ = 0;
  return rows_.data();
}

void Activations::ReleasePages() {
  BeginRows();
  rows_.ReleasePages();
  ranges_.ReleasePages();
  quantized_.ReleasePages();
  parameters_.ReleasePages();
  unit_sums_.ReleasePages();
  pairs_.ReleasePages();
}

bool Activations::HasRoomFor(InputForm form) const {
  if (form.rows == RowForm::kFloat) return true;
  return quantized_.data() != nullptr &&
         (form.residual == ResidualQuantization::kNone || form.residual == residual_room_) &&
         (form.rows != RowForm::kInt8UnitSums || unit_sums_.data() != nullptr) &&
         (form.rows != RowForm::kInt8Pairs || pairs_.data() != nullptr);
}

bool Activations::IsPrepared(InputForm form, int64_t num_rows) const {
  if (!IsInt8(form.rows) || num_rows == 0) return true;
  return num_rows == quantized_rows_ && form.residual == residual_;
}

absl::Status Activations::Prepare(InputForm form, int64_t num_rows, ThreadPool& pool) {
  if (!HasRoomFor(form)) {
    return absl::FailedPreconditionError(
        absl::StrCat("expected activations with room for form ", static_cast<int>(form.rows),
                     form.residual == ResidualQuantization::kNone ? "" : " with a residual",
                     ", found some without"));
  }
  if (IsPrepared(form, num_rows)) return absl::OkStatus();
  residual_ = form.residual;
  const size_t rows = static_cast<size_t>(num_rows);
  if (num_rows * dim_ < kMinValuesToSplit) {
    QuantizeTile(0, rows);
  } else {
    // A few chunks each, so that a thread that starts late has others to help it.
    const size_t chunks = std::min(rows, static_cast<size_t>(pool.num_threads()) * 4);
    pool.ParallelFor(chunks, [&](size_t chunk) {
      QuantizeTile(rows * chunk / chunks, rows * (chunk + 1) / chunks);
    });
  }
  quantized_rows_ = num_rows;
  PadParameters();
  return absl::OkStatus();
}

void Activations::QuantizeTile(size_t first, size_t end) {
  const size_t dim = static_cast<size_t>(dim_);
  const size_t stride = static_cast<size_t>(quantized_stride_);
  const size_t rows_per_row = static_cast<size_t>(Int8RowsPerRow(residual_));
  const size_t first_int8 = first * rows_per_row;
  const size_t num_int8 = (end - first) * rows_per_row;
  kernels::QuantizeRowsArgs args;
  args.input = rows_.data() + first * dim;
  args.input_stride = dim;
  args.output = quantized_.data() + first_int8 * stride;
  args.output_stride = stride;
  args.params = parameters_.data() + first_int8;
  args.num_rows = end - first;
  args.dim = dim;
  args.with_residual = residual_ != ResidualQuantization::kNone;
  if (known_parts_ > 0) {
    args.ranges = ranges_.data() + first;
    args.num_parts = known_parts_;
    args.range_stride = static_cast<size_t>(max_rows_);
  }
  kernels::QuantizeRows(args);
  if (unit_sums_.data() != nullptr) {
    kernels::SumUnits({.rows = args.output,
                       .row_stride = stride,
                       .num_rows = num_int8,
                       .dim = dim,
                       .sums = unit_sums_.data() + first_int8,
                       .sum_stride = unit_sum_stride_});
  }
  if (pairs_.data() != nullptr) {
    kernels::InterleaveRows({.rows = args.output,
                             .row_stride = stride,
                             .first_row = first_int8,
                             .num_rows = num_int8,
                             .dim = dim,
                             .pairs = pairs_.data()});
  }
}

void Activations::PadParameters() {
  kernels::QuantizationParams* end =
      parameters_.data() + quantized_rows_ * Int8RowsPerRow(residual_);
  std::fill_n(end, kExtraParameters, end[-1]);
}

}  // namespace inkling
