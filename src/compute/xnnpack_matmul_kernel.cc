// The kernel "xnnpack": XNNPACK's fully connected operators, for every type on every CPU that the
// kernels of ours don't take.
//
// An operator is created (once), reshaped (when the number of rows changes), set up and run (every
// matmul). XNNPACK packs through the callbacks of a weights cache; here each operator has a cache
// of its own, which holds one piece of a TensorPacker. XNNPACK's own key, which holds pointers and
// leaves out bias, scales and block size, is not used.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kernels/dequantize.h"
#include "kernels/quantize.h"
#include "src/compute/activations.h"
#include "src/compute/layout_probe.h"
#include "src/compute/matmul_kernel.h"
#include "src/compute/matmul_kernels.h"
#include "xnnpack.h"

namespace inkling {
namespace {

// What Activations have behind their rows. XNNPACK's widest kernels load 64 bytes at once. Its
// kernel of 14 rows for AVX-512 with GFNI reads 13 parameters behind the last row's instead of
// XNN_EXTRA_QUANTIZATION_PARAMS; XNN_MAX_MR, 32, is enough for any.
static_assert(Activations::kReadAheadBytes >= 64 + XNN_EXTRA_BYTES);
static_assert(Activations::kExtraParameters >= XNN_EXTRA_QUANTIZATION_PARAMS);
static_assert(sizeof(kernels::QuantizationParams) == sizeof(xnn_quantization_params) &&
              offsetof(kernels::QuantizationParams, zero_point) ==
                  offsetof(xnn_quantization_params, zero_point) &&
              offsetof(kernels::QuantizationParams, scale) ==
                  offsetof(xnn_quantization_params, scale));

// Idempotent and thread-safe; nothing to undo.
bool RunsHere() { return xnn_initialize(/*allocator=*/nullptr) == xnn_status_success; }

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
  const size_t quantized_stride = static_cast<size_t>(Activations::QuantizedStride(matrix.columns));
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

// What XNNPACK calls by another name for each type.
struct OperatorFunctions {
  xnn_status (*reshape)(xnn_operator_t, size_t num_rows, pthreadpool_t);
  // Null for f32 weights, whose setup takes f32 rows.
  xnn_status (*setup)(xnn_operator_t, const int8_t*, float*, const xnn_quantization_params*);
};

OperatorFunctions FunctionsOf(ElementType element) {
  switch (element) {
    case ElementType::kInt8Channel:
      return {xnn_reshape_fully_connected_nc_qd8_f32_qc8w,
              xnn_setup_fully_connected_nc_qd8_f32_qc8w};
    case ElementType::kInt4Channel:
      return {xnn_reshape_fully_connected_nc_qd8_f32_qc4w,
              xnn_setup_fully_connected_nc_qd8_f32_qc4w};
    case ElementType::kInt4Block:
      return {xnn_reshape_fully_connected_nc_qd8_f32_qb4w,
              xnn_setup_fully_connected_nc_qd8_f32_qb4w};
    case ElementType::kF32:
    case ElementType::kF16:
    case ElementType::kBf16:
      break;
  }
  return {xnn_reshape_fully_connected_nc_f32, nullptr};
}

class XnnpackSlice final : public SliceMatmul {
 public:
  static absl::StatusOr<std::unique_ptr<SliceMatmul>> Create(const MatrixRows& matrix,
                                                             TensorPacker& tensor) {
    if (!RunsHere()) return absl::UnimplementedError("XNNPACK doesn't support this CPU");
    auto slice = std::make_unique<XnnpackSlice>(matrix.type.element);
    slice->tensor_ = &tensor;
    xnn_operator_t created = nullptr;
    const xnn_status status = CreateHandle(matrix, &slice->cache_, &created);
    slice->handle_.reset(created);
    slice->tensor_ = nullptr;
    // First: XNNPACK creates operators over pieces that couldn't be added, and crashes in their
    // run.
    ABSL_RETURN_IF_ERROR(slice->packing_);
    ABSL_RETURN_IF_ERROR(ToStatus(status, "create a matmul"));
    return slice;
  }

  explicit XnnpackSlice(ElementType element) : functions_(FunctionsOf(element)) {
    cache_.context = this;
    // There is one piece, at offset 0.
    cache_.look_up = [](void* slice, const xnn_weights_cache_look_up_key*) -> size_t {
      return Of(slice).Find() ? 0 : kNotFound;
    };
    cache_.reserve_space = [](void* slice, size_t bytes) -> void* {
      return Of(slice).Reserve(bytes);
    };
    cache_.look_up_or_insert = [](void* slice, const xnn_weights_cache_look_up_key*, void* packed,
                                  size_t bytes) -> size_t {
      return Of(slice).Add(packed, bytes) ? 0 : kNotFound;
    };
    // Operators may be set up at any time: packed bytes never change or move.
    cache_.is_finalized = [](void*) { return true; };
    cache_.offset_to_addr = [](void* slice, size_t) -> void* { return Of(slice).packed_; };
    // The memory is PackedWeights'.
    cache_.delete_cache = [](void*) { return xnn_status_success; };
  }

  absl::Status Run(const MatmulArgs& args) override {
    if (args.num_rows != shaped_rows_) {
      const xnn_status shaped = functions_.reshape(
          handle_.get(), static_cast<size_t>(args.num_rows), /*threadpool=*/nullptr);
      ABSL_RETURN_IF_ERROR(ToStatus(shaped, "shape a matmul"));
      shaped_rows_ = args.num_rows;
    }
    const Activations& input = args.input;
    const auto* parameters = reinterpret_cast<const xnn_quantization_params*>(input.parameters());
    xnn_status status =
        functions_.setup == nullptr
            ? xnn_setup_fully_connected_nc_f32(handle_.get(), input.rows(), args.output)
            : functions_.setup(handle_.get(), input.quantized(), args.output, parameters);
    if (status == xnn_status_success) {
      status = xnn_run_operator(handle_.get(), /*threadpool=*/nullptr);
    }
    return ToStatus(status, "run a matmul");
  }

  void ForgetShape() override { shaped_rows_ = 0; }

 private:
  static constexpr size_t kNotFound = SIZE_MAX;

  struct Delete {
    void operator()(xnn_operator_t handle) const { xnn_delete_operator(handle); }
  };

  static XnnpackSlice& Of(void* slice) { return *static_cast<XnnpackSlice*>(slice); }

  // The cache's callbacks.

  bool Find() {
    packed_ = const_cast<std::byte*>(tensor_->Find());
    return packed_ != nullptr;
  }

  std::byte* Reserve(size_t bytes) {
    const absl::StatusOr<std::byte*> room = tensor_->Reserve(static_cast<int64_t>(bytes));
    packing_.Update(room.status());
    return room.ok() ? *room : nullptr;
  }

  bool Add(void* packed, size_t bytes) {
    packed_ = static_cast<std::byte*>(packed);
    packing_.Update(tensor_->Add(packed_, static_cast<int64_t>(bytes)));
    return packing_.ok();
  }

  OperatorFunctions functions_;
  xnn_weights_cache_provider cache_ = {};
  TensorPacker* tensor_ = nullptr;  // while the operator is created
  absl::Status packing_;
  std::byte* packed_ = nullptr;
  std::unique_ptr<xnn_operator, Delete> handle_;  // after the cache, so that it goes first
  int64_t shaped_rows_ = 0;                       // what it was last shaped for; 0: not yet
};

int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

int64_t PackedBytes(TensorType type, int64_t num_outputs, int64_t num_inputs) {
  // The largest tile of any CPU is 64 outputs; inputs are padded to 32 at most. Each output also
  // has a sum or bias and, if quantised, a scale and a bias of 4 bytes, or bf16 scales of blocks.
  // XNNPACK rounds up to 64.
  constexpr int64_t kTileOutputs = 64;
  constexpr int64_t kTileInputs = 32;
  const int64_t inputs = RoundUp(num_inputs, kTileInputs);
  const int64_t scales = type.block_size == 0 ? 0 : inputs / type.block_size * 2;
  const int64_t row_bytes = ValueBytes(type, 1, inputs).value_or(0) + scales + 12;
  return RoundUp(num_outputs, kTileOutputs) * row_bytes + kTileOutputs;
}

}  // namespace

extern const MatmulKernel kXnnpackMatmulKernel = {
    .name = "xnnpack",
    .description = "XNNPACK's fully connected operators: every type on every CPU",
    .runs_here = RunsHere,
    .supports = [](TensorType type, int64_t num_inputs) { return TypeFits(type, num_inputs); },
    .row_form =
        [](TensorType type) {
          return IsQuantized(type.element) ? RowForm::kInt8 : RowForm::kFloat;
        },
    .packed_bytes = PackedBytes,
    .layout =
        [](TensorType type, int64_t num_inputs) {
          return LearnLayout(MatmulKernelNamed("xnnpack"), type, num_inputs);
        },
    .prepare = XnnpackSlice::Create};

}  // namespace inkling
