// config.json: the family's recipe, the config it makes, and where its tensors would lie.

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/files/config_fields.h"
#include "converter/files/json_text.h"
#include "converter/recipes/config_keys.h"
#include "converter/recipes/recipe.h"
#include "src/format/model_config.h"
#include "src/format/tensor_list.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) {
  const absl::StatusOr<nlohmann::json> json = ParseJson(bytes, "config.json");
  if (!json.ok() || !json->is_object()) return false;
  const absl::StatusOr<const Recipe*> recipe = FindRecipe(*json);
  if (!recipe.ok()) return false;
  ConfigFields fields(*json, "config.json");
  const ModelConfig config = (*recipe)->read_config(fields);
  NoteUnreadMathematics((*recipe)->family, fields);
  if (!fields.status().ok() || !ValidateModelConfig(config).ok()) return false;
  for (const TensorInfo& tensor : TensorList(config)) {
    const absl::StatusOr<TensorSource> source = (*recipe)->find_source(tensor, config);
    Expect(source.ok(), "a source for every tensor of a valid config");
  }
  return true;
}

}  // namespace inkling
