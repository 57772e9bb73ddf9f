// Phi-1, Phi-1.5 and Phi-2 as they were published before transformers knew the family, with code of
// their own that called it phi-msft; fine-tunes of that time still have this form. It is Phi's
// model (recipe_phi.cc) with other names and q, k and v in one tensor.
//
// Source: modeling_phi.py and configuration_phi.py beside those checkpoints.

#include <algorithm>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "converter/recipes/decoder_fields.h"
#include "converter/recipes/recipe.h"
#include "converter/recipes/rope_scaling.h"

namespace inkling {
namespace {

constexpr DecoderDefaults kDefaults = {.vocab_size = 50304,
                                       .hidden_size = 1024,
                                       .intermediate_size = 0,  // four times the hidden size
                                       .num_hidden_layers = 20,
                                       .num_attention_heads = 16,
                                       .num_key_value_heads = 0,
                                       .head_dim = 0,
                                       .max_position_embeddings = 2048};

constexpr char kLayerPrefix[] = "transformer.h.";

constexpr TensorNamePair kNames[] = {
    {"embedding", "transformer.embd.wte"}, {"attention_norm", "ln"},
    {"attention.q", "mixer.Wqkv"},         {"attention.k", "mixer.Wqkv"},
    {"attention.v", "mixer.Wqkv"},         {"attention.output", "mixer.out_proj"},
    {"feed_forward.up", "mlp.fc1"},        {"feed_forward.down", "mlp.fc2"},
    {"final_norm", "lm_head.ln"},          {"head", "lm_head.linear"},
};

ModelConfig ReadConfig(ConfigFields& fields) {
  fields.AlsoCalled("hidden_size", "n_embd");
  fields.AlsoCalled("num_hidden_layers", "n_layer");
  fields.AlsoCalled("num_attention_heads", "n_head");
  fields.AlsoCalled("num_key_value_heads", "n_head_kv");
  fields.AlsoCalled("max_position_embeddings", "n_positions");
  ModelConfig config = ReadDecoderSizes(fields, kDefaults);
  config.feed_forward_dim = fields.Size("n_inner", 4 * config.hidden_dim);
  config.norm = NormKind::kLayer;
  config.norm_has_bias = true;
  config.norm_epsilon = static_cast<float>(fields.PositiveNumber("layer_norm_epsilon", 1e-5));
  config.residual = ResidualKind::kParallelSharedNorm;
  config.rotary_dim = std::min(fields.Size("rotary_dim", 32), config.head_dim);
  config.rope_tables = {UnscaledRopeTable(config.rotary_dim, 10000.0)};
  config.query_key_value_bias = true;
  config.attention_output_bias = true;
  config.feed_forward = FeedForwardKind::kPlain;
  config.activation = ReadActivation(fields, "activation_function", "gelu_new");
  config.feed_forward_bias = true;
  config.tied_head = fields.Bool("tie_word_embeddings", false);
  config.head_bias = true;
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig& config) {
  ABSL_ASSIGN_OR_RETURN(TensorSource source, SourceByName(tensor, kNames, kLayerPrefix));
  return WithinJoinedQkv(std::move(source), tensor, config);
}

}  // namespace

Recipe PhiMsftRecipe() {
  return {.family = "phi",
          .model_types = {"phi-msft"},
          .architectures = {"PhiForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
