// Fields that count in every family, and those that count in others only.

#include "converter/recipes/config_keys.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "src/format/model_config.h"
#include "tests/converter/converted_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using absl::StatusCode;
using nlohmann::json;

json Config(const std::string& model_type) { return {{"model_type", model_type}}; }

// Embedding models are made of decoders and say so, in any family.
TEST(ConfigKeysTest, AttentionThatSeesTheFutureIsRefused) {
  for (const char* model_type :
       {"falcon", "gemma", "gemma2", "gemma3_text", "llama", "mistral", "phi", "phi3", "phi-msft",
        "qwen2", "qwen3", "smollm3", "stablelm"}) {
    SCOPED_TRACE(model_type);
    json config = Config(model_type);
    config["is_causal"] = true;
    EXPECT_OK(ReadModelConfig(config));
    config["is_causal"] = false;
    EXPECT_THAT(ReadModelConfig(config),
                MatchesStatus(StatusCode::kUnimplemented,
                              {"config.json: is_causal = false", "embeddings"}));
    config["is_causal"] = nullptr;  // transformers takes it for false
    EXPECT_THAT(ReadModelConfig(config),
                MatchesStatus(StatusCode::kInvalidArgument, {"is_causal", "null"}));
    config.erase("is_causal");
    config["use_bidirectional_attention"] = true;
    EXPECT_THAT(ReadModelConfig(config),
                MatchesStatus(StatusCode::kUnimplemented, {"use_bidirectional_attention = true"}));
    config["use_bidirectional_attention"] = false;
    EXPECT_OK(ReadModelConfig(config));
  }
  json wrapped = {{"model_type", "gemma3"}, {"text_config", {{"is_causal", false}}}};
  EXPECT_THAT(ReadModelConfig(wrapped),
              MatchesStatus(StatusCode::kUnimplemented, {"text_config: is_causal = false"}));
  wrapped = {{"model_type", "gemma3"}, {"is_causal", false}, {"text_config", json::object()}};
  EXPECT_THAT(ReadModelConfig(wrapped), MatchesStatus(StatusCode::kUnimplemented, {"is_causal"}));
}

struct UnusedField {
  const char* model_type;
  const char* key;
  json value;
};

// What transformers keeps in a config and doesn't use there changes nothing here either, and the
// summary says so.
TEST(ConfigKeysTest, FieldsThatAFamilyDoesntUseAreNoted) {
  const std::vector<UnusedField> cases = {
      {"llama", "attn_logit_softcapping", 50.0},
      {"llama", "logit_scale", 0.0625},
      {"llama", "sliding_window", 16},
      {"llama", "layer_types", {"sliding_attention"}},
      {"llama", "partial_rotary_factor", 0.5},
      {"llama", "clip_qkv", 8.0},
      {"mistral", "attention_bias", true},
      {"mistral", "mlp_bias", true},
      {"qwen2", "attention_bias", true},
      {"qwen3", "query_pre_attn_scalar", 144},
      {"gemma", "final_logit_softcapping", 30},
      {"gemma3_text", "attn_logit_softcapping", 50.0},
      {"phi", "mlp_bias", true},
      {"phi3", "layer_types", {"full_attention"}},
      {"stablelm", "attention_bias", true},
      {"falcon", "use_qkv_bias", true},
  };
  for (const UnusedField& unused : cases) {
    SCOPED_TRACE(std::string(unused.model_type) + ": " + unused.key);
    json config = Config(unused.model_type);
    ASSERT_OK_AND_ASSIGN(const ModelConfig without, ReadModelConfig(config));
    config[unused.key] = unused.value;
    ASSERT_OK_AND_ASSIGN(const ModelConfig with, ReadModelConfig(config));
    EXPECT_EQ(EncodedConfig(with), EncodedConfig(without));
    const std::vector<std::string> notes = ConfigNotes(config);
    ASSERT_EQ(notes.size(), 1);
    EXPECT_NE(notes[0].find(unused.key), std::string::npos) << notes[0];
    for (const json& neutral : {json(nullptr), json(false)}) {
      config[unused.key] = neutral;
      if (unused.value.is_boolean() || neutral.is_null()) {
        EXPECT_TRUE(ConfigNotes(config).empty()) << neutral;
      }
    }
  }
  json config = Config("llama");
  config["logit_scale"] = 1;
  config["residual_multiplier"] = 1.0;
  EXPECT_TRUE(ConfigNotes(config).empty());
}

}  // namespace
}  // namespace inkling
