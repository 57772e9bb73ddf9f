// TensorStream: the part of a conversion that takes time: every planned tensor read, encoded and
// written, and what the summary says of them added up.

#ifndef INKLING_CONVERTER_TENSOR_STREAM_H_
#define INKLING_CONVERTER_TENSOR_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/convert.h"
#include "converter/plan/tensor_plan.h"
#include "converter/quantize/importance_file.h"
#include "converter/quantize/row_encoder.h"
#include "src/format/element_type.h"
#include "src/format/model_writer.h"

namespace inkling {

// Bytes of the checkpoint that the tensors of `plan` read.
int64_t InputBytes(const Checkpoint& checkpoint, const TensorPlan& plan);

class TensorStream {
 public:
  // Everything outlives this; `importance` may be null.
  TensorStream(const Checkpoint& checkpoint, const ModelConfig& config,
               const ConvertOptions& options, const ImportanceFile* importance);

  // Streams the tensors of `plan` into `writer`, `types` beside them. Errors: reading, writing,
  // Cancelled.
  absl::Status Run(const TensorPlan& plan, absl::Span<const TensorType> types, ModelWriter& writer);

  // Of the tensors that Run wrote, in file order.
  std::vector<TensorKindSummary> TakeKinds();

  // Of all of them together; unset without an importance file.
  std::optional<double> expected_divergence() const { return expected_divergence_; }

 private:
  struct Kind {
    TensorKindSummary summary;
    double squared_error = 0;
    double squared_norm = 0;
  };

  absl::Status WriteTensor(size_t index, const PlannedTensor& tensor, TensorType type,
                           ModelWriter& writer);
  Kind& KindOf(const TensorInfo& info, TensorType type);

  const Checkpoint& checkpoint_;
  const ModelConfig& config_;
  const ConvertOptions& options_;
  const ImportanceFile* importance_;
  RowEncoder encoder_;
  ConvertProgress progress_;
  std::vector<Kind> kinds_;
  std::optional<double> expected_divergence_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_TENSOR_STREAM_H_
