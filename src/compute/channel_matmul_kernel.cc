// The kernel "channels": int4 with one scale an output, on AVX-512 VNNI (kernels/channel_matmul.h).

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "kernels/channel_matmul.h"
#include "src/compute/activations.h"
#include "src/compute/matmul_kernel.h"

namespace inkling {
namespace {

kernels::ChannelMatrixShape ShapeOf(int64_t num_outputs, int64_t num_inputs) {
  return {static_cast<size_t>(num_outputs), static_cast<size_t>(num_inputs)};
}

bool Supports(TensorType type, int64_t num_inputs) {
  return type.element == ElementType::kInt4Channel &&
         num_inputs % static_cast<int64_t>(kernels::kMatmulUnit) == 0;
}

int64_t PackedBytes(TensorType /*type*/, int64_t num_outputs, int64_t num_inputs) {
  return static_cast<int64_t>(kernels::ChannelMatrixBytes(ShapeOf(num_outputs, num_inputs)));
}

void Pack(const MatrixRows& matrix, std::byte* packed) {
  kernels::PackChannelMatrix({.shape = ShapeOf(matrix.rows, matrix.columns),
                              .nibbles = reinterpret_cast<const uint8_t*>(matrix.values),
                              .scales = reinterpret_cast<const float*>(matrix.scales),
                              .bias = matrix.bias,
                              .packed = packed});
}

void Run(const MatrixRows& matrix, const std::byte* packed, const MatmulArgs& args) {
  kernels::ChannelMatmul({.shape = ShapeOf(matrix.rows, matrix.columns),
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
  const kernels::ChannelMatrixShape shape = ShapeOf(kernels::kBlockTileOutputs, num_inputs);
  const auto weight_place = [](size_t output, size_t input) {
    return kernels::ChannelWeightPlace(output, input);
  };
  const auto scale_offset = [](size_t output, size_t /*block*/) {
    return kernels::ChannelScaleOffset(output);
  };
  return PackedLayout::Create(type, num_inputs,
                              {.outputs = kernels::kBlockTileOutputs,
                               .bytes = static_cast<int64_t>(kernels::ChannelTileBytes(shape)),
                               .weight_place = weight_place,
                               .scale_offset = scale_offset});
}

}  // namespace

extern const MatmulKernel kChannelMatmulKernel = {
    .name = "channels",
    .description = "int4 with one scale an output, read a page ahead: AVX-512 VNNI",
    .runs_here = kernels::HasChannelMatmul,
    .supports = Supports,
    .row_form = [](TensorType) { return RowForm::kInt8UnitSums; },
    .packed_bytes = PackedBytes,
    .layout = Layout,
    .pack = Pack,
    .run = Run};

}  // namespace inkling
