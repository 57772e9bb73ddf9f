// Mistral (7B, Nemo, Small): Llama's form, all layers with one sliding window where the config
// names it. `sliding_window` missing means 4096, null means none.
//
// Source: transformers' configuration_mistral.py and modeling_mistral.py.

#include "absl/status/statusor.h"
#include "converter/decoder_fields.h"
#include "converter/layer_fields.h"
#include "converter/recipe.h"

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
  config.layers = EqualLayers(config.num_layers, ReadWindow(fields, 4096));
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig&) {
  return SourceByName(tensor, GatedDecoderNames());
}

}  // namespace

Recipe MistralRecipe() {
  return {.family = "mistral",
          .model_types = {"mistral"},
          .architectures = {"MistralForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
