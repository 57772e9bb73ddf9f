// Gemma 1 (2B, 7B and their fine-tunes): norms of 1 + weight, embeddings scaled by sqrt(hidden),
// a head dimension of its own, gelu-tanh whatever `hidden_act` says.
//
// Source: transformers' configuration_gemma.py and modeling_gemma.py.

#include <cmath>
#include <string>

#include "absl/status/statusor.h"
#include "converter/recipes/decoder_fields.h"
#include "converter/recipes/recipe.h"
#include "converter/recipes/rope_scaling.h"

namespace inkling {
namespace {

constexpr DecoderDefaults kDefaults = {.vocab_size = 256000,
                                       .hidden_size = 3072,
                                       .intermediate_size = 24576,
                                       .num_hidden_layers = 28,
                                       .num_attention_heads = 16,
                                       .num_key_value_heads = 16,
                                       .head_dim = 256,
                                       .max_position_embeddings = 8192};

// The first published configs say hidden_act "gelu" though the models were trained with the tanh
// form. For a time transformers ignored "gelu" and read hidden_activation; version 5 takes it at
// its word again, which moves logits by 1e-3. What the models were trained with decides here. Any
// other hidden_act counts, as in version 5, whatever hidden_activation says.
Activation ReadGemmaActivation(ConfigFields& fields) {
  constexpr char kDefault[] = "gelu_pytorch_tanh";
  const std::string name = fields.String("hidden_act", "gelu");
  if (name != "gelu") return ReadActivation(fields, "hidden_act", kDefault);
  return ReadActivation(fields, "hidden_activation", kDefault);
}

ModelConfig ReadConfig(ConfigFields& fields) {
  ModelConfig config = ReadDecoderSizes(fields, kDefaults);
  config.norm = NormKind::kRms;
  config.norm_epsilon = static_cast<float>(fields.PositiveNumber("rms_norm_eps", 1e-6));
  config.rotary_dim = ReadWholeRotaryDim(fields, config.head_dim);
  config.rope_tables = {ReadRopeTable(fields, {.rotary_dim = config.rotary_dim,
                                               .theta = 10000.0,
                                               .context_length = config.context_length})};
  config.query_key_value_bias = fields.Bool("attention_bias", false);
  config.attention_output_bias = config.query_key_value_bias;
  config.feed_forward = FeedForwardKind::kGated;
  config.activation = ReadGemmaActivation(fields);
  // Not rounded to bfloat16: Hugging Face rounds to the type it computes in, and we compute in f32.
  config.embedding_scale = static_cast<float>(std::sqrt(config.hidden_dim));
  config.tied_head = fields.Bool("tie_word_embeddings", true);
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig&) {
  absl::StatusOr<TensorSource> source = SourceByName(tensor, GatedDecoderNames());
  if (source.ok() && tensor.role == TensorRole::kNorm) source->add = 1.0f;
  return source;
}

}  // namespace

Recipe GemmaRecipe() {
  return {.family = "gemma",
          .model_types = {"gemma"},
          .architectures = {"GemmaForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
