// The recipes there are. A new family adds its function here, in both lists.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "converter/recipes/recipe.h"

namespace inkling {

Recipe FalconRecipe();
Recipe GemmaRecipe();
Recipe Gemma2Recipe();
Recipe Gemma3Recipe();
Recipe LlamaRecipe();
Recipe MistralRecipe();
Recipe PhiRecipe();
Recipe Phi3Recipe();
Recipe PhiMsftRecipe();
Recipe Qwen2Recipe();
Recipe Qwen3Recipe();
Recipe SmolLm3Recipe();
Recipe StableLmRecipe();

absl::Span<const Recipe> Recipes() {
  static const std::vector<Recipe>& recipes = *new std::vector<Recipe>{
      FalconRecipe(),  GemmaRecipe(),   Gemma2Recipe(),   Gemma3Recipe(),  LlamaRecipe(),
      MistralRecipe(), PhiRecipe(),     Phi3Recipe(),     PhiMsftRecipe(), Qwen2Recipe(),
      Qwen3Recipe(),   SmolLm3Recipe(), StableLmRecipe(),
  };
  return recipes;
}

namespace {

std::string SupportedTypes() {
  std::vector<std::string> types;
  for (const Recipe& recipe : Recipes()) {
    types.insert(types.end(), recipe.model_types.begin(), recipe.model_types.end());
  }
  return absl::StrJoin(types, ", ");
}

// Models that were given another head than the one for text. Their tensors are the family's, and
// whether there is a head for text too, the plan of the tensors finds out.
constexpr absl::string_view kOtherHeads[] = {"ForSequenceClassification", "ForTokenClassification",
                                             "ForRewardModel"};

// Spelling differs in case ("LLaMA...").
bool IsArchitecture(absl::string_view name, absl::string_view known) {
  if (absl::EqualsIgnoreCase(name, known)) return true;
  if (!absl::ConsumeSuffix(&known, "ForCausalLM")) return false;
  for (const absl::string_view other : kOtherHeads) {
    if (absl::EqualsIgnoreCase(name, absl::StrCat(known, other))) return true;
  }
  return false;
}

// An empty list is fine: hand-written configs leave it out.
bool HasKnownArchitecture(const Recipe& recipe, const std::vector<std::string>& architectures) {
  if (architectures.empty()) return true;
  for (const std::string& name : architectures) {
    for (const std::string& known : recipe.architectures) {
      if (IsArchitecture(name, known)) return true;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<const Recipe*> FindRecipe(const nlohmann::json& config) {
  ConfigFields fields(config, "config.json");
  const std::string model_type = fields.String("model_type", "");
  const std::vector<std::string> architectures = fields.Strings("architectures");
  if (model_type.empty()) {
    fields.Reject("model_type", absl::StrCat("one of ", SupportedTypes()), "nothing");
  }
  ABSL_RETURN_IF_ERROR(fields.status());
  for (const Recipe& recipe : Recipes()) {
    for (const std::string& type : recipe.model_types) {
      if (type != model_type) continue;
      if (HasKnownArchitecture(recipe, architectures)) return &recipe;
      return absl::UnimplementedError(
          absl::StrCat("config.json: architectures: ", absl::StrJoin(architectures, ", "),
                       " is not supported; of model_type ", model_type, ", this version converts ",
                       absl::StrJoin(recipe.architectures, ", ")));
    }
  }
  return absl::UnimplementedError(absl::StrCat("config.json: model_type ", model_type,
                                               " is not supported; this version converts ",
                                               SupportedTypes()));
}

}  // namespace inkling
