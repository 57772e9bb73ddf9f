// MatrixOperator: one matmul, whatever the weight's type: an XNNPACK fully connected operator, or
// a kernel of our own where the CPU can run it: for int4 with AVX-512 VNNI, for int4 in blocks in
// WebAssembly, for all quantised types with Arm's I8MM.
//
// Linear makes them, one for each slice of a matrix; here and in the .cc are all the places where
// XNNPACK's functions differ by type. The operator holds no weights, only an address in
// PackedWeights, and runs on the thread that calls it.

#ifndef INKLING_SRC_COMPUTE_MATRIX_OPERATOR_H_
#define INKLING_SRC_COMPUTE_MATRIX_OPERATOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/block_matmul.h"
#include "kernels/channel_matmul.h"
#include "kernels/i8mm_matmul.h"
#include "src/compute/packed_weights.h"
#include "src/format/element_type.h"

struct xnn_operator;

namespace inkling {

// Consecutive rows of a weight matrix in the form that XNNPACK packs. Checked by the caller.
struct MatrixRows {
  TensorType type;  // f32 or quantised; f16 and bf16 are dequantised before
  int64_t rows = 0;
  int64_t columns = 0;
  const std::byte* values = nullptr;  // readable to the end of the last row's last 8-byte unit
  const std::byte* scales = nullptr;  // null for f32
  const float* bias = nullptr;        // [rows] or null
  int64_t output_stride = 0;          // floats between rows of the matmul
};

class MatrixOperator {
 public:
  // Creates the operator for the tensor selected in `packed`, whose bytes are looked up or packed.
  // Errors: ResourceExhausted, InvalidArgument, Unimplemented.
  static absl::StatusOr<MatrixOperator> Create(const MatrixRows& matrix, PackedWeights& packed);

  // Bytes between int8 rows of `dim` values. Rows 4096 bytes apart would share the few places that
  // a first cache level has for each address modulo 4096, and a kernel reads up to 14 at once.
  static int64_t QuantizedStride(int64_t dim);
  // True if operators with weights of `type` want Input::unit_sums for rows of `dim` values.
  static bool NeedsUnitSums(TensorType type, int64_t dim, const OwnKernels& own);
  // True if they want Input::pairs.
  static bool NeedsPairs(TensorType type, int64_t dim, const OwnKernels& own);

  // Rows of int8 or f32 input with everything that XNNPACK may read behind them.
  struct Input {
    const float* rows;
    const int8_t* quantized;   // QuantizedStride(matrix.columns) apart
    const int32_t* unit_sums;  // of the quantized rows, kernels::SumUnits; where they are needed
    size_t unit_sum_stride;
    const int8_t* pairs;  // of the quantized rows, kernels::InterleaveRows; where they are needed
    const void* parameters;
    int64_t num_rows;
  };

  // Writes [num_rows, matrix.rows] to `output`, whose rows are matrix.output_stride apart. No
  // allocation. One thread at a time.
  absl::Status Run(const Input& input, float* output);

  // Makes the next Run shape the operator anew, for when a Run may have been left half-way: a fork
  // leaves what other threads were doing so.
  void ForgetShape() { shaped_rows_ = 0; }

 private:
  struct Delete {
    void operator()(xnn_operator* handle) const;
  };
  using Handle = std::unique_ptr<xnn_operator, Delete>;

  // A matmul of kernels::BlockMatmul, kernels::ChannelMatmul or kernels::I8mmMatmul.
  struct OwnMatmul {
    std::variant<kernels::BlockMatrixShape, kernels::ChannelMatrixShape, kernels::I8mmMatrixShape>
        shape;
    size_t input_stride = 0;   // bytes between int8 rows
    size_t output_stride = 0;  // floats between rows of the matmul
    const void* packed = nullptr;
  };

  MatrixOperator(Handle handle, ElementType element)
      : handle_(std::move(handle)), element_(element) {}
  MatrixOperator(const OwnMatmul& own, ElementType element) : element_(element), own_(own) {}

  // The matmul of our own for `matrix` on this CPU, not packed yet; empty where XNNPACK's runs.
  static std::optional<OwnMatmul> OwnMatmulFor(const MatrixRows& matrix, const OwnKernels& own);
  static absl::StatusOr<MatrixOperator> CreateOwn(OwnMatmul matmul, const MatrixRows& matrix,
                                                  PackedWeights& packed);
  void RunOwn(const Input& input, float* output) const;

  Handle handle_;  // null for a matmul of our own
  ElementType element_;
  OwnMatmul own_;
  int64_t shaped_rows_ = 0;  // what the operator was last shaped for; 0: not yet
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_MATRIX_OPERATOR_H_
