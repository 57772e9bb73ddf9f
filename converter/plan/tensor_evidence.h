// What a checkpoint's tensors say where its config says less, or something else: which biases there
// are, and whether the head is the embedding.
//
// The conversion asks before it plans. Source: transformers 5, which ties only what has equal
// values (PreTrainedModel.tie_weights) and lets biases that a checkpoint lacks be zeros.

#ifndef INKLING_CONVERTER_PLAN_TENSOR_EVIDENCE_H_
#define INKLING_CONVERTER_PLAN_TENSOR_EVIDENCE_H_

#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/recipes/recipe.h"
#include "src/format/model_config.h"

namespace inkling {

struct TensorEvidence {
  std::set<std::string> zero_biases;  // tensors of ours that have no source and are zeros
  std::vector<std::string> notes;     // for people
};

// Corrects `config`, which `recipe` read and which is valid:
// - a head whose values differ from the embedding is the model's own, whatever tied_head says; the
//   two are compared in groups of rows;
// - biases of a block that no layer has, beside others that are there, are taken out of the config
//   or become zeros.
// `keep_going` is asked before every group of rows that is compared, and given the head's name.
// Errors: those of Checkpoint::ReadRows, InvalidArgument for a head of another shape, Cancelled.
absl::StatusOr<TensorEvidence> ReadTensorEvidence(
    const Checkpoint& checkpoint, const Recipe& recipe, ModelConfig& config,
    absl::FunctionRef<bool(absl::string_view head)> keep_going);

}  // namespace inkling

#endif  // INKLING_CONVERTER_PLAN_TENSOR_EVIDENCE_H_
