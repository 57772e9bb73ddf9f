// The kernel "blocks": int4 in blocks, on AVX-512 VNNI and in WebAssembly (kernels/block_matmul.h).

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
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

class BlockSlice final : public SliceMatmul {
 public:
  BlockSlice(const MatrixRows& matrix, const std::byte* packed)
      : shape_(ShapeOf(matrix.type, matrix.rows, matrix.columns)),
        packed_(packed),
        output_stride_(static_cast<size_t>(matrix.output_stride)) {}

  absl::Status Run(const Activations& input, int64_t num_rows, float* output,
                   std::byte* /*scratch*/) override {
    kernels::BlockMatmul({.shape = shape_,
                          .packed = packed_,
                          .input = input.quantized(),
                          .input_stride = static_cast<size_t>(input.quantized_stride()),
                          .unit_sums = input.unit_sums(),
                          .unit_sum_stride = input.unit_sum_stride(),
                          .params = input.parameters(),
                          .num_rows = static_cast<size_t>(num_rows),
                          .output = output,
                          .output_stride = output_stride_});
    return absl::OkStatus();
  }

 private:
  kernels::BlockMatrixShape shape_;
  const std::byte* packed_;
  size_t output_stride_;
};

bool Supports(TensorType type, int64_t num_inputs) {
  return type.element == ElementType::kInt4Block &&
         num_inputs % static_cast<int64_t>(kernels::kMatmulUnit) == 0;
}

int64_t PackedBytes(TensorType type, int64_t num_outputs, int64_t num_inputs) {
  return static_cast<int64_t>(kernels::BlockMatrixBytes(ShapeOf(type, num_outputs, num_inputs)));
}

absl::StatusOr<std::unique_ptr<SliceMatmul>> Prepare(const MatrixRows& matrix,
                                                     TensorPacker& tensor) {
  const auto pack = [&](std::byte* packed) {
    kernels::PackBlockMatrix({.shape = ShapeOf(matrix.type, matrix.rows, matrix.columns),
                              .nibbles = reinterpret_cast<const uint8_t*>(matrix.values),
                              .scales = reinterpret_cast<const uint16_t*>(matrix.scales),
                              .bias = matrix.bias,
                              .packed = packed});
  };
  ABSL_ASSIGN_OR_RETURN(const std::byte* packed,
                        tensor.Append(PackedBytes(matrix.type, matrix.rows, matrix.columns), pack));
  return std::make_unique<BlockSlice>(matrix, packed);
}

absl::StatusOr<PackedLayout> Layout(TensorType type, int64_t num_inputs) {
  const kernels::BlockMatrixShape shape = ShapeOf(type, kernels::kBlockTileOutputs, num_inputs);
  const auto weight_place = [&](int64_t output, int64_t input) {
    return static_cast<int64_t>(
        kernels::BlockWeightPlace(shape, static_cast<size_t>(output), static_cast<size_t>(input)));
  };
  const auto scale_offset = [&](int64_t output, int64_t block) {
    return static_cast<int64_t>(
        kernels::BlockScaleOffset(shape, static_cast<size_t>(output), static_cast<size_t>(block)));
  };
  return PackedLayout::Create(type, num_inputs,
                              {.outputs = kernels::kBlockTileOutputs,
                               .bytes = static_cast<int64_t>(kernels::BlockTileBytes(shape)),
                               .weight_place = weight_place,
                               .scale_offset = scale_offset});
}

}  // namespace

const MatmulKernel& BlockMatmulKernel() {
  static const MatmulKernel kernel = {
      .name = "blocks",
      .description = "int4 in blocks with one output in each lane: AVX-512 VNNI, WebAssembly",
      .runs_here = kernels::HasBlockMatmul(),
      .packs = true,
      .scratch_bytes = 0,
      .supports = Supports,
      .row_form = [](TensorType) { return RowForm::kInt8UnitSums; },
      .packed_bytes = PackedBytes,
      .prepare = Prepare,
      .layout = Layout};
  return kernel;
}

}  // namespace inkling
