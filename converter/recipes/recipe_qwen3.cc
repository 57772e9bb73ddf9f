// Qwen3 (dense): Llama's form with an RMS norm on each head of q and k, and a head dimension of its
// own. The upper layers may slide, if `use_sliding_window` says so.
//
// Source: transformers' configuration_qwen3.py and modeling_qwen3.py.

#include "absl/status/statusor.h"
#include "converter/recipes/decoder_fields.h"
#include "converter/recipes/layer_fields.h"
#include "converter/recipes/recipe.h"

namespace inkling {
namespace {

constexpr DecoderDefaults kDefaults = {.vocab_size = 151936,
                                       .hidden_size = 4096,
                                       .intermediate_size = 22016,
                                       .num_hidden_layers = 32,
                                       .num_attention_heads = 32,
                                       .num_key_value_heads = 32,
                                       .head_dim = 128,
                                       .max_position_embeddings = 32768};

ModelConfig ReadConfig(ConfigFields& fields) {
  ModelConfig config = ReadGatedDecoder(fields, kDefaults);
  config.query_key_norm = QueryKeyNorm::kShared;
  config.query_key_norm_kind = NormKind::kRms;
  config.query_key_value_bias = fields.Bool("attention_bias", false);
  config.attention_output_bias = config.query_key_value_bias;
  const int32_t window = ReadUsedWindow(fields, 4096);
  const int32_t first_sliding = fields.Count("max_window_layers", 28);
  config.layers = ReadLayers(fields, config.num_layers, window,
                             [&](int32_t layer) { return window > 0 && layer >= first_sliding; });
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig&) {
  return SourceByName(tensor, GatedDecoderNames());
}

}  // namespace

Recipe Qwen3Recipe() {
  return {.family = "qwen3",
          .model_types = {"qwen3"},
          .architectures = {"Qwen3ForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
