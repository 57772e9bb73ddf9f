// Llama 1, 2 and 3.x, and every checkpoint saved as LlamaForCausalLM (TinyLlama, SmolLM, ...);
// llama2.c files too, which their reader presents in this form.
//
// Source: transformers' configuration_llama.py and modeling_llama.py. q and k rows are in
// rotate-half order there already.

#include "absl/status/statusor.h"
#include "converter/recipes/decoder_fields.h"
#include "converter/recipes/recipe.h"

namespace inkling {
namespace {

constexpr DecoderDefaults kDefaults = {.vocab_size = 32000,
                                       .hidden_size = 4096,
                                       .intermediate_size = 11008,
                                       .num_hidden_layers = 32,
                                       .num_attention_heads = 32,
                                       .num_key_value_heads = 0,
                                       .head_dim = 0,
                                       .max_position_embeddings = 2048};

ModelConfig ReadConfig(ConfigFields& fields) {
  fields.RejectIfSet("rope_interleaved", "rotary pairs must be in rotate-half order");
  ModelConfig config = ReadGatedDecoder(fields, kDefaults);
  config.query_key_value_bias = fields.Bool("attention_bias", false);
  config.attention_output_bias = config.query_key_value_bias;
  config.feed_forward_bias = fields.Bool("mlp_bias", false);
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig&) {
  return SourceByName(tensor, GatedDecoderNames());
}

}  // namespace

Recipe LlamaRecipe() {
  return {.family = "llama",
          .model_types = {"llama"},
          .architectures = {"LlamaForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
