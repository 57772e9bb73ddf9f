// Activations: the inputs of linear layers, with the padding that XNNPACK reads and never uses.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kernels/block_matmul.h"
#include "kernels/i8mm_matmul.h"
#include "kernels/quantize.h"
#include "src/compute/linear.h"
#include "src/compute/matrix_operator.h"
#include "xnnpack.h"

namespace inkling {
namespace {

static_assert(sizeof(kernels::QuantizationParams) == sizeof(xnn_quantization_params) &&
              offsetof(kernels::QuantizationParams, zero_point) ==
                  offsetof(xnn_quantization_params, zero_point) &&
              offsetof(kernels::QuantizationParams, scale) ==
                  offsetof(xnn_quantization_params, scale));

// Bytes behind the last row. XNNPACK asks for XNN_EXTRA_BYTES; its widest kernels load 64 at once.
constexpr size_t kReadAheadBytes = 64 + XNN_EXTRA_BYTES;

// Row parameters behind the last row's. XNN_EXTRA_QUANTIZATION_PARAMS is 10, but its kernel of 14
// rows for AVX-512 with GFNI reads 13; 31 is enough for any kernel (XNN_MAX_MR is 32).
constexpr size_t kExtraParameters = 31;
static_assert(kExtraParameters >= XNN_EXTRA_QUANTIZATION_PARAMS);

// Sums behind a unit's last row. Units a multiple of 1024 rows apart would share the few places
// that a first cache level has for them.
constexpr size_t kUnitSumPadding = 16;

// Values below which one thread is done sooner than others are woken: about 2 us of work.
constexpr int64_t kMinValuesToSplit = 32768;

}  // namespace

absl::StatusOr<Activations> Activations::Create(int64_t max_rows, int64_t dim, size_t max_parts,
                                                ResidualQuantization residual,
                                                absl::Span<const TensorType> readers) {
  constexpr int64_t kMaxValues = std::numeric_limits<int32_t>::max();
  const int64_t rows_per_row = Int8RowsPerRow(residual);
  if (max_rows < 1 || dim < 1 || max_rows > kMaxValues / dim / rows_per_row) {
    return absl::InvalidArgumentError(
        absl::StrCat("activations: expected at least one row and column and at most ", kMaxValues,
                     " values, found [", max_rows, ", ", dim, "]"));
  }
  const size_t values = static_cast<size_t>(max_rows * dim);
  Activations activations;
  activations.max_rows_ = max_rows;
  activations.dim_ = dim;
  activations.quantized_stride_ = MatrixOperator::QuantizedStride(dim);
  ABSL_ASSIGN_OR_RETURN(activations.rows_,
                        AlignedArray<float>::Create(values + kReadAheadBytes / sizeof(float)));
  const int64_t int8_rows = max_rows * rows_per_row;
  const size_t quantized_bytes = static_cast<size_t>(int8_rows * activations.quantized_stride_);
  ABSL_ASSIGN_OR_RETURN(activations.quantized_,
                        AlignedArray<int8_t>::Create(quantized_bytes + kReadAheadBytes));
  const OwnKernels own = OwnKernels::OfThisCpu();
  activations.own_kernels_ = own;
  if (absl::c_any_of(readers, [&](TensorType type) {
        return MatrixOperator::NeedsUnitSums(type, dim, own);
      })) {
    activations.unit_sum_stride_ = static_cast<size_t>(int8_rows) + kUnitSumPadding;
    const size_t num_units = static_cast<size_t>(dim) / kernels::kMatmulUnit;
    ABSL_ASSIGN_OR_RETURN(activations.unit_sums_,
                          AlignedArray<int32_t>::Create(num_units * activations.unit_sum_stride_));
  }
  if (absl::c_any_of(readers,
                     [&](TensorType type) { return MatrixOperator::NeedsPairs(type, dim, own); })) {
    const size_t num_pairs = static_cast<size_t>(int8_rows + 1) / 2;
    ABSL_ASSIGN_OR_RETURN(activations.pairs_,
                          AlignedArray<int8_t>::Create(
                              num_pairs * kernels::I8mmPairStride(static_cast<size_t>(dim))));
  }
  ABSL_ASSIGN_OR_RETURN(activations.parameters_,
                        AlignedArray<kernels::QuantizationParams>::Create(
                            static_cast<size_t>(int8_rows) + kExtraParameters));
  ABSL_ASSIGN_OR_RETURN(activations.ranges_, AlignedArray<kernels::RowRange>::Create(
                                                 max_parts * static_cast<size_t>(max_rows)));
  return activations;
}

bool Activations::IsMadeFor(TensorType type) const {
  return (unit_sums_.data() != nullptr ||
          !MatrixOperator::NeedsUnitSums(type, dim_, own_kernels_)) &&
         (pairs_.data() != nullptr || !MatrixOperator::NeedsPairs(type, dim_, own_kernels_));
}

void Activations::QuantizeTile(size_t first, size_t end, size_t num_parts) {
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
  if (num_parts > 0) {
    args.ranges = ranges_.data() + first;
    args.num_parts = num_parts;
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

void Activations::QuantizeInParallel(int64_t num_rows, size_t num_parts,
                                     ResidualQuantization residual, ThreadPool& pool) {
  num_rows = std::clamp<int64_t>(num_rows, 0, max_rows_);
  residual_ = residual;
  const size_t rows = static_cast<size_t>(num_rows);
  if (num_rows * dim_ < kMinValuesToSplit) {
    QuantizeTile(0, rows, num_parts);
  } else {
    // A few chunks each, so that a thread that starts late has others to help it.
    const size_t chunks = std::min(rows, static_cast<size_t>(pool.num_threads()) * 4);
    pool.ParallelFor(chunks, [&](size_t chunk) {
      QuantizeTile(rows * chunk / chunks, rows * (chunk + 1) / chunks, num_parts);
    });
  }
  quantized_rows_ = num_rows;
  if (num_rows > 0) PadParameters();
}

void Activations::Quantize(int64_t num_rows, ThreadPool& pool, ResidualQuantization residual) {
  QuantizeInParallel(num_rows, 0, residual, pool);
}

void Activations::QuantizeKnowingRanges(int64_t num_rows, size_t num_parts,
                                        ResidualQuantization residual, ThreadPool& pool) {
  QuantizeInParallel(num_rows, num_parts, residual, pool);
}

void Activations::PadParameters() {
  // A kernel of many rows reads the parameters of rows that don't exist, and writes what it makes
  // of them over the last row's output.
  kernels::QuantizationParams* end =
      parameters_.data() + quantized_rows_ * Int8RowsPerRow(residual_);
  std::fill_n(end, kExtraParameters, end[-1]);
}

}  // namespace inkling
