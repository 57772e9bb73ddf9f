// A map of names; savers of models leave the prefixes off that others put in front.

#include "converter/plan/tensor_finder.h"

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace inkling {

TensorFinder::TensorFinder(const Checkpoint& checkpoint) {
  for (size_t i = 0; i < checkpoint.tensors().size(); ++i) {
    index_of_[checkpoint.tensors()[i].name] = i;
  }
}

std::optional<size_t> TensorFinder::Find(absl::string_view name) const {
  // A model saved without its head has no prefix.
  absl::string_view inner = name;
  if (!absl::ConsumePrefix(&inner, "model.")) absl::ConsumePrefix(&inner, "transformer.");
  for (const std::string& candidate :
       {std::string(name), std::string(inner), absl::StrCat("language_model.", name),
        absl::StrCat("model.language_model.", inner)}) {
    const auto found = index_of_.find(candidate);
    if (found != index_of_.end()) return found->second;
  }
  return std::nullopt;
}

TensorInfo HeadInfo(const ModelConfig& config) {
  return {.name = "head.weight",
          .role = TensorRole::kHead,
          .layer = -1,
          .rows = config.vocab_size,
          .columns = config.hidden_dim,
          .is_vector = false};
}

std::string HeadName(const Recipe& recipe, const ModelConfig& config) {
  const absl::StatusOr<TensorSource> source = recipe.find_source(HeadInfo(config), config);
  return source.ok() ? source->name : std::string();
}

}  // namespace inkling
