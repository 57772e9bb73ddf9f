// The numbers come from the config.json of each published model; src/README.md has the words.

#include "examples/programs/model_shapes.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace inkling {
namespace {

// What differs between the shapes; everything else is ModelConfig's default.
struct Shape {
  const char* name;
  int32_t vocab;
  int32_t hidden;
  int32_t layers;
  int32_t heads;
  int32_t kv_heads;
  int32_t head_dim;
  int32_t feed_forward;
  int32_t context;
  int32_t rotary_dim = 0;  // 0: ALiBi
  double rope_base = 0;
  Activation activation = Activation::kSilu;
  bool gated = false;
  bool tied_head = false;
  bool layer_norm = false;  // with biases
  bool biases = false;      // of the matmuls
  bool parallel = false;    // attention and feed-forward read one norm
  bool post_norms = false;  // outputs of blocks are normalised too
  float attention_soft_cap = 0;
  float logit_soft_cap = 0;
  int32_t window = 0;       // of layers that don't see everything
  int32_t full_layers = 1;  // every n-th layer sees everything
};

constexpr Shape kShapes[] = {
    {.name = "gemma-2b",
     .vocab = 256000,
     .hidden = 2048,
     .layers = 18,
     .heads = 8,
     .kv_heads = 1,
     .head_dim = 256,
     .feed_forward = 16384,
     .context = 8192,
     .rotary_dim = 256,
     .rope_base = 10000,
     .activation = Activation::kGeluTanh,
     .gated = true,
     .tied_head = true},
    {.name = "gemma-7b",
     .vocab = 256000,
     .hidden = 3072,
     .layers = 28,
     .heads = 16,
     .kv_heads = 16,
     .head_dim = 256,
     .feed_forward = 24576,
     .context = 8192,
     .rotary_dim = 256,
     .rope_base = 10000,
     .activation = Activation::kGeluTanh,
     .gated = true,
     .tied_head = true},
    {.name = "gemma2-2b",
     .vocab = 256000,
     .hidden = 2304,
     .layers = 26,
     .heads = 8,
     .kv_heads = 4,
     .head_dim = 256,
     .feed_forward = 9216,
     .context = 8192,
     .rotary_dim = 256,
     .rope_base = 10000,
     .activation = Activation::kGeluTanh,
     .gated = true,
     .tied_head = true,
     .post_norms = true,
     .attention_soft_cap = 50,
     .logit_soft_cap = 30,
     .window = 4096,
     .full_layers = 2},
    {.name = "phi-2",
     .vocab = 51200,
     .hidden = 2560,
     .layers = 32,
     .heads = 32,
     .kv_heads = 32,
     .head_dim = 80,
     .feed_forward = 10240,
     .context = 2048,
     .rotary_dim = 32,
     .rope_base = 10000,
     .activation = Activation::kGeluTanh,
     .layer_norm = true,
     .biases = true,
     .parallel = true},
    {.name = "stablelm-3b",
     .vocab = 50304,
     .hidden = 2560,
     .layers = 32,
     .heads = 32,
     .kv_heads = 32,
     .head_dim = 80,
     .feed_forward = 6912,
     .context = 4096,
     .rotary_dim = 20,
     .rope_base = 10000,
     .activation = Activation::kSilu,
     .gated = true,
     .layer_norm = true},
    {.name = "falcon-rw-1b",
     .vocab = 50304,
     .hidden = 2048,
     .layers = 24,
     .heads = 32,
     .kv_heads = 32,
     .head_dim = 64,
     .feed_forward = 8192,
     .context = 2048,
     .rotary_dim = 0,
     .rope_base = 0,
     .activation = Activation::kGeluErf,
     .tied_head = true,
     .layer_norm = true,
     .biases = true},
    {.name = "llama-3.2-1b",
     .vocab = 128256,
     .hidden = 2048,
     .layers = 16,
     .heads = 32,
     .kv_heads = 8,
     .head_dim = 64,
     .feed_forward = 8192,
     .context = 131072,
     .rotary_dim = 64,
     .rope_base = 500000,
     .activation = Activation::kSilu,
     .gated = true,
     .tied_head = true},
    {.name = "qwen2.5-0.5b",
     .vocab = 151936,
     .hidden = 896,
     .layers = 24,
     .heads = 14,
     .kv_heads = 2,
     .head_dim = 64,
     .feed_forward = 4864,
     .context = 32768,
     .rotary_dim = 64,
     .rope_base = 1000000,
     .activation = Activation::kSilu,
     .gated = true,
     .tied_head = true},
    {.name = "smollm2-135m",
     .vocab = 49152,
     .hidden = 576,
     .layers = 30,
     .heads = 9,
     .kv_heads = 3,
     .head_dim = 64,
     .feed_forward = 1536,
     .context = 8192,
     .rotary_dim = 64,
     .rope_base = 100000,
     .activation = Activation::kSilu,
     .gated = true,
     .tied_head = true},
};

ModelConfig ConfigOf(const Shape& shape) {
  ModelConfig config;
  config.vocab_size = shape.vocab;
  config.hidden_dim = shape.hidden;
  config.num_layers = shape.layers;
  config.context_length = shape.context;
  config.num_heads = shape.heads;
  config.num_kv_heads = shape.kv_heads;
  config.head_dim = shape.head_dim;
  config.feed_forward_dim = shape.feed_forward;
  config.attention_scale = 1.0f / std::sqrt(static_cast<float>(shape.head_dim));
  config.activation = shape.activation;
  config.feed_forward = shape.gated ? FeedForwardKind::kGated : FeedForwardKind::kPlain;
  config.tied_head = shape.tied_head;
  config.norm = shape.layer_norm ? NormKind::kLayer : NormKind::kRms;
  config.norm_has_bias = shape.layer_norm;
  config.norm_epsilon = 1e-5f;
  config.query_key_value_bias = shape.biases;
  config.attention_output_bias = shape.biases;
  config.feed_forward_bias = shape.biases;
  config.head_bias = shape.biases && !shape.tied_head;
  config.residual = shape.parallel ? ResidualKind::kParallelSharedNorm : ResidualKind::kSequential;
  config.post_norms = shape.post_norms;
  config.attention_soft_cap = shape.attention_soft_cap;
  config.logit_soft_cap = shape.logit_soft_cap;
  config.layers.resize(static_cast<size_t>(shape.layers));
  for (int32_t layer = 0; layer < shape.layers; ++layer) {
    if ((layer + 1) % shape.full_layers != 0)
      config.layers[static_cast<size_t>(layer)].window = shape.window;
  }
  if (shape.rotary_dim == 0) {
    config.position = PositionKind::kAlibi;
    for (int32_t head = 0; head < shape.heads; ++head) {
      config.alibi_slopes.push_back(
          std::exp2(-8.0f * static_cast<float>(head + 1) / static_cast<float>(shape.heads)));
    }
    for (LayerConfig& layer : config.layers) layer.rope_table = -1;
    return config;
  }
  config.rotary_dim = shape.rotary_dim;
  RopeTableConfig table;
  for (int32_t i = 0; i < shape.rotary_dim / 2; ++i) {
    table.frequencies.push_back(
        static_cast<float>(std::pow(shape.rope_base, -2.0 * i / shape.rotary_dim)));
  }
  config.rope_tables = {table};
  return config;
}

}  // namespace

std::vector<std::string> ModelShapeNames() {
  std::vector<std::string> names;
  for (const Shape& shape : kShapes) names.push_back(shape.name);
  return names;
}

absl::StatusOr<ModelConfig> ModelShape(absl::string_view name) {
  for (const Shape& shape : kShapes) {
    if (name == shape.name) return ConfigOf(shape);
  }
  return absl::NotFoundError(absl::StrCat("no shape is called '", name, "'; expected one of ",
                                          absl::StrJoin(ModelShapeNames(), ", ")));
}

}  // namespace inkling
