// One tensor after another, in groups of rows, so that memory holds a few groups at a time.

#include "converter/tensor_stream.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "converter/plan/type_choice.h"
#include "src/format/element_type.h"
#include "src/format/tensor_list.h"

namespace inkling {
namespace {

// Where rows of an embedding are sampled.
constexpr int64_t kEmbeddingPlaces = 4;

// Bytes of the checkpoint that `rows` rows of a planned tensor read.
int64_t SourceBytes(const Checkpoint& checkpoint, const PlannedTensor& tensor, int64_t rows) {
  if (tensor.source_indices.empty()) return 0;
  const SourceTensor& source = checkpoint.tensors()[tensor.source_indices.front()];
  double values = 1;
  for (const int64_t size : source.shape) values *= static_cast<double>(size);
  return static_cast<int64_t>(static_cast<double>(source.bytes) *
                              static_cast<double>(rows * tensor.info.columns) / values);
}

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

void AddLoss(const EncodedRows& rows, MatrixLoss& loss) {
  loss.output_error += rows.output_error;
  loss.squared_error += rows.squared_error;
  loss.squared_norm += rows.squared_norm;
}

// All that is to be expected from a planned tensor.
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

int64_t InputBytes(const Checkpoint& checkpoint, const TensorPlan& plan) {
  int64_t bytes = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    bytes += SourceBytes(checkpoint, tensor, tensor.info.rows);
  }
  return bytes;
}

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
  if (!inputs.ok()) return inputs.status();
  calibration.inputs = *std::move(inputs);
  ABSL_ASSIGN_OR_RETURN(const OutputImportance outputs, OutputsOf(*importance, info.name));
  calibration.squared_range = outputs.squared_range;
  DivideColumns(tensor.column_factors, calibration);
  // Rows of an embedding are looked up too, where an error is an error whatever the inputs.
  calibration.refine = quality == ConvertQuality::kBest && info.role != TensorRole::kEmbedding;
  return calibration;
}

absl::StatusOr<double> ExpectedDivergence(const ImportanceFile& importance,
                                          absl::string_view weight, TensorType type,
                                          const MatrixLoss& loss) {
  ABSL_ASSIGN_OR_RETURN(const OutputImportance outputs, OutputsOf(importance, weight));
  double error = loss.output_error;
  if (IsQuantized(type.element)) {
    // Rounding to steps of a range's 255th (or of that a 127th) leaves errors that are even over a
    // step: its square / 12 for each input, and they add up over the weights of a row.
    const double steps = HasWideInputs(weight, type) ? 255.0 * 127.0 : 255.0;
    error += loss.squared_norm * loss.squared_range / (steps * steps * 12.0);
  }
  return outputs.power > 0 ? outputs.sensitivity * error / outputs.power : 0.0;
}

double LookupDivergence(const ImportanceFile& importance, const MatrixLoss& loss) {
  const absl::StatusOr<OutputImportance> lookups = importance.Outputs(kEmbeddingLookup);
  if (!lookups.ok() || !(loss.squared_norm > 0)) return 0;
  return lookups->sensitivity * loss.squared_error / loss.squared_norm;
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

TensorStream::TensorStream(const Checkpoint& checkpoint, const ModelConfig& config,
                           const ConvertOptions& options, const ImportanceFile* importance)
    : checkpoint_(checkpoint),
      config_(config),
      options_(options),
      importance_(importance),
      encoder_(checkpoint, options.search) {}

absl::Status TensorStream::Run(const TensorPlan& plan, absl::Span<const TensorType> types,
                               ModelWriter& writer) {
  progress_.total_bytes = InputBytes(checkpoint_, plan);
  progress_.num_tensors = plan.tensors.size();
  if (importance_ != nullptr) expected_divergence_ = 0;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    ABSL_RETURN_IF_ERROR(WriteTensor(i, plan.tensors[i], types[i], writer));
  }
  return absl::OkStatus();
}

std::vector<TensorKindSummary> TensorStream::TakeKinds() {
  std::vector<TensorKindSummary> kinds;
  for (Kind& kind : kinds_) {
    kind.summary.relative_error =
        kind.squared_norm > 0 ? std::sqrt(kind.squared_error / kind.squared_norm) : 0.0;
    kinds.push_back(std::move(kind.summary));
  }
  return kinds;
}

absl::Status TensorStream::WriteTensor(size_t index, const PlannedTensor& tensor, TensorType type,
                                       ModelWriter& writer) {
  ABSL_ASSIGN_OR_RETURN(const RowCalibration calibration,
                        CalibrationOf(importance_, tensor, config_, options_.quality));
  Kind& kind = KindOf(tensor.info, type);
  ++kind.summary.num_tensors;
  progress_.tensor_index = index;
  progress_.tensor_name = tensor.info.name;
  const int64_t done_before = progress_.done_bytes;
  MatrixLoss loss;
  loss.squared_range = calibration.squared_range;
  for (int64_t row = 0; row < tensor.info.rows;) {
    ABSL_ASSIGN_OR_RETURN(const std::vector<EncodedRows> slices,
                          encoder_.Encode(tensor, type, row, calibration));
    for (const EncodedRows& slice : slices) {
      ABSL_RETURN_IF_ERROR(
          writer.WriteRows(index, slice.first_row, slice.bytes.values, slice.bytes.scales));
      kind.summary.num_values += slice.num_rows * tensor.info.columns;
      kind.summary.stored_bytes += slice.bytes.values.size() + slice.bytes.scales.size();
      kind.squared_error += slice.squared_error;
      kind.squared_norm += slice.squared_norm;
      AddLoss(slice, loss);
      row += slice.num_rows;
      progress_.done_bytes = done_before + SourceBytes(checkpoint_, tensor, row);
    }
    if (options_.progress && !options_.progress(progress_)) {
      return absl::CancelledError("the conversion was cancelled");
    }
  }
  if (importance_ == nullptr) return absl::OkStatus();
  ABSL_ASSIGN_OR_RETURN(const double divergence,
                        DivergenceOf(*importance_, tensor.info, type, config_, loss));
  *expected_divergence_ += divergence;
  return absl::OkStatus();
}

// One entry per kind and type; layers of one kind may differ in shape and so in type.
TensorStream::Kind& TensorStream::KindOf(const TensorInfo& info, TensorType type) {
  const std::string name = TensorKind(info);
  for (Kind& kind : kinds_) {
    if (kind.summary.kind == name && kind.summary.type == type) return kind;
  }
  Kind& kind = kinds_.emplace_back();
  kind.summary.kind = name;
  kind.summary.type = type;
  return kind;
}

}  // namespace inkling
