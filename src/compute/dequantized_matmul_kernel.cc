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
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/float_matmul.h"
#include "src/compute/activations.h"
#include "src/compute/dequantized_matmul.h"
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

class DequantizedSlice final : public SliceMatmul {
 public:
  DequantizedSlice(const MatrixRows& matrix, const std::byte* packed)
      : layout_(*matrix.layout),
        packed_(packed),
        num_outputs_(matrix.rows),
        num_inputs_(matrix.columns),
        output_stride_(matrix.output_stride) {
    if (matrix.bias != nullptr) bias_.assign(matrix.bias, matrix.bias + matrix.rows);
  }

  absl::Status Run(const Activations& input, int64_t num_rows, float* output,
                   std::byte* scratch) override {
    auto& thread = *reinterpret_cast<ThreadScratch*>(scratch);
    WriteBias(num_rows, output);
    for (int64_t row = 0; row < num_rows; row += kBlockRows) {
      const int64_t block_rows = std::min(kBlockRows, num_rows - row);
      for (int64_t first = 0; first < num_inputs_; first += kPanelInputs) {
        const int64_t num_inputs = std::min(kPanelInputs, num_inputs_ - first);
        CopyRows(input.rows() + row * num_inputs_ + first, block_rows, num_inputs, thread.rows);
        MultiplyRows(thread, block_rows, first, num_inputs, output + row * output_stride_);
      }
    }
    return absl::OkStatus();
  }

 private:
  void WriteBias(int64_t num_rows, float* output) const {
    for (int64_t r = 0; r < num_rows; ++r, output += output_stride_) {
      if (bias_.empty()) {
        std::fill_n(output, num_outputs_, 0.0f);
      } else {
        std::copy_n(bias_.data(), num_outputs_, output);
      }
    }
  }

  void CopyRows(const float* rows, int64_t num_rows, int64_t num_inputs, float* copy) const {
    for (int64_t r = 0; r < num_rows; ++r) {
      std::copy_n(rows, num_inputs, copy);
      rows += num_inputs_;
      copy += kernels::kPanelRowStride;
    }
  }

  // Adds to all outputs what the rows in `thread` make of inputs from `first_input` on.
  void MultiplyRows(ThreadScratch& thread, int64_t num_rows, int64_t first_input,
                    int64_t num_inputs, float* output) const {
    for (int64_t first = 0; first < num_outputs_; first += kPanelOutputs) {
      layout_.Dequantize({packed_, num_outputs_, first, first_input},
                         {thread.quants, thread.scales, thread.panel});
      kernels::MultiplyPanel(
          {.rows = thread.rows,
           .num_rows = static_cast<size_t>(num_rows),
           .num_inputs = static_cast<size_t>(num_inputs),
           .panel = thread.panel,
           .output = output + first,
           .output_stride = static_cast<size_t>(output_stride_),
           .num_outputs = static_cast<size_t>(std::min(kPanelOutputs, num_outputs_ - first))});
    }
  }

  const PackedLayout& layout_;
  const std::byte* packed_;  // [num_outputs, num_inputs], as layout_ says
  int64_t num_outputs_;
  int64_t num_inputs_;
  int64_t output_stride_;
  std::vector<float> bias_;  // [num_outputs] or empty
};

}  // namespace

const MatmulKernel& DequantizedMatmulKernel() {
  static const MatmulKernel kernel = {
      .name = "dequantized",
      .description = "f32 rows times packed quantised weights, dequantised panel by panel",
      .runs_here = true,
      .packs = false,
      .scratch_bytes = sizeof(ThreadScratch),
      .supports = [](TensorType type,
                     int64_t num_inputs) { return PackedLayout::CheckType(type, num_inputs).ok(); },
      .row_form = [](TensorType) { return RowForm::kFloat; },
      .packed_bytes = [](TensorType, int64_t, int64_t) -> int64_t { return 0; },
      .prepare = [](const MatrixRows& matrix,
                    TensorPacker& tensor) -> absl::StatusOr<std::unique_ptr<SliceMatmul>> {
        return std::make_unique<DequantizedSlice>(matrix, tensor.latest_piece());
      },
      .layout = nullptr};
  return kernel;
}

}  // namespace inkling
