// Linear: y = x * W^T + bias, for one execution context.
//
// A context makes one Linear for each weight matrix; all Linears of a tensor share its packed bytes
// (PackedWeights). Linear takes the first kernel of a list that supports the matrix
// (matmul_kernels.h) and keeps one SliceMatmul of it for each slice of the outputs
// (matrix_slices.h). Several Linears over the same input may run in one parallel region
// (matmul_batch.h).

#ifndef INKLING_SRC_COMPUTE_LINEAR_H_
#define INKLING_SRC_COMPUTE_LINEAR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/compute/activations.h"
#include "src/compute/dequantized_matmul.h"
#include "src/compute/matmul_kernels.h"
#include "src/compute/matrix_slices.h"
#include "src/compute/packed_weights.h"
#include "src/compute/thread_pool.h"
#include "src/format/element_type.h"
#include "src/format/model_reader.h"

namespace inkling {

// Told which rows of a matrix have been packed, [first, first + count), while others haven't yet.
using RowsPacked = absl::FunctionRef<void(int64_t first, int64_t count)>;

// Where the slices of a matmul write.
enum class SliceOutput : uint8_t {
  kInPlace,  // into their columns of the whole output
  kCompact,  // each into rows of its own, [num_rows, slice size], for who goes on with them at once
};

struct LinearOptions {
  SliceOutput slice_output = SliceOutput::kInPlace;
  // Of the int8 rows that quantised weights read. With a residual, outputs have 2 * num_rows rows:
  // the result is in the first num_rows, the others are room for the work.
  ResidualQuantization residual = ResidualQuantization::kNone;
  // Decides from how many rows on a matmul with quantised weights reads the f32 rows, and has the
  // scratch for it; outlives the Linear. Null: never.
  DequantizedMatmul* dequantized_matmul = nullptr;
  // What to choose from; all of these run here. Empty: MatmulKernelsOfThisCpu(), which Create then
  // asks for. All Linears over one PackedWeights choose from the same.
  MatmulKernelList kernels = {};
};

class Linear {
 public:
  // `weight`: [out, in] matrix of any element type (f16 and bf16 are converted to f32 when packed).
  // `bias`: f32 [out] or null. Packs into `packed` unless another Linear of this tensor (by name,
  // type and bias) did already. Neither view is read again after that; of a large matrix,
  // `rows_packed` hears it piece by piece. `packed` outlives the Linear. Errors: InvalidArgument
  // (scales that aren't positive normal numbers, a shape XNNPACK can't take), ResourceExhausted,
  // Unimplemented (this CPU has no kernel for the type).
  static absl::StatusOr<Linear> Create(
      const TensorView& weight, const TensorView* bias, PackedWeights& packed,
      const LinearOptions& options = {}, RowsPacked rows_packed = [](int64_t, int64_t) {});

  // An upper bound of what Create will add to PackedWeights for this tensor with `kernels`.
  static int64_t PackedBytesBound(const TensorView& weight, MatmulKernelList kernels);

  // Name of the weight's tensor; valid as long as the Linear.
  absl::string_view weight_name() const { return name_; }
  int64_t num_inputs() const { return num_inputs_; }
  int64_t num_outputs() const { return num_outputs_; }
  // What a matmul of `num_rows` rows reads.
  InputForm input_form(int64_t num_rows = 1) const;

  // Writes [num_rows, num_outputs] to `output` (contiguous rows; LinearOptions::residual may want
  // room for more). Reads the first num_rows rows of `input`, whose dim is num_inputs, in the form
  // that it makes where that isn't made. The caller holds the pool's lock. No allocation. Errors:
  // those of PrepareInput; FailedPrecondition where slices are compact.
  absl::Status Run(Activations& input, int64_t num_rows, float* output, ThreadPool& pool);

  // The parts of Run, for who runs several matmuls or goes on with slices.

  // Makes what a matmul of `num_rows` rows reads, unless it is made. The caller holds the pool's
  // lock. Errors: InvalidArgument for a dim or a row count that `input` doesn't have;
  // FailedPrecondition if it has no room for the form.
  absl::Status PrepareInput(Activations& input, int64_t num_rows, ThreadPool& pool) const;
  // FailedPrecondition where slices are compact.
  absl::Status CheckWholeOutput() const;

  size_t num_slices() const { return slices_.size(); }
  MatrixSlice slice(size_t index) const { return slices_[index]; }

  // Run for the outputs of one slice, on the calling thread; `output` is that of the whole matmul,
  // or of the slice alone where slices are compact. Different slices may run at the same time.
  // `input` is prepared, num_rows >= 1. `worker` is told apart from those of slices that run at the
  // same time, below the number of threads that the DequantizedMatmul is for, if there is one.
  absl::Status RunSlice(size_t index, const Activations& input, int64_t num_rows, float* output,
                        size_t worker = 0);

  // SliceMatmul::ForgetShape for all slices.
  void ForgetShapes();

 private:
  Linear(const TensorView& weight, const LinearOptions& options, const MatmulKernel& kernel);

  // Packs the next slice, which begins with output `first`, with `kernel`, or finds it packed.
  absl::Status AddSlice(const MatmulKernel& kernel, int64_t first, MatrixRows matrix,
                        TensorPacker& tensor);
  // Makes one row of two: adds row 2r + 1, which has the bias once more, to row 2r, and moves the
  // sum to row r.
  void AddResiduals(MatrixSlice slice, int64_t num_rows, float* output) const;

  std::string name_;
  int64_t num_inputs_;
  int64_t num_outputs_;
  MatrixSlices slices_;
  SliceOutput slice_output_;
  InputForm form_;           // of few rows
  std::vector<float> bias_;  // [num_outputs] where it is added here, or empty
  std::vector<std::unique_ptr<SliceMatmul>> matmuls_;  // one for each slice

  // Of many rows, from float_matrix_.min_rows on.
  DequantizedMatmul* dequantized_matmul_;
  DequantizedMatmul::Matrix float_matrix_;
  std::vector<std::unique_ptr<SliceMatmul>> float_matmuls_;  // one for each slice, or none
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_LINEAR_H_
