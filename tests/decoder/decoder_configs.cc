// Builders of the swept configs. Every one is valid; ValidateModelConfig is what WriteRandomModel
// runs first.

#include "tests/decoder/decoder_configs.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "tests/testing/random_model.h"

namespace inkling {
namespace {

void SetHeads(ModelConfig& c, int32_t heads, int32_t kv_heads, int32_t head_dim) {
  c.num_heads = heads;
  c.num_kv_heads = kv_heads;
  c.head_dim = head_dim;
  c.attention_scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
}

void SetRotary(ModelConfig& c, int32_t rotary_dim, const std::vector<double>& bases) {
  c.position = PositionKind::kRotary;
  c.rotary_dim = rotary_dim;
  c.rope_tables.clear();
  for (const double base : bases) c.rope_tables.push_back(RopeTable(rotary_dim, base));
}

void SetPosition(ModelConfig& c, PositionKind position) {
  c.position = position;
  c.rotary_dim = 0;
  c.rope_tables.clear();
  for (LayerConfig& layer : c.layers) layer.rope_table = 0;
}

void SetAlibi(ModelConfig& c) {
  SetPosition(c, PositionKind::kAlibi);
  c.alibi_slopes.clear();
  for (int32_t h = 0; h < c.num_heads; ++h) {
    c.alibi_slopes.push_back(
        std::exp2(-8.0f * static_cast<float>(h + 1) / static_cast<float>(c.num_heads)));
  }
}

void SetLayers(ModelConfig& c, int32_t count) {
  c.num_layers = count;
  c.layers.assign(static_cast<size_t>(count), LayerConfig{});
}

void SetLayerNorm(ModelConfig& c) {
  c.norm = NormKind::kLayer;
  c.norm_has_bias = true;
  c.norm_epsilon = 1e-5f;
}

void SetFeedForward(ModelConfig& c, FeedForwardKind kind, Activation activation) {
  c.feed_forward = kind;
  c.activation = activation;
}

// Frequencies of a long context: stretched unevenly, with a factor that isn't 1.
void AddLongTable(RopeTableConfig& table, int32_t long_from) {
  for (size_t i = 0; i < table.frequencies.size(); ++i) {
    table.long_frequencies.push_back(table.frequencies[i] / (1.0f + 0.7f * static_cast<float>(i)));
  }
  table.long_attention_factor = 1.19f;
  table.long_from = long_from;
}

class ConfigList {
 public:
  void Add(const std::string& name, absl::FunctionRef<void(ModelConfig&)> change) {
    ModelConfig config = TinyConfig();
    change(config);
    list.push_back({name, config});
  }
  std::vector<NamedConfig> list;
};

void AddNormAxes(ConfigList& l) {
  l.Add("layer_norm", [](ModelConfig& c) { c.norm = NormKind::kLayer; });
  l.Add("layer_norm_bias", [](ModelConfig& c) { SetLayerNorm(c); });
  l.Add("large_epsilon", [](ModelConfig& c) { c.norm_epsilon = 0.25f; });
  l.Add("post_norms", [](ModelConfig& c) { c.post_norms = true; });
  l.Add("post_norms_layer", [](ModelConfig& c) {
    SetLayerNorm(c);
    c.post_norms = true;
  });
  for (const QueryKeyNorm norm : {QueryKeyNorm::kShared, QueryKeyNorm::kPerHead}) {
    for (const NormKind kind : {NormKind::kRms, NormKind::kLayer}) {
      const std::string name = std::string("query_key_norm_") +
                               (norm == QueryKeyNorm::kShared ? "shared" : "per_head") +
                               (kind == NormKind::kRms ? "_rms" : "_layer");
      l.Add(name, [&](ModelConfig& c) {
        c.query_key_norm = norm;
        c.query_key_norm_kind = kind;
      });
    }
  }
}

void AddResidualAxes(ConfigList& l) {
  l.Add("parallel_shared", [](ModelConfig& c) { c.residual = ResidualKind::kParallelSharedNorm; });
  l.Add("parallel_own", [](ModelConfig& c) { c.residual = ResidualKind::kParallelOwnNorm; });
  l.Add("parallel_own_post_norms", [](ModelConfig& c) {
    SetLayerNorm(c);
    c.residual = ResidualKind::kParallelOwnNorm;
    c.post_norms = true;
  });
  l.Add("parallel_shared_post_norms", [](ModelConfig& c) {
    c.residual = ResidualKind::kParallelSharedNorm;
    c.post_norms = true;
  });
}

void AddPositionAxes(ConfigList& l) {
  l.Add("no_position", [](ModelConfig& c) { SetPosition(c, PositionKind::kNone); });
  l.Add("alibi", [](ModelConfig& c) { SetAlibi(c); });
  l.Add("partial_rotary", [](ModelConfig& c) { SetRotary(c, 4, {10000.0}); });
  l.Add("smallest_rotary", [](ModelConfig& c) { SetRotary(c, 2, {10000.0}); });
  l.Add("two_rope_tables", [](ModelConfig& c) {
    SetRotary(c, 8, {100.0, 1000000.0});
    c.layers[1].rope_table = 1;
  });
  l.Add("layer_without_rope", [](ModelConfig& c) { c.layers[0].rope_table = -1; });
  l.Add("rope_attention_factor", [](ModelConfig& c) { c.rope_tables[0].attention_factor = 1.3f; });
  l.Add("long_rope_used",
        [](ModelConfig& c) { AddLongTable(c.rope_tables[0], 63); });  // capacity 64 > 63
  l.Add("long_rope_unused",
        [](ModelConfig& c) { AddLongTable(c.rope_tables[0], 64); });  // capacity 64
}

void AddAttentionAxes(ConfigList& l) {
  l.Add("attention_scale", [](ModelConfig& c) { c.attention_scale = 0.7f; });
  l.Add("attention_soft_cap", [](ModelConfig& c) {
    c.attention_scale = 2.0f;
    c.attention_soft_cap = 1.5f;
  });
  l.Add("one_kv_head", [](ModelConfig& c) { SetHeads(c, 4, 1, 8); });
  l.Add("all_kv_heads", [](ModelConfig& c) { SetHeads(c, 4, 4, 8); });
  l.Add("head_dim_apart_from_hidden", [](ModelConfig& c) {
    SetHeads(c, 3, 1, 24);
    SetRotary(c, 24, {10000.0});
  });
  l.Add("one_head", [](ModelConfig& c) {
    SetHeads(c, 1, 1, 32);
    SetRotary(c, 32, {10000.0});
  });
  l.Add("query_key_value_bias", [](ModelConfig& c) { c.query_key_value_bias = true; });
  l.Add("attention_output_bias", [](ModelConfig& c) { c.attention_output_bias = true; });
  l.Add("window", [](ModelConfig& c) { c.layers[0].window = c.layers[1].window = 5; });
  l.Add("window_of_one", [](ModelConfig& c) { c.layers[0].window = 1; });
  l.Add("window_alternating", [](ModelConfig& c) {
    SetLayers(c, 4);
    c.layers[0].window = c.layers[2].window = 9;
  });
  l.Add("window_wider_than_context", [](ModelConfig& c) { c.layers[1].window = 4096; });
}

void AddFeedForwardAxes(ConfigList& l) {
  const char* names[] = {"silu", "gelu_tanh", "gelu_erf", "relu"};
  for (const FeedForwardKind kind : {FeedForwardKind::kGated, FeedForwardKind::kPlain}) {
    for (uint8_t a = 0; a < 4; ++a) {
      const std::string name =
          std::string(kind == FeedForwardKind::kGated ? "gated_" : "plain_") + names[a];
      l.Add(name, [&](ModelConfig& c) { SetFeedForward(c, kind, static_cast<Activation>(a)); });
    }
  }
  l.Add("feed_forward_bias", [](ModelConfig& c) { c.feed_forward_bias = true; });
  l.Add("plain_feed_forward_bias", [](ModelConfig& c) {
    SetFeedForward(c, FeedForwardKind::kPlain, Activation::kGeluErf);
    c.feed_forward_bias = true;
  });
  l.Add("wide_feed_forward",
        [](ModelConfig& c) { c.feed_forward_dim = 4176; });  // more than one piece of activation
}

void AddEndAxes(ConfigList& l) {
  l.Add("embedding_scale", [](ModelConfig& c) { c.embedding_scale = 5.65f; });
  l.Add("tied_head", [](ModelConfig& c) { c.tied_head = true; });
  l.Add("head_bias", [](ModelConfig& c) { c.head_bias = true; });
  l.Add("tied_head_bias", [](ModelConfig& c) { c.tied_head = c.head_bias = true; });
  l.Add("logit_soft_cap", [](ModelConfig& c) { c.logit_soft_cap = 0.8f; });
  l.Add("one_layer", [](ModelConfig& c) { SetLayers(c, 1); });
}

}  // namespace

std::vector<NamedConfig> SingleAxisConfigs() {
  ConfigList l;
  l.Add("plain", [](ModelConfig&) {});
  AddNormAxes(l);
  AddResidualAxes(l);
  AddPositionAxes(l);
  AddAttentionAxes(l);
  AddFeedForwardAxes(l);
  AddEndAxes(l);
  return l.list;
}

std::vector<NamedConfig> FamilyConfigs() {
  ConfigList l;
  const auto gemma = [](ModelConfig& c) {
    SetHeads(c, 4, 1, 8);
    SetFeedForward(c, FeedForwardKind::kGated, Activation::kGeluTanh);
    c.embedding_scale = std::sqrt(static_cast<float>(c.hidden_dim));
    c.tied_head = true;
  };
  l.Add("gemma", gemma);
  l.Add("gemma2", [&](ModelConfig& c) {
    gemma(c);
    c.post_norms = true;
    c.attention_soft_cap = 50.0f;
    c.logit_soft_cap = 30.0f;
    c.layers[0].window = 16;
  });
  l.Add("gemma3", [&](ModelConfig& c) {
    gemma(c);
    SetLayers(c, 6);
    SetRotary(c, 8, {10000.0, 1000000.0});
    for (LayerConfig& layer : c.layers) layer.window = 12;
    c.layers[5] = {.window = 0, .rope_table = 1};
    c.post_norms = true;
    c.query_key_norm = QueryKeyNorm::kShared;
  });
  l.Add("phi2", [](ModelConfig& c) {
    SetHeads(c, 4, 4, 20);
    SetRotary(c, 8, {10000.0});
    SetLayerNorm(c);
    c.residual = ResidualKind::kParallelSharedNorm;
    SetFeedForward(c, FeedForwardKind::kPlain, Activation::kGeluTanh);
    c.query_key_value_bias = c.attention_output_bias = c.feed_forward_bias = c.head_bias = true;
  });
  l.Add("falcon_rw", [](ModelConfig& c) {
    SetHeads(c, 4, 4, 8);
    SetAlibi(c);
    SetLayerNorm(c);
    SetFeedForward(c, FeedForwardKind::kPlain, Activation::kGeluErf);
    c.query_key_value_bias = c.attention_output_bias = c.feed_forward_bias = true;
    c.tied_head = true;
  });
  l.Add("falcon_40b", [](ModelConfig& c) {
    SetLayerNorm(c);
    c.residual = ResidualKind::kParallelOwnNorm;
    SetFeedForward(c, FeedForwardKind::kPlain, Activation::kGeluErf);
    c.tied_head = true;
  });
  l.Add("stablelm_12b", [](ModelConfig& c) {
    c.norm = NormKind::kLayer;
    c.residual = ResidualKind::kParallelSharedNorm;
    SetRotary(c, 2, {10000.0});
    c.query_key_norm = QueryKeyNorm::kPerHead;
    c.query_key_norm_kind = NormKind::kLayer;
  });
  l.Add("qwen3", [](ModelConfig& c) { c.query_key_norm = QueryKeyNorm::kShared; });
  return l.list;
}

std::vector<NamedConfig> RandomConfigs(int count) {
  ConfigList l;
  for (int i = 0; i < count; ++i) {
    std::mt19937 generator(static_cast<uint32_t>(1000 + i));
    const auto pick = [&](uint32_t n) { return static_cast<int32_t>(generator() % n); };
    const auto flip = [&] { return pick(2) == 1; };
    l.Add("mixture_" + std::to_string(i), [&](ModelConfig& c) {
      SetLayers(c, 1 + pick(4));
      c.hidden_dim = 16 + 4 * pick(12);
      c.feed_forward_dim = 20 + 4 * pick(20);
      const int32_t kv_heads = 1 + pick(3);
      SetHeads(c, kv_heads * (1 + pick(4)), kv_heads, 4 + 2 * pick(16));
      if (flip()) SetLayerNorm(c);
      c.post_norms = pick(3) == 0;
      c.query_key_norm = static_cast<QueryKeyNorm>(pick(3));
      c.query_key_norm_kind = static_cast<NormKind>(pick(2));
      c.residual = static_cast<ResidualKind>(pick(3));
      SetRotary(c, 2 + 2 * pick(static_cast<uint32_t>(c.head_dim / 2)), {10000.0, 500.0});
      for (LayerConfig& layer : c.layers)
        layer = {.window = pick(3) == 0 ? 1 + pick(20) : 0, .rope_table = pick(3) - 1};
      const int32_t position = pick(4);
      if (position == 0) SetAlibi(c);
      if (position == 1) SetPosition(c, PositionKind::kNone);
      if (position > 1 && flip()) AddLongTable(c.rope_tables[1], 20 + pick(80));
      if (c.position != PositionKind::kAlibi && flip())
        c.attention_soft_cap = 0.5f + static_cast<float>(pick(4));
      SetFeedForward(c, static_cast<FeedForwardKind>(pick(2)), static_cast<Activation>(pick(4)));
      c.query_key_value_bias = flip();
      c.attention_output_bias = flip();
      c.feed_forward_bias = flip();
      c.embedding_scale = flip() ? 1.0f : 3.0f;
      c.tied_head = flip();
      c.head_bias = flip();
      c.logit_soft_cap = flip() ? 0.0f : 5.0f;
    });
  }
  return l.list;
}

std::vector<NamedConfig> PropertyConfigs() {
  ConfigList l;
  l.Add("plain", [](ModelConfig&) {});
  l.Add("windows", [](ModelConfig& c) {
    SetLayers(c, 4);
    SetRotary(c, 8, {10000.0, 500.0});
    for (LayerConfig& layer : c.layers) layer.window = 11;
    c.layers[3] = {.window = 0, .rope_table = 1};
    c.post_norms = true;
    c.query_key_norm = QueryKeyNorm::kShared;
    c.attention_soft_cap = 20.0f;
    c.logit_soft_cap = 10.0f;
    c.tied_head = true;
  });
  l.Add("alibi_parallel", [](ModelConfig& c) {
    SetHeads(c, 4, 1, 8);
    SetAlibi(c);
    SetLayerNorm(c);
    c.residual = ResidualKind::kParallelOwnNorm;
    SetFeedForward(c, FeedForwardKind::kPlain, Activation::kGeluErf);
    c.query_key_value_bias = c.attention_output_bias = c.feed_forward_bias = c.head_bias = true;
  });
  return l.list;
}

}  // namespace inkling
