// Numbers of the config and types of the tensors, put into short phrases.

#include "src/session/model_description.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "inkling/llm_options.h"
#include "src/format/element_type.h"
#include "src/format/model_config.h"
#include "src/format/model_reader.h"
#include "src/format/tensor_list.h"

namespace inkling {
namespace {

absl::string_view ActivationName(Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return "silu";
    case Activation::kGeluTanh:
      return "gelu-tanh";
    case Activation::kGeluErf:
      return "gelu-erf";
    case Activation::kRelu:
      return "relu";
  }
  return "unknown activation";
}

absl::string_view PositionName(PositionKind position) {
  switch (position) {
    case PositionKind::kNone:
      return "no positions";
    case PositionKind::kRotary:
      return "rotary positions";
    case PositionKind::kAlibi:
      return "alibi positions";
  }
  return "unknown positions";
}

// The distinct types of the tensors of one role, in file order, joined by "+".
std::string TypesOfRole(const ModelReader& reader, TensorRole role) {
  std::vector<absl::string_view> names;
  for (const TensorView& tensor : reader.tensors()) {
    const absl::string_view name = TensorTypeName(tensor.type);
    if (tensor.info.role == role && !absl::c_linear_search(names, name)) names.push_back(name);
  }
  return absl::StrJoin(names, "+");
}

std::string WeightTypes(const ModelReader& reader) {
  std::string types = absl::StrCat(TypesOfRole(reader, TensorRole::kLinear), " layers, ",
                                   TypesOfRole(reader, TensorRole::kEmbedding), " embedding, ");
  const std::string head = TypesOfRole(reader, TensorRole::kHead);
  return head.empty() ? absl::StrCat(types, "head shared with the embedding")
                      : absl::StrCat(types, head, " head");
}

std::string TemplateName(const PromptTemplateData& prompt_template) {
  const std::string name = prompt_template.name.empty() ? "none" : prompt_template.name;
  return prompt_template.note.empty() ? name : absl::StrCat(name, ": ", prompt_template.note);
}

}  // namespace

std::string DescribeArchitecture(const ModelConfig& config) {
  const bool windowed =
      absl::c_any_of(config.layers, [](const LayerConfig& layer) { return layer.window > 0; });
  return absl::StrCat(config.num_layers, " layers, hidden ", config.hidden_dim, ", ",
                      config.num_heads, " heads (", config.num_kv_heads, " kv) of ",
                      config.head_dim, ", ",
                      config.feed_forward == FeedForwardKind::kGated ? "gated " : "plain ",
                      ActivationName(config.activation), " ", config.feed_forward_dim, ", ",
                      PositionName(config.position), windowed ? " with sliding windows, " : ", ",
                      config.norm == NormKind::kRms ? "rms" : "layer", " norm");
}

ModelDescription DescribeFile(const ModelReader& reader) {
  const ModelMetadata& metadata = reader.metadata();
  ModelDescription description;
  description.model_id = metadata.model_id;
  description.source = metadata.provenance.source;
  description.recipe = metadata.provenance.recipe;
  description.architecture = DescribeArchitecture(metadata.config);
  description.weight_types = WeightTypes(reader);
  description.prompt_template = TemplateName(metadata.prompt_template);
  description.vocab_size = metadata.config.vocab_size;
  description.context_length = metadata.config.context_length;
  for (const TensorView& tensor : reader.tensors()) {
    description.num_parameters += tensor.info.rows * tensor.info.columns;
  }
  description.file_bytes = reader.file_bytes();
  return description;
}

}  // namespace inkling
