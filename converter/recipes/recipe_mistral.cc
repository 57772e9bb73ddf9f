// Mistral (7B, Nemo, Small): Llama's form, all layers with one sliding window where the config
// names it. `sliding_window` missing means 4096, null means none. With `layer_types`, transformers
// calls it Ministral, some layers of which see all keys.
//
// Source: transformers' configuration_mistral.py, modeling_mistral.py, configuration_auto.py and
// the files of ministral.

#include "absl/status/statusor.h"
#include "converter/recipes/decoder_fields.h"
#include "converter/recipes/layer_fields.h"
#include "converter/recipes/recipe.h"

namespace inkling {
namespace {

constexpr DecoderDefaults kDefaults = {.vocab_size = 32000,
                                       .hidden_size = 4096,
                                       .intermediate_size = 14336,
                                       .num_hidden_layers = 32,
                                       .num_attention_heads = 32,
                                       .num_key_value_heads = 8,
                                       .head_dim = 0,
                                       .max_position_embeddings = 131072};

ModelConfig ReadConfig(ConfigFields& fields) {
  ModelConfig config = ReadGatedDecoder(fields, kDefaults);
  const int32_t window = ReadWindow(fields, 4096);
  config.layers =
      ReadLayers(fields, config.num_layers, window, [&](int32_t) { return window > 0; });
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig&) {
  return SourceByName(tensor, GatedDecoderNames());
}

}  // namespace

Recipe MistralRecipe() {
  return {.family = "mistral",
          .model_types = {"mistral", "ministral"},
          .architectures = {"MistralForCausalLM", "MinistralForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
