// Gemma 2: Gemma with norms on both sides of each block, soft caps on scores and logits, a scale of
// attention that the config names, and a sliding window in every second layer.
//
// Source: transformers' configuration_gemma2.py and modeling_gemma2.py.

#include <cmath>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/recipes/decoder_fields.h"
#include "converter/recipes/layer_fields.h"
#include "converter/recipes/recipe.h"
#include "converter/recipes/rope_scaling.h"

namespace inkling {
namespace {

constexpr DecoderDefaults kDefaults = {.vocab_size = 256000,
                                       .hidden_size = 2304,
                                       .intermediate_size = 9216,
                                       .num_hidden_layers = 26,
                                       .num_attention_heads = 8,
                                       .num_key_value_heads = 4,
                                       .head_dim = 256,
                                       .max_position_embeddings = 8192};

// Missing means the family's cap, null means none.
float ReadSoftCap(ConfigFields& fields, absl::string_view key, double default_cap) {
  return static_cast<float>(fields.IsNull(key) ? 0.0 : fields.PositiveNumber(key, default_cap));
}

ModelConfig ReadConfig(ConfigFields& fields) {
  ModelConfig config = ReadDecoderSizes(fields, kDefaults);
  config.norm = NormKind::kRms;
  config.norm_epsilon = static_cast<float>(fields.PositiveNumber("rms_norm_eps", 1e-6));
  config.post_norms = true;
  config.rotary_dim = ReadWholeRotaryDim(fields, config.head_dim);
  config.rope_tables = {ReadRopeTable(fields, {.rotary_dim = config.rotary_dim,
                                               .theta = 10000.0,
                                               .context_length = config.context_length})};
  config.attention_scale =
      static_cast<float>(1.0 / std::sqrt(fields.PositiveNumber("query_pre_attn_scalar", 256.0)));
  config.attention_soft_cap = ReadSoftCap(fields, "attn_logit_softcapping", 50.0);
  config.query_key_value_bias = fields.Bool("attention_bias", false);
  config.attention_output_bias = config.query_key_value_bias;
  config.layers = ReadLayers(fields, config.num_layers, ReadWindow(fields, 4096),
                             [](int32_t layer) { return layer % 2 == 0; });
  config.feed_forward = FeedForwardKind::kGated;
  config.activation = ReadActivation(fields, "hidden_activation", "gelu_pytorch_tanh");
  // Not rounded to bfloat16: Hugging Face rounds to the type it computes in, and we compute in f32.
  config.embedding_scale = static_cast<float>(std::sqrt(config.hidden_dim));
  config.tied_head = fields.Bool("tie_word_embeddings", true);
  config.logit_soft_cap = ReadSoftCap(fields, "final_logit_softcapping", 30.0);
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig&) {
  absl::StatusOr<TensorSource> source = SourceByName(tensor, PostNormDecoderNames());
  if (source.ok() && tensor.role == TensorRole::kNorm) source->add = 1.0f;
  return source;
}

}  // namespace

Recipe Gemma2Recipe() {
  return {.family = "gemma2",
          .model_types = {"gemma2"},
          .architectures = {"Gemma2ForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
