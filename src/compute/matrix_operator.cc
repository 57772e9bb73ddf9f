// XNNPACK's life of an operator: create (once), reshape (when the row count changes), setup and run
// (every matmul). A matmul of our own kernel needs none of that; its packed bytes lie among
// XNNPACK's, through the same provider.

#include "src/compute/matrix_operator.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/block_matmul.h"
#include "kernels/channel_matmul.h"
#include "kernels/dequantize.h"
#include "kernels/i8mm_matmul.h"
#include "kernels/quantize.h"
#include "xnnpack.h"

namespace inkling {
namespace {

constexpr float kNoLimit = std::numeric_limits<float>::infinity();

absl::Status ToStatus(xnn_status status, absl::string_view what) {
  switch (status) {
    case xnn_status_success:
      return absl::OkStatus();
    case xnn_status_invalid_parameter:
    case xnn_status_unsupported_parameter:
      return absl::InvalidArgumentError(
          absl::StrCat("XNNPACK refuses to ", what, ": invalid or unsupported parameter"));
    case xnn_status_unsupported_hardware:
      return absl::UnimplementedError(
          absl::StrCat("XNNPACK can't ", what, ": this CPU has no kernel for it"));
    case xnn_status_out_of_memory:
    case xnn_status_reallocation_required:
      return absl::ResourceExhaustedError(absl::StrCat("XNNPACK can't ", what, ": no memory"));
    case xnn_status_uninitialized:
    case xnn_status_invalid_state:
    case xnn_status_deprecated:
      break;
  }
  return absl::InternalError(
      absl::StrCat("XNNPACK can't ", what, ": status ", static_cast<int>(status)));
}

xnn_status CreateHandle(const MatrixRows& matrix, xnn_weights_cache_provider* provider,
                        xnn_operator_t* handle) {
  const size_t in = static_cast<size_t>(matrix.columns);
  const size_t out = static_cast<size_t>(matrix.rows);
  const size_t stride = static_cast<size_t>(matrix.output_stride);
  const size_t quantized_stride =
      static_cast<size_t>(MatrixOperator::QuantizedStride(matrix.columns));
  const auto* float_scales = reinterpret_cast<const float*>(matrix.scales);
  switch (matrix.type.element) {
    case ElementType::kF32:
      return xnn_create_fully_connected_nc_f32(
          in, out, /*input_stride=*/in, /*output_stride=*/stride,
          reinterpret_cast<const float*>(matrix.values), matrix.bias, -kNoLimit, kNoLimit,
          /*flags=*/0, /*code_cache=*/nullptr, provider, handle);
    case ElementType::kInt8Channel:
      return xnn_create_fully_connected_nc_qd8_f32_qc8w(
          in, out, quantized_stride, /*output_stride=*/stride, float_scales,
          reinterpret_cast<const int8_t*>(matrix.values), matrix.bias, -kNoLimit, kNoLimit,
          /*flags=*/0, /*code_cache=*/nullptr, provider, handle);
    case ElementType::kInt4Channel:
      return xnn_create_fully_connected_nc_qd8_f32_qc4w(
          in, out, quantized_stride, /*output_stride=*/stride, kernels::kInt4ZeroPoint,
          float_scales, matrix.values, matrix.bias, -kNoLimit, kNoLimit,
          /*flags=*/0, /*code_cache=*/nullptr, provider, handle);
    case ElementType::kInt4Block:
      return xnn_create_fully_connected_nc_qd8_f32_qb4w(
          in, out, quantized_stride, /*output_stride=*/stride,
          static_cast<size_t>(matrix.type.block_size), kernels::kInt4ZeroPoint,
          reinterpret_cast<const uint16_t*>(matrix.scales), matrix.values, matrix.bias, -kNoLimit,
          kNoLimit, /*flags=*/0, /*code_cache=*/nullptr, provider, handle);
    case ElementType::kF16:
    case ElementType::kBf16:
      break;  // Linear dequantises them.
  }
  return xnn_status_unsupported_parameter;
}

xnn_status Reshape(xnn_operator_t handle, ElementType element, size_t num_rows) {
  constexpr pthreadpool_t threads = nullptr;  // the caller's alone
  switch (element) {
    case ElementType::kInt8Channel:
      return xnn_reshape_fully_connected_nc_qd8_f32_qc8w(handle, num_rows, threads);
    case ElementType::kInt4Channel:
      return xnn_reshape_fully_connected_nc_qd8_f32_qc4w(handle, num_rows, threads);
    case ElementType::kInt4Block:
      return xnn_reshape_fully_connected_nc_qd8_f32_qb4w(handle, num_rows, threads);
    case ElementType::kF32:
    case ElementType::kF16:
    case ElementType::kBf16:
      break;
  }
  return xnn_reshape_fully_connected_nc_f32(handle, num_rows, threads);
}

xnn_status Setup(xnn_operator_t handle, ElementType element, const MatrixOperator::Input& input,
                 float* output) {
  const auto* parameters = static_cast<const xnn_quantization_params*>(input.parameters);
  switch (element) {
    case ElementType::kInt8Channel:
      return xnn_setup_fully_connected_nc_qd8_f32_qc8w(handle, input.quantized, output, parameters);
    case ElementType::kInt4Channel:
      return xnn_setup_fully_connected_nc_qd8_f32_qc4w(handle, input.quantized, output, parameters);
    case ElementType::kInt4Block:
      return xnn_setup_fully_connected_nc_qd8_f32_qb4w(handle, input.quantized, output, parameters);
    case ElementType::kF32:
    case ElementType::kF16:
    case ElementType::kBf16:
      break;
  }
  return xnn_setup_fully_connected_nc_f32(handle, input.rows, output);
}

kernels::I8mmMatrixShape I8mmShape(const MatrixRows& matrix) {
  const ElementType element = matrix.type.element;
  const bool is_block = element == ElementType::kInt4Block;
  return {static_cast<size_t>(matrix.rows), static_cast<size_t>(matrix.columns),
          element == ElementType::kInt8Channel ? kernels::I8mmWeights::kInt8
                                               : kernels::I8mmWeights::kInt4,
          is_block ? static_cast<size_t>(matrix.type.block_size) : 0};
}

size_t PackedBytes(const kernels::BlockMatrixShape& s) { return kernels::BlockMatrixBytes(s); }
size_t PackedBytes(const kernels::ChannelMatrixShape& s) { return kernels::ChannelMatrixBytes(s); }
size_t PackedBytes(const kernels::I8mmMatrixShape& s) { return kernels::I8mmMatrixBytes(s); }

const uint16_t* BlockScales(const MatrixRows& matrix) {
  return reinterpret_cast<const uint16_t*>(matrix.scales);
}
const float* ChannelScales(const MatrixRows& matrix) {
  return reinterpret_cast<const float*>(matrix.scales);
}

void Pack(const kernels::BlockMatrixShape& shape, const MatrixRows& matrix, void* packed) {
  kernels::PackBlockMatrix({.shape = shape,
                            .nibbles = reinterpret_cast<const uint8_t*>(matrix.values),
                            .scales = BlockScales(matrix),
                            .bias = matrix.bias,
                            .packed = packed});
}

void Pack(const kernels::ChannelMatrixShape& shape, const MatrixRows& matrix, void* packed) {
  kernels::PackChannelMatrix({.shape = shape,
                              .nibbles = reinterpret_cast<const uint8_t*>(matrix.values),
                              .scales = ChannelScales(matrix),
                              .bias = matrix.bias,
                              .packed = packed});
}

void Pack(const kernels::I8mmMatrixShape& shape, const MatrixRows& matrix, void* packed) {
  const bool is_block = shape.block_size != 0;
  kernels::PackI8mmMatrix({.shape = shape,
                           .values = reinterpret_cast<const uint8_t*>(matrix.values),
                           .output_scales = is_block ? nullptr : ChannelScales(matrix),
                           .block_scales = is_block ? BlockScales(matrix) : nullptr,
                           .bias = matrix.bias,
                           .packed = packed});
}

constexpr int64_t kCacheAliasBytes = 4096;
constexpr int64_t kCacheLineBytes = 64;

}  // namespace

int64_t MatrixOperator::QuantizedStride(int64_t dim) {
  return dim % kCacheAliasBytes == 0 ? dim + kCacheLineBytes : dim;
}

bool MatrixOperator::NeedsUnitSums(TensorType type, int64_t dim, const OwnKernels& own) {
  return dim % static_cast<int64_t>(kernels::kMatmulUnit) == 0 &&
         ((own.blocks && type.element == ElementType::kInt4Block) ||
          (own.channels && type.element == ElementType::kInt4Channel));
}

bool MatrixOperator::NeedsPairs(TensorType type, int64_t dim, const OwnKernels& own) {
  return IsQuantized(type.element) && dim % static_cast<int64_t>(kernels::kI8mmUnit) == 0 &&
         dim <= static_cast<int64_t>(kernels::kI8mmMaxInputs) && own.i8mm;
}

void MatrixOperator::Delete::operator()(xnn_operator* handle) const { xnn_delete_operator(handle); }

std::optional<MatrixOperator::OwnMatmul> MatrixOperator::OwnMatmulFor(const MatrixRows& matrix,
                                                                      const OwnKernels& own) {
  OwnMatmul matmul;
  matmul.input_stride = static_cast<size_t>(QuantizedStride(matrix.columns));
  matmul.output_stride = static_cast<size_t>(matrix.output_stride);
  const size_t num_outputs = static_cast<size_t>(matrix.rows);
  const size_t num_inputs = static_cast<size_t>(matrix.columns);
  if (NeedsUnitSums(matrix.type, matrix.columns, own)) {
    if (matrix.type.element == ElementType::kInt4Block) {
      matmul.shape = kernels::BlockMatrixShape{num_outputs, num_inputs,
                                               static_cast<size_t>(matrix.type.block_size)};
    } else {
      matmul.shape = kernels::ChannelMatrixShape{num_outputs, num_inputs};
    }
    return matmul;
  }
  if (!NeedsPairs(matrix.type, matrix.columns, own)) return std::nullopt;
  matmul.shape = I8mmShape(matrix);
  return matmul;
}

absl::StatusOr<MatrixOperator> MatrixOperator::Create(const MatrixRows& matrix,
                                                      PackedWeights& packed) {
  const std::optional<OwnMatmul> own = OwnMatmulFor(matrix, packed.own_kernels());
  if (own.has_value()) return CreateOwn(*own, matrix, packed);
  xnn_operator_t created = nullptr;
  const xnn_status status = CreateHandle(matrix, packed.provider(), &created);
  Handle handle(created);
  // First: XNNPACK creates operators over entries that couldn't be inserted, and crashes in their
  // run.
  if (!packed.room().ok()) return packed.room();
  if (status != xnn_status_success) return ToStatus(status, "create a matmul");
  return MatrixOperator(std::move(handle), matrix.type.element);
}

absl::StatusOr<MatrixOperator> MatrixOperator::CreateOwn(OwnMatmul matmul, const MatrixRows& matrix,
                                                         PackedWeights& packed) {
  const xnn_weights_cache_provider& provider = *packed.provider();
  size_t offset = provider.look_up(provider.context, nullptr);
  if (offset == SIZE_MAX) {
    const size_t bytes =
        std::visit([](const auto& shape) { return PackedBytes(shape); }, matmul.shape);
    void* room = provider.reserve_space(provider.context, bytes);
    if (room == nullptr) return packed.room();
    std::visit([&](const auto& shape) { Pack(shape, matrix, room); }, matmul.shape);
    offset = provider.look_up_or_insert(provider.context, nullptr, room, bytes);
    if (offset == SIZE_MAX) return packed.room();
  }
  matmul.packed = provider.offset_to_addr(provider.context, offset);
  return MatrixOperator(matmul, matrix.type.element);
}

void MatrixOperator::RunOwn(const Input& input, float* output) const {
  const auto* params = static_cast<const kernels::QuantizationParams*>(input.parameters);
  const size_t num_rows = static_cast<size_t>(input.num_rows);
  if (const auto* blocks = std::get_if<kernels::BlockMatrixShape>(&own_.shape)) {
    kernels::BlockMatmul({*blocks, own_.packed, input.quantized, own_.input_stride, input.unit_sums,
                          input.unit_sum_stride, params, num_rows, output, own_.output_stride});
  } else if (const auto* channels = std::get_if<kernels::ChannelMatrixShape>(&own_.shape)) {
    kernels::ChannelMatmul({*channels, own_.packed, input.quantized, own_.input_stride,
                            input.unit_sums, input.unit_sum_stride, params, num_rows, output,
                            own_.output_stride});
  } else if (const auto* i8mm = std::get_if<kernels::I8mmMatrixShape>(&own_.shape)) {
    kernels::I8mmMatmul(
        {*i8mm, own_.packed, input.pairs, params, num_rows, output, own_.output_stride});
  }
}

absl::Status MatrixOperator::Run(const Input& input, float* output) {
  if (handle_ == nullptr) {
    RunOwn(input, output);
    return absl::OkStatus();
  }
  xnn_status status = xnn_status_success;
  if (input.num_rows != shaped_rows_) {
    status = Reshape(handle_.get(), element_, static_cast<size_t>(input.num_rows));
    if (status != xnn_status_success) return ToStatus(status, "shape a matmul");
    shaped_rows_ = input.num_rows;
  }
  status = Setup(handle_.get(), element_, input, output);
  if (status == xnn_status_success) {
    status = xnn_run_operator(handle_.get(), /*threadpool=*/nullptr);
  }
  return status == xnn_status_success ? absl::OkStatus() : ToStatus(status, "run a matmul");
}

}  // namespace inkling
