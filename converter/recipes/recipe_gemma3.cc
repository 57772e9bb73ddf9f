// Gemma 3 (270M, 1B, and the language model of 4B, 12B, 27B): Gemma 2 without its caps, with norms
// of q and k, and two rotations: layers with a sliding window turn by one table, the others (every
// sixth) by another.
//
// Checkpoints that see images keep the language model's config in `text_config` and its tensors
// behind "language_model."; their vision tensors are left out.
//
// Source: transformers' configuration_gemma3.py and modeling_gemma3.py.

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "converter/recipes/config_keys.h"
#include "converter/recipes/decoder_fields.h"
#include "converter/recipes/layer_fields.h"
#include "converter/recipes/recipe.h"
#include "converter/recipes/rope_scaling.h"

namespace inkling {
namespace {

constexpr DecoderDefaults kDefaults = {.vocab_size = 262208,
                                       .hidden_size = 2304,
                                       .intermediate_size = 9216,
                                       .num_hidden_layers = 26,
                                       .num_attention_heads = 8,
                                       .num_key_value_heads = 4,
                                       .head_dim = 256,
                                       .max_position_embeddings = 131072};

constexpr double kGlobalTheta = 1000000.0;
constexpr double kLocalTheta = 10000.0;
constexpr int32_t kLocalTable = 1;

// The table of layers that see all keys, then that of layers with a window. transformers 5 keeps
// their parameters by kind of layer; before, only the first could be scaled, and the second had a
// field for its theta.
std::vector<RopeTableConfig> ReadRopeTables(ConfigFields& fields, const ModelConfig& config) {
  const double global_theta = fields.PositiveNumber("rope_theta", kGlobalTheta);
  const double local_theta = fields.PositiveNumber("rope_local_base_freq", kLocalTheta);
  const auto read = [&config](ConfigFields& parameters, double theta) {
    return ReadRopeParameters(
        parameters,
        {.rotary_dim = config.rotary_dim, .theta = theta, .context_length = config.context_length});
  };
  ConfigFields parameters = fields.Object("rope_parameters");
  ConfigFields scaling = fields.Object("rope_scaling");
  for (const char* key : {"rope_theta", "rope_type", "factor"}) {
    if (!parameters.Has(key)) continue;
    parameters.Reject(key, "objects full_attention and sliding_attention instead", "one rotation");
  }
  if (scaling.Has("type") && !scaling.Has("rope_type")) {
    scaling.Reject("rope_type", "the scaling's name", "it under type, which isn't read there");
  }
  ConfigFields global = parameters.Object("full_attention");
  ConfigFields local = parameters.Object("sliding_attention");
  if (!scaling.IsEmpty() && global.Has("factor")) {
    fields.Reject("rope_scaling", "one scaling, in rope_scaling or in rope_parameters", "two");
  }
  std::vector<RopeTableConfig> tables;
  if (scaling.IsEmpty()) {
    tables.push_back(read(global, global_theta));
  } else {
    const double theta = global.PositiveNumber("rope_theta", global_theta);
    tables.push_back(read(scaling, theta));
  }
  tables.push_back(read(local, local_theta));
  for (const ConfigFields* inner : {&parameters, &scaling, &global, &local}) fields.Merge(*inner);
  return tables;
}

std::vector<LayerConfig> ReadLocalAndGlobalLayers(ConfigFields& fields, int32_t num_layers) {
  const int32_t pattern = fields.Size("sliding_window_pattern", 6);
  // Written for a while, and not read again.
  const int32_t written = fields.Size("_sliding_window_pattern", pattern);
  if (written != pattern && !fields.Has("layer_types")) {
    fields.Reject("_sliding_window_pattern",
                  absl::StrCat(pattern, ", or layer_types, which say the same"),
                  absl::StrCat(written));
  }
  std::vector<LayerConfig> layers =
      ReadLayers(fields, num_layers, ReadWindow(fields, 4096),
                 [pattern](int32_t layer) { return (layer + 1) % pattern != 0; });
  for (LayerConfig& layer : layers) {
    if (layer.window > 0) layer.rope_table = kLocalTable;
  }
  return layers;
}

ModelConfig ReadTextConfig(ConfigFields& fields) {
  ModelConfig config = ReadDecoderSizes(fields, kDefaults);
  config.norm = NormKind::kRms;
  config.norm_epsilon = static_cast<float>(fields.PositiveNumber("rms_norm_eps", 1e-6));
  config.post_norms = true;
  config.query_key_norm = QueryKeyNorm::kShared;
  config.query_key_norm_kind = NormKind::kRms;
  config.rotary_dim = ReadWholeRotaryDim(fields, config.head_dim);
  config.rope_tables = ReadRopeTables(fields, config);
  config.attention_scale =
      static_cast<float>(1.0 / std::sqrt(fields.PositiveNumber("query_pre_attn_scalar", 256.0)));
  config.query_key_value_bias = fields.Bool("attention_bias", false);
  config.attention_output_bias = config.query_key_value_bias;
  config.layers = ReadLocalAndGlobalLayers(fields, config.num_layers);
  config.feed_forward = FeedForwardKind::kGated;
  config.activation = ReadActivation(fields, "hidden_activation", "gelu_pytorch_tanh");
  // Not rounded to bfloat16: Hugging Face rounds to the type it computes in, and we compute in f32.
  config.embedding_scale = static_cast<float>(std::sqrt(config.hidden_dim));
  config.tied_head = fields.Bool("tie_word_embeddings", true);
  return config;
}

// Null means none, as missing does. attn_logit_softcapping is in the configs too, and not used.
float ReadLogitSoftCap(ConfigFields& fields) {
  constexpr char kKey[] = "final_logit_softcapping";
  return fields.Has(kKey) ? static_cast<float>(fields.PositiveNumber(kKey, 1.0)) : 0.0f;
}

ModelConfig ReadConfig(ConfigFields& fields) {
  if (fields.String("model_type", "") == "gemma3_text") {
    ModelConfig config = ReadTextConfig(fields);
    config.logit_soft_cap = ReadLogitSoftCap(fields);
    return config;
  }
  if (!fields.Has("text_config")) {
    fields.Reject("text_config", "the language model's config", "nothing");
  }
  RequireCausalAttention(fields);
  ConfigFields text = fields.Object("text_config");
  const std::string text_type = text.String("model_type", "gemma3_text");
  if (text_type != "gemma3_text") text.Reject("model_type", "gemma3_text", text_type);
  ModelConfig config = ReadTextConfig(text);
  // The head is the whole model's, which says whether it is tied and caps no logits.
  config.tied_head = fields.Bool("tie_word_embeddings", true);
  NoteUnreadMathematics("gemma3", text);
  fields.Merge(text);
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig&) {
  absl::StatusOr<TensorSource> source = SourceByName(tensor, PostNormDecoderNames());
  if (source.ok() && tensor.role == TensorRole::kNorm) source->add = 1.0f;
  return source;
}

}  // namespace

Recipe Gemma3Recipe() {
  return {.family = "gemma3",
          .model_types = {"gemma3_text", "gemma3"},
          .architectures = {"Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"},
          .foreign_prefixes = {"vision_tower.", "multi_modal_projector."},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
