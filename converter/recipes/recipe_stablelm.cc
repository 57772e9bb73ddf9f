// StableLM (3B-4E1T, Zephyr 3B, 2-1.6B, 2-12B): Llama's form with LayerNorms, of which a part of
// each head rotates. 2-1.6B has biases on q, k and v; 2-12B norms each head of q and k with weights
// of its own, kept one tensor a head, and runs attention and feed-forward side by side.
//
// Before transformers knew the family, checkpoints came with code of their own, which called it
// stablelm_epoch and named two fields otherwise. Fine-tunes of that time still say so; their
// tensors are the same.
//
// Source: transformers' configuration_stablelm.py and modeling_stablelm.py.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "converter/recipes/decoder_fields.h"
#include "converter/recipes/recipe.h"
#include "converter/recipes/rope_scaling.h"

namespace inkling {
namespace {

constexpr DecoderDefaults kDefaults = {.vocab_size = 50304,
                                       .hidden_size = 2560,
                                       .intermediate_size = 6912,
                                       .num_hidden_layers = 32,
                                       .num_attention_heads = 32,
                                       .num_key_value_heads = 32,
                                       .head_dim = 0,
                                       .max_position_embeddings = 4096};

ModelConfig ReadConfig(ConfigFields& fields) {
  fields.AlsoCalled("layer_norm_eps", "norm_eps");
  fields.AlsoCalled("partial_rotary_factor", "rope_pct");
  ModelConfig config = ReadDecoderSizes(fields, kDefaults);
  RequireDerivedHeadDim(fields, config);
  config.norm = NormKind::kLayer;
  config.norm_has_bias = true;
  config.norm_epsilon = static_cast<float>(fields.PositiveNumber("layer_norm_eps", 1e-5));
  if (fields.Bool("qk_layernorm", false)) {
    config.query_key_norm = QueryKeyNorm::kPerHead;
    config.query_key_norm_kind = NormKind::kLayer;
  }
  if (fields.Bool("use_parallel_residual", false)) {
    config.residual = ResidualKind::kParallelSharedNorm;
  }
  config.rotary_dim = ReadRotaryDim(fields, config.head_dim, 0.25);
  config.rope_tables = {ReadRopeTable(fields, {.rotary_dim = config.rotary_dim,
                                               .theta = 10000.0,
                                               .context_length = config.context_length})};
  config.query_key_value_bias = fields.Bool("use_qkv_bias", false);
  config.feed_forward = FeedForwardKind::kGated;
  config.activation = ReadActivation(fields, "hidden_act", "silu");
  config.tied_head = fields.Bool("tie_word_embeddings", false);
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig&) {
  const absl::string_view part = PartName(tensor);
  if (part != "attention.q_norm" && part != "attention.k_norm") {
    return SourceByName(tensor, GatedDecoderNames());
  }
  const char* name = part == "attention.q_norm" ? "q_layernorm" : "k_layernorm";
  TensorSource source;
  for (int64_t head = 0; head < tensor.rows; ++head) {
    source.row_names.push_back(absl::StrCat("model.layers.", tensor.layer, ".self_attn.", name,
                                            ".norms.", head, ".weight"));
  }
  return source;
}

}  // namespace

Recipe StableLmRecipe() {
  return {.family = "stablelm",
          .model_types = {"stablelm", "stablelm_epoch"},
          .architectures = {"StableLmForCausalLM", "StableLMEpochForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
