// SmolLM3: Llama's form, where every fourth layer doesn't rotate. (SmolLM and SmolLM2 are saved as
// Llama.)
//
// Source: transformers' configuration_smollm3.py and modeling_smollm3.py.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "converter/recipes/decoder_fields.h"
#include "converter/recipes/layer_fields.h"
#include "converter/recipes/recipe.h"

namespace inkling {
namespace {

constexpr DecoderDefaults kDefaults = {.vocab_size = 128256,
                                       .hidden_size = 2048,
                                       .intermediate_size = 11008,
                                       .num_hidden_layers = 36,
                                       .num_attention_heads = 16,
                                       .num_key_value_heads = 4,
                                       .head_dim = 0,
                                       .max_position_embeddings = 32768,
                                       .rope_theta = 2000000.0,
                                       .tie_word_embeddings = true};

// Which layers rotate: `no_rope_layers`, whose entries say, against its name, 1 for those that do.
std::vector<bool> ReadRotatingLayers(ConfigFields& fields, int32_t num_layers) {
  std::vector<bool> rotates(static_cast<size_t>(num_layers));
  if (!fields.Has("no_rope_layers")) {
    const int32_t interval = fields.Size("no_rope_layer_interval", 4);
    for (int32_t i = 0; i < num_layers; ++i) {
      rotates[static_cast<size_t>(i)] = (i + 1) % interval != 0;
    }
    return rotates;
  }
  const std::vector<double> entries = fields.Numbers("no_rope_layers");
  if (entries.size() < rotates.size()) {
    fields.Reject("no_rope_layers", absl::StrCat(num_layers, " entries, one a layer"),
                  absl::StrCat(entries.size()));
    return rotates;
  }
  for (size_t i = 0; i < rotates.size(); ++i) {
    if (entries[i] != 0.0 && entries[i] != 1.0) {
      fields.Reject("no_rope_layers", "a list of 0 and 1", absl::StrCat(entries[i]));
    }
    rotates[i] = entries[i] != 0.0;
  }
  return rotates;
}

ModelConfig ReadConfig(ConfigFields& fields) {
  ModelConfig config = ReadGatedDecoder(fields, kDefaults);
  config.query_key_value_bias = fields.Bool("attention_bias", false);
  config.attention_output_bias = config.query_key_value_bias;
  config.feed_forward_bias = fields.Bool("mlp_bias", false);
  const std::vector<bool> rotates = ReadRotatingLayers(fields, config.num_layers);
  const int32_t window = ReadUsedWindow(fields, 0);
  config.layers = ReadLayers(fields, config.num_layers, window, [&](int32_t layer) {
    return window > 0 && !rotates[static_cast<size_t>(layer)];
  });
  for (size_t i = 0; i < rotates.size(); ++i) config.layers[i].rope_table = rotates[i] ? 0 : -1;
  return config;
}

absl::StatusOr<TensorSource> FindSource(const TensorInfo& tensor, const ModelConfig&) {
  return SourceByName(tensor, GatedDecoderNames());
}

}  // namespace

Recipe SmolLm3Recipe() {
  return {.family = "smollm3",
          .model_types = {"smollm3"},
          .architectures = {"SmolLM3ForCausalLM"},
          .read_config = ReadConfig,
          .find_source = FindSource};
}

}  // namespace inkling
