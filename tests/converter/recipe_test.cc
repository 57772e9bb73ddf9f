// Recipes: config.json in both spellings gives one ModelConfig, and what a recipe doesn't know is
// refused by name.

#include "converter/recipes/recipe.h"

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "converter/files/json_text.h"
#include "src/format/model_config.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/converted_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using absl::StatusCode;
using nlohmann::json;

json LlamaConfig() { return TinyCheckpoint().config; }

json GemmaConfig() {
  return {{"architectures", {"GemmaForCausalLM"}},
          {"model_type", "gemma"},
          {"hidden_size", 64},
          {"intermediate_size", 128},
          {"num_hidden_layers", 3},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 1},
          {"head_dim", 32},
          {"vocab_size", 512},
          {"hidden_act", "gelu"}};
}

// Returns how many folders of `golden` hold a config in both spellings.
int CompareSpellings(const std::string& golden) {
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden)) {
    const std::string old_path = entry.path() / "config.json";
    const std::string new_path = entry.path() / "config_v5.json";
    if (!std::filesystem::exists(old_path) || !std::filesystem::exists(new_path)) continue;
    const absl::StatusOr<json> old_spelling = ReadJsonFile(old_path);
    const absl::StatusOr<json> new_spelling = ReadJsonFile(new_path);
    EXPECT_TRUE(old_spelling.ok() && new_spelling.ok()) << entry.path();
    if (!old_spelling.ok() || !new_spelling.ok()) continue;
    const absl::StatusOr<ModelConfig> from_old = ReadModelConfig(*old_spelling);
    const absl::StatusOr<ModelConfig> from_new = ReadModelConfig(*new_spelling);
    EXPECT_OK(from_old) << entry.path();
    EXPECT_OK(from_new) << entry.path();
    if (!from_old.ok() || !from_new.ok()) continue;
    EXPECT_EQ(EncodedConfig(*from_old), EncodedConfig(*from_new)) << entry.path();
    ++compared;
  }
  return compared;
}

TEST(RecipeTest, BothSpellingsOfEveryGoldenConfigAgree) {
  EXPECT_GE(CompareSpellings(std::string(INKLING_TEST_DATA_DIR) + "/golden"), 10);
}

TEST(RecipeTest, BothSpellingsOfMoreGoldenConfigsAgree) {
  const std::string golden = std::string(INKLING_SHARED_DIR) + "/golden";
  if (!std::filesystem::exists(golden)) GTEST_SKIP() << golden << " is not here";
  EXPECT_GE(CompareSpellings(golden), 15);
}

TEST(RecipeTest, LlamaFieldsAndDefaults) {
  json config = LlamaConfig();
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  EXPECT_EQ(read.head_dim, 8);
  EXPECT_EQ(read.rotary_dim, 8);
  EXPECT_EQ(read.num_kv_heads, 2);
  EXPECT_EQ(read.context_length, 128);
  EXPECT_FLOAT_EQ(read.norm_epsilon, 1e-5f);
  EXPECT_FLOAT_EQ(read.attention_scale, 1.0f / std::sqrt(8.0f));
  EXPECT_FLOAT_EQ(read.embedding_scale, 1.0f);
  EXPECT_FALSE(read.query_key_value_bias);
  ASSERT_EQ(read.rope_tables.size(), 1);
  const std::vector<float> frequencies = {1.0f, 0.1f, 0.01f, 0.001f};
  EXPECT_EQ(read.rope_tables[0].frequencies, frequencies);

  for (const char* key : {"num_key_value_heads", "rms_norm_eps", "rope_theta", "hidden_act",
                          "tie_word_embeddings", "architectures"}) {
    config.erase(key);
  }
  config["head_dim"] = 16;
  config["attention_bias"] = true;
  config["mlp_bias"] = true;
  config["rope_scaling"] = {{"type", "linear"}, {"factor", 4.0}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig other, ReadModelConfig(config));
  EXPECT_EQ(other.head_dim, 16);
  EXPECT_EQ(other.num_kv_heads, 4);
  EXPECT_FLOAT_EQ(other.norm_epsilon, 1e-6f);
  EXPECT_TRUE(other.query_key_value_bias && other.attention_output_bias && other.feed_forward_bias);
  EXPECT_FALSE(other.tied_head);
  EXPECT_FLOAT_EQ(other.rope_tables[0].frequencies[0], 0.25f);
}

TEST(RecipeTest, GemmaFieldsAndItsActivationQuirk) {
  json config = GemmaConfig();
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  EXPECT_EQ(read.activation, Activation::kGeluTanh);  // "gelu" means the tanh form here
  EXPECT_FLOAT_EQ(read.embedding_scale, 8.0f);
  EXPECT_TRUE(read.tied_head);
  EXPECT_EQ(read.head_dim, 32);
  EXPECT_FLOAT_EQ(read.norm_epsilon, 1e-6f);
  config["hidden_activation"] = "gelu";  // said on purpose: the erf form
  ASSERT_OK_AND_ASSIGN(const ModelConfig erf, ReadModelConfig(config));
  EXPECT_EQ(erf.activation, Activation::kGeluErf);
  config["hidden_act"] = "relu";  // which transformers 5 takes, whatever else is said
  ASSERT_OK_AND_ASSIGN(const ModelConfig relu, ReadModelConfig(config));
  EXPECT_EQ(relu.activation, Activation::kRelu);

  absl::StatusOr<const Recipe*> recipe = FindRecipe(config);
  ASSERT_OK(recipe);
  for (const TensorInfo& info : TensorList(read)) {
    ASSERT_OK_AND_ASSIGN(const TensorSource source, (*recipe)->find_source(info, read));
    EXPECT_EQ(source.add, info.role == TensorRole::kNorm ? 1.0f : 0.0f) << info.name;
  }
}

struct BadField {
  const char* key;
  json value;
  std::vector<std::string> message;
  StatusCode code = StatusCode::kInvalidArgument;
};

TEST(RecipeTest, UnknownValuesAreNamed) {
  const std::vector<BadField> cases = {
      {"model_type", "mamba", {"mamba", "llama", "gemma"}, StatusCode::kUnimplemented},
      {"model_type", nullptr, {"model_type", "nothing"}},
      {"model_type", 7, {"model_type", "expected a string", "7"}},
      {"architectures",
       {"LlamaForQuestionAnswering"},
       {"LlamaForQuestionAnswering", "LlamaForCausalLM"},
       StatusCode::kUnimplemented},
      {"hidden_act", "mish", {"hidden_act", "expected silu", "mish"}},
      {"hidden_size", "64", {"hidden_size", "whole number", "\"64\""}},
      {"hidden_size", -64, {"hidden_size", "-64"}},
      {"hidden_size", 30, {"hidden_size", "multiple of num_attention_heads 4"}},
      {"num_attention_heads", 0, {"num_attention_heads", "from 1", "0"}},
      {"num_hidden_layers", 2.5, {"num_hidden_layers", "2.5"}},
      {"num_hidden_layers", 16000000, {"num_hidden_layers", "at most 1024"}},
      {"num_hidden_layers", 1e18, {"num_hidden_layers"}},
      {"num_key_value_heads", 3, {"num_key_value_heads", "divisor"}},
      {"head_dim", 7, {"7 dimensions"}},
      {"rms_norm_eps", "small", {"rms_norm_eps", "finite number"}},
      {"rms_norm_eps", -1.0, {"rms_norm_eps", "positive"}},
      {"attention_bias", "yes", {"attention_bias", "true or false"}},
      {"rope_interleaved", true, {"rope_interleaved"}, StatusCode::kUnimplemented},
  };
  for (const BadField& bad : cases) {
    json config = LlamaConfig();
    config[bad.key] = bad.value;
    EXPECT_THAT(ReadModelConfig(config), MatchesStatus(bad.code, bad.message))
        << bad.key << " = " << bad.value;
  }
}

TEST(RecipeTest, NullMeansMissing) {
  json config = LlamaConfig();
  const absl::StatusOr<ModelConfig> expected = ReadModelConfig(config);
  ASSERT_OK(expected);
  for (const char* key : {"head_dim", "rope_scaling", "attention_bias", "rope_interleaved"}) {
    config[key] = nullptr;
  }
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  EXPECT_EQ(EncodedConfig(read), EncodedConfig(*expected));
}

TEST(JsonTextTest, HostileTextIsAnError) {
  EXPECT_THAT(ParseJson("{\"a\": 1,}", "x.json"),
              MatchesStatus(StatusCode::kInvalidArgument, {"x.json", "byte"}));
  EXPECT_THAT(ParseJson("{\"a\": {\"b\": 1, \"b\": 2}}", "x.json"),
              MatchesStatus(StatusCode::kInvalidArgument, {"\"b\"", "twice"}));
  EXPECT_OK(ParseJson("[{\"a\": 1}, {\"a\": \"[[[[\\\"[\"}]", "x.json"));
  const std::string deep = std::string(33, '[') + std::string(33, ']');
  EXPECT_THAT(ParseJson(deep, "x.json"), MatchesStatus(StatusCode::kInvalidArgument, {"deeper"}));
  EXPECT_OK(ParseJson(deep.substr(1, 64), "x.json"));
  EXPECT_THAT(ParseJson("{\"a\": \"\xFF\"}", "x.json"),
              MatchesStatus(StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace inkling
