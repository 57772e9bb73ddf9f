// Linear: names and checks a tensor, packs it if it is the first to come, and owns the operators of
// its slices.
//
// XNNPACK's own way through a matrix takes a few rows through all outputs before it comes to the
// next rows, so the weights of a wide one are read from memory again and again. A thread that takes
// all rows through one slice reads them once.
//
// f16 and bf16 have no matmul of their own that reads f32 rows, so they are dequantised while
// packing: a slice at a time, so that the f32 copy of a matrix never exists. Rows that XNNPACK
// would read past go the same way.

#include "src/compute/linear.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kernels/convert.h"
#include "src/compute/matrix_operator.h"
#include "src/compute/weight_check.h"

namespace inkling {
namespace {

// Slices begin at multiples of this: XNNPACK packs output rows in tiles whose height is a power of
// two, at most this, so slices are packed exactly as the same rows of the whole.
constexpr int64_t kSliceMultiple = 64;
// Where a matrix has them, this many slices keep threads busy to the end of a region.
constexpr int64_t kSlices = 64;
// Narrower ones cost few-row matmuls 5% (2048 inputs), wider ones help nothing.
constexpr int64_t kMinSliceRows = 128;
constexpr int64_t kMaxSliceRows = 512;
// Weights of a slice: int4 and int8 ones lie in the second cache level with room for activations.
constexpr int64_t kMaxSliceWeights = int64_t{1} << 20;

// Multiply-adds below which one thread is done sooner than others are woken: about a microsecond.
constexpr int64_t kMinMultiplyAddsToSplit = int64_t{1} << 17;

constexpr size_t kMaxMatmuls = 8;

// Values of a matrix that are packed between two calls of RowsPacked, at least.
constexpr int64_t kTellBytes = int64_t{16} << 20;

// XNNPACK packs rows in units of 8 bytes and loads the last one whole, past the end of a row that
// isn't made of whole ones. Behind the last row there may be nothing: a file can end with its page.
constexpr int64_t kPackingUnitBytes = 8;

int64_t SliceRows(int64_t rows, int64_t columns) {
  const auto round_down = [](int64_t value) {
    return std::max<int64_t>(1, value / kSliceMultiple) * kSliceMultiple;
  };
  const int64_t wanted = std::clamp(round_down(rows / kSlices), kMinSliceRows, kMaxSliceRows);
  return std::min(wanted, round_down(kMaxSliceWeights / columns));
}

bool IsConverted(ElementType element) {
  return element == ElementType::kF16 || element == ElementType::kBf16;
}

// Everything that the packed bytes depend on: XNNPACK packs the bias with the weights.
std::string PackingKey(const TensorView& weight, const TensorView* bias) {
  return absl::StrCat(weight.info.name, "|", TensorTypeName(weight.type), "|", weight.info.rows,
                      "x", weight.info.columns, "|", bias == nullptr ? "" : bias->info.name);
}

int64_t StoredRowBytes(const TensorView& weight) { return weight.value_bytes / weight.info.rows; }

// Rows [first, first + size) of `weight` as they are packed; those of f16 and bf16 have no values
// yet.
MatrixRows RowsOf(const TensorView& weight, const TensorView* bias, Linear::Slice slice) {
  const int64_t rows = weight.info.rows;
  MatrixRows matrix;
  matrix.type = IsConverted(weight.type.element) ? TensorType{ElementType::kF32} : weight.type;
  matrix.rows = slice.size;
  matrix.columns = weight.info.columns;
  matrix.output_stride = rows;
  if (!IsConverted(weight.type.element)) {
    matrix.values = weight.values + StoredRowBytes(weight) * slice.first;
  }
  if (weight.scales != nullptr) {
    matrix.scales = weight.scales + weight.scale_bytes / rows * slice.first;
  }
  if (bias != nullptr) {
    matrix.bias = reinterpret_cast<const float*>(bias->values) + slice.first;
  }
  return matrix;
}

// Bytes of a row as XNNPACK gets it.
int64_t RowBytes(const TensorView& weight) {
  if (!IsConverted(weight.type.element)) return StoredRowBytes(weight);
  return weight.info.columns * static_cast<int64_t>(sizeof(float));
}

bool IsPackedFromCopy(const TensorView& weight) {
  return IsConverted(weight.type.element) || RowBytes(weight) % kPackingUnitBytes != 0;
}

// Writes the slice's rows, dequantised where they are, to `copy`.
void CopyRows(const TensorView& weight, Linear::Slice slice, std::byte* copy) {
  const int64_t row_bytes = StoredRowBytes(weight);
  const std::byte* first = weight.values + row_bytes * slice.first;
  const auto* halves = reinterpret_cast<const uint16_t*>(first);
  const size_t size = static_cast<size_t>(slice.size * weight.info.columns);
  if (weight.type.element == ElementType::kF16) {
    kernels::F16ToF32(halves, reinterpret_cast<float*>(copy), size);
  } else if (weight.type.element == ElementType::kBf16) {
    kernels::Bf16ToF32(halves, reinterpret_cast<float*>(copy), size);
  } else {
    std::memcpy(copy, first, static_cast<size_t>(row_bytes * slice.size));
  }
}

int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

struct Linear::State {
  State(const TensorView& weight, const LinearOptions& options)
      : name(weight.info.name),
        slice_output(options.slice_output),
        num_inputs(weight.info.columns),
        num_outputs(weight.info.rows),
        slice_rows(SliceRows(num_outputs, num_inputs)),
        num_slices(NumSlices(num_outputs, num_inputs)),
        type(weight.type),
        is_quantized(IsQuantized(weight.type.element)),
        residual(is_quantized ? options.residual : ResidualQuantization::kNone),
        dequantized_matmul(options.dequantized_matmul) {
    if (dequantized_matmul != nullptr) {
      float_matrix = dequantized_matmul->Decide(weight.type, num_inputs, Int8RowsPerRow(residual));
    }
  }

  bool NeedsQuantizedInput(int64_t num_rows) const {
    return is_quantized && num_rows < float_matrix.min_rows;
  }

  // Makes one row of two: adds row 2r + 1, which has the bias once more, to row 2r, and moves the
  // sum to row r.
  void AddResiduals(Slice slice, int64_t num_rows, float* output) const;

  int64_t OutputStride(Slice slice) const {
    return slice_output == SliceOutput::kInPlace ? num_outputs : slice.size;
  }

  // RunSlice as a matmul of floats; `output` is the slice's own.
  void RunFloatSlice(size_t index, Slice slice, const Activations& input, int64_t num_rows,
                     float* output, size_t worker) const;

  std::string name;
  SliceOutput slice_output;
  int64_t num_inputs;
  int64_t num_outputs;
  int64_t slice_rows;  // of each slice but the last, which also has the rest
  size_t num_slices;
  TensorType type;
  bool is_quantized;
  ResidualQuantization residual;  // of int8 rows
  DequantizedMatmul* dequantized_matmul;
  DequantizedMatmul::Matrix float_matrix;
  std::vector<float> bias;                // [num_outputs] where it is added here, or empty
  std::vector<MatrixOperator> operators;  // one for each slice
  std::vector<const std::byte*> packed;   // one for each slice, where matmuls may be of floats
};

void Linear::State::AddResiduals(Slice slice, int64_t num_rows, float* output) const {
  const int64_t stride = OutputStride(slice);
  for (int64_t r = 0; r < num_rows; ++r) {
    const float* whole = output + 2 * r * stride;
    const float* residual = whole + stride;
    float* sum = output + r * stride;
    if (bias.empty()) {
      for (int64_t i = 0; i < slice.size; ++i) sum[i] = whole[i] + residual[i];
    } else {
      const float* twice = bias.data() + slice.first;
      for (int64_t i = 0; i < slice.size; ++i) sum[i] = whole[i] + (residual[i] - twice[i]);
    }
  }
}

void Linear::State::RunFloatSlice(size_t index, Slice slice, const Activations& input,
                                  int64_t num_rows, float* output, size_t worker) const {
  dequantized_matmul->Run(*float_matrix.layout,
                          {.packed = packed[index],
                           .num_outputs = slice.size,
                           .bias = bias.empty() ? nullptr : bias.data() + slice.first,
                           .rows = input.rows(),
                           .num_inputs = num_inputs,
                           .num_rows = num_rows,
                           .output = output,
                           .output_stride = OutputStride(slice)},
                          worker);
}

Linear::Linear(std::unique_ptr<State> state) : state_(std::move(state)) {}
Linear::Linear(Linear&&) noexcept = default;
Linear& Linear::operator=(Linear&&) noexcept = default;
Linear::~Linear() = default;

absl::string_view Linear::weight_name() const { return state_->name; }
int64_t Linear::num_inputs() const { return state_->num_inputs; }
int64_t Linear::num_outputs() const { return state_->num_outputs; }
TensorType Linear::type() const { return state_->type; }
bool Linear::needs_quantized_input(int64_t num_rows) const {
  return state_->NeedsQuantizedInput(num_rows);
}
ResidualQuantization Linear::residual(int64_t num_rows) const {
  return needs_quantized_input(num_rows) ? state_->residual : ResidualQuantization::kNone;
}

absl::StatusOr<Linear> Linear::Create(const TensorView& weight, const TensorView* bias,
                                      PackedWeights& packed, const LinearOptions& options,
                                      RowsPacked rows_packed) {
  ABSL_RETURN_IF_ERROR(CheckWeight(weight));
  if (bias != nullptr) {
    ABSL_RETURN_IF_ERROR(CheckBias(*bias, weight));
  }
  Linear linear(std::make_unique<State>(weight, options));
  const bool may_be_float = linear.state_->float_matrix.layout != nullptr;
  if (bias != nullptr && (may_be_float || linear.state_->residual != ResidualQuantization::kNone)) {
    const auto* values = reinterpret_cast<const float*>(bias->values);
    linear.state_->bias.assign(values, values + linear.num_outputs());
  }
  const bool is_packed = packed.Select(PackingKey(weight, bias));
  AlignedArray<std::byte> copy;
  if (IsPackedFromCopy(weight)) {
    // Only an operator that packs reads it.
    const int64_t longest =
        is_packed ? 1 : std::min(linear.num_outputs(), 2 * linear.state_->slice_rows);
    const int64_t bytes = longest * RowBytes(weight) + kPackingUnitBytes;
    ABSL_ASSIGN_OR_RETURN(copy, AlignedArray<std::byte>::Create(static_cast<size_t>(bytes)));
  }
  const int64_t row_bytes = StoredRowBytes(weight);
  int64_t told_rows = 0;
  for (size_t i = 0; i < linear.num_slices(); ++i) {
    MatrixRows matrix = RowsOf(weight, bias, linear.slice(i));
    if (options.slice_output == SliceOutput::kCompact) matrix.output_stride = matrix.rows;
    if (IsPackedFromCopy(weight)) {
      if (!is_packed) CopyRows(weight, linear.slice(i), copy.data());
      matrix.values = copy.data();
    }
    absl::StatusOr<MatrixOperator> made = MatrixOperator::Create(matrix, packed);
    if (!made.ok()) {
      return absl::Status(made.status().code(),
                          absl::StrCat("tensor ", weight.info.name, ": ", made.status().message()));
    }
    linear.state_->operators.push_back(*std::move(made));
    if (may_be_float) linear.state_->packed.push_back(packed.latest_piece());
    const int64_t new_rows = linear.slice(i).first + linear.slice(i).size - told_rows;
    if (new_rows * row_bytes >= kTellBytes) {
      rows_packed(told_rows, new_rows);
      told_rows += new_rows;
    }
  }
  ABSL_RETURN_IF_ERROR(packed.FinishTensor());
  return linear;
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

size_t Linear::num_slices() const { return state_->num_slices; }

size_t Linear::NumSlices(int64_t rows, int64_t columns) {
  return static_cast<size_t>(std::max<int64_t>(1, rows / SliceRows(rows, columns)));
}

int64_t Linear::LargestSlice(int64_t rows, int64_t columns) {
  const int64_t others = static_cast<int64_t>(NumSlices(rows, columns)) - 1;
  return rows - others * SliceRows(rows, columns);
}

Linear::Slice Linear::slice(size_t index) const {
  const int64_t first = state_->slice_rows * static_cast<int64_t>(index);
  return {first, index + 1 < num_slices() ? state_->slice_rows : state_->num_outputs - first};
}

absl::Status Linear::CheckInput(const Activations& input, int64_t num_rows) const {
  const State& state = *state_;
  if (input.dim() != state.num_inputs || num_rows < 0 || num_rows > input.max_rows()) {
    return absl::InvalidArgumentError(
        absl::StrCat("matmul with ", state.name, ": expected 0 to ", input.max_rows(), " rows of ",
                     state.num_inputs, " values, found ", num_rows, " rows of ", input.dim()));
  }
  if (num_rows == 0 || !needs_quantized_input(num_rows)) return absl::OkStatus();
  if (num_rows != input.quantized_rows()) {
    return absl::FailedPreconditionError(absl::StrCat("matmul with ", state.name, ": expected ",
                                                      num_rows, " quantised rows, found ",
                                                      input.quantized_rows()));
  }
  if (!input.IsMadeFor(state.type)) {
    return absl::FailedPreconditionError(
        absl::StrCat("matmul with ", state.name, ": expected rows made for readers of type ",
                     TensorTypeName(state.type), ", found others"));
  }
  if (state.residual != input.residual()) {
    const bool wanted = state.residual != ResidualQuantization::kNone;
    return absl::FailedPreconditionError(absl::StrCat(
        "matmul with ", state.name, ": expected quantised rows ", wanted ? "with" : "without",
        " residual, found them ", wanted ? "without" : "with"));
  }
  return absl::OkStatus();
}

absl::Status Linear::CheckWholeOutput() const {
  if (state_->slice_output == SliceOutput::kInPlace) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("matmul with ", state_->name, ": its slices have no place in a whole output"));
}

absl::Status Linear::RunSlice(size_t index, const Activations& input, int64_t num_rows,
                              float* output, size_t worker) {
  if (state_->slice_output == SliceOutput::kInPlace) output += slice(index).first;
  if (num_rows >= state_->float_matrix.min_rows) {
    state_->RunFloatSlice(index, slice(index), input, num_rows, output, worker);
    return absl::OkStatus();
  }
  const MatrixOperator::Input rows = {.rows = input.rows(),
                                      .quantized = input.quantized(),
                                      .unit_sums = input.unit_sums(),
                                      .unit_sum_stride = input.unit_sum_stride(),
                                      .pairs = input.pairs(),
                                      .parameters = input.parameters(),
                                      .num_rows = num_rows * Int8RowsPerRow(state_->residual)};
  ABSL_RETURN_IF_ERROR(state_->operators[index].Run(rows, output));
  if (state_->residual != ResidualQuantization::kNone) {
    state_->AddResiduals(slice(index), num_rows, output);
  }
  return absl::OkStatus();
}

void Linear::ForgetShapes() {
  for (MatrixOperator& matmul : state_->operators) matmul.ForgetShape();
}

absl::Status Linear::Run(const Activations& input, int64_t num_rows, float* output,
                         ThreadPool& pool) {
  return RunMatmuls({{this, output}}, input, num_rows, pool, [] { return false; });
}

absl::Status RunMatmuls(absl::Span<const MatmulCall> matmuls, const Activations& input,
                        int64_t num_rows, ThreadPool& pool, StopSlices stop) {
  if (matmuls.size() > kMaxMatmuls) {
    return absl::InvalidArgumentError(absl::StrCat("matmuls: expected at most ", kMaxMatmuls,
                                                   " at once, found ", matmuls.size()));
  }
  size_t num_slices = 0;
  int64_t weights = 0;
  for (const MatmulCall& matmul : matmuls) {
    ABSL_RETURN_IF_ERROR(matmul.linear->CheckWholeOutput());
    ABSL_RETURN_IF_ERROR(matmul.linear->CheckInput(input, num_rows));
    num_slices += matmul.linear->num_slices();
    weights += matmul.linear->num_inputs() * matmul.linear->num_outputs();
  }
  if (num_rows == 0) return absl::OkStatus();
  return ForEachSlice(num_slices, num_rows * weights, pool, stop, [&](size_t index, size_t worker) {
    const MatmulCall* matmul = matmuls.data();
    for (; index >= matmul->linear->num_slices(); ++matmul) {
      index -= matmul->linear->num_slices();
    }
    return matmul->linear->RunSlice(index, input, num_rows, matmul->output, worker);
  });
}

absl::Status ForEachSlice(size_t count, int64_t multiply_adds, ThreadPool& pool, StopSlices stop,
                          absl::FunctionRef<absl::Status(size_t, size_t)> run) {
  const bool is_small = multiply_adds < kMinMultiplyAddsToSplit;
  const size_t num_workers = is_small ? std::min<size_t>(count, 1)
                                      : std::min(count, static_cast<size_t>(pool.num_threads()));
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  absl::Status first_error;
  pool.ParallelFor(num_workers, [&](size_t worker) {
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      if (failed.load(std::memory_order_relaxed)) return;
      absl::Status status = std::this_thread::get_id() == caller && stop()
                                ? absl::CancelledError("matmuls: cancelled")
                                : run(i, worker);
      // The region's end orders this write before the read below.
      if (!status.ok() && !failed.exchange(true)) first_error = std::move(status);
    }
  });
  return first_error;
}

}  // namespace inkling
