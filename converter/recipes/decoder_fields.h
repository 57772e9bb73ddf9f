// The parts of config.json and of tensor names that most families share.
//
// Recipes call these and then set what differs.

#ifndef INKLING_CONVERTER_RECIPES_DECODER_FIELDS_H_
#define INKLING_CONVERTER_RECIPES_DECODER_FIELDS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "converter/files/config_fields.h"
#include "converter/recipes/recipe.h"
#include "src/format/model_config.h"

namespace inkling {

// What transformers' configuration class of the family assumes for missing fields.
struct DecoderDefaults {
  int32_t vocab_size;
  int32_t hidden_size;
  int32_t intermediate_size;
  int32_t num_hidden_layers;
  int32_t num_attention_heads;
  int32_t num_key_value_heads;  // 0: as many as attention heads
  int32_t head_dim;             // 0: hidden_size / num_attention_heads
  int32_t max_position_embeddings;
  double norm_epsilon = 1e-6;
  double rope_theta = 10000.0;
  bool tie_word_embeddings = false;
  bool partial_rotation = false;  // partial_rotary_factor counts
  int32_t original_length = 0;    // original_max_position_embeddings; 0: none
};

// The sizes, attention_scale 1 / sqrt(head_dim), and one LayerConfig{} per layer.
ModelConfig ReadDecoderSizes(ConfigFields& fields, const DecoderDefaults& defaults);

// Refuses a head_dim other than hidden_size / num_attention_heads, for families that take no other.
void RequireDerivedHeadDim(ConfigFields& fields, const ModelConfig& config);

// What the families in Llama's form share: the sizes, RMS norms (rms_norm_eps), rotation by one
// table, a gated feed-forward (hidden_act), tie_word_embeddings. No biases, no windows.
ModelConfig ReadGatedDecoder(ConfigFields& fields, const DecoderDefaults& defaults);

// The activation named by field `key` in transformers' spelling ("silu", "gelu_pytorch_tanh", ...).
Activation ReadActivation(ConfigFields& fields, absl::string_view key,
                          absl::string_view default_name);

// A pair of tensor names without ".weight" or ".bias". Inside layers, `ours` leaves out "layers.N."
// and `theirs` the prefix that the family gives its layers.
struct TensorNamePair {
  absl::string_view ours;
  absl::string_view theirs;
};

// Names of the gated decoder that most families save: self_attn.{q,k,v,o}_proj,
// mlp.{gate,up,down}_proj, input_layernorm, post_attention_layernorm, embed_tokens, norm, lm_head.
absl::Span<const TensorNamePair> GatedDecoderNames();

// The same with norms on both sides of each block: there, post_attention_layernorm follows the
// attention, and pre_feedforward_layernorm and post_feedforward_layernorm enclose the feed-forward.
absl::Span<const TensorNamePair> PostNormDecoderNames();

// What a tensor is, wherever it lies: its name without "layers.N." and ".weight" or ".bias"
// ("attention.q").
absl::string_view PartName(const TensorInfo& tensor);

// The source of `tensor` by a table of pairs. `theirs` of a tensor in layer N stands behind
// `layer_prefix`, N and a dot. Error: Unimplemented for a tensor without a pair.
absl::StatusOr<TensorSource> SourceByName(const TensorInfo& tensor,
                                          absl::Span<const TensorNamePair> names,
                                          absl::string_view layer_prefix = "model.layers.");

// The same source, if `tensor` is q, k or v, as the rows that it has of a tensor in which all
// queries, all keys and all values follow each other.
TensorSource WithinJoinedQkv(TensorSource source, const TensorInfo& tensor,
                             const ModelConfig& config);

}  // namespace inkling

#endif  // INKLING_CONVERTER_RECIPES_DECODER_FIELDS_H_
