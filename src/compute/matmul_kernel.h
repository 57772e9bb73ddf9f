// MatmulKernel: one way to multiply rows with a matrix, and all that is asked before it is taken.
//
// A backend is one .cc file that fills in a constant of this struct, and one line of the list in
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
  // How the rows are packed, for a kernel that reads what another has packed. It outlives what is
  // made of them, and so does `bias` then.
  const PackedLayout* layout = nullptr;
};

// What a slice is multiplied with.
struct MatmulArgs {
  const Activations& input;  // prepared in the kernel's form
  int64_t num_rows;          // at least 1; of int8 rows with a residual both count
  float* output;             // [num_rows, MatrixRows::rows], written
  std::byte* scratch;        // MatmulKernel::scratch_bytes that nobody else uses meanwhile
};

// A slice of a matrix that is packed and ready to be multiplied with.
class SliceMatmul {
 public:
  SliceMatmul() = default;
  virtual ~SliceMatmul() = default;
  SliceMatmul(const SliceMatmul&) = delete;
  SliceMatmul& operator=(const SliceMatmul&) = delete;

  // One thread at a time. No allocation.
  virtual absl::Status Run(const MatmulArgs& args) = 0;

  // Makes the next Run start from nothing that a Run before it left, for when one may have been
  // left half-way: a fork leaves what other threads were doing so.
  virtual void ForgetShape() {}
};

struct MatmulKernel {
  absl::string_view name;         // of the list's entry: "xnnpack"
  absl::string_view description;  // in words
  // Whether this CPU has its instructions (see MatmulKernelsOfThisCpu).
  bool (*runs_here)() = nullptr;
  // False for a kernel that multiplies with what another kernel of the list has packed.
  bool packs = true;
  size_t scratch_bytes = 0;  // of each thread that runs a slice

  // Whether it multiplies with matrices of `type` with `num_inputs` inputs, where it runs.
  bool (*supports)(TensorType type, int64_t num_inputs) = nullptr;
  // The form of the rows that it multiplies with a matrix of `type`.
  RowForm (*row_form)(TensorType type) = nullptr;
  // Bytes that a slice is packed into: exactly, or at most where there is `prepare`.
  int64_t (*packed_bytes)(TensorType type, int64_t num_outputs, int64_t num_inputs) = nullptr;
  // Where packed slices hold each weight of quantised matrices; null for a kernel that doesn't
  // pack. Errors: Unimplemented if it isn't known, ResourceExhausted.
  absl::StatusOr<PackedLayout> (*layout)(TensorType type, int64_t num_inputs) = nullptr;

  // Writes packed_bytes to `packed`, aligned to 64 bytes; null for a kernel that doesn't pack.
  void (*pack)(const MatrixRows& matrix, std::byte* packed) = nullptr;
  // Multiplies with a packed slice. Of `matrix`, values and scales are gone.
  void (*run)(const MatrixRows& matrix, const std::byte* packed, const MatmulArgs& args) = nullptr;

  // In place of the two above, for a kernel that keeps more than packed bytes: as PrepareSlice.
  absl::StatusOr<std::unique_ptr<SliceMatmul>> (*prepare)(const MatrixRows& matrix,
                                                          TensorPacker& tensor) = nullptr;
};

// Packs `matrix` as the tensor's next piece, or finds it there; a kernel that doesn't pack takes
// the latest piece. The piece outlives the result. Errors: ResourceExhausted, InvalidArgument,
// Unimplemented.
absl::StatusOr<std::unique_ptr<SliceMatmul>> PrepareSlice(const MatmulKernel& kernel,
                                                          const MatrixRows& matrix,
                                                          TensorPacker& tensor);

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_MATMUL_KERNEL_H_
