// The kernel "i8mm": all quantised types, on Arm CPUs with I8MM (kernels/i8mm_matmul.h).

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "kernels/i8mm_layout.h"
#include "kernels/i8mm_matmul.h"
#include "src/compute/activations.h"
#include "src/compute/matmul_kernel.h"

namespace inkling {
namespace {

kernels::I8mmMatrixShape ShapeOf(TensorType type, int64_t num_outputs, int64_t num_inputs) {
  return {.num_outputs = static_cast<size_t>(num_outputs),
          .num_inputs = static_cast<size_t>(num_inputs),
          .weights = type.element == ElementType::kInt8Channel ? kernels::I8mmWeights::kInt8
                                                               : kernels::I8mmWeights::kInt4,
          .block_size =
              type.element == ElementType::kInt4Block ? static_cast<size_t>(type.block_size) : 0};
}

bool Supports(TensorType type, int64_t num_inputs) {
  return IsQuantized(type.element) && num_inputs % static_cast<int64_t>(kernels::kI8mmUnit) == 0 &&
         num_inputs <= static_cast<int64_t>(kernels::kI8mmMaxInputs);
}

int64_t PackedBytes(TensorType type, int64_t num_outputs, int64_t num_inputs) {
  return static_cast<int64_t>(kernels::I8mmMatrixBytes(ShapeOf(type, num_outputs, num_inputs)));
}

void Pack(const MatrixRows& matrix, std::byte* packed) {
  const bool is_block = matrix.type.element == ElementType::kInt4Block;
  const auto* float_scales = reinterpret_cast<const float*>(matrix.scales);
  const auto* bf16_scales = reinterpret_cast<const uint16_t*>(matrix.scales);
  kernels::PackI8mmMatrix({.shape = ShapeOf(matrix.type, matrix.rows, matrix.columns),
                           .values = reinterpret_cast<const uint8_t*>(matrix.values),
                           .output_scales = is_block ? nullptr : float_scales,
                           .block_scales = is_block ? bf16_scales : nullptr,
                           .bias = matrix.bias,
                           .packed = packed});
}

void Run(const MatrixRows& matrix, const std::byte* packed, const MatmulArgs& args) {
  kernels::I8mmMatmul({.shape = ShapeOf(matrix.type, matrix.rows, matrix.columns),
                       .packed = packed,
                       .pairs = args.input.pairs(),
                       .params = args.input.parameters(),
                       .num_rows = static_cast<size_t>(args.num_rows),
                       .output = args.output,
                       .output_stride = static_cast<size_t>(matrix.output_stride)});
}

absl::StatusOr<PackedLayout> Layout(TensorType type, int64_t num_inputs) {
  const kernels::I8mmMatrixShape shape = ShapeOf(type, kernels::kI8mmTileOutputs, num_inputs);
  const bool is_int8 = shape.weights == kernels::I8mmWeights::kInt8;
  const auto weight_place = [&](size_t output, size_t input) {
    return kernels::I8mmWeightPlace(shape, output, input);
  };
  const auto scale_offset = [&](size_t output, size_t block) {
    return kernels::I8mmScaleOffset(shape, output, block);
  };
  return PackedLayout::Create(
      type, num_inputs,
      {.outputs = kernels::kI8mmTileOutputs,
       .bytes = static_cast<int64_t>(kernels::I8mmTileBytes(shape)),
       .weight_place = weight_place,
       .scale_offset = scale_offset,
       .flip = static_cast<uint8_t>(is_int8 ? 0 : 8),
       .scale_factor = static_cast<float>(kernels::I8mmScaleFactor(shape))});
}

}  // namespace

extern const MatmulKernel kI8mmMatmulKernel = {
    .name = "i8mm",
    .description = "every quantised type with rows and weights in smmla's order: Arm with I8MM",
    .runs_here = kernels::HasI8mmMatmul,
    .supports = Supports,
    .row_form = [](TensorType) { return RowForm::kInt8Pairs; },
    .packed_bytes = PackedBytes,
    .layout = Layout,
    .pack = Pack,
    .run = Run};

}  // namespace inkling
