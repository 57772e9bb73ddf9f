// MatmulKernel: one way to multiply rows with a matrix, and all that is asked before it is taken.
//
// A backend is one .cc file that fills in this struct, and one line of the list in
// matmul_kernels.cc. Linear takes the first kernel of the list that supports a matrix, packs each
// slice of the matrix with it, and runs what that gives.

#ifndef INKLING_SRC_COMPUTE_MATMUL_KERNEL_H_
#define INKLING_SRC_COMPUTE_MATMUL_KERNEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/compute/activations.h"
#include "src/compute/packed_layout.h"
#include "src/compute/tensor_packer.h"
#include "src/format/element_type.h"

namespace inkling {

// Consecutive rows of a weight matrix, as files store them. Checked by the caller.
struct MatrixRows {
  TensorType type;  // f32 or quantised; f16 and bf16 are converted before
  int64_t rows = 0;
  int64_t columns = 0;
  // Readable to the end of the last row's last unit of 8 bytes. Not read where the tensor is
  // packed already.
  const std::byte* values = nullptr;
  const std::byte* scales = nullptr;  // null for f32
  const float* bias = nullptr;        // [rows] or null
  int64_t output_stride = 0;          // floats between rows of the output
  // How the rows are packed: for a kernel that reads what another has packed, and outlives what it
  // makes of them.
  const PackedLayout* layout = nullptr;
};

// A slice of a matrix that is packed and ready to be multiplied with.
class SliceMatmul {
 public:
  SliceMatmul() = default;
  virtual ~SliceMatmul() = default;
  SliceMatmul(const SliceMatmul&) = delete;
  SliceMatmul& operator=(const SliceMatmul&) = delete;

  // Writes [num_rows, MatrixRows::rows] to `output`. Reads the first num_rows >= 1 rows of `input`
  // in the kernel's form; of int8 rows with a residual, num_rows counts both. `scratch` holds
  // MatmulKernel::scratch_bytes that nobody else uses meanwhile, or is null for 0. One thread at a
  // time. No allocation.
  virtual absl::Status Run(const Activations& input, int64_t num_rows, float* output,
                           std::byte* scratch) = 0;

  // Makes the next Run start from nothing that a Run before it left, for when one may have been
  // left half-way: a fork leaves what other threads were doing so.
  virtual void ForgetShape() {}
};

struct MatmulKernel {
  absl::string_view name;         // of the list's entry: "xnnpack"
  absl::string_view description;  // in words
  // Whether this CPU has its instructions; asked once and kept, because asking takes some 35 us in
  // a virtual machine, and a model has thousands of slices.
  bool runs_here;
  // False for a kernel that multiplies with what another kernel of the list has packed.
  bool packs;
  size_t scratch_bytes;  // of each thread that runs a slice

  // Whether it multiplies with matrices of `type` with `num_inputs` inputs, where it runs.
  bool (*supports)(TensorType type, int64_t num_inputs);
  // The form of the rows that it multiplies with a matrix of `type`.
  RowForm (*row_form)(TensorType type);
  // Bytes that a slice is packed into, at most.
  int64_t (*packed_bytes)(TensorType type, int64_t num_outputs, int64_t num_inputs);
  // Packs `matrix` as the tensor's next piece, or finds it there; a kernel that doesn't pack takes
  // the latest piece. The piece outlives the result. Errors: ResourceExhausted, InvalidArgument,
  // Unimplemented.
  absl::StatusOr<std::unique_ptr<SliceMatmul>> (*prepare)(const MatrixRows& matrix,
                                                          TensorPacker& tensor);
  // Where pieces hold each weight of quantised matrices; null for a kernel that doesn't pack.
  // Errors: Unimplemented if it isn't known, ResourceExhausted.
  absl::StatusOr<PackedLayout> (*layout)(TensorType type, int64_t num_inputs);
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_MATMUL_KERNEL_H_
