// Qwen2 and Qwen2.5: Llama's form with biases on q, k and v. The upper layers may slide, if
// `use_sliding_window` says so.
//
// Source: transformers' configuration_qwen2.py and modeling_qwen2.py.

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
                                       .head_dim = 0,
                                       .max_position_embeddings = 32768};

ModelConfig ReadConfig(ConfigFields& fields) {
  ModelConfig config = ReadGatedDecoder(fields, kDefaults);
  config.query_key_value_bias = true;
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

Recipe Qwen2Recipe() {
  return {.family = "qwen2",
          .model_types = {"qwen2"},
          .architectures = {"Qwen2ForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
