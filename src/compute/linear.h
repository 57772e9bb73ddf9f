// Linear: y = x * W^T + bias, for one execution context, in XNNPACK.
//
// A context makes one Linear for each weight matrix; all Linears of a tensor share its packed bytes
// (PackedWeights). Quantised weights take int8 activations that were quantised once per row
// (Activations) and are shared by q/k/v and by gate/up; float weights take the f32 rows.
//
// A matrix is cut into slices of outputs whose weights stay in a core's cache while all rows go by;
// a slice is what one thread computes at a time, and slices of several matmuls may share a region.

#ifndef INKLING_SRC_COMPUTE_LINEAR_H_
#define INKLING_SRC_COMPUTE_LINEAR_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kernels/quantize.h"
#include "src/compute/aligned_array.h"
#include "src/compute/dequantized_matmul.h"
#include "src/compute/packed_weights.h"
#include "src/compute/thread_pool.h"
#include "src/format/element_type.h"
#include "src/format/model_reader.h"

namespace inkling {

// What the int8 form of a row has of what its rounding left.
enum class ResidualQuantization : uint8_t {
  kNone,
  kInt8,  // an int8 row more: the matmul is computed twice and is that of 15 bits
};

// Int8 rows that stand for one row.
constexpr int64_t Int8RowsPerRow(ResidualQuantization residual) {
  return residual == ResidualQuantization::kNone ? 1 : 2;
}

// Of weights, one for each matmul that quantised rows may go into.
inline constexpr TensorType kQuantizedTypes[] = {
    {ElementType::kInt8Channel}, {ElementType::kInt4Channel}, {ElementType::kInt4Block, 32}};

// Row-wise input of linear layers: f32 rows and, on demand, the same rows as dynamically quantised
// int8.
class Activations {
 public:
  // Room for `max_rows` rows of `dim` values, for ranges of `max_parts` parts of each, and for
  // ResidualQuantization::kInt8 where that is asked for. `readers`: types of the weights that they
  // will be multiplied with (not quantised ones don't matter); forms of the rows that none of their
  // matmuls reads aren't made. Everything is allocated here, nothing later. Errors:
  // InvalidArgument, ResourceExhausted.
  static absl::StatusOr<Activations> Create(
      int64_t max_rows, int64_t dim, size_t max_parts = 0,
      ResidualQuantization residual = ResidualQuantization::kNone,
      absl::Span<const TensorType> readers = kQuantizedTypes);

  // The f32 rows, [max_rows, dim], contiguous; the caller writes them.
  float* rows() { return rows_.data(); }
  const float* rows() const { return rows_.data(); }
  int64_t dim() const { return dim_; }
  int64_t max_rows() const { return max_rows_; }

  // Computes the int8 form of the first `num_rows` rows, split over the pool. Call after writing
  // rows() and before running a Linear whose needs_quantized_input() is true; f32 Linears never
  // look at the int8 form, so in front of them there is nothing to call. 0 <= num_rows <= max_rows.
  // The caller holds the pool's lock.
  // `residual` are kNone or what Create was asked for.
  void Quantize(int64_t num_rows, ThreadPool& pool,
                ResidualQuantization residual = ResidualQuantization::kNone);

  // Quantize without reading the rows for their ranges: whoever wrote them in `num_parts` parts (at
  // most Create's max_parts) also wrote ranges(0) ... ranges(num_parts - 1).
  void QuantizeKnowingRanges(int64_t num_rows, size_t num_parts, ResidualQuantization residual,
                             ThreadPool& pool);
  // [max_rows]: what part `part` of each row spans.
  kernels::RowRange* ranges(size_t part) {
    return ranges_.data() + part * static_cast<size_t>(max_rows_);
  }

  // Rows of the latest Quantize. A quantised Linear runs exactly that many: XNNPACK's kernels
  // compute rows that don't exist as copies of the last one, so what follows the last row's
  // parameters must be copies of them.
  int64_t quantized_rows() const { return quantized_rows_; }
  // Its residual. With them, int8 row 2r is row r and 2r + 1 its residual.
  ResidualQuantization residual() const { return residual_; }

  // [max_rows, dim] (twice the rows with residual), rows quantized_stride() bytes apart, and what
  // XNNPACK reads behind it; sums of its units, and the rows in interleaved pairs, where this CPU
  // has a matmul of a reader's type that reads them, else null; zero point and scale of each row.
  const int8_t* quantized() const { return quantized_.data(); }
  int64_t quantized_stride() const { return quantized_stride_; }
  const int32_t* unit_sums() const { return unit_sums_.data(); }
  size_t unit_sum_stride() const { return unit_sum_stride_; }
  const int8_t* pairs() const { return pairs_.data(); }
  const void* parameters() const { return parameters_.data(); }
  // Whether all is there that a matmul with weights of `type` reads.
  bool IsMadeFor(TensorType type) const;

 private:
  // Quantises rows [first, end), with their ranges in `num_parts` parts or, for 0, read from them.
  void QuantizeTile(size_t first, size_t end, size_t num_parts);
  void QuantizeInParallel(int64_t num_rows, size_t num_parts, ResidualQuantization residual,
                          ThreadPool& pool);
  // Writes what kernels read behind the last row.
  void PadParameters();

  OwnKernels own_kernels_;
  int64_t max_rows_ = 0;
  int64_t dim_ = 0;
  int64_t quantized_stride_ = 0;
  int64_t quantized_rows_ = 0;
  ResidualQuantization residual_ = ResidualQuantization::kNone;
  AlignedArray<float> rows_;
  AlignedArray<int8_t> quantized_;
  AlignedArray<int32_t> unit_sums_;  // [dim / kernels::kMatmulUnit, unit_sum_stride_] or empty
  size_t unit_sum_stride_ = 0;
  AlignedArray<int8_t> pairs_;  // of kernels::InterleaveRows, or empty
  AlignedArray<kernels::QuantizationParams> parameters_;
  AlignedArray<kernels::RowRange> ranges_;  // [max_parts, max_rows]
};

// Told which rows of a matrix have been packed, [first, first + count), while others haven't yet.
using RowsPacked = absl::FunctionRef<void(int64_t first, int64_t count)>;

// Where the slices of a matmul write.
enum class SliceOutput : uint8_t {
  kInPlace,  // into their columns of the whole output
  kCompact,  // each into rows of its own, [num_rows, slice size], for who goes on with them at once
};

struct LinearOptions {
  SliceOutput slice_output = SliceOutput::kInPlace;
  // Of the input that quantised weights read. With them, outputs have 2 * num_rows rows: the result
  // is in the first num_rows, the others are room for the work.
  ResidualQuantization residual = ResidualQuantization::kNone;
  // Decides from how many rows on a matmul with quantised weights reads the f32 rows, and computes
  // it then; outlives the Linear. Null: never.
  DequantizedMatmul* dequantized_matmul = nullptr;
};

class Linear {
 public:
  // `weight`: [out, in] matrix of any element type (f16/bf16 are dequantised to f32 when packed).
  // `bias`: f32 [out] or null. Packs into `packed` unless another Linear of this tensor (by name,
  // type and bias) did already. Neither view is read again after that; of a large matrix,
  // `rows_packed` hears it piece by piece. `packed` outlives the Linear. Errors: InvalidArgument
  // (scales that aren't positive normal numbers, a shape XNNPACK can't take), ResourceExhausted,
  // Unimplemented (this CPU has no kernel for the type).
  static absl::StatusOr<Linear> Create(
      const TensorView& weight, const TensorView* bias, PackedWeights& packed,
      const LinearOptions& options = {}, RowsPacked rows_packed = [](int64_t, int64_t) {});

  // An upper bound of what Create will add to PackedWeights for this tensor.
  static int64_t PackedBytesBound(const TensorView& weight);

  Linear(Linear&&) noexcept;
  Linear& operator=(Linear&&) noexcept;
  ~Linear();

  // Name of the weight's tensor; valid as long as the Linear.
  absl::string_view weight_name() const;
  int64_t num_inputs() const;
  int64_t num_outputs() const;
  TensorType type() const;  // of the weights as they are stored
  // What a matmul of `num_rows` rows reads: their int8 form or the f32 rows; and which residual,
  // kNone for f32 rows.
  bool needs_quantized_input(int64_t num_rows = 1) const;
  ResidualQuantization residual(int64_t num_rows = 1) const;

  // Writes [num_rows, num_outputs] to `output` (contiguous rows; LinearOptions::residual may want
  // room for more). Reads the first num_rows rows of `input`, whose dim is num_inputs. The caller
  // holds the pool's lock. No allocation. Errors: those of CheckInput; FailedPrecondition where
  // slices are compact.
  absl::Status Run(const Activations& input, int64_t num_rows, float* output, ThreadPool& pool);

  // Outputs [first, first + size) of a slice; depends on the matrix's shape alone.
  struct Slice {
    int64_t first;
    int64_t size;
  };
  size_t num_slices() const;
  Slice slice(size_t index) const;
  // num_slices() of any [rows, columns] matrix.
  static size_t NumSlices(int64_t rows, int64_t columns);
  // Outputs of its largest slice.
  static int64_t LargestSlice(int64_t rows, int64_t columns);

  // InvalidArgument for a dim or a row count that `input` doesn't have; FailedPrecondition if its
  // int8 form has other rows or residual, or wasn't made for this type of weights.
  absl::Status CheckInput(const Activations& input, int64_t num_rows) const;
  // FailedPrecondition where slices are compact.
  absl::Status CheckWholeOutput() const;

  // Run for the outputs of one slice, on the calling thread; `output` is that of the whole matmul,
  // or of the slice alone where slices are compact. Different slices may run at the same time.
  // `input` has passed CheckInput, num_rows >= 1. `worker` is told apart from those of slices that
  // run at the same time, below the number of threads that the DequantizedMatmul is for, if there
  // is one.
  absl::Status RunSlice(size_t index, const Activations& input, int64_t num_rows, float* output,
                        size_t worker = 0);

  // MatrixOperator::ForgetShape for all slices.
  void ForgetShapes();

 private:
  struct State;
  explicit Linear(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One of several matmuls with the same input.
struct MatmulCall {
  Linear* linear;
  float* output;  // [num_rows, linear->num_outputs()]
};

// Asked on the calling thread whenever that could begin a slice; true ends the work with Cancelled.
using StopSlices = absl::FunctionRef<bool()>;

// Linear::Run for all of `matmuls`, at most 8, in one parallel region. Errors: also Cancelled.
absl::Status RunMatmuls(absl::Span<const MatmulCall> matmuls, const Activations& input,
                        int64_t num_rows, ThreadPool& pool, StopSlices stop);

// Calls run(i, worker) for each i in [0, count), which is some slice's work; on the calling thread
// alone if all of it, `multiply_adds`, is done sooner than others are woken. No two calls of a
// worker, 0 to pool.num_threads() - 1, run at the same time. Returns the first error, after which
// no more work is begun.
absl::Status ForEachSlice(size_t count, int64_t multiply_adds, ThreadPool& pool, StopSlices stop,
                          absl::FunctionRef<absl::Status(size_t, size_t)> run);

// Name of the micro-kernel class that XNNPACK picks on this CPU for quantised matmuls
// ("avx512vnni", "avx2", "neoni8mm", "neondot", "neon", "wasmsimd", "scalar", ...). For Describe().
const char* LinearKernelClass();

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_LINEAR_H_
