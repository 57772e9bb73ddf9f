// ValidateModelConfig: every bound and relation, each with a message that names the field.

#include "src/format/model_config.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using Change = std::function<void(ModelConfig&)>;

struct Case {
  std::string fragment;  // what the message must say
  Change change;
};

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(ModelConfigTest, TinyConfigIsValid) { EXPECT_OK(ValidateModelConfig(TinyConfig())); }

TEST(ModelConfigTest, BadValuesAreNamed) {
  const std::vector<Case> cases = {
      {"vocab_size", [](ModelConfig& c) { c.vocab_size = 0; }},
      {"vocab_size", [](ModelConfig& c) { c.vocab_size = 1 << 30; }},
      {"hidden_dim", [](ModelConfig& c) { c.hidden_dim = -32; }},
      {"num_layers", [](ModelConfig& c) { c.num_layers = 0; }},
      {"layers: expected 3", [](ModelConfig& c) { c.num_layers = 3; }},
      {"context_length", [](ModelConfig& c) { c.context_length = 0; }},
      {"num_heads", [](ModelConfig& c) { c.num_heads = 1 << 20; }},
      {"num_kv_heads", [](ModelConfig& c) { c.num_kv_heads = 3; }},
      {"num_kv_heads", [](ModelConfig& c) { c.num_kv_heads = 0; }},
      {"num_kv_heads", [](ModelConfig& c) { c.num_kv_heads = 8; }},
      {"head_dim", [](ModelConfig& c) { c.head_dim = 0; }},
      {"num_heads x head_dim", [](ModelConfig& c) { c.num_heads = 4096, c.head_dim = 4096; }},
      {"feed_forward_dim", [](ModelConfig& c) { c.feed_forward_dim = 0; }},
      {"norm_has_bias", [](ModelConfig& c) { c.norm_has_bias = true; }},
      {"norm_epsilon", [](ModelConfig& c) { c.norm_epsilon = 0; }},
      {"norm_epsilon", [](ModelConfig& c) { c.norm_epsilon = kNan; }},
      {"rotary_dim: expected 2 to 8, found 10", [](ModelConfig& c) { c.rotary_dim = 10; }},
      {"rotary_dim", [](ModelConfig& c) { c.rotary_dim = 7; }},
      {"rope_tables", [](ModelConfig& c) { c.rope_tables.clear(); }},
      {"rope_tables[0].frequencies: expected 4",
       [](ModelConfig& c) { c.rope_tables[0].frequencies.pop_back(); }},
      {"rope_tables[0].frequencies[1]",
       [](ModelConfig& c) { c.rope_tables[0].frequencies[1] = kInfinity; }},
      {"rope_tables[0].attention_factor",
       [](ModelConfig& c) { c.rope_tables[0].attention_factor = 0; }},
      {"rope_tables[0].long_from", [](ModelConfig& c) { c.rope_tables[0].long_from = 4; }},
      {"rope_tables[0].long_frequencies",
       [](ModelConfig& c) { c.rope_tables[0].long_frequencies = {1.0f}; }},
      {"rope_tables[0].long_from",
       [](ModelConfig& c) { c.rope_tables[0].long_frequencies = c.rope_tables[0].frequencies; }},
      {"rotary_dim", [](ModelConfig& c) { c.position = PositionKind::kNone; }},
      {"alibi_slopes: expected 0",
       [](ModelConfig& c) {
         c.alibi_slopes = {1, 2, 3, 4};
       }},
      {"alibi_slopes: expected 4",
       [](ModelConfig& c) {
         c.position = PositionKind::kAlibi, c.rotary_dim = 0, c.rope_tables.clear();
       }},
      {"attention_scale", [](ModelConfig& c) { c.attention_scale = 0; }},
      {"attention_scale", [](ModelConfig& c) { c.attention_scale = kNan; }},
      {"attention_soft_cap", [](ModelConfig& c) { c.attention_soft_cap = -1; }},
      {"layers: expected 2", [](ModelConfig& c) { c.layers.pop_back(); }},
      {"layers[1].window", [](ModelConfig& c) { c.layers[1].window = -1; }},
      {"layers[0].rope_table: expected -1 to 0, found 1",
       [](ModelConfig& c) { c.layers[0].rope_table = 1; }},
      {"embedding_scale", [](ModelConfig& c) { c.embedding_scale = kInfinity; }},
      {"logit_soft_cap", [](ModelConfig& c) { c.logit_soft_cap = kNan; }},
  };
  for (const Case& c : cases) {
    ModelConfig config = TinyConfig();
    c.change(config);
    EXPECT_THAT(ValidateModelConfig(config),
                MatchesStatus(absl::StatusCode::kInvalidArgument, {c.fragment, "expected"}));
  }
}

TEST(ModelConfigTest, UnknownEnumValuesAreUnimplemented) {
  const std::vector<Case> cases = {
      {"norm 2", [](ModelConfig& c) { c.norm = static_cast<NormKind>(2); }},
      {"query_key_norm 9", [](ModelConfig& c) { c.query_key_norm = static_cast<QueryKeyNorm>(9); }},
      {"query_key_norm_kind 9",
       [](ModelConfig& c) { c.query_key_norm_kind = static_cast<NormKind>(9); }},
      {"residual 3", [](ModelConfig& c) { c.residual = static_cast<ResidualKind>(3); }},
      {"position 255", [](ModelConfig& c) { c.position = static_cast<PositionKind>(255); }},
      {"feed_forward 2", [](ModelConfig& c) { c.feed_forward = static_cast<FeedForwardKind>(2); }},
      {"feed_forward.activation 7",
       [](ModelConfig& c) { c.activation = static_cast<Activation>(7); }},
  };
  for (const Case& c : cases) {
    ModelConfig config = TinyConfig();
    c.change(config);
    EXPECT_THAT(ValidateModelConfig(config),
                MatchesStatus(absl::StatusCode::kUnimplemented,
                              {c.fragment, "not supported by this version"}));
  }
}

}  // namespace
}  // namespace inkling
