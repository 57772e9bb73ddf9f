// TensorFinder: a checkpoint's tensors by the names that recipes know.

#ifndef INKLING_CONVERTER_PLAN_TENSOR_FINDER_H_
#define INKLING_CONVERTER_PLAN_TENSOR_FINDER_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/recipes/recipe.h"
#include "src/format/model_config.h"
#include "src/format/tensor_list.h"

namespace inkling {

class TensorFinder {
 public:
  // `checkpoint` outlives this.
  explicit TensorFinder(const Checkpoint& checkpoint);

  // The index of tensor `name`: also without the "model." that AutoModelForCausalLM saves in front,
  // and behind a wrapper's "language_model.".
  std::optional<size_t> Find(absl::string_view name) const;

 private:
  absl::flat_hash_map<absl::string_view, size_t> index_of_;
};

// The head that a model of this config has if it isn't tied to the embedding.
TensorInfo HeadInfo(const ModelConfig& config);

// The name of the checkpoint's tensor for it; empty if the recipe knows none.
std::string HeadName(const Recipe& recipe, const ModelConfig& config);

}  // namespace inkling

#endif  // INKLING_CONVERTER_PLAN_TENSOR_FINDER_H_
