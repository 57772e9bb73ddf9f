// Phi-1, Phi-1.5 and Phi-2: attention and feed-forward read one LayerNorm and add to the residual
// together; biases everywhere, the head's included; part of each head rotates.
//
// Source: transformers' configuration_phi.py and modeling_phi.py.

#include "absl/status/statusor.h"
#include "converter/recipes/decoder_fields.h"
#include "converter/recipes/recipe.h"
#include "converter/recipes/rope_scaling.h"

namespace inkling {
namespace {

constexpr DecoderDefaults kDefaults = {.vocab_size = 51200,
                                       .hidden_size = 2048,
                                       .intermediate_size = 8192,
                                       .num_hidden_layers = 24,
                                       .num_attention_heads = 32,
                                       .num_key_value_heads = 0,
                                       .head_dim = 0,
                                       .max_position_embeddings = 2048};

constexpr TensorNamePair kNames[] = {
    {"embedding", "model.embed_tokens"},     {"attention_norm", "input_layernorm"},
    {"attention.q", "self_attn.q_proj"},     {"attention.k", "self_attn.k_proj"},
    {"attention.v", "self_attn.v_proj"},     {"attention.output", "self_attn.dense"},
    {"feed_forward.up", "mlp.fc1"},          {"feed_forward.down", "mlp.fc2"},
    {"final_norm", "model.final_layernorm"}, {"head", "lm_head"},
};

ModelConfig ReadConfig(ConfigFields& fields) {
  fields.RejectIfSet("qk_layernorm", "its norms of q and k have biases");
  ModelConfig config = ReadDecoderSizes(fields, kDefaults);
  config.norm = NormKind::kLayer;
  config.norm_has_bias = true;
  config.norm_epsilon = static_cast<float>(fields.PositiveNumber("layer_norm_eps", 1e-5));
  config.residual = ResidualKind::kParallelSharedNorm;
  config.rotary_dim = ReadRotaryDim(fields, config.head_dim, 0.5);
  config.rope_tables = {ReadRopeTable(fields, {.rotary_dim = config.rotary_dim,
                                               .theta = 10000.0,
                                               .context_length = config.context_length})};
  config.query_key_value_bias = true;
  config.attention_output_bias = true;
  config.feed_forward = FeedForwardKind::kPlain;
  config.activation = ReadActivation(fields, "hidden_act", "gelu_new");
  config.feed_forward_bias = true;
  config.tied_head = fields.Bool("tie_word_embeddings", false);
  config.head_bias = true;
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig&) {
  return SourceByName(tensor, kNames);
}

}  // namespace

Recipe PhiRecipe() {
  return {.family = "phi",
          .model_types = {"phi"},
          .architectures = {"PhiForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
