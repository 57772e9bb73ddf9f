// MatrixOperator: one XNNPACK fully connected operator, whatever the weight's type.
//
// Linear makes them, one for each slice of a matrix; here and in the .cc are all the places where
// XNNPACK's functions differ by type. The operator holds no weights, only an address in
// PackedWeights, and runs on the thread that calls it.

#ifndef INKLING_SRC_COMPUTE_MATRIX_OPERATOR_H_
#define INKLING_SRC_COMPUTE_MATRIX_OPERATOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/compute/packed_weights.h"
#include "src/format/element_type.h"

struct xnn_operator;

namespace inkling {

// Consecutive rows of a weight matrix in the form that XNNPACK packs. Checked by the caller.
struct MatrixRows {
  TensorType type;  // f32 or quantised; f16 and bf16 are widened before
  int64_t rows = 0;
  int64_t columns = 0;
  const std::byte* values = nullptr;
  const std::byte* scales = nullptr;  // null for f32
  const float* bias = nullptr;        // [rows] or null
  int64_t output_stride = 0;          // floats between rows of the product
};

class MatrixOperator {
 public:
  // Creates the operator for the tensor selected in `packed`, whose bytes are looked up or packed.
  // Errors: ResourceExhausted, InvalidArgument, Unimplemented.
  static absl::StatusOr<MatrixOperator> Create(const MatrixRows& matrix, PackedWeights& packed);

  // Rows of int8 or f32 input with everything that XNNPACK may read behind them.
  struct Input {
    const float* rows;
    const int8_t* quantized;
    const void* parameters;
    int64_t num_rows;
  };

  // Writes [num_rows, matrix.rows] to `output`, whose rows are matrix.output_stride apart. No
  // allocation. One thread at a time.
  absl::Status Run(const Input& input, float* output);

 private:
  struct Delete {
    void operator()(xnn_operator* handle) const;
  };
  using Handle = std::unique_ptr<xnn_operator, Delete>;

  MatrixOperator(Handle handle, ElementType element)
      : handle_(std::move(handle)), element_(element) {}

  Handle handle_;
  ElementType element_;
  int64_t shaped_rows_ = 0;  // what the operator was last shaped for; 0: not yet
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_MATRIX_OPERATOR_H_
