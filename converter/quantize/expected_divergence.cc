// Errors of matmuls, from those of weights and from those of int8 inputs, times how much an error
// of the matrix's outputs costs.

#include "converter/quantize/expected_divergence.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"
#include "src/format/tensor_list.h"

namespace inkling {
namespace {

// Where rows of an embedding are sampled.
constexpr int64_t kEmbeddingPlaces = 4;

// A head that was given its own copy of a tied embedding is known under the embedding's name.
absl::StatusOr<OutputImportance> OutputsOf(const ImportanceFile& importance,
                                           absl::string_view weight) {
  absl::StatusOr<OutputImportance> outputs = importance.Outputs(weight);
  if (absl::IsNotFound(outputs.status()) && weight == "head.weight") {
    outputs = importance.Outputs("embedding.weight");
  }
  return outputs;
}

bool HasMatmul(const TensorInfo& info, const ModelConfig& config) {
  return info.role == TensorRole::kLinear || info.role == TensorRole::kHead ||
         (info.role == TensorRole::kEmbedding && config.tied_head);
}

// About how the range of a row grows with the sizes of its columns: a few large ones rule it, many
// alike add a little each.
double RangeOfColumns(const InputMoments& inputs) {
  double sum = 0;
  for (int64_t i = 0; i < inputs.columns; ++i) {
    const double square = inputs.values[static_cast<size_t>(i * inputs.block + i % inputs.block)];
    sum += std::pow(square, 4);
  }
  return std::pow(sum, 1.0 / 8);
}

// Turns what is known of inputs into what is known of inputs whose columns are divided.
void DivideColumns(absl::Span<const float> factors, RowCalibration& calibration) {
  if (factors.empty()) return;
  InputMoments& inputs = *calibration.inputs;
  const double before = RangeOfColumns(inputs);
  for (int64_t i = 0; i < inputs.columns; ++i) {
    const int64_t first = i / inputs.block * inputs.block;
    const int64_t size = std::min(inputs.block, inputs.columns - first);
    for (int64_t j = 0; j < size; ++j) {
      inputs.values[static_cast<size_t>(i * inputs.block + j)] /=
          factors[static_cast<size_t>(i)] * factors[static_cast<size_t>(first + j)];
    }
  }
  const double ratio = before > 0 ? RangeOfColumns(inputs) / before : 1.0;
  calibration.squared_range *= ratio * ratio;
}

}  // namespace

absl::StatusOr<RowCalibration> CalibrationOf(const ImportanceFile* importance,
                                             const PlannedTensor& tensor, const ModelConfig& config,
                                             ConvertQuality quality) {
  const TensorInfo& info = tensor.info;
  RowCalibration calibration;
  if (importance == nullptr || !HasMatmul(info, config)) return calibration;
  const bool is_head = info.role != TensorRole::kLinear;
  // A head that was given its own copy of a tied embedding is known under the embedding's name.
  absl::StatusOr<InputMoments> inputs = importance->ReadInputs(info.name, info.columns);
  if (is_head && absl::IsNotFound(inputs.status())) {
    inputs = importance->ReadInputs("embedding.weight", info.columns);
  }
  ABSL_ASSIGN_OR_RETURN(calibration.inputs, std::move(inputs));
  ABSL_ASSIGN_OR_RETURN(const OutputImportance outputs, OutputsOf(*importance, info.name));
  calibration.squared_range = outputs.squared_range;
  DivideColumns(tensor.column_factors, calibration);
  // Rows of an embedding are looked up too, where an error is an error whatever the inputs.
  calibration.refine = quality == ConvertQuality::kBest && info.role != TensorRole::kEmbedding;
  return calibration;
}

double InputSteps(absl::string_view weight, TensorType type) {
  const bool has_residual = type.element == ElementType::kInt8Channel &&
                            (absl::EndsWith(weight, ".feed_forward.down.weight") ||
                             absl::EndsWith(weight, ".attention.output.weight"));
  return has_residual ? 255.0 * 127.0 : 255.0;
}

absl::StatusOr<double> ExpectedDivergence(const ImportanceFile& importance,
                                          absl::string_view weight, TensorType type,
                                          const MatrixLoss& loss) {
  ABSL_ASSIGN_OR_RETURN(const OutputImportance outputs, OutputsOf(importance, weight));
  double error = loss.output_error;
  if (IsQuantized(type.element)) {
    // Rounding to steps of a range's 255th (or of that a 127th) leaves errors that are even over a
    // step: its square / 12 for each input, and they add up over the weights of a row.
    const double steps = InputSteps(weight, type);
    error += loss.squared_norm * loss.squared_range / (steps * steps * 12.0);
  }
  return outputs.power > 0 ? outputs.sensitivity * error / outputs.power : 0.0;
}

double LookupDivergence(const ImportanceFile& importance, const MatrixLoss& loss) {
  const absl::StatusOr<OutputImportance> lookups = importance.Outputs(kEmbeddingLookup);
  if (!lookups.ok() || !(loss.squared_norm > 0)) return 0;
  return lookups->sensitivity * loss.squared_error / loss.squared_norm;
}

void AddLoss(const EncodedRows& rows, MatrixLoss& loss) {
  loss.output_error += rows.output_error;
  loss.squared_error += rows.squared_error;
  loss.squared_norm += rows.squared_norm;
}

absl::StatusOr<double> DivergenceOf(const ImportanceFile& importance, const TensorInfo& info,
                                    TensorType type, const ModelConfig& config,
                                    const MatrixLoss& loss) {
  double divergence = 0;
  if (HasMatmul(info, config)) {
    ABSL_ASSIGN_OR_RETURN(divergence, ExpectedDivergence(importance, info.name, type, loss));
  }
  if (info.role == TensorRole::kEmbedding) divergence += LookupDivergence(importance, loss);
  return divergence;
}

absl::StatusOr<double> SampledDivergence(const RowEncoder& encoder, const PlannedTensor& tensor,
                                         TensorType type, const ModelConfig& config,
                                         ConvertQuality quality, const ImportanceFile& importance) {
  ABSL_ASSIGN_OR_RETURN(const RowCalibration calibration,
                        CalibrationOf(&importance, tensor, config, quality));
  const int64_t num_places = tensor.info.role == TensorRole::kEmbedding ? kEmbeddingPlaces : 1;
  MatrixLoss loss;
  loss.squared_range = calibration.squared_range;
  int64_t rows = 0;
  int64_t end = 0;
  for (int64_t place = 0; place < num_places && end < tensor.info.rows; ++place) {
    end = std::max(end, tensor.info.rows * place / num_places);
    ABSL_ASSIGN_OR_RETURN(const std::vector<EncodedRows> slices,
                          encoder.Encode(tensor, type, end, calibration));
    for (const EncodedRows& slice : slices) {
      AddLoss(slice, loss);
      rows += slice.num_rows;
      end += slice.num_rows;
    }
  }
  const double share = static_cast<double>(tensor.info.rows) / static_cast<double>(rows);
  loss.output_error *= share;
  loss.squared_error *= share;
  loss.squared_norm *= share;
  return DivergenceOf(importance, tensor.info, type, config, loss);
}

}  // namespace inkling
