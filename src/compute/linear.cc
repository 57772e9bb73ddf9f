// Linear: names and checks a tensor, chooses a kernel, packs the tensor if it is the first to come.

#include "src/compute/linear.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/compute/matmul_batch.h"
#include "src/compute/weight_check.h"
#include "src/compute/weight_rows.h"

namespace inkling {
namespace {

// Values of a matrix that are packed between two calls of RowsPacked, at least.
constexpr int64_t kTellBytes = int64_t{16} << 20;

// Everything that the packed bytes depend on: kernels pack the bias with the weights.
std::string PackingKey(const TensorView& weight, const TensorView* bias) {
  return absl::StrCat(weight.info.name, "|", TensorTypeName(weight.type), "|", weight.info.rows,
                      "x", weight.info.columns, "|", bias == nullptr ? "" : bias->info.name);
}

absl::Status WithPrefix(absl::string_view prefix, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(prefix, ": ", status.message()));
}

}  // namespace

Linear::Linear(const TensorView& weight, const LinearOptions& options, const MatmulKernel& kernel)
    : name_(weight.info.name),
      num_inputs_(weight.info.columns),
      num_outputs_(weight.info.rows),
      slices_(num_outputs_, num_inputs_),
      slice_output_(options.slice_output),
      form_{kernel.row_form(PackedType(weight.type))},
      dequantized_matmul_(options.dequantized_matmul) {
  if (form_.rows != RowForm::kFloat) form_.residual = options.residual;
  if (dequantized_matmul_ != nullptr) {
    float_matrix_ = dequantized_matmul_->Decide(kernel, weight.type, num_inputs_,
                                                Int8RowsPerRow(form_.residual));
  }
}

absl::StatusOr<Linear> Linear::Create(const TensorView& weight, const TensorView* bias,
                                      PackedWeights& packed, const LinearOptions& options,
                                      RowsPacked rows_packed) {
  ABSL_RETURN_IF_ERROR(CheckWeight(weight));
  if (bias != nullptr) {
    ABSL_RETURN_IF_ERROR(CheckBias(*bias, weight));
  }
  const std::string tensor_name = absl::StrCat("tensor ", weight.info.name);
  const TensorType type = PackedType(weight.type);
  const MatmulKernel* kernel =
      options.kernels.empty()
          ? FindMatmulKernel(MatmulKernelsOfThisCpu(), type, weight.info.columns)
          : FindMatmulKernel(options.kernels, type, weight.info.columns);
  if (kernel == nullptr) {
    return absl::UnimplementedError(absl::StrCat(tensor_name, ": this CPU has no kernel for ",
                                                 TensorTypeName(weight.type), " weights with ",
                                                 weight.info.columns, " inputs"));
  }
  Linear linear(weight, options, *kernel);
  if (bias != nullptr && (linear.form_.residual != ResidualQuantization::kNone ||
                          linear.float_matrix_.layout != nullptr)) {
    const auto* values = reinterpret_cast<const float*>(bias->values);
    linear.bias_.assign(values, values + linear.num_outputs_);
  }
  TensorPacker tensor(packed, PackingKey(weight, bias));
  ABSL_ASSIGN_OR_RETURN(
      WeightRows rows,
      WeightRows::Create(weight, bias, tensor.is_packed() ? 0 : linear.slices_.largest()));
  const int64_t row_bytes = weight.value_bytes / weight.info.rows;
  int64_t told_rows = 0;
  for (size_t i = 0; i < linear.num_slices(); ++i) {
    const MatrixSlice slice = linear.slice(i);
    ABSL_RETURN_IF_ERROR(
        WithPrefix(tensor_name, linear.AddSlice(*kernel, slice.first, rows.Slice(slice), tensor)));
    const int64_t new_rows = slice.first + slice.size - told_rows;
    if (new_rows * row_bytes >= kTellBytes) {
      rows_packed(told_rows, new_rows);
      told_rows += new_rows;
    }
  }
  ABSL_RETURN_IF_ERROR(tensor.Finish());
  return linear;
}

absl::Status Linear::AddSlice(const MatmulKernel& kernel, int64_t first, MatrixRows matrix,
                              TensorPacker& tensor) {
  if (slice_output_ == SliceOutput::kCompact) matrix.output_stride = matrix.rows;
  matrix.layout = float_matrix_.layout;
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<SliceMatmul> matmul, PrepareSlice(kernel, matrix, tensor));
  matmuls_.push_back(std::move(matmul));
  if (float_matrix_.layout == nullptr) return absl::OkStatus();
  if (matrix.bias != nullptr) matrix.bias = bias_.data() + first;
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<SliceMatmul> float_matmul,
                        PrepareSlice(DequantizedMatmul::kernel(), matrix, tensor));
  float_matmuls_.push_back(std::move(float_matmul));
  return absl::OkStatus();
}

int64_t Linear::PackedBytesBound(const TensorView& weight, MatmulKernelList kernels) {
  const TensorType type = PackedType(weight.type);
  const MatmulKernel* kernel = FindMatmulKernel(kernels, type, weight.info.columns);
  if (kernel == nullptr) return 0;
  return kernel->packed_bytes(type, weight.info.rows, weight.info.columns) +
         PackedWeights::kEntryAlignment;
}

InputForm Linear::input_form(int64_t num_rows) const {
  return num_rows < float_matrix_.min_rows ? form_ : InputForm{};
}

absl::Status Linear::PrepareInput(Activations& input, int64_t num_rows, ThreadPool& pool) const {
  if (input.dim() != num_inputs_ || num_rows < 0 || num_rows > input.max_rows()) {
    return absl::InvalidArgumentError(
        absl::StrCat("matmul with ", name_, ": expected 0 to ", input.max_rows(), " rows of ",
                     num_inputs_, " values, found ", num_rows, " rows of ", input.dim()));
  }
  const absl::Status prepared = input.Prepare(input_form(num_rows), num_rows, pool);
  if (prepared.ok()) return prepared;
  return WithPrefix(absl::StrCat("matmul with ", name_), prepared);
}

absl::Status Linear::CheckWholeOutput() const {
  if (slice_output_ == SliceOutput::kInPlace) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("matmul with ", name_, ": its slices have no place in a whole output"));
}

absl::Status Linear::RunSlice(size_t index, const Activations& input, int64_t num_rows,
                              float* output, size_t worker) {
  if (slice_output_ == SliceOutput::kInPlace) output += slice(index).first;
  if (num_rows >= float_matrix_.min_rows) {
    return float_matmuls_[index]->Run(
        {input, num_rows, output, dequantized_matmul_->scratch(worker)});
  }
  const int64_t rows = num_rows * Int8RowsPerRow(form_.residual);
  ABSL_RETURN_IF_ERROR(matmuls_[index]->Run({input, rows, output, /*scratch=*/nullptr}));
  if (form_.residual != ResidualQuantization::kNone) AddResiduals(slice(index), num_rows, output);
  return absl::OkStatus();
}

void Linear::AddResiduals(MatrixSlice slice, int64_t num_rows, float* output) const {
  const int64_t stride = slice_output_ == SliceOutput::kInPlace ? num_outputs_ : slice.size;
  for (int64_t r = 0; r < num_rows; ++r) {
    const float* whole = output + 2 * r * stride;
    const float* residual = whole + stride;
    float* sum = output + r * stride;
    if (bias_.empty()) {
      for (int64_t i = 0; i < slice.size; ++i) sum[i] = whole[i] + residual[i];
    } else {
      const float* twice = bias_.data() + slice.first;
      for (int64_t i = 0; i < slice.size; ++i) sum[i] = whole[i] + (residual[i] - twice[i]);
    }
  }
}

void Linear::ForgetShapes() {
  for (const std::unique_ptr<SliceMatmul>& matmul : matmuls_) matmul->ForgetShape();
}

absl::Status Linear::Run(Activations& input, int64_t num_rows, float* output, ThreadPool& pool) {
  return RunMatmuls({{this, output}}, input, num_rows, pool, [] { return false; });
}

}  // namespace inkling
