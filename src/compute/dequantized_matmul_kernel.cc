// The kernel "dequantized": f32 rows times panels of weights that are dequantised for them, out of
// what another kernel has packed (kernels/float_matmul.h). For many rows, where that takes less
// than int8 rows: DequantizedMatmul decides.
//
// Rows go by in blocks that stay in the second cache level beside a panel: 128 rows x 256 inputs
// are copied out of the input, and all outputs of the slice are computed from the copy before the
// next 256 inputs come. Sums are added in the order of inputs, so a row's result has the same bits
// alone and among others.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/float_matmul.h"
#include "src/compute/activations.h"
#include "src/compute/matmul_kernel.h"
#include "src/compute/packed_layout.h"

namespace inkling {
namespace {

constexpr int64_t kBlockRows = 128;
constexpr int64_t kPanelInputs = int64_t{kernels::kPanelInputs};
constexpr int64_t kPanelOutputs = int64_t{kernels::kPanelOutputs};

// Of one thread, each part on a cache line's boundary.
struct ThreadScratch {
  alignas(64) float panel[kernels::kPanelFloats];
  alignas(64) float rows[kBlockRows * kernels::kPanelRowStride];
  alignas(64) float scales[kernels::kPanelFloats / kernels::kPanelInputUnit];
  alignas(64) int8_t quants[kernels::kPanelFloats];
};

void WriteBias(const MatrixRows& matrix, const MatmulArgs& args) {
  float* output = args.output;
  for (int64_t r = 0; r < args.num_rows; ++r, output += matrix.output_stride) {
    if (matrix.bias == nullptr) {
      std::fill_n(output, matrix.rows, 0.0f);
    } else {
      std::copy_n(matrix.bias, matrix.rows, output);
    }
  }
}

// Copies `num_inputs` inputs of each row; rows of the input are `stride` apart.
void CopyRows(const float* rows, int64_t stride, int64_t num_rows, int64_t num_inputs,
              float* copy) {
  for (int64_t r = 0; r < num_rows; ++r) {
    std::copy_n(rows, num_inputs, copy);
    rows += stride;
    copy += kernels::kPanelRowStride;
  }
}

// Adds to all outputs what the rows in `scratch` make of inputs from `first_input` on.
void MultiplyRows(const MatrixRows& matrix, const std::byte* packed, ThreadScratch& scratch,
                  int64_t num_rows, int64_t first_input, int64_t num_inputs, float* output) {
  for (int64_t first = 0; first < matrix.rows; first += kPanelOutputs) {
    matrix.layout->Dequantize({packed, matrix.rows, first, first_input},
                              {scratch.quants, scratch.scales, scratch.panel});
    kernels::MultiplyPanel(
        {.rows = scratch.rows,
         .num_rows = static_cast<size_t>(num_rows),
         .num_inputs = static_cast<size_t>(num_inputs),
         .panel = scratch.panel,
         .output = output + first,
         .output_stride = static_cast<size_t>(matrix.output_stride),
         .num_outputs = static_cast<size_t>(std::min(kPanelOutputs, matrix.rows - first))});
  }
}

void Run(const MatrixRows& matrix, const std::byte* packed, const MatmulArgs& args) {
  auto& scratch = *reinterpret_cast<ThreadScratch*>(args.scratch);
  WriteBias(matrix, args);
  for (int64_t row = 0; row < args.num_rows; row += kBlockRows) {
    const int64_t num_rows = std::min(kBlockRows, args.num_rows - row);
    for (int64_t first = 0; first < matrix.columns; first += kPanelInputs) {
      const int64_t num_inputs = std::min(kPanelInputs, matrix.columns - first);
      CopyRows(args.input.rows() + row * matrix.columns + first, matrix.columns, num_rows,
               num_inputs, scratch.rows);
      MultiplyRows(matrix, packed, scratch, num_rows, first, num_inputs,
                   args.output + row * matrix.output_stride);
    }
  }
}

}  // namespace

extern const MatmulKernel kDequantizedMatmulKernel = {
    .name = "dequantized",
    .description = "f32 rows times packed quantised weights, dequantised panel by panel",
    .runs_here = [] { return true; },
    .packs = false,
    .scratch_bytes = sizeof(ThreadScratch),
    .supports = [](TensorType type,
                   int64_t num_inputs) { return PackedLayout::CheckType(type, num_inputs).ok(); },
    .row_form = [](TensorType) { return RowForm::kFloat; },
    .packed_bytes = [](TensorType, int64_t, int64_t) -> int64_t { return 0; },
    .run = Run};

}  // namespace inkling
