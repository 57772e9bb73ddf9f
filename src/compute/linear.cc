// Linear: names and checks a tensor, packs it if it is the first to come, and owns its operator.
//
// f16 and bf16 have no product of their own that reads f32 rows, so they are widened while packing:
// a few hundred rows at a time, so that the f32 copy of a matrix never exists.

#include "src/compute/linear.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "kernels/convert.h"
#include "src/compute/matrix_operator.h"
#include "src/compute/weight_check.h"

namespace inkling {
namespace {

// XNNPACK packs output rows in tiles whose height is a power of two, at most this; pieces of a
// multiple of it are packed exactly as the same rows of the whole.
constexpr int64_t kPieceRows = 256;
// About the largest f32 piece.
constexpr int64_t kPieceBytes = int64_t{4} << 20;

bool IsWidened(ElementType element) {
  return element == ElementType::kF16 || element == ElementType::kBf16;
}

// Everything that the packed bytes depend on: XNNPACK packs the bias with the weights.
std::string PackingKey(const TensorView& weight, const TensorView* bias) {
  return absl::StrCat(weight.info.name, "|", TensorTypeName(weight.type), "|", weight.info.rows,
                      "x", weight.info.columns, "|", bias == nullptr ? "" : bias->info.name);
}

MatrixRows WholeMatrix(const TensorView& weight, const TensorView* bias) {
  MatrixRows matrix;
  matrix.type = IsWidened(weight.type.element) ? TensorType{ElementType::kF32} : weight.type;
  matrix.rows = weight.info.rows;
  matrix.columns = weight.info.columns;
  matrix.values = weight.values;
  matrix.scales = weight.scales;
  matrix.bias = bias == nullptr ? nullptr : reinterpret_cast<const float*>(bias->values);
  return matrix;
}

void Widen(const TensorView& weight, int64_t first_row, int64_t num_rows, float* output) {
  const int64_t columns = weight.info.columns;
  const auto* input = reinterpret_cast<const uint16_t*>(weight.values) + first_row * columns;
  const size_t size = static_cast<size_t>(num_rows * columns);
  if (weight.type.element == ElementType::kF16) {
    kernels::F16ToF32(input, output, size);
  } else {
    kernels::Bf16ToF32(input, output, size);
  }
}

// Packs the selected tensor through f32 pieces. The last piece takes the remainder, because XNNPACK
// packs a matrix of very few rows differently.
absl::Status PackWidened(const TensorView& weight, const MatrixRows& whole, PackedWeights& packed) {
  const int64_t row_bytes = whole.columns * static_cast<int64_t>(sizeof(float));
  const int64_t step = std::max<int64_t>(1, kPieceBytes / row_bytes / kPieceRows) * kPieceRows;
  const int64_t longest = std::min(whole.rows, 2 * step - 1);
  absl::StatusOr<AlignedArray<float>> wide =
      AlignedArray<float>::Create(static_cast<size_t>(longest * whole.columns));
  if (!wide.ok()) return wide.status();
  for (int64_t first = 0; first < whole.rows;) {
    const int64_t left = whole.rows - first;
    MatrixRows piece = whole;
    piece.rows = left < 2 * step ? left : step;
    Widen(weight, first, piece.rows, wide->data());
    piece.values = reinterpret_cast<const std::byte*>(wide->data());
    if (piece.bias != nullptr) piece.bias += first;
    // Made for its packing alone.
    ABSL_RETURN_IF_ERROR(MatrixOperator::Create(piece, packed).status());
    first += piece.rows;
  }
  return packed.FinishTensor();
}

int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

struct Linear::State {
  MatrixOperator product;
  std::string name;
  int64_t num_inputs;
  int64_t num_outputs;
  bool needs_quantized_input;
};

Linear::Linear(std::unique_ptr<State> state) : state_(std::move(state)) {}
Linear::Linear(Linear&&) noexcept = default;
Linear& Linear::operator=(Linear&&) noexcept = default;
Linear::~Linear() = default;

absl::string_view Linear::weight_name() const { return state_->name; }
int64_t Linear::num_inputs() const { return state_->num_inputs; }
int64_t Linear::num_outputs() const { return state_->num_outputs; }
bool Linear::needs_quantized_input() const { return state_->needs_quantized_input; }

absl::StatusOr<Linear> Linear::Create(const TensorView& weight, const TensorView* bias,
                                      PackedWeights& packed) {
  ABSL_RETURN_IF_ERROR(CheckWeight(weight));
  if (bias != nullptr) {
    ABSL_RETURN_IF_ERROR(CheckBias(*bias, weight));
  }
  const MatrixRows matrix = WholeMatrix(weight, bias);
  const bool is_packed = packed.Select(PackingKey(weight, bias));
  if (!is_packed && IsWidened(weight.type.element)) {
    ABSL_RETURN_IF_ERROR(PackWidened(weight, matrix, packed));
  }
  absl::StatusOr<MatrixOperator> product = MatrixOperator::Create(matrix, packed);
  if (!product.ok()) {
    return absl::Status(product.status().code(), absl::StrCat("tensor ", weight.info.name, ": ",
                                                              product.status().message()));
  }
  ABSL_RETURN_IF_ERROR(packed.FinishTensor());
  return Linear(std::make_unique<State>(State{*std::move(product), weight.info.name, matrix.columns,
                                              matrix.rows, IsQuantized(weight.type.element)}));
}

int64_t Linear::PackedBytesBound(const TensorView& weight) {
  // The largest tile of any CPU is 64 outputs; inputs are padded to 32 at most. Each output also
  // has a sum or bias and, if quantised, a scale and a bias of 4 bytes.
  constexpr int64_t kTileOutputs = 64;
  constexpr int64_t kTileInputs = 32;
  constexpr int64_t kAlignment = 128;
  const int64_t inputs = RoundUp(weight.info.columns, kTileInputs);
  int64_t row_bytes = 12;
  switch (weight.type.element) {
    case ElementType::kF32:
    case ElementType::kF16:
    case ElementType::kBf16:
      row_bytes += inputs * static_cast<int64_t>(sizeof(float));
      break;
    case ElementType::kInt8Channel:
      row_bytes += inputs;
      break;
    case ElementType::kInt4Channel:
      row_bytes += inputs / 2;
      break;
    case ElementType::kInt4Block:
      row_bytes += inputs / 2 + inputs / std::max(weight.type.block_size, 1) * 2;
      break;
  }
  return RoundUp(weight.info.rows, kTileOutputs) * row_bytes + kAlignment;
}

absl::Status Linear::Run(const Activations& input, int64_t num_rows, float* output,
                         ThreadPool& pool) {
  State& state = *state_;
  if (input.dim() != state.num_inputs || num_rows < 0 || num_rows > input.max_rows()) {
    return absl::InvalidArgumentError(
        absl::StrCat("product with ", state.name, ": expected 0 to ", input.max_rows(), " rows of ",
                     state.num_inputs, " values, found ", num_rows, " rows of ", input.dim()));
  }
  if (num_rows == 0) return absl::OkStatus();
  if (state.needs_quantized_input && num_rows != input.quantized_rows()) {
    return absl::FailedPreconditionError(absl::StrCat("product with ", state.name, ": expected ",
                                                      num_rows, " quantised rows, found ",
                                                      input.quantized_rows()));
  }
  const MatrixOperator::Input rows = {input.rows(), input.quantized(), input.parameters(),
                                      num_rows};
  return state.product.Run(rows, output, pool);
}

}  // namespace inkling
