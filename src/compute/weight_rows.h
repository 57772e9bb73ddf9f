// WeightRows: the rows of a weight tensor as kernels pack them, slice by slice.
//
// f16 and bf16 have no matmul of their own that reads f32 rows, so they are converted while they
// are packed: a slice at a time, so that the f32 copy of a matrix never exists. Rows that XNNPACK
// would read past go the same way.

#ifndef INKLING_SRC_COMPUTE_WEIGHT_ROWS_H_
#define INKLING_SRC_COMPUTE_WEIGHT_ROWS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "src/compute/aligned_array.h"
#include "src/compute/matmul_kernel.h"
#include "src/compute/matrix_slices.h"
#include "src/format/model_reader.h"

namespace inkling {

// The type as which a weight of `type` is packed: f32 for f16 and bf16.
TensorType PackedType(TensorType type);

class WeightRows {
 public:
  // `weight` has passed CheckWeight and `bias` (or null) CheckBias; both outlive the object. Slices
  // have at most `max_rows` rows; 0 if the tensor is packed already, so that nobody reads values.
  // Errors: ResourceExhausted.
  static absl::StatusOr<WeightRows> Create(const TensorView& weight, const TensorView* bias,
                                           int64_t max_rows);

  // The rows of `slice`, valid until the next call. MatrixRows::output_stride is that of the whole
  // matrix.
  MatrixRows Slice(MatrixSlice slice);

 private:
  WeightRows(const TensorView& weight, const TensorView* bias, AlignedArray<std::byte> copy)
      : weight_(&weight), bias_(bias), copy_(std::move(copy)) {}
  // Writes the slice's rows, converted where they are, to copy_.
  void CopyRows(MatrixSlice slice);

  const TensorView* weight_;
  const TensorView* bias_;
  AlignedArray<std::byte> copy_;  // empty where rows are packed from where they are, or not at all
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_WEIGHT_ROWS_H_
