// Recipe: how one family's checkpoints become a ModelConfig and its tensors. One file per family.
//
// A recipe reads config.json (in transformers' spellings and with its defaults) and says for every
// tensor of TensorList where its values lie. How to add a family: src/README.md. Nothing outside
// converter/ knows a family's name.

#ifndef INKLING_CONVERTER_RECIPES_RECIPE_H_
#define INKLING_CONVERTER_RECIPES_RECIPE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "converter/files/config_fields.h"
#include "nlohmann/json.hpp"
#include "src/format/model_config.h"
#include "src/format/tensor_list.h"

namespace inkling {

// Which rows of which checkpoint tensor make one of ours. Row r of ours is row
// first_row + (r / run) * stride + r % run of the source, plus `add`. For a vector of ours, the
// source is a vector and rows are its elements.
struct TensorSource {
  std::string name;
  int64_t source_rows = 0;  // rows that the source must have; 0: as many as ours
  int64_t first_row = 0;
  int64_t run = 0;  // neighbouring rows that stay neighbours; 0: all
  int64_t stride = 0;
  float add = 0.0f;  // 1 for norms that a family multiplies with 1 + weight

  // Instead of `name`, for a matrix of ours that is kept as one vector a row.
  std::vector<std::string> row_names;
};

struct Recipe {
  std::string family;                      // "llama", for people
  std::vector<std::string> model_types;    // values of config.json's model_type
  std::vector<std::string> architectures;  // values of its `architectures` that have this form

  // Tensors of checkpoints that hold more than the language model: what their names begin with,
  // behind an optional "model.". They are left out.
  std::vector<std::string> foreign_prefixes = {};

  // Problems go to fields.status(); the result is used only if that is OK.
  ModelConfig (*read_config)(ConfigFields& fields) = nullptr;

  // Where `tensor`, one of TensorList(config), comes from. The name is the one that
  // AutoModelForCausalLM saves; known prefixes around it are found by the caller.
  absl::StatusOr<TensorSource> (*find_source)(const TensorInfo& tensor,
                                              const ModelConfig& config) = nullptr;
};

// Every recipe there is.
absl::Span<const Recipe> Recipes();

// The recipe for a config.json. Errors: InvalidArgument without a model_type; Unimplemented for a
// model_type or architecture without a recipe, listing those there are.
absl::StatusOr<const Recipe*> FindRecipe(const nlohmann::json& config);

}  // namespace inkling

#endif  // INKLING_CONVERTER_RECIPES_RECIPE_H_
