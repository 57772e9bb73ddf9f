// Dynamic quantisation of activation rows to int8 in the form of XNNPACK's qd8.
//
// Called by the compute room in front of quantised linear layers, once per input; q/k/v and gate/up
// share the result. For rows of finite values the zero point, the scale and every int8 equal those
// of XNNPACK's own float32 -> qd8 convert operator (xnnpack/quantization.h and f32-qs8-vcvt at
// 4ea82e5), so the two can be exchanged.
#ifndef INKLING_KERNELS_QUANTIZE_H_
#define INKLING_KERNELS_QUANTIZE_H_

#include <cstddef>
#include <cstdint>

namespace inkling::kernels {

// One row's parameters: value = (q - zero_point) * scale. Has the memory layout of
// xnn_quantization_params. XNNPACK reads up to XNN_EXTRA_QUANTIZATION_PARAMS (10) entries beyond
// the last row and wants copies of the last entry there: that padding is the caller's.
struct QuantizationParams {
  int32_t zero_point;
  float scale;
};

// Smallest and largest value of a row, or of a part of it; 0 is always inside.
struct RowRange {
  float min = 0.0f;
  float max = 0.0f;
};

struct QuantizeRowsArgs {
  const float* input;          // [num_rows, dim]
  size_t input_stride;         // floats between rows
  int8_t* output;              // [num_rows, dim], written; with the residual [2 * num_rows, dim]
  size_t output_stride;        // bytes between rows
  QuantizationParams* params;  // [num_rows], written; with the residual [2 * num_rows]
  size_t num_rows;
  size_t dim;
  // Each row becomes two: row 2r is row r as ever, row 2r + 1 the residual of its rounding, in
  // steps of 1/127 of the row's own (zero point 0). Their sum is the row to 15 bits, so two matmuls
  // of int8 added make one of that precision.
  bool with_residual = false;
  // What is known of the rows: ranges of `num_parts` parts that make up a row, part p of row r at
  // ranges[p * range_stride + r], as kernels that write rows take them. Null: rows are read for it.
  const RowRange* ranges = nullptr;
  size_t num_parts = 0;
  size_t range_stride = 0;
};

// Quantises each row over its own range, which always includes 0. Total on any input: NaN counts as
// 0; a range ends at +-FLT_MAX / 2, and what lies beyond gets its row's outermost value; a row of
// zeros (or of values below 1e-36) gets scale 1. So the params are finite for every row. Safe to
// call from several threads on different rows.
void QuantizeRows(const QuantizeRowsArgs& args);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_QUANTIZE_H_
