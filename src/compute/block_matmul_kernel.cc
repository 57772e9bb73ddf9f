// The kernel "blocks": int4 in blocks, on AVX-512 VNNI and in WebAssembly (kernels/block_matmul.h).

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "kernels/block_matmul.h"
#include "src/compute/activations.h"
#include "src/compute/matmul_kernel.h"

namespace inkling {
namespace {

kernels::BlockMatrixShape ShapeOf(TensorType type, int64_t num_outputs, int64_t num_inputs) {
  return {static_cast<size_t>(num_outputs), static_cast<size_t>(num_inputs),
          static_cast<size_t>(type.block_size)};
}

bool Supports(TensorType type, int64_t num_inputs) {
  return type.element == ElementType::kInt4Block &&
         num_inputs % static_cast<int64_t>(kernels::kMatmulUnit) == 0;
}

int64_t PackedBytes(TensorType type, int64_t num_outputs, int64_t num_inputs) {
  return static_cast<int64_t>(kernels::BlockMatrixBytes(ShapeOf(type, num_outputs, num_inputs)));
}

void Pack(const MatrixRows& matrix, std::byte* packed) {
  kernels::PackBlockMatrix({.shape = ShapeOf(matrix.type, matrix.rows, matrix.columns),
                            .nibbles = reinterpret_cast<const uint8_t*>(matrix.values),
                            .scales = reinterpret_cast<const uint16_t*>(matrix.scales),
                            .bias = matrix.bias,
                            .packed = packed});
}

void Run(const MatrixRows& matrix, const std::byte* packed, const MatmulArgs& args) {
  kernels::BlockMatmul({.shape = ShapeOf(matrix.type, matrix.rows, matrix.columns),
                        .packed = packed,
                        .input = args.input.quantized(),
                        .input_stride = static_cast<size_t>(args.input.quantized_stride()),
                        .unit_sums = args.input.unit_sums(),
                        .unit_sum_stride = args.input.unit_sum_stride(),
                        .params = args.input.parameters(),
                        .num_rows = static_cast<size_t>(args.num_rows),
                        .output = args.output,
                        .output_stride = static_cast<size_t>(matrix.output_stride)});
}

absl::StatusOr<PackedLayout> Layout(TensorType type, int64_t num_inputs) {
  const kernels::BlockMatrixShape shape = ShapeOf(type, kernels::kBlockTileOutputs, num_inputs);
  const auto weight_place = [&](size_t output, size_t input) {
    return kernels::BlockWeightPlace(shape, output, input);
  };
  const auto scale_offset = [&](size_t output, size_t block) {
    return kernels::BlockScaleOffset(shape, output, block);
  };
  return PackedLayout::Create(type, num_inputs,
                              {.outputs = kernels::kBlockTileOutputs,
                               .bytes = static_cast<int64_t>(kernels::BlockTileBytes(shape)),
                               .weight_place = weight_place,
                               .scale_offset = scale_offset});
}

}  // namespace

extern const MatmulKernel kBlockMatmulKernel = {
    .name = "blocks",
    .description = "int4 in blocks with one output in each lane: AVX-512 VNNI, WebAssembly",
    .runs_here = kernels::HasBlockMatmul,
    .supports = Supports,
    .row_form = [](TensorType) { return RowForm::kInt8UnitSums; },
    .packed_bytes = PackedBytes,
    .layout = Layout,
    .pack = Pack,
    .run = Run};

}  // namespace inkling
