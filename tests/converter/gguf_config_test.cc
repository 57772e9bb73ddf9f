// From GGUF metadata to config.json: every key that changes the model arrives, and one that can't
// is refused by name.

#include "converter/checkpoints/gguf/gguf_config.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "converter/checkpoints/gguf/gguf_families.h"
#include "tests/converter/converted_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using absl::StatusCode;
using nlohmann::json;

// Metadata of an architecture with every required key, and the tensors that configs depend on.
struct Model {
  explicit Model(const std::string& architecture)
      : family(*FindGgufFamily(architecture)), arch(architecture) {
    metadata["general.architecture"] = arch;
    for (const auto& [key, value] : {std::pair{"context_length", 256},
                                     {"embedding_length", 64},
                                     {"block_count", 4},
                                     {"feed_forward_length", 96},
                                     {"attention.head_count", 4}}) {
      metadata[Key(key)] = value;
    }
    metadata[Key("attention.head_count_kv")] = 2;
    metadata[Key("attention.layer_norm_rms_epsilon")] = 1e-5;
    metadata[Key("attention.layer_norm_epsilon")] = 1e-5;
    const bool layer_norm = arch == "phi2" || arch == "falcon" || arch == "stablelm";
    metadata.erase(
        Key(layer_norm ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"));
    if (arch == "stablelm") metadata[Key("use_parallel_residual")] = false;
    AddTensor("token_embd.weight", {100, 64});
    for (int i = 0; i < 4; ++i) AddTensor(absl::StrCat("blk.", i, ".attn_norm.weight"), {64});
  }

  std::string Key(const std::string& name) const { return absl::StrCat(arch, ".", name); }

  void AddTensor(const std::string& name, std::vector<int64_t> shape) {
    GgufTensor entry;
    entry.tensor.name = name;
    entry.tensor.shape = std::move(shape);
    tensors.push_back(std::move(entry));
  }

  absl::StatusOr<json> Config() const {
    FieldSpelling spelling;
    return GgufConfig(metadata, *family, tensors, divisors, "model.gguf", spelling);
  }

  // What the family's recipe makes of it.
  ModelConfig Read() const {
    absl::StatusOr<json> config = Config();
    EXPECT_OK(config);
    if (!config.ok()) return {};
    absl::StatusOr<ModelConfig> model = ReadModelConfig(*config);
    EXPECT_OK(model);
    return model.ok() ? *std::move(model) : ModelConfig();
  }

  const GgufFamily* family;
  std::string arch;
  json metadata;
  std::vector<GgufTensor> tensors;
  GgufRopeDivisors divisors;
};

TEST(GgufConfigTest, EveryArchitectureIsReadByARecipe) {
  for (const char* architecture : {"falcon", "gemma", "gemma2", "gemma3", "llama", "phi2", "phi3",
                                   "qwen2", "qwen3", "smollm3", "stablelm"}) {
    SCOPED_TRACE(architecture);
    Model model(architecture);
    if (model.arch == "phi2") model.metadata[model.Key("attention.head_count_kv")] = 4;
    const ModelConfig config = model.Read();
    EXPECT_EQ(config.vocab_size, 100);
    EXPECT_EQ(config.hidden_dim, 64);
    EXPECT_EQ(config.num_layers, 4);
    EXPECT_EQ(config.context_length, 256);
    EXPECT_EQ(config.num_heads, 4);
    EXPECT_EQ(config.head_dim, 16);
    EXPECT_EQ(config.feed_forward_dim, 96);
    EXPECT_FLOAT_EQ(config.norm_epsilon, 1e-5f);
    EXPECT_EQ(config.rotary_dim, 16);
    EXPECT_FLOAT_EQ(config.rope_tables.at(0).frequencies.at(1), std::pow(10000.0f, -0.125f));
    EXPECT_TRUE(config.tied_head);
  }
  EXPECT_THAT(FindGgufFamily("mamba"),
              MatchesStatus(StatusCode::kUnimplemented, {"mamba", "falcon, gemma", "stablelm"}));
}

TEST(GgufConfigTest, SizesAndFlags) {
  Model model("llama");
  model.metadata[model.Key("attention.key_length")] = 24;
  model.metadata[model.Key("attention.value_length")] = 24;
  model.metadata[model.Key("rope.freq_base")] = 500000.0;
  model.metadata[model.Key("expert_count")] = 0;  // what isn't there may be said
  model.metadata[model.Key("vocab_size")] = 100;
  model.AddTensor("output.weight", {100, 64});
  model.AddTensor("blk.0.attn_q.bias", {96});
  model.AddTensor("blk.0.ffn_up.bias", {96});
  const ModelConfig config = model.Read();
  EXPECT_EQ(config.head_dim, 24);
  EXPECT_EQ(config.num_kv_heads, 2);
  EXPECT_FALSE(config.tied_head);
  EXPECT_TRUE(config.query_key_value_bias);
  EXPECT_TRUE(config.feed_forward_bias);
  EXPECT_FLOAT_EQ(config.rope_tables[0].frequencies[1], std::pow(500000.0f, -2.0f / 24.0f));
  // Any bias of any layer makes the config's word true; which there are, the tensors tell.
  for (const char* name : {"blk.3.attn_q.bias", "blk.0.attn_k.bias", "blk.2.attn_v.bias",
                           "blk.1.attn_output.bias", "blk.0.attn_qkv.bias"}) {
    Model biased("llama");
    EXPECT_FALSE(biased.Read().query_key_value_bias);
    biased.AddTensor(name, {64});
    EXPECT_TRUE(biased.Read().query_key_value_bias) << name;
    EXPECT_FALSE(biased.Read().feed_forward_bias) << name;
  }
  // One number a layer, all the same; and none for keys: as many as queries.
  model.metadata[model.Key("attention.head_count")] = {4, 4, 4, 4};
  model.metadata.erase(model.Key("attention.head_count_kv"));
  EXPECT_EQ(model.Read().num_kv_heads, 4);
}

TEST(GgufConfigTest, PartialRotation) {
  for (const int32_t rotary : {2, 4, 6, 10, 14, 16}) {
    Model model("stablelm");
    model.metadata[model.Key("rope.dimension_count")] = rotary;
    EXPECT_EQ(model.Read().rotary_dim, rotary);
  }
  Model model("qwen2");
  model.metadata[model.Key("rope.dimension_count")] = 8;
  EXPECT_THAT(model.Config(), MatchesStatus(StatusCode::kInvalidArgument,
                                            {"rope.dimension_count", "expected 16", "found 8"}));
}

TEST(GgufConfigTest, ScaledFrequencies) {
  Model model("llama");
  const std::vector<float> plain = model.Read().rope_tables[0].frequencies;
  model.metadata[model.Key("rope.scaling.factor")] = 4.0;  // without a type: linear
  EXPECT_FLOAT_EQ(model.Read().rope_tables[0].frequencies[3], plain[3] / 4);
  model.metadata[model.Key("rope.scaling.type")] = "none";
  EXPECT_FLOAT_EQ(model.Read().rope_tables[0].frequencies[3], plain[3]);
  model.metadata.erase(model.Key("rope.scaling.type"));
  model.metadata.erase(model.Key("rope.scaling.factor"));
  model.metadata[model.Key("rope.scale_linear")] = 2.0;  // the older spelling
  EXPECT_FLOAT_EQ(model.Read().rope_tables[0].frequencies[3], plain[3] / 2);

  model = Model("qwen2");
  model.metadata[model.Key("rope.scaling.type")] = "yarn";
  model.metadata[model.Key("rope.scaling.factor")] = 4.0;
  model.metadata[model.Key("rope.scaling.original_context_length")] = 64;
  ModelConfig config = model.Read();
  EXPECT_FLOAT_EQ(config.rope_tables[0].frequencies[7], plain[7] / 4);
  EXPECT_FLOAT_EQ(config.rope_tables[0].attention_factor, 0.1f * std::log(4.0f) + 1.0f);
  model.metadata[model.Key("rope.scaling.yarn_attn_factor")] = 1.5;
  EXPECT_FLOAT_EQ(model.Read().rope_tables[0].attention_factor, 1.5f);
  model.metadata[model.Key("rope.scaling.type")] = "dynamic";
  EXPECT_THAT(model.Config(), MatchesStatus(StatusCode::kInvalidArgument, {"found dynamic"}));
}

TEST(GgufConfigTest, DivisorsOfFrequencies) {
  Model model("llama");
  const std::vector<float> plain = model.Read().rope_tables[0].frequencies;
  model.divisors.all = {1, 1, 1, 1, 2, 4, 8, 8};
  RopeTableConfig table = model.Read().rope_tables[0];
  EXPECT_FLOAT_EQ(table.frequencies[3], plain[3]);
  EXPECT_FLOAT_EQ(table.frequencies[5], plain[5] / 4);
  EXPECT_EQ(table.attention_factor, 1.0f);
  model.divisors.all.pop_back();
  ASSERT_OK_AND_ASSIGN(const json config, model.Config());
  EXPECT_THAT(ReadModelConfig(config), MatchesStatus(StatusCode::kInvalidArgument, {"8"}));

  model = Model("phi3");
  model.metadata[model.Key("rope.scaling.original_context_length")] = 64;
  model.metadata[model.Key("rope.scaling.attn_factor")] = 1.25;
  model.divisors.short_text = {1, 1, 1, 1, 1, 1, 1, 2};
  model.divisors.long_text = {1, 1, 1, 1, 1, 1, 1, 16};
  table = model.Read().rope_tables[0];
  EXPECT_FLOAT_EQ(table.frequencies[7], plain[7] / 2);
  EXPECT_FLOAT_EQ(table.long_frequencies.at(7), plain[7] / 16);
  EXPECT_EQ(table.long_from, 64);
  EXPECT_FLOAT_EQ(table.attention_factor, 1.25f);
  model.divisors.short_text.clear();
  EXPECT_THAT(model.Config(), MatchesStatus(StatusCode::kInvalidArgument, {"rope_factors_short"}));
  model.divisors.long_text.clear();
  EXPECT_TRUE(model.Read().rope_tables[0].long_frequencies.empty());
  model.metadata[model.Key("rope.scaling.type")] = "longrope";
  EXPECT_THAT(model.Config(), MatchesStatus(StatusCode::kInvalidArgument, {"rope_factors_short"}));
}

std::vector<int32_t> Windows(const ModelConfig& config) {
  std::vector<int32_t> windows;
  for (const LayerConfig& layer : config.layers) windows.push_back(layer.window);
  return windows;
}

TEST(GgufConfigTest, SlidingWindows) {
  Model model("gemma2");
  EXPECT_EQ(Windows(model.Read()), (std::vector<int32_t>{4096, 0, 4096, 0}));
  model.metadata[model.Key("attention.sliding_window")] = 8;
  EXPECT_EQ(Windows(model.Read()), (std::vector<int32_t>{8, 0, 8, 0}));

  model = Model("gemma3");
  EXPECT_EQ(Windows(model.Read()), (std::vector<int32_t>{0, 0, 0, 0}));
  model.metadata[model.Key("attention.sliding_window")] = 8;
  EXPECT_EQ(Windows(model.Read()), (std::vector<int32_t>{8, 8, 8, 8}));
  model.metadata[model.Key("attention.sliding_window_pattern")] = 3;
  EXPECT_EQ(Windows(model.Read()), (std::vector<int32_t>{8, 8, 0, 8}));
  model.metadata[model.Key("attention.sliding_window_pattern")] = {false, true, true, false};
  EXPECT_EQ(Windows(model.Read()), (std::vector<int32_t>{0, 8, 8, 0}));
  model.metadata[model.Key("attention.sliding_window_pattern")] = {0, 1, 1, 0};
  EXPECT_EQ(Windows(model.Read()), (std::vector<int32_t>{0, 8, 8, 0}));
  model.metadata[model.Key("attention.sliding_window_pattern")] = {"no", "yes", "yes", "no"};
  EXPECT_THAT(model.Config(), MatchesStatus(StatusCode::kInvalidArgument,
                                            {"sliding_window_pattern", "array of bool"}));
  model.metadata[model.Key("attention.sliding_window_pattern")] = {true};
  EXPECT_THAT(model.Config(), MatchesStatus(StatusCode::kInvalidArgument, {"4 entries"}));

  model = Model("phi3");
  EXPECT_EQ(Windows(model.Read()), (std::vector<int32_t>{0, 0, 0, 0}));
  model.metadata[model.Key("attention.sliding_window")] = 0;  // how phi-4 says that it has none
  EXPECT_EQ(Windows(model.Read()), (std::vector<int32_t>{0, 0, 0, 0}));
  model.metadata[model.Key("attention.sliding_window")] = 8;
  EXPECT_EQ(Windows(model.Read()), (std::vector<int32_t>{8, 8, 8, 8}));
}

// The largest models of two families scale queries in another way, which files don't say.
TEST(GgufConfigTest, QueryScales) {
  for (const auto& [architecture, layers] : {std::pair{"gemma2", 46}, {"gemma3", 62}}) {
    Model model(architecture);
    model.metadata[model.Key("attention.key_length")] = 32;
    EXPECT_EQ((*model.Config())["query_pre_attn_scalar"], 32);
    for (int i = 0; i < layers; ++i) model.AddTensor(absl::StrCat("filler", i), {1});
    model.metadata[model.Key("block_count")] = layers;
    EXPECT_EQ((*model.Config())["query_pre_attn_scalar"], 16);
  }
}

TEST(GgufConfigTest, FalconsGroups) {
  Model model("falcon");
  EXPECT_EQ(model.Read().num_kv_heads, 2);
  EXPECT_EQ(model.Read().residual, ResidualKind::kParallelSharedNorm);
  model.AddTensor("blk.0.attn_norm_2.weight", {64});
  EXPECT_EQ(model.Read().residual, ResidualKind::kParallelOwnNorm);
  model = Model("falcon");
  model.metadata[model.Key("attention.head_count_kv")] = 1;
  EXPECT_EQ(model.Read().num_kv_heads, 1);
  EXPECT_EQ((*model.Config())["multi_query"], true);
}

struct Refused {
  const char* key;
  json value;
  std::vector<std::string> message;
  StatusCode code = StatusCode::kInvalidArgument;
};

TEST(GgufConfigTest, BadKeysAreNamed) {
  const std::vector<Refused> kCases = {
      {"block_count", json(), {"block_count", "whole number"}},
      {"block_count", 0, {"block_count", "found 0"}},
      {"block_count", 1000, {"no more layers than tensors, 5", "1000"}},
      {"block_count", "4", {"block_count", "whole number"}},
      {"context_length", json(), {"context_length", "nothing"}},
      {"embedding_length", 66, {"embedding_length", "multiple"}},
      {"feed_forward_length", {96, 48, 96, 96}, {"feed_forward_length", "same number"}},
      {"feed_forward_length", json::array(), {"feed_forward_length"}},
      {"attention.head_count", -4, {"attention.head_count"}},
      {"attention.head_count", 1 << 20, {"attention.head_count", "at most 65536"}},
      {"attention.value_length", 8, {"attention.value_length", "expected 16"}},
      {"attention.causal", false, {"attention.causal"}},
      {"attention.layer_norm_rms_epsilon", json(), {"layer_norm_rms_epsilon", "nothing"}},
      {"rope.freq_base", "x", {"rope.freq_base", "number"}},
      {"expert_count", 8, {"llama.expert_count = 8"}, StatusCode::kUnimplemented},
      {"attention.sliding_window", 4096, {"sliding_window"}, StatusCode::kUnimplemented},
      {"logit_scale", 0.5, {"llama.logit_scale = 0.5"}, StatusCode::kUnimplemented},
  };
  for (const Refused& refused : kCases) {
    Model model("llama");
    model.metadata[model.Key(refused.key)] = refused.value;
    if (refused.value.is_null()) model.metadata.erase(model.Key(refused.key));
    std::vector<std::string> message = refused.message;
    message.push_back("model.gguf");
    EXPECT_THAT(model.Config(), MatchesStatus(refused.code, message))
        << refused.key << " " << refused.value.dump();
  }
}

}  // namespace
}  // namespace inkling
