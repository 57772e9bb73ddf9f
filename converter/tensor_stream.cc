// One tensor after another, in groups of rows, so that memory holds a few groups at a time.

#include "converter/tensor_stream.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "converter/plan/type_choice.h"
#include "converter/quantize/expected_divergence.h"
#include "src/format/element_type.h"
#include "src/format/tensor_list.h"

namespace inkling {
namespace {

// Bytes of the checkpoint that `rows` rows of a planned tensor read.
int64_t SourceBytes(const Checkpoint& checkpoint, const PlannedTensor& tensor, int64_t rows) {
  if (tensor.source_indices.empty()) return 0;
  const SourceTensor& source = checkpoint.tensors()[tensor.source_indices.front()];
  double values = 1;
  for (const int64_t size : source.shape) values *= static_cast<double>(size);
  return static_cast<int64_t>(static_cast<double>(source.bytes) *
                              static_cast<double>(rows * tensor.info.columns) / values);
}

}  // namespace

int64_t InputBytes(const Checkpoint& checkpoint, const TensorPlan& plan) {
  int64_t bytes = 0;
  for (const PlannedTensor& tensor : plan.tensors) {
    bytes += SourceBytes(checkpoint, tensor, tensor.info.rows);
  }
  return bytes;
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
