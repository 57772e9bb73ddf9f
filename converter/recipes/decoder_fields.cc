// Shared readings of config.json. Defaults come in from the recipe: they differ between families.

#include "converter/recipes/decoder_fields.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "converter/recipes/config_keys.h"
#include "converter/recipes/rope_scaling.h"

namespace inkling {

namespace {

// The most that a model file takes (ValidateModelConfig), under the names that configs have.
constexpr std::pair<absl::string_view, int32_t> kLimits[] = {
    {"hidden_size", 1 << 20},         {"intermediate_size", 1 << 22},   {"num_hidden_layers", 1024},
    {"num_attention_heads", 1 << 12}, {"num_key_value_heads", 1 << 12}, {"head_dim", 1 << 12},
};

void CheckSizes(ConfigFields& fields, ModelConfig& config) {
  for (const auto& [key, most] : kLimits) {
    const int32_t size = fields.Size(key, 1);
    if (size <= most) continue;
    fields.Reject(key, absl::StrCat("at most ", most), absl::StrCat(size));
    config.num_layers = std::min(config.num_layers, 1024);
  }
  if (config.num_heads % config.num_kv_heads != 0) {
    fields.Reject("num_key_value_heads",
                  absl::StrCat("a divisor of num_attention_heads ", config.num_heads),
                  absl::StrCat(config.num_kv_heads));
  }
}

}  // namespace

ModelConfig ReadDecoderSizes(ConfigFields& fields, const DecoderDefaults& defaults) {
  RequireCausalAttention(fields);
  ModelConfig config;
  config.vocab_size = fields.Size("vocab_size", defaults.vocab_size);
  config.hidden_dim = fields.Size("hidden_size", defaults.hidden_size);
  config.feed_forward_dim = fields.Size("intermediate_size", defaults.intermediate_size);
  config.num_layers = fields.Size("num_hidden_layers", defaults.num_hidden_layers);
  config.num_heads = fields.Size("num_attention_heads", defaults.num_attention_heads);
  // Null means as many as attention heads too, whatever the family assumes for a missing field.
  const bool has_default =
      defaults.num_key_value_heads > 0 && !fields.IsNull("num_key_value_heads");
  config.num_kv_heads = fields.Size("num_key_value_heads",
                                    has_default ? defaults.num_key_value_heads : config.num_heads);
  config.context_length = fields.Size("max_position_embeddings", defaults.max_position_embeddings);
  if (fields.Has("head_dim") || defaults.head_dim > 0) {
    config.head_dim = fields.Size("head_dim", defaults.head_dim);
  } else {
    config.head_dim = config.hidden_dim / config.num_heads;
    if (config.hidden_dim % config.num_heads != 0) {
      fields.Reject("hidden_size",
                    absl::StrCat("a multiple of num_attention_heads ", config.num_heads),
                    absl::StrCat(config.hidden_dim));
    }
  }
  CheckSizes(fields, config);
  config.attention_scale = static_cast<float>(1.0 / std::sqrt(config.head_dim));
  config.layers.assign(config.num_layers, LayerConfig{});
  return config;
}

void RequireDerivedHeadDim(ConfigFields& fields, const ModelConfig& config) {
  if (config.head_dim * config.num_heads == config.hidden_dim) return;
  fields.Reject("head_dim",
                absl::StrCat("hidden_size / num_attention_heads, ", config.hidden_dim, " / ",
                             config.num_heads),
                absl::StrCat(config.head_dim));
}

ModelConfig ReadGatedDecoder(ConfigFields& fields, const DecoderDefaults& defaults) {
  ModelConfig config = ReadDecoderSizes(fields, defaults);
  config.norm = NormKind::kRms;
  config.norm_epsilon =
      static_cast<float>(fields.PositiveNumber("rms_norm_eps", defaults.norm_epsilon));
  config.rotary_dim = defaults.partial_rotation ? ReadRotaryDim(fields, config.head_dim, 1.0)
                                                : ReadWholeRotaryDim(fields, config.head_dim);
  config.rope_tables = {ReadRopeTable(fields, {.rotary_dim = config.rotary_dim,
                                               .theta = defaults.rope_theta,
                                               .context_length = config.context_length,
                                               .original_length = defaults.original_length,
                                               .yarn_may_be_longrope = defaults.partial_rotation})};
  config.feed_forward = FeedForwardKind::kGated;
  config.activation = ReadActivation(fields, "hidden_act", "silu");
  config.tied_head = fields.Bool("tie_word_embeddings", defaults.tie_word_embeddings);
  return config;
}

Activation ReadActivation(ConfigFields& fields, absl::string_view key,
                          absl::string_view default_name) {
  // transformers' ACT2FN. All forms with a tanh are one formula.
  static constexpr std::pair<absl::string_view, Activation> kActivations[] = {
      {"silu", Activation::kSilu},
      {"swish", Activation::kSilu},
      {"gelu", Activation::kGeluErf},
      {"gelu_python", Activation::kGeluErf},
      {"gelu_new", Activation::kGeluTanh},
      {"gelu_fast", Activation::kGeluTanh},
      {"gelu_accurate", Activation::kGeluTanh},
      {"gelu_pytorch_tanh", Activation::kGeluTanh},
      {"gelu_python_tanh", Activation::kGeluTanh},
      {"relu", Activation::kRelu},
  };
  const std::string name = fields.String(key, default_name);
  for (const auto& [known, activation] : kActivations) {
    if (name == known) return activation;
  }
  fields.Reject(key, "silu, gelu, gelu_new, gelu_fast, gelu_pytorch_tanh or relu", name);
  return Activation::kSilu;
}

absl::Span<const TensorNamePair> GatedDecoderNames() {
  static constexpr TensorNamePair kNames[] = {
      {"embedding", "model.embed_tokens"},
      {"attention_norm", "input_layernorm"},
      {"attention.q", "self_attn.q_proj"},
      {"attention.k", "self_attn.k_proj"},
      {"attention.v", "self_attn.v_proj"},
      {"attention.output", "self_attn.o_proj"},
      {"attention.q_norm", "self_attn.q_norm"},
      {"attention.k_norm", "self_attn.k_norm"},
      {"feed_forward_norm", "post_attention_layernorm"},
      {"feed_forward.gate", "mlp.gate_proj"},
      {"feed_forward.up", "mlp.up_proj"},
      {"feed_forward.down", "mlp.down_proj"},
      {"final_norm", "model.norm"},
      {"head", "lm_head"},
  };
  return kNames;
}

absl::Span<const TensorNamePair> PostNormDecoderNames() {
  static constexpr TensorNamePair kNames[] = {
      {"embedding", "model.embed_tokens"},
      {"attention_norm", "input_layernorm"},
      {"attention.q", "self_attn.q_proj"},
      {"attention.k", "self_attn.k_proj"},
      {"attention.v", "self_attn.v_proj"},
      {"attention.output", "self_attn.o_proj"},
      {"attention.q_norm", "self_attn.q_norm"},
      {"attention.k_norm", "self_attn.k_norm"},
      {"attention_post_norm", "post_attention_layernorm"},
      {"feed_forward_norm", "pre_feedforward_layernorm"},
      {"feed_forward.gate", "mlp.gate_proj"},
      {"feed_forward.up", "mlp.up_proj"},
      {"feed_forward.down", "mlp.down_proj"},
      {"feed_forward_post_norm", "post_feedforward_layernorm"},
      {"final_norm", "model.norm"},
      {"head", "lm_head"},
  };
  return kNames;
}

absl::string_view PartName(const TensorInfo& tensor) {
  absl::string_view name = tensor.name;
  if (!absl::ConsumeSuffix(&name, ".weight")) absl::ConsumeSuffix(&name, ".bias");
  if (tensor.layer < 0) return name;
  return absl::StripPrefix(name, absl::StrCat("layers.", tensor.layer, "."));
}

absl::StatusOr<TensorSource> SourceByName(const TensorInfo& tensor,
                                          absl::Span<const TensorNamePair> names,
                                          absl::string_view layer_prefix) {
  const absl::string_view part = PartName(tensor);
  const absl::string_view suffix = absl::EndsWith(tensor.name, ".bias") ? ".bias" : ".weight";
  const std::string prefix =
      tensor.layer >= 0 ? absl::StrCat(layer_prefix, tensor.layer, ".") : std::string();
  for (const TensorNamePair& pair : names) {
    if (pair.ours != part) continue;
    TensorSource source;
    source.name = absl::StrCat(prefix, pair.theirs, suffix);
    return source;
  }
  return absl::UnimplementedError(
      absl::StrCat("this family's recipe has no source for the tensor ", tensor.name));
}

TensorSource WithinJoinedQkv(TensorSource source, const TensorInfo& tensor,
                             const ModelConfig& config) {
  const absl::string_view part = PartName(tensor);
  if (part != "attention.q" && part != "attention.k" && part != "attention.v") return source;
  const int64_t query_rows = int64_t{config.num_heads} * config.head_dim;
  const int64_t key_rows = int64_t{config.num_kv_heads} * config.head_dim;
  source.source_rows = query_rows + 2 * key_rows;
  if (part == "attention.k") source.first_row = query_rows;
  if (part == "attention.v") source.first_row = query_rows + key_rows;
  return source;
}

}  // namespace inkling
