// TensorPlan: for every tensor of the model file, the checkpoint tensor it comes from.
//
// Made before anything is written, so that a missing, misshapen or left-over tensor is an error
// within a second and not after an hour.

#ifndef INKLING_CONVERTER_PLAN_TENSOR_PLAN_H_
#define INKLING_CONVERTER_PLAN_TENSOR_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/recipes/recipe.h"
#include "src/format/element_type.h"
#include "src/format/model_config.h"
#include "src/format/quantization.h"
#include "src/format/tensor_list.h"

namespace inkling {

struct PlannedTensor {
  TensorInfo info;
  // Into Checkpoint::tensors(): one, or one a row. Empty: zeros, which no tensor holds.
  std::vector<size_t> source_indices;
  TensorSource source;

  // What each column is multiplied with (converter/quantize/column_balance.h); powers of two.
  // Empty: 1.
  std::vector<float> column_factors = {};
};

struct TensorPlan {
  std::vector<PlannedTensor> tensors;  // in TensorList order
  std::vector<std::string> left_out;   // checkpoint tensors that the model doesn't need, and why
};

// `config` is what `recipe` read from the checkpoint, and valid. Tensors are found as TensorFinder
// finds them; those in `zero_biases` (TensorEvidence) are planned as zeros. Errors
// (InvalidArgument): a tensor missing, of another shape or of a dtype that can't be read (both
// names, expected, found); checkpoint tensors that nothing uses, unless known to be redundant,
// foreign, or of a head for another task.
absl::StatusOr<TensorPlan> PlanTensors(const Checkpoint& checkpoint, const Recipe& recipe,
                                       const ModelConfig& config,
                                       const std::set<std::string>& zero_biases = {});

// Stores the embedding's values a second time as the head. `config.tied_head` was true for `plan`
// and is false now.
TensorPlan WithOwnHead(const TensorPlan& plan, const ModelConfig& config);

// Rows [first_row, first_row + num_rows) of a planned tensor [rows, columns], as the file will hold
// them. Errors: those of Checkpoint::ReadRows. Any number of threads may read at once.
absl::StatusOr<std::vector<float>> ReadPlannedRows(const Checkpoint& checkpoint,
                                                   const PlannedTensor& tensor, int64_t first_row,
                                                   int64_t num_rows);

// The type in which a planned matrix is quantised already, if it is and nothing is to be done to
// its values but to put rows in another order.
std::optional<TensorType> PlannedStoredType(const Checkpoint& checkpoint,
                                            const PlannedTensor& tensor);

// The type that a planned matrix gets unless another is asked for, if it is quantised already.
std::optional<TensorType> PlannedKeptType(const Checkpoint& checkpoint,
                                          const PlannedTensor& tensor);

// The block scales (Checkpoint::ReadBlockScales) of the rows that ReadPlannedRows gives.
absl::StatusOr<std::vector<float>> ReadPlannedBlockScales(const Checkpoint& checkpoint,
                                                          const PlannedTensor& tensor,
                                                          int64_t first_row, int64_t num_rows);

// Rows like those of ReadPlannedRows, of a tensor that has a PlannedStoredType, as they are stored.
absl::StatusOr<QuantizedRows> ReadPlannedStoredRows(const Checkpoint& checkpoint,
                                                    const PlannedTensor& tensor, int64_t first_row,
                                                    int64_t num_rows);

}  // namespace inkling

#endif  // INKLING_CONVERTER_PLAN_TENSOR_PLAN_H_
