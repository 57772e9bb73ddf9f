// Activations: the rows that matmuls multiply, in every form that their kernels read.
//
// Whoever writes rows begins with BeginRows; whoever multiplies them asks for the form that a
// kernel reads, which is made once for what the rows hold, split over the pool. So q, k and v, or
// gate and up, share one quantisation, and nobody keeps a note of whether it was done.

#ifndef INKLING_SRC_COMPUTE_ACTIVATIONS_H_
#define INKLING_SRC_COMPUTE_ACTIVATIONS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kernels/quantize.h"
#include "src/compute/aligned_array.h"
#include "src/compute/thread_pool.h"

namespace inkling {

// What a kernel reads of rows.
enum class RowForm : uint8_t {
  kFloat,         // f32 rows
  kInt8,          // int8 rows, each with a zero point and a scale
  kInt8UnitSums,  // kInt8, and the sums of their units (kernels::SumUnits)
  kInt8Pairs,     // kInt8, with the rows also interleaved in pairs (kernels::InterleaveRows)
};

// Whether int8 rows come with a second one for what the rounding of the first left.
enum class ResidualQuantization : uint8_t {
  kNone,
  kInt8,  // an int8 row more: the matmul is computed twice and is that of 15 bits
};

// Int8 rows that stand for one row.
constexpr int64_t Int8RowsPerRow(ResidualQuantization residual) {
  return residual == ResidualQuantization::kNone ? 1 : 2;
}

// What a matmul reads of its input. Of f32 rows there is no residual.
struct InputForm {
  RowForm rows = RowForm::kFloat;
  ResidualQuantization residual = ResidualQuantization::kNone;
};

// What Activations have room for, beside the f32 rows.
struct ActivationRoom {
  // Every form that will be asked for.
  absl::Span<const RowForm> forms;
  ResidualQuantization residual = ResidualQuantization::kNone;
  // Parts of a row whose ranges the writer of the rows may know (BeginRows).
  size_t max_parts = 0;
};

class Activations {
 public:
  // What is readable behind the rows and their parameters, because XNNPACK reads there: bytes
  // behind the last row of either type, and parameters, which are copies of the last row's.
  static constexpr size_t kReadAheadBytes = 80;
  static constexpr size_t kExtraParameters = 31;

  // Room for `max_rows` rows of `dim` values in the forms of `room`. Everything is allocated here,
  // nothing later. Errors: InvalidArgument, ResourceExhausted.
  static absl::StatusOr<Activations> Create(int64_t max_rows, int64_t dim,
                                            const ActivationRoom& room);

  // Bytes between int8 rows of `dim` values. Rows 4096 bytes apart would share the few places that
  // a first cache level has for each address modulo 4096, and a kernel reads up to 14 at once.
  static int64_t QuantizedStride(int64_t dim);

  int64_t dim() const { return dim_; }
  int64_t max_rows() const { return max_rows_; }

  // The f32 rows, [max_rows, dim], contiguous, to be written; forms made before are forgotten.
  // They hold what they held before. With `num_parts` (at most ActivationRoom::max_parts) the
  // caller writes ranges(0) ... ranges(num_parts - 1) as well, so that Prepare needn't read the
  // rows for their ranges.
  float* BeginRows(size_t num_parts = 0);
  // [max_rows]: what part `part` of each row spans.
  kernels::RowRange* ranges(size_t part) {
    return ranges_.data() + part * static_cast<size_t>(max_rows_);
  }
  const float* rows() const { return rows_.data(); }

  // Makes `form` of the first `num_rows` rows, 0 <= num_rows <= max_rows, unless it is made. The
  // caller holds the pool's lock. No allocation. Errors: FailedPrecondition if Create was given no
  // room for the form.
  absl::Status Prepare(InputForm form, int64_t num_rows, ThreadPool& pool);
  // Gives the memory of all forms back until they are written again.
  void ReleasePages();
  // True if `form` of exactly these rows is made.
  bool IsPrepared(InputForm form, int64_t num_rows) const;

  // The int8 form that was made last: of how many rows, and with which residual. With one, int8
  // row 2r is row r and 2r + 1 its residual.
  int64_t quantized_rows() const { return quantized_rows_; }
  ResidualQuantization residual() const { return residual_; }

  // [quantized_rows, dim] (twice the rows with a residual), rows quantized_stride() bytes apart,
  // and kReadAheadBytes; zero point and scale of each row. Null without room for int8 rows.
  const int8_t* quantized() const { return quantized_.data(); }
  int64_t quantized_stride() const { return quantized_stride_; }
  const kernels::QuantizationParams* parameters() const { return parameters_.data(); }
  // [dim / kernels::kMatmulUnit, unit_sum_stride], one for each int8 row; null without room.
  const int32_t* unit_sums() const { return unit_sums_.data(); }
  size_t unit_sum_stride() const { return unit_sum_stride_; }
  // Pairs of int8 rows, kernels::I8mmPairStride apart; null without room.
  const int8_t* pairs() const { return pairs_.data(); }

 private:
  bool HasRoomFor(InputForm form) const;
  // Quantises rows [first, end).
  void QuantizeTile(size_t first, size_t end);
  // Writes what kernels read behind the last row: a kernel of many rows reads the parameters of
  // rows that don't exist, and writes what it makes of them over the last row's output.
  void PadParameters();

  int64_t max_rows_ = 0;
  int64_t dim_ = 0;
  ResidualQuantization residual_room_ = ResidualQuantization::kNone;

  AlignedArray<float> rows_;
  AlignedArray<kernels::RowRange> ranges_;  // [max_parts, max_rows]

  int64_t quantized_stride_ = 0;
  AlignedArray<int8_t> quantized_;
  AlignedArray<kernels::QuantizationParams> parameters_;
  AlignedArray<int32_t> unit_sums_;
  size_t unit_sum_stride_ = 0;
  AlignedArray<int8_t> pairs_;

  // What changes with every layer, in a cache line of its own: slices that run on other cores read
  // the pointers above and keep them.
  alignas(64) int64_t quantized_rows_ = 0;
  size_t known_parts_ = 0;  // of the rows' ranges; 0: not known
  ResidualQuantization residual_ = ResidualQuantization::kNone;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_ACTIVATIONS_H_
