// Phi-3, Phi-3.5 and Phi-4 (saved as Phi3ForCausalLM): Llama's form with q, k and v in one tensor
// and gate and up in another; long contexts by LongRoPE; Phi-4-mini rotates 3/4 of each head.
//
// Source: transformers' configuration_phi3.py and modeling_phi3.py.

#include <cstdint>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/recipes/decoder_fields.h"
#include "converter/recipes/layer_fields.h"
#include "converter/recipes/recipe.h"

namespace inkling {
namespace {

constexpr DecoderDefaults kDefaults = {.vocab_size = 32064,
                                       .hidden_size = 3072,
                                       .intermediate_size = 8192,
                                       .num_hidden_layers = 32,
                                       .num_attention_heads = 32,
                                       .num_key_value_heads = 0,
                                       .head_dim = 0,
                                       .max_position_embeddings = 4096,
                                       .norm_epsilon = 1e-5,
                                       .partial_rotation = true,
                                       .original_length = 4096};

constexpr TensorNamePair kNames[] = {
    {"embedding", "model.embed_tokens"},
    {"attention_norm", "input_layernorm"},
    {"attention.q", "self_attn.qkv_proj"},
    {"attention.k", "self_attn.qkv_proj"},
    {"attention.v", "self_attn.qkv_proj"},
    {"attention.output", "self_attn.o_proj"},
    {"feed_forward_norm", "post_attention_layernorm"},
    {"feed_forward.gate", "mlp.gate_up_proj"},
    {"feed_forward.up", "mlp.gate_up_proj"},
    {"feed_forward.down", "mlp.down_proj"},
    {"final_norm", "model.norm"},
    {"head", "lm_head"},
};

ModelConfig ReadConfig(ConfigFields& fields) {
  for (const char* bias : {"attention_bias", "mlp_bias", "lm_head_bias"}) {
    fields.RejectIfSet(bias, "this family's tensors have no biases");
  }
  ModelConfig config = ReadGatedDecoder(fields, kDefaults);
  config.layers = EqualLayers(config.num_layers, ReadWindow(fields, 0));
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig& config) {
  ABSL_ASSIGN_OR_RETURN(TensorSource source, SourceByName(tensor, kNames));
  const absl::string_view part = PartName(tensor);
  if (part == "feed_forward.gate" || part == "feed_forward.up") {
    source.source_rows = int64_t{2} * config.feed_forward_dim;
    if (part == "feed_forward.up") source.first_row = config.feed_forward_dim;
  }
  return WithinJoinedQkv(std::move(source), tensor, config);
}

}  // namespace

Recipe Phi3Recipe() {
  return {.family = "phi3",
          .model_types = {"phi3"},
          .architectures = {"Phi3ForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
