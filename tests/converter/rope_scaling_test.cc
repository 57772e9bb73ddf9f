// Rotary frequencies from both spellings of a config, with every scaling; numbers computed from
// transformers' formulas by hand or by a program of their own.

#include "converter/recipes/rope_scaling.h"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/converted_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using absl::StatusCode;
using nlohmann::json;

// A config with four frequencies: 1, 0.1, 0.01, 0.001.
json Config() { return TinyCheckpoint().config; }

void ExpectFrequencies(const std::vector<float>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_FLOAT_EQ(found[i], static_cast<float>(expected[i])) << i;
  }
}

TEST(RopeScalingTest, LinearInBothSpellings) {
  json config = Config();
  config["rope_scaling"] = {{"type", "linear"}, {"factor", 4.0}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig old_spelling, ReadModelConfig(config));
  ExpectFrequencies(old_spelling.rope_tables[0].frequencies, {0.25, 0.025, 0.0025, 0.00025});
  config.erase("rope_scaling");
  config["rope_theta"] = 7.0;  // rope_parameters' own comes first
  config["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 4.0}, {"rope_theta", 10000.0}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig new_spelling, ReadModelConfig(config));
  EXPECT_EQ(old_spelling.rope_tables[0].frequencies, new_spelling.rope_tables[0].frequencies);
}

TEST(RopeScalingTest, Llama3ByWavelength) {
  json config = Config();
  config["rope_theta"] = 500000.0;
  config["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", 8.0},
                            {"low_freq_factor", 1.0},
                            {"high_freq_factor", 4.0},
                            {"original_max_position_embeddings", 64}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  const std::vector<float>& frequencies = read.rope_tables[0].frequencies;
  ASSERT_EQ(frequencies.size(), 4);
  EXPECT_FLOAT_EQ(frequencies[0], 1.0f);  // a wavelength of 6.3 is below 64 / 4
  EXPECT_FLOAT_EQ(frequencies[1], std::pow(500000.0f, -0.25f) / 8.0f);  // 167 is above 64
  EXPECT_FLOAT_EQ(frequencies[3], std::pow(500000.0f, -0.75f) / 8.0f);

  // 42.5 lies between 16 and 64: a blend. smooth = (100/42.5 - 1) / 3 with the original at 100.
  config["rope_theta"] = std::pow(42.5 / (2 * std::acos(-1.0)), 4.0);
  config["rope_scaling"]["original_max_position_embeddings"] = 100;
  ASSERT_OK_AND_ASSIGN(const ModelConfig blended, ReadModelConfig(config));
  const double smooth = (100.0 / 42.5 - 1.0) / 3.0;
  const double frequency = 2 * std::acos(-1.0) / 42.5;
  EXPECT_NEAR(blended.rope_tables[0].frequencies[1],
              (1 - smooth) * frequency / 8 + smooth * frequency, 1e-7);
}

TEST(RopeScalingTest, YarnByRotations) {
  json config = Config();
  config["rope_scaling"] = {
      {"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 64}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  ExpectFrequencies(read.rope_tables[0].frequencies, {1.0, 0.0625, 0.0025, 0.00025});
  EXPECT_FLOAT_EQ(read.rope_tables[0].attention_factor, 1.138629436111989f);
  EXPECT_TRUE(read.rope_tables[0].long_frequencies.empty());

  config["rope_scaling"]["original_max_position_embeddings"] = 4096;
  ASSERT_OK_AND_ASSIGN(const ModelConfig later, ReadModelConfig(config));
  ExpectFrequencies(later.rope_tables[0].frequencies, {1.0, 0.1, 0.00625, 0.00025});
  config["rope_scaling"]["truncate"] = false;
  config["rope_scaling"]["attention_factor"] = 1.5;
  ASSERT_OK_AND_ASSIGN(const ModelConfig exact, ReadModelConfig(config));
  ExpectFrequencies(exact.rope_tables[0].frequencies, {1.0, 0.1, 0.006556971521129435, 0.00025});
  EXPECT_FLOAT_EQ(exact.rope_tables[0].attention_factor, 1.5f);

  // DeepSeek's two weights: (0.1 x 2 ln 4 + 1) / (0.1 x 3 ln 4 + 1).
  config["rope_scaling"].erase("attention_factor");
  config["rope_scaling"]["mscale"] = 2.0;
  config["rope_scaling"]["mscale_all_dim"] = 3.0;
  ASSERT_OK_AND_ASSIGN(const ModelConfig weighted, ReadModelConfig(config));
  EXPECT_FLOAT_EQ(weighted.rope_tables[0].attention_factor, 1.277258872f / 1.415888308f);
}

TEST(RopeScalingTest, LongropeHasTwoSetsOfFrequencies) {
  json config = Config();
  config["max_position_embeddings"] = 256;
  config["original_max_position_embeddings"] = 64;
  config["rope_scaling"] = {{"type", "su"},
                            {"short_factor", {1.0, 1.25, 2.0, 4.0}},
                            {"long_factor", {2.0, 5.0, 8.0, 10.0}}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  const RopeTableConfig& table = read.rope_tables[0];
  ExpectFrequencies(table.frequencies, {1.0, 0.08, 0.005, 0.00025});
  ExpectFrequencies(table.long_frequencies, {0.5, 0.02, 0.00125, 0.0001});
  EXPECT_EQ(table.long_from, 64);
  EXPECT_FLOAT_EQ(table.attention_factor, 1.1547005383792517f);  // sqrt(1 + ln 4 / ln 64)
  EXPECT_EQ(table.long_attention_factor, table.attention_factor);

  // As transformers 5 writes it: everything in one object.
  json later = config;
  later.erase("rope_scaling");
  later.erase("original_max_position_embeddings");
  later["rope_parameters"] = config["rope_scaling"];
  later["rope_parameters"].erase("type");
  later["rope_parameters"]["rope_type"] = "longrope";
  later["rope_parameters"]["rope_theta"] = 10000.0;
  later["rope_parameters"]["original_max_position_embeddings"] = 64;
  ASSERT_OK_AND_ASSIGN(const ModelConfig new_spelling, ReadModelConfig(later));
  EXPECT_EQ(EncodedConfig(read), EncodedConfig(new_spelling));

  config["rope_scaling"]["attention_factor"] = 1.25;
  ASSERT_OK_AND_ASSIGN(const ModelConfig given, ReadModelConfig(config));
  EXPECT_EQ(given.rope_tables[0].attention_factor, 1.25f);
  config["rope_scaling"].erase("attention_factor");
  config["max_position_embeddings"] = 64;  // not stretched
  ASSERT_OK_AND_ASSIGN(const ModelConfig unstretched, ReadModelConfig(config));
  EXPECT_EQ(unstretched.rope_tables[0].attention_factor, 1.0f);
}

json PhiConfig() {
  return {{"model_type", "phi"}, {"hidden_size", 32}, {"num_attention_heads", 4}};
}

TEST(RopeScalingTest, PartOfAHeadRotates) {
  json config = PhiConfig();
  config["partial_rotary_factor"] = 0.5;
  ASSERT_OK_AND_ASSIGN(const ModelConfig read, ReadModelConfig(config));
  EXPECT_EQ(read.rotary_dim, 4);
  ExpectFrequencies(read.rope_tables[0].frequencies, {1.0, 0.01});
  config = PhiConfig();
  config["rope_parameters"] = {{"rope_type", "default"}, {"partial_rotary_factor", 0.25}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig newer, ReadModelConfig(config));
  EXPECT_EQ(newer.rotary_dim, 2);
  config["partial_rotary_factor"] = 0.5;  // of the two, transformers takes one here, one there
  EXPECT_THAT(ReadModelConfig(config),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"config.json: partial_rotary_factor", "0.25", "found 0.5"}));
  config = PhiConfig();
  config["partial_rotary_factor"] = 0.4;
  EXPECT_THAT(ReadModelConfig(config), MatchesStatus(StatusCode::kInvalidArgument,
                                                     {"partial_rotary_factor", "even number"}));
}

// transformers has the field in all configs and uses it in a few families.
TEST(RopeScalingTest, HeadsOfOtherFamiliesRotateWhole) {
  for (const char* model_type : {"llama", "mistral", "qwen2", "qwen3", "smollm3", "gemma", "gemma2",
                                 "gemma3_text", "falcon"}) {
    json config = {{"model_type", model_type}};
    ASSERT_OK_AND_ASSIGN(const ModelConfig whole, ReadModelConfig(config));
    config["partial_rotary_factor"] = 0.5;
    ASSERT_OK_AND_ASSIGN(const ModelConfig named, ReadModelConfig(config));
    EXPECT_EQ(EncodedConfig(named), EncodedConfig(whole)) << model_type;
    EXPECT_EQ(named.rotary_dim, named.head_dim);
  }
  json config = Config();
  config["partial_rotary_factor"] = 0.5;
  config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 2.0}};  // where transformers fails
  EXPECT_THAT(ReadModelConfig(config),
              MatchesStatus(StatusCode::kInvalidArgument, {"partial_rotary_factor", "linear"}));
  config["partial_rotary_factor"] = 1.0;
  EXPECT_OK(ReadModelConfig(config));
}

TEST(RopeScalingTest, TheOlderSpellingCountsWhereItSaysSomething) {
  json config = Config();
  config["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 4.0}, {"rope_theta", 16.0}};
  config["rope_scaling"] = json::object();
  ASSERT_OK_AND_ASSIGN(const ModelConfig newer, ReadModelConfig(config));
  ExpectFrequencies(newer.rope_tables[0].frequencies, {0.25, 0.125, 0.0625, 0.03125});
  config["rope_scaling"] = {{"type", "linear"}, {"factor", 2.0}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig older, ReadModelConfig(config));
  ExpectFrequencies(older.rope_tables[0].frequencies, {0.5, 0.05, 0.005, 0.0005});
}

TEST(RopeScalingTest, OneRotationIsNoObjectOfSeveral) {
  json config = Config();
  config["rope_parameters"] = {{"full_attention", {{"rope_type", "default"}}},
                               {"sliding_attention", {{"rope_type", "default"}}}};
  EXPECT_THAT(ReadModelConfig(config),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"rope_parameters: full_attention", "one rotation"}));
}

TEST(RopeScalingTest, TheOriginalLengthBesideTheParametersComesFirst) {
  json config = Config();
  config["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", 8.0},
                            {"low_freq_factor", 1.0},
                            {"high_freq_factor", 4.0}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig by_context, ReadModelConfig(config));
  config["rope_scaling"]["original_max_position_embeddings"] = 128;  // as max_position_embeddings
  ASSERT_OK_AND_ASSIGN(const ModelConfig named, ReadModelConfig(config));
  EXPECT_EQ(EncodedConfig(by_context), EncodedConfig(named));
  config["rope_scaling"]["original_max_position_embeddings"] = 32;
  config["original_max_position_embeddings"] = 128;
  ASSERT_OK_AND_ASSIGN(const ModelConfig beside, ReadModelConfig(config));
  EXPECT_EQ(EncodedConfig(beside), EncodedConfig(named));
}

TEST(RopeScalingTest, YarnWithoutAFactorStretchesToTheContext) {
  json config = Config();
  config["rope_scaling"] = {
      {"rope_type", "yarn"}, {"factor", 2.0}, {"original_max_position_embeddings", 64}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig named, ReadModelConfig(config));
  config["rope_scaling"]["factor"] = nullptr;  // 128 / 64
  ASSERT_OK_AND_ASSIGN(const ModelConfig derived, ReadModelConfig(config));
  EXPECT_EQ(EncodedConfig(derived), EncodedConfig(named));
}

// transformers changes the frequencies of texts that are longer than the context; none is, here.
TEST(RopeScalingTest, DynamicScalingLeavesTheContextAsItIs) {
  json config = Config();
  ASSERT_OK_AND_ASSIGN(const ModelConfig unscaled, ReadModelConfig(config));
  config["rope_scaling"] = {{"type", "dynamic"}, {"factor", 2.0}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig dynamic, ReadModelConfig(config));
  EXPECT_EQ(EncodedConfig(dynamic), EncodedConfig(unscaled));
  const std::vector<std::string> notes = ConfigNotes(config);
  ASSERT_EQ(notes.size(), 1);
  EXPECT_NE(notes[0].find("more than 128 tokens"), std::string::npos) << notes[0];
}

// Phi-3's own form: its first checkpoints called LongRoPE yarn, and 4096 is the length they began
// with.
TEST(RopeScalingTest, Phi3CallsLongropeYarn) {
  json config = {{"model_type", "phi3"},
                 {"hidden_size", 32},
                 {"num_attention_heads", 4},
                 {"max_position_embeddings", 131072},
                 {"original_max_position_embeddings", 4096},
                 {"rope_scaling",
                  {{"type", "longrope"},
                   {"short_factor", {1.0, 1.25, 2.0, 4.0}},
                   {"long_factor", {2.0, 5.0, 8.0, 10.0}}}}};
  ASSERT_OK_AND_ASSIGN(const ModelConfig named, ReadModelConfig(config));
  config["rope_scaling"]["type"] = "yarn";
  config.erase("original_max_position_embeddings");
  ASSERT_OK_AND_ASSIGN(const ModelConfig early, ReadModelConfig(config));
  EXPECT_EQ(EncodedConfig(early), EncodedConfig(named));
}

struct BadRope {
  json scaling;
  std::vector<std::string> message;
};

TEST(RopeScalingTest, UnknownValuesAreNamed) {
  const json longrope = {{"type", "longrope"},
                         {"original_max_position_embeddings", 64},
                         {"short_factor", {1, 1, 1, 1}},
                         {"long_factor", {1, 1, 1, 1}}};
  const auto changed = [&](const char* key, const json& value) {
    json scaling = longrope;
    scaling[key] = value;
    return scaling;
  };
  const std::vector<BadRope> cases = {
      {"linear", {"rope_scaling", "expected an object"}},
      {{{"factor", 2.0}}, {"rope_type", "nothing"}},
      {{{"type", "linear"}}, {"factor", "nothing"}},
      {{{"type", "linear"}, {"factor", -2.0}}, {"factor", "positive", "-2"}},
      {{{"type", "dynamic"}}, {"rope_scaling: factor", "nothing"}},
      {{{"type", "ntk"}, {"factor", 2.0}}, {"rope_type", "longrope", "ntk"}},
      {{{"type", "yarn"}}, {"rope_scaling: factor", "nothing"}},
      {{{"type", "yarn"}, {"factor", 2.0}, {"beta_fast", 0.0}}, {"beta_fast", "positive"}},
      {{{"rope_type", "llama3"},
        {"factor", 8},
        {"low_freq_factor", 4},
        {"high_freq_factor", 1},
        {"original_max_position_embeddings", 64}},
       {"high_freq_factor"}},
      {changed("original_max_position_embeddings", nullptr),
       {"original_max_position_embeddings", "nothing"}},
      {changed("short_factor", {1, 1, 1}), {"short_factor", "4 positive numbers", "3 numbers"}},
      {changed("long_factor", {1, 1, 0, 1}), {"long_factor", "4 positive numbers", "0 at 2"}},
      {changed("long_factor", {1, 1, "one", 1}), {"long_factor", "finite numbers"}},
      {changed("long_factor", nullptr), {"long_factor", "0 numbers"}},
      {changed("attention_factor", 0.0), {"attention_factor", "positive"}},
  };
  for (const BadRope& bad : cases) {
    json config = Config();
    config["rope_scaling"] = bad.scaling;
    EXPECT_THAT(ReadModelConfig(config), MatchesStatus(StatusCode::kInvalidArgument, bad.message))
        << bad.scaling;
  }
  json config = Config();
  config["rope_scaling"] = changed("short_mscale", 1.1);
  EXPECT_THAT(ReadModelConfig(config), MatchesStatus(StatusCode::kUnimplemented, {"short_mscale"}));
  config = Config();
  config["rope_theta"] = 0;
  EXPECT_THAT(ReadModelConfig(config),
              MatchesStatus(StatusCode::kInvalidArgument, {"rope_theta", "positive"}));
}

}  // namespace
}  // namespace inkling
