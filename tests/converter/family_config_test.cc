// What each family's recipe makes of its config.json: the defaults of transformers' configuration
// class, the axes that make the family, and the values it refuses.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "src/format/model_config.h"
#include "tests/converter/converted_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using absl::StatusCode;
using nlohmann::json;

json Config(const std::string& model_type) { return {{"model_type", model_type}}; }

struct FamilyDefaults {
  std::string model_type;
  std::vector<int32_t>
      sizes;  // vocabulary, hidden, feed-forward, layers, heads, kv heads, head_dim
  int32_t context_length;
  float norm_epsilon;
  int32_t rotary_dim;
  bool tied_head;
};

// A config that names nothing is the configuration class's own.
TEST(FamilyConfigTest, DefaultsAreThoseOfTransformers) {
  const std::vector<FamilyDefaults> families = {
      {"falcon", {65024, 4544, 18176, 32, 71, 1, 64}, 2048, 1e-5f, 64, true},
      {"gemma", {256000, 3072, 24576, 28, 16, 16, 256}, 8192, 1e-6f, 256, true},
      {"gemma2", {256000, 2304, 9216, 26, 8, 4, 256}, 8192, 1e-6f, 256, true},
      {"gemma3_text", {262208, 2304, 9216, 26, 8, 4, 256}, 131072, 1e-6f, 256, true},
      {"llama", {32000, 4096, 11008, 32, 32, 32, 128}, 2048, 1e-6f, 128, false},
      {"mistral", {32000, 4096, 14336, 32, 32, 8, 128}, 131072, 1e-6f, 128, false},
      {"phi", {51200, 2048, 8192, 24, 32, 32, 64}, 2048, 1e-5f, 32, false},
      {"phi3", {32064, 3072, 8192, 32, 32, 32, 96}, 4096, 1e-5f, 96, false},
      {"qwen2", {151936, 4096, 22016, 32, 32, 32, 128}, 32768, 1e-6f, 128, false},
      {"qwen3", {151936, 4096, 22016, 32, 32, 32, 128}, 32768, 1e-6f, 128, false},
      {"smollm3", {128256, 2048, 11008, 36, 16, 4, 128}, 32768, 1e-6f, 128, true},
      {"stablelm", {50304, 2560, 6912, 32, 32, 32, 80}, 4096, 1e-5f, 20, false},
  };
  for (const FamilyDefaults& family : families) {
    SCOPED_TRACE(family.model_type);
    ASSERT_OK_AND_ASSIGN(const ModelConfig c, ReadModelConfig(Config(family.model_type)));
    EXPECT_EQ((std::vector<int32_t>{c.vocab_size, c.hidden_dim, c.feed_forward_dim, c.num_layers,
                                    c.num_heads, c.num_kv_heads, c.head_dim}),
              family.sizes);
    EXPECT_EQ(c.context_length, family.context_length);
    EXPECT_FLOAT_EQ(c.norm_epsilon, family.norm_epsilon);
    EXPECT_EQ(c.rotary_dim, family.rotary_dim);
    EXPECT_EQ(c.tied_head, family.tied_head);
  }
}

TEST(FamilyConfigTest, NullKvHeadsAreAsManyAsHeads) {
  json config = Config("mistral");
  config["num_key_value_heads"] = nullptr;
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  EXPECT_EQ(read.num_kv_heads, 32);
}

std::vector<int32_t> Windows(const ModelConfig& config) {
  std::vector<int32_t> windows;
  for (const LayerConfig& layer : config.layers) windows.push_back(layer.window);
  return windows;
}

std::vector<int32_t> RopeTables(const ModelConfig& config) {
  std::vector<int32_t> tables;
  for (const LayerConfig& layer : config.layers) tables.push_back(layer.rope_table);
  return tables;
}

TEST(FamilyConfigTest, Gemma2CapsWindowsAndScale) {
  json config = Config("gemma2");
  config["num_hidden_layers"] = 3;
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  EXPECT_EQ(Windows(read), (std::vector<int32_t>{4096, 0, 4096}));
  EXPECT_EQ(read.attention_soft_cap, 50.0f);
  EXPECT_EQ(read.logit_soft_cap, 30.0f);
  EXPECT_EQ(read.attention_scale, 0.0625f);
  EXPECT_EQ(read.embedding_scale, 48.0f);
  EXPECT_EQ(read.activation, Activation::kGeluTanh);
  EXPECT_TRUE(read.post_norms);

  config["attn_logit_softcapping"] = nullptr;  // none, which missing doesn't mean
  config["final_logit_softcapping"] = nullptr;
  config["query_pre_attn_scalar"] = 144;
  config["layer_types"] = {"full_attention", "full_attention", "sliding_attention"};
  config["sliding_window"] = 7;
  config["hidden_act"] = "relu";  // a field that the model doesn't read
  ASSERT_OK_AND_ASSIGN(const ModelConfig other, ReadModelConfig(config));
  EXPECT_EQ(Windows(other), (std::vector<int32_t>{0, 0, 7}));
  EXPECT_EQ(other.attention_soft_cap, 0.0f);
  EXPECT_EQ(other.logit_soft_cap, 0.0f);
  EXPECT_FLOAT_EQ(other.attention_scale, 1.0f / 12.0f);
  EXPECT_EQ(other.activation, Activation::kGeluTanh);
}

TEST(FamilyConfigTest, Gemma3TurnsLocalAndGlobalLayersByTheirOwnTables) {
  json config = Config("gemma3_text");
  config["num_hidden_layers"] = 7;
  config["head_dim"] = 8;
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  EXPECT_EQ(Windows(read), (std::vector<int32_t>{4096, 4096, 4096, 4096, 4096, 0, 4096}));
  EXPECT_EQ(RopeTables(read), (std::vector<int32_t>{1, 1, 1, 1, 1, 0, 1}));
  ASSERT_EQ(read.rope_tables.size(), 2);
  EXPECT_FLOAT_EQ(read.rope_tables[0].frequencies[2], 1e-3f);  // 1000000^(-4/8)
  EXPECT_FLOAT_EQ(read.rope_tables[1].frequencies[2], 1e-2f);  // 10000^(-4/8)
  EXPECT_EQ(read.query_key_norm, QueryKeyNorm::kShared);
  EXPECT_EQ(read.attention_soft_cap, 0.0f);

  config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 8.0}};
  config["rope_local_base_freq"] = 100;
  config["sliding_window_pattern"] = 2;
  config["num_hidden_layers"] = 4;
  ASSERT_OK_AND_ASSIGN(const ModelConfig scaled, ReadModelConfig(config));
  EXPECT_EQ(RopeTables(scaled), (std::vector<int32_t>{1, 0, 1, 0}));
  EXPECT_FLOAT_EQ(scaled.rope_tables[0].frequencies[2], 1e-3f / 8);
  EXPECT_FLOAT_EQ(scaled.rope_tables[1].frequencies[2], 0.1f);  // never scaled
}

TEST(FamilyConfigTest, Gemma3InsideAWrapper) {
  json config = {{"model_type", "gemma3"},
                 {"architectures", {"Gemma3ForConditionalGeneration"}},
                 {"text_config",
                  {{"hidden_size", 2560},
                   {"intermediate_size", 10240},
                   {"model_type", "gemma3_text"},
                   {"num_hidden_layers", 34},
                   {"rope_scaling", {{"factor", 8.0}, {"rope_type", "linear"}}},
                   {"sliding_window", 1024}}},
                 {"vision_config", {{"hidden_size", 1152}}}};  // as the 4B checkpoint says it
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  EXPECT_EQ(read.vocab_size, 262208);
  EXPECT_EQ(read.hidden_dim, 2560);
  EXPECT_EQ(read.layers[0].window, 1024);
  EXPECT_EQ(read.layers[5].window, 0);
  EXPECT_TRUE(read.tied_head);
  config["text_config"]["tie_word_embeddings"] = false;  // the head isn't the text model's
  config["text_config"]["final_logit_softcapping"] = 30.0;
  ASSERT_OK_AND_ASSIGN(const ModelConfig inner, ReadModelConfig(config));
  EXPECT_TRUE(inner.tied_head);
  EXPECT_EQ(inner.logit_soft_cap, 0.0f);
  config["tie_word_embeddings"] = false;
  ASSERT_OK_AND_ASSIGN(const ModelConfig untied, ReadModelConfig(config));
  EXPECT_FALSE(untied.tied_head);
}

// What an object leaves open is said beside it.
TEST(FamilyConfigTest, Gemma3RotationsByKindOfLayer) {
  json config = Config("gemma3_text");
  config["head_dim"] = 8;
  config["rope_theta"] = 16.0;
  config["rope_local_base_freq"] = 81.0;
  config["rope_parameters"] = {{"full_attention", {{"rope_type", "linear"}, {"factor", 2.0}}}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  EXPECT_FLOAT_EQ(read.rope_tables[0].frequencies[2], 0.125f);  // 16^(-4/8) / 2
  EXPECT_FLOAT_EQ(read.rope_tables[1].frequencies[2], 1.0f / 9);
}

TEST(FamilyConfigTest, WindowsOfMistralAndPhi3HoldForAllLayers) {
  for (const char* model_type : {"mistral", "phi3"}) {
    json config = Config(model_type);
    config["num_hidden_layers"] = 2;
    config["sliding_window"] = 2047;
    ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
    EXPECT_EQ(Windows(read), (std::vector<int32_t>{2047, 2047}));
    config["sliding_window"] = nullptr;
    ASSERT_OK_AND_ASSIGN(const ModelConfig without, ReadModelConfig(config));
    EXPECT_EQ(Windows(without), (std::vector<int32_t>{0, 0}));
    config.erase("sliding_window");
    ASSERT_OK_AND_ASSIGN(const ModelConfig missing, ReadModelConfig(config));
    EXPECT_EQ(missing.layers[0].window, std::string(model_type) == "mistral" ? 4096 : 0);
  }
}

TEST(FamilyConfigTest, MistralWithKindsOfLayersIsMinistral) {
  json config = Config("mistral");
  config["num_hidden_layers"] = 3;
  config["sliding_window"] = 7;
  config["layer_types"] = {"sliding_attention", "full_attention", "sliding_attention"};
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  EXPECT_EQ(Windows(read), (std::vector<int32_t>{7, 0, 7}));
  config["model_type"] = "ministral";
  config["architectures"] = {"MinistralForCausalLM"};
  ASSERT_OK_AND_ASSIGN(const ModelConfig saved, ReadModelConfig(config));
  EXPECT_EQ(EncodedConfig(saved), EncodedConfig(read));
}

TEST(FamilyConfigTest, QwenUsesItsWindowOnlyIfToldTo) {
  for (const char* model_type : {"qwen2", "qwen3"}) {
    json config = Config(model_type);
    config["num_hidden_layers"] = 3;
    config["sliding_window"] = 16;
    config["max_window_layers"] = 1;
    ASSERT_OK_AND_ASSIGN(const ModelConfig unused, ReadModelConfig(config));
    EXPECT_EQ(Windows(unused), (std::vector<int32_t>{0, 0, 0}));
    config["use_sliding_window"] = true;
    ASSERT_OK_AND_ASSIGN(const ModelConfig used, ReadModelConfig(config));
    EXPECT_EQ(Windows(used), (std::vector<int32_t>{0, 16, 16}));
    EXPECT_EQ(used.query_key_value_bias, std::string(model_type) == "qwen2");
    EXPECT_FALSE(used.attention_output_bias);
    EXPECT_EQ(used.query_key_norm == QueryKeyNorm::kShared, std::string(model_type) == "qwen3");
  }
}

TEST(FamilyConfigTest, SmolLm3LayersThatDontRotate) {
  json config = Config("smollm3");
  config["num_hidden_layers"] = 5;
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  EXPECT_EQ(RopeTables(read), (std::vector<int32_t>{0, 0, 0, -1, 0}));
  EXPECT_FLOAT_EQ(read.rope_tables[0].frequencies[32], std::pow(2e6f, -0.5f));
  config["no_rope_layers"] = {0, 1, 1, 0, 1, 1};  // one more than there are layers
  config["use_sliding_window"] = true;
  config["sliding_window"] = 9;
  ASSERT_OK_AND_ASSIGN(const ModelConfig listed, ReadModelConfig(config));
  EXPECT_EQ(RopeTables(listed), (std::vector<int32_t>{-1, 0, 0, -1, 0}));
  EXPECT_EQ(Windows(listed), (std::vector<int32_t>{9, 0, 0, 9, 0}));
}

TEST(FamilyConfigTest, PhiSharesOneNormAndHasBiasesEverywhere) {
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(Config("phi")));
  EXPECT_EQ(read.residual, ResidualKind::kParallelSharedNorm);
  EXPECT_EQ(read.norm, NormKind::kLayer);
  EXPECT_EQ(read.feed_forward, FeedForwardKind::kPlain);
  EXPECT_EQ(read.activation, Activation::kGeluTanh);
  EXPECT_TRUE(read.norm_has_bias && read.query_key_value_bias && read.attention_output_bias &&
              read.feed_forward_bias && read.head_bias);
}

TEST(FamilyConfigTest, StableLmForms) {
  json config = Config("stablelm");
  ASSERT_OK_AND_ASSIGN(const ModelConfig plain, ReadModelConfig(config));
  EXPECT_EQ(plain.residual, ResidualKind::kSequential);
  EXPECT_TRUE(plain.norm_has_bias);
  EXPECT_FALSE(plain.query_key_value_bias);
  config["use_qkv_bias"] = true;
  config["qk_layernorm"] = true;
  config["use_parallel_residual"] = true;
  ASSERT_OK_AND_ASSIGN(const ModelConfig later, ReadModelConfig(config));
  EXPECT_EQ(later.residual, ResidualKind::kParallelSharedNorm);
  EXPECT_TRUE(later.query_key_value_bias);
  EXPECT_FALSE(later.attention_output_bias || later.feed_forward_bias);
  EXPECT_EQ(later.query_key_norm, QueryKeyNorm::kPerHead);
  EXPECT_EQ(later.query_key_norm_kind, NormKind::kLayer);
}

// transformers' build_alibi_tensor for a power of two, and for another number of heads.
TEST(FamilyConfigTest, FalconSlopes) {
  json config = Config("falcon");
  config["alibi"] = true;
  config["multi_query"] = false;
  config["hidden_size"] = 96;
  config["num_attention_heads"] = 4;
  ASSERT_OK_AND_ASSIGN(const ModelConfig four, ReadModelConfig(config));
  EXPECT_EQ(four.position, PositionKind::kAlibi);
  EXPECT_EQ(four.num_kv_heads, 4);
  EXPECT_EQ(four.alibi_slopes, (std::vector<float>{0.25f, 0.0625f, 0.015625f, 0.00390625f}));
  config["num_attention_heads"] = 6;
  ASSERT_OK_AND_ASSIGN(const ModelConfig six, ReadModelConfig(config));
  EXPECT_EQ(six.alibi_slopes,
            (std::vector<float>{0.25f, 0.0625f, 0.015625f, 0.00390625f, 0.5f, 0.125f}));
  config["num_attention_heads"] = 32;
  ASSERT_OK_AND_ASSIGN(const ModelConfig many, ReadModelConfig(config));
  EXPECT_FLOAT_EQ(many.alibi_slopes[0], std::pow(2.0f, -0.25f));
  EXPECT_FLOAT_EQ(many.alibi_slopes[31], std::pow(2.0f, -8.0f));
}

TEST(FamilyConfigTest, FalconForms) {
  json config = Config("falcon");
  ASSERT_OK_AND_ASSIGN(const ModelConfig seven, ReadModelConfig(config));
  EXPECT_EQ(seven.residual, ResidualKind::kParallelSharedNorm);
  EXPECT_EQ(seven.activation, Activation::kGeluErf);
  EXPECT_FALSE(seven.query_key_value_bias);
  config["num_kv_heads"] = 71;  // the published 7B says so, and has one
  ASSERT_OK_AND_ASSIGN(const ModelConfig published, ReadModelConfig(config));
  EXPECT_EQ(published.num_kv_heads, 1);

  config = {{"model_type", "falcon"},     {"new_decoder_architecture", true},
            {"num_attention_heads", 128}, {"num_kv_heads", 8},
            {"hidden_size", 8192},        {"bias", false},
            {"num_hidden_layers", 2}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig forty, ReadModelConfig(config));
  EXPECT_EQ(forty.residual, ResidualKind::kParallelOwnNorm);
  EXPECT_EQ(forty.num_kv_heads, 8);
  config["num_ln_in_parallel_attn"] = 1;  // 11B
  ASSERT_OK_AND_ASSIGN(const ModelConfig eleven, ReadModelConfig(config));
  EXPECT_EQ(eleven.residual, ResidualKind::kParallelSharedNorm);

  config = {{"model_type", "falcon"},   {"alibi", true},          {"bias", true},
            {"multi_query", false},     {"parallel_attn", false}, {"hidden_size", 2048},
            {"num_attention_heads", 32}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig rw, ReadModelConfig(config));
  EXPECT_EQ(rw.residual, ResidualKind::kSequential);
  EXPECT_EQ(rw.num_kv_heads, 32);
  EXPECT_EQ(rw.feed_forward_dim, 8192);
  EXPECT_TRUE(rw.query_key_value_bias && rw.attention_output_bias && rw.feed_forward_bias);
  EXPECT_FALSE(rw.head_bias);
}

// As the first published checkpoints say it; fine-tunes of them still do.
TEST(FamilyConfigTest, FalconBeforeTransformersHadIt) {
  json config = {{"model_type", "RefinedWebModel"},
                 {"architectures", {"RWForCausalLM"}},
                 {"alibi", false},
                 {"apply_residual_connection_post_layernorm", false},
                 {"bias", false},
                 {"hidden_size", 4544},
                 {"layer_norm_epsilon", 1e-05},
                 {"multi_query", true},
                 {"n_head", 71},
                 {"n_layer", 2},
                 {"parallel_attn", true},
                 {"vocab_size", 65024}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig seven, ReadModelConfig(config));
  EXPECT_EQ(seven.residual, ResidualKind::kParallelSharedNorm);
  EXPECT_EQ(seven.num_layers, 2);
  EXPECT_EQ(seven.num_heads, 71);
  EXPECT_EQ(seven.num_kv_heads, 1);
  config.erase("multi_query");  // whose default was another one
  config.erase("parallel_attn");
  ASSERT_OK_AND_ASSIGN(const ModelConfig rw, ReadModelConfig(config));
  EXPECT_EQ(rw.residual, ResidualKind::kSequential);
  EXPECT_EQ(rw.num_kv_heads, 71);
  config = {{"model_type", "RefinedWeb"},
            {"n_head", 128},
            {"n_head_kv", 8},
            {"n_layer", 2},
            {"bias", false},
            {"parallel_attn", true},
            {"hidden_size", 8192}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig forty, ReadModelConfig(config));
  EXPECT_EQ(forty.residual, ResidualKind::kParallelOwnNorm);
  EXPECT_EQ(forty.num_heads, 128);
  EXPECT_EQ(forty.num_kv_heads, 8);
}

TEST(FamilyConfigTest, StableLmBeforeTransformersHadIt) {
  const json config = {{"model_type", "stablelm_epoch"},
                       {"architectures", {"StableLMEpochForCausalLM"}},
                       {"norm_eps", 1e-4},
                       {"rope_pct", 0.5},
                       {"num_heads", 32},
                       {"rotary_scaling_factor", 1.0}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  EXPECT_FLOAT_EQ(read.norm_epsilon, 1e-4f);
  EXPECT_EQ(read.rotary_dim, 40);
}

struct BadField {
  std::string model_type;
  std::string key;
  json value;
  std::vector<std::string> message;
  StatusCode code = StatusCode::kInvalidArgument;
};

void ExpectNamed(const std::vector<BadField>& cases) {
  for (const BadField& bad : cases) {
    json config = Config(bad.model_type);
    config[bad.key] = bad.value;
    EXPECT_THAT(ReadModelConfig(config), MatchesStatus(bad.code, bad.message))
        << bad.model_type << ": " << bad.key << " = " << bad.value;
  }
}

TEST(FamilyConfigTest, UnknownValuesOfGemmasAreNamed) {
  ExpectNamed({
      {"gemma2", "query_pre_attn_scalar", 0, {"query_pre_attn_scalar", "positive"}},
      {"gemma2", "sliding_window", nullptr, {"sliding_window", "layer 0", "none"}},
      {"gemma2", "layer_types", {"full_attention"}, {"layer_types", "26 entries", "found 1"}},
      {"gemma2", "attn_logit_softcapping", -5.0, {"attn_logit_softcapping", "-5"}},
      {"gemma2", "hidden_activation", "quick_gelu", {"hidden_activation", "quick_gelu"}},
      {"gemma2", "use_bidirectional_attention", true, {"causal"}, StatusCode::kUnimplemented},
      {"gemma3_text", "use_bidirectional_attention", true, {"causal"}, StatusCode::kUnimplemented},
      {"gemma3_text", "sliding_window_pattern", 0, {"sliding_window_pattern", "from 1"}},
      {"gemma3_text", "rope_local_base_freq", -1, {"rope_local_base_freq", "positive"}},
      {"gemma3_text", "rope_parameters", {{"full_attention", 5}}, {"full_attention", "object"}},
      {"gemma3_text",
       "rope_parameters",
       {{"sliding_attention", {{"rope_type", "sinusoidal"}}}},
       {"sliding_attention: rope_type", "sinusoidal"}},
      {"gemma3", "architectures", json::array(), {"text_config", "nothing"}},
      {"gemma3", "text_config", 7, {"text_config", "expected an object", "7"}},
      {"gemma3", "text_config", {{"hidden_size", "2560"}}, {"text_config: hidden_size", "whole"}},
      {"gemma3", "text_config", {{"model_type", "bert"}}, {"text_config: model_type", "bert"}},
      {"gemma3_text",
       "rope_parameters",
       {{"rope_type", "linear"}},
       {"rope_type", "objects full_attention"}},
      {"gemma3_text", "rope_scaling", {{"type", "linear"}, {"factor", 2}}, {"rope_type", "type"}},
      {"gemma3_text", "_sliding_window_pattern", 2, {"_sliding_window_pattern", "6", "found 2"}},
      {"gemma3_text", "final_logit_softcapping", 0, {"final_logit_softcapping", "positive"}},
  });
}

TEST(FamilyConfigTest, UnknownValuesAreNamed) {
  const StatusCode unimplemented = StatusCode::kUnimplemented;
  ExpectNamed({
      {"falcon", "activation", "mish", {"activation", "silu", "mish"}},
      {"falcon", "parallel_attn", "yes", {"parallel_attn", "true or false"}},
      {"falcon", "num_ln_in_parallel_attn", 2, {"num_ln_in_parallel_attn", "expected 1"}},
      {"falcon", "apply_residual_connection_post_layernorm", true, {"apply_res"}, unimplemented},
      {"falcon", "ffn_hidden_size", 0, {"ffn_hidden_size", "from 1"}},
      {"falcon", "num_attention_heads", 72, {"hidden_size", "72", "4544"}},
      {"mistral", "sliding_window", -1, {"sliding_window", "-1"}},
      {"mistral", "sliding_window", 0, {"sliding_window", "from 1"}},
      {"falcon", "head_dim", 32, {"head_dim", "4544 / 71", "32"}},
      {"stablelm", "head_dim", 128, {"head_dim", "2560 / 32", "128"}},
      {"llama", "num_key_value_heads", 5, {"num_key_value_heads", "divisor", "32", "5"}},
      {"llama", "head_dim", 8192, {"head_dim", "at most 4096"}},
      {"mistral", "hidden_act", "gelu_10", {"hidden_act", "gelu_10"}},
      {"mistral",
       "architectures",
       {"MistralForQuestionAnswering"},
       {"MistralForCausalLM"},
       unimplemented},
      {"phi", "qk_layernorm", true, {"qk_layernorm", "biases"}, unimplemented},
      {"phi", "partial_rotary_factor", 0.43, {"partial_rotary_factor", "64 dimensions"}},
      {"phi3", "attention_bias", true, {"attention_bias"}, unimplemented},
      {"phi3", "lm_head_bias", true, {"lm_head_bias"}, unimplemented},
      {"qwen2", "max_window_layers", -1, {"max_window_layers", "from 0"}},
      {"qwen3", "layer_types", {1, 2}, {"layer_types", "list of strings"}},
      {"smollm3", "no_rope_layers", {1, 0}, {"no_rope_layers", "36 entries", "found 2"}},
      {"smollm3", "no_rope_layers", std::vector<int>(36, 2), {"no_rope_layers", "0 and 1"}},
      {"smollm3", "no_rope_layer_interval", 0, {"no_rope_layer_interval"}},
      {"stablelm", "use_qkv_bias", 1, {"use_qkv_bias", "true or false", "1"}},
      {"stablelm", "layer_norm_eps", 0, {"layer_norm_eps", "positive"}},
      {"stablelm_alpha",
       "use_cache",
       true,
       {"stablelm_alpha", "converts", " stablelm"},
       unimplemented},
  });
}

TEST(FamilyConfigTest, FalconFormsThatContradictThemselves) {
  json config = Config("falcon");
  config["new_decoder_architecture"] = true;
  config["parallel_attn"] = false;
  EXPECT_THAT(ReadModelConfig(config),
              MatchesStatus(StatusCode::kInvalidArgument, {"parallel_attn", "true", "false"}));
  config = Config("falcon");
  config["multi_query"] = false;
  config["num_kv_heads"] = 8;
  EXPECT_THAT(ReadModelConfig(config),
              MatchesStatus(StatusCode::kInvalidArgument, {"num_kv_heads", "71", "8"}));
  config = Config("falcon");
  config["new_decoder_architecture"] = true;
  config["num_ln_in_parallel_attn"] = 3;
  EXPECT_THAT(ReadModelConfig(config),
              MatchesStatus(StatusCode::kInvalidArgument, {"1 or 2", "3"}));
}

TEST(FamilyConfigTest, SlidingLayersNeedAWindowThatIsUsed) {
  json config = Config("qwen2");
  config["num_hidden_layers"] = 2;
  config["layer_types"] = {"full_attention", "sliding_attention"};
  config["sliding_window"] = 128;  // use_sliding_window is false
  EXPECT_THAT(ReadModelConfig(config),
              MatchesStatus(StatusCode::kInvalidArgument, {"sliding_window", "layer 1"}));
  config["layer_types"] = {"full_attention", "chunked_attention"};
  EXPECT_THAT(ReadModelConfig(config),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"layer_types", "sliding_attention", "chunked_attention"}));
}

}  // namespace
}  // namespace inkling
