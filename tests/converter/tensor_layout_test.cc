// How families lay out tensors that the model file keeps apart: q, k and v interleaved by head or
// by group, norms with one tensor a head. The layouts are written here from the shapes in
// transformers' modules, value by value, and the split tensors must come out again.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/converted_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using absl::StatusCode;
using nlohmann::json;

constexpr int64_t kHidden = 32;
constexpr int64_t kHeads = 4;
constexpr int64_t kHeadDim = 8;
constexpr int64_t kFeedForward = 48;
constexpr int64_t kLayers = 2;

std::string Falcon(int64_t layer, const std::string& rest) {
  return absl::StrCat("transformer.h.", layer, ".", rest);
}

// One layer's split tensors: [heads x head_dim, hidden] for q, [kv_heads x head_dim, hidden] for k
// and v; a `width` of 1 is a bias.
struct SplitHeads {
  SplitHeads(int64_t layer, int64_t kv_heads, int64_t width)
      : width(width),
        q(FixtureValues(absl::StrCat("q", layer, "/", width), kHidden * width)),
        k(FixtureValues(absl::StrCat("k", layer, "/", width), kv_heads * kHeadDim * width)),
        v(FixtureValues(absl::StrCat("v", layer, "/", width), kv_heads * kHeadDim * width)) {}

  // transformers' view(kv_heads, heads / kv_heads + 2, head_dim) of one fused tensor: in each group
  // its query heads, then a key head, then a value head.
  std::vector<float> Fused() const {
    const int64_t kv_heads = static_cast<int64_t>(k.size()) / (kHeadDim * width);
    const int64_t per_group = kHeads / kv_heads;
    std::vector<float> fused;
    const auto append = [&](const std::vector<float>& heads, int64_t head) {
      for (int64_t i = 0; i < kHeadDim * width; ++i) {
        fused.push_back(heads[static_cast<size_t>(head * kHeadDim * width + i)]);
      }
    };
    for (int64_t group = 0; group < kv_heads; ++group) {
      for (int64_t i = 0; i < per_group; ++i) append(q, group * per_group + i);
      append(k, group);
      append(v, group);
    }
    return fused;
  }

  int64_t width;
  std::vector<float> q, k, v;
};

enum class FalconForm { kRw, k7b, k40b };

int64_t KvHeads(FalconForm form) {
  if (form == FalconForm::kRw) return kHeads;
  return form == FalconForm::k7b ? 1 : 2;
}

json FalconConfig(FalconForm form) {
  const bool is_rw = form == FalconForm::kRw;
  const bool is_40b = form == FalconForm::k40b;
  json config = {{"architectures", {"FalconForCausalLM"}},
                 {"model_type", "falcon"},
                 {"alibi", is_rw},
                 {"bias", is_rw},
                 {"ffn_hidden_size", kFeedForward},
                 {"hidden_size", kHidden},
                 {"multi_query", !is_rw},
                 {"new_decoder_architecture", is_40b},
                 {"num_attention_heads", kHeads},
                 {"num_hidden_layers", kLayers},
                 {"parallel_attn", !is_rw},
                 {"vocab_size", 320}};
  if (is_40b) config["num_kv_heads"] = KvHeads(form);
  return config;
}

TinyCheckpoint FalconCheckpoint(FalconForm form) {
  const bool has_bias = form == FalconForm::kRw;
  TinyCheckpoint checkpoint;
  checkpoint.config = FalconConfig(form);
  checkpoint.tensors.clear();
  const auto linear = [&](const std::string& name, int64_t rows, int64_t columns) {
    checkpoint.Add(name + ".weight", {rows, columns});
    if (has_bias) checkpoint.Add(name + ".bias", {rows});
  };
  const auto norm = [&](const std::string& name) {
    for (const char* part : {".weight", ".bias"}) checkpoint.Add(name + part, {kHidden});
  };
  checkpoint.Add("transformer.word_embeddings.weight", {320, kHidden});
  norm("transformer.ln_f");
  for (int64_t i = 0; i < kLayers; ++i) {
    norm(Falcon(i, form == FalconForm::k40b ? "ln_attn" : "input_layernorm"));
    if (form == FalconForm::kRw) norm(Falcon(i, "post_attention_layernorm"));
    if (form == FalconForm::k40b) norm(Falcon(i, "ln_mlp"));
    const int64_t rows = (kHeads + 2 * KvHeads(form)) * kHeadDim;
    const std::string fused = Falcon(i, "self_attention.query_key_value");
    linear(fused, rows, kHidden);
    checkpoint.Tensor(fused + ".weight").values = SplitHeads(i, KvHeads(form), kHidden).Fused();
    if (has_bias)
      checkpoint.Tensor(fused + ".bias").values = SplitHeads(i, KvHeads(form), 1).Fused();
    linear(Falcon(i, "self_attention.dense"), kHidden, kHidden);
    linear(Falcon(i, "mlp.dense_h_to_4h"), kFeedForward, kHidden);
    linear(Falcon(i, "mlp.dense_4h_to_h"), kHidden, kFeedForward);
  }
  return checkpoint;
}

class FalconLayoutTest : public testing::TestWithParam<FalconForm> {};

TEST_P(FalconLayoutTest, FusedHeadsComeApart) {
  const TinyCheckpoint checkpoint = FalconCheckpoint(GetParam());
  const ConvertedModel model(checkpoint);
  ASSERT_TRUE(model.ok());
  for (int64_t i = 0; i < kLayers; ++i) {
    const std::string prefix = absl::StrCat("layers.", i, ".attention.");
    const SplitHeads weights(i, KvHeads(GetParam()), kHidden);
    EXPECT_EQ(model.Values(prefix + "q.weight"), weights.q);
    EXPECT_EQ(model.Values(prefix + "k.weight"), weights.k);
    EXPECT_EQ(model.Values(prefix + "v.weight"), weights.v);
    if (GetParam() != FalconForm::kRw) continue;
    const SplitHeads biases(i, kHeads, 1);
    EXPECT_EQ(model.Values(prefix + "q.bias"), biases.q);
    EXPECT_EQ(model.Values(prefix + "k.bias"), biases.k);
    EXPECT_EQ(model.Values(prefix + "v.bias"), biases.v);
  }
  EXPECT_TRUE(model.config().tied_head);
  ExpectDecoderAgreesWithReference(model);
}

std::string NameOf(const testing::TestParamInfo<FalconForm>& info) {
  if (info.param == FalconForm::kRw) return "rw";
  return info.param == FalconForm::k7b ? "seven" : "forty";
}

INSTANTIATE_TEST_SUITE_P(Forms, FalconLayoutTest,
                         testing::Values(FalconForm::kRw, FalconForm::k7b, FalconForm::k40b),
                         NameOf);

// With one kv head and one norm, the new architecture is the form of 7B.
TEST(FalconFormsTest, TheNewArchitectureContainsTheOld) {
  TinyCheckpoint checkpoint = FalconCheckpoint(FalconForm::k7b);
  const ConvertedModel old_form(checkpoint);
  checkpoint.config["new_decoder_architecture"] = true;
  checkpoint.config["num_kv_heads"] = 1;
  checkpoint.config["num_ln_in_parallel_attn"] = 1;
  ExpectSameModel(ConvertedModel(checkpoint), old_form);
}

TEST(FalconFormsTest, EachParallelBlockReadsItsOwnNorm) {
  TinyCheckpoint checkpoint = FalconCheckpoint(FalconForm::k40b);
  const ConvertedModel model(checkpoint);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model.config().residual, ResidualKind::kParallelOwnNorm);
  EXPECT_EQ(model.Values("layers.1.attention_norm.weight"),
            checkpoint.Tensor(Falcon(1, "ln_attn.weight")).values);
  EXPECT_EQ(model.Values("layers.1.feed_forward_norm.bias"),
            checkpoint.Tensor(Falcon(1, "ln_mlp.bias")).values);
}

TEST(FalconFormsTest, MissingAndMisshapenTensorsAreNamed) {
  TinyCheckpoint checkpoint = FalconCheckpoint(FalconForm::k40b);
  checkpoint.config["num_kv_heads"] = 4;
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"transformer.h.0.self_attention.query_key_value.weight",
                             "layers.0.attention.q.weight", "[96, 32]", "[64, 32]"}));
  checkpoint = FalconCheckpoint(FalconForm::k40b);
  checkpoint.Remove(Falcon(1, "ln_mlp.weight"));
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument, {"transformer.h.1.ln_mlp.weight",
                                                           "layers.1.feed_forward_norm.weight"}));
  checkpoint = FalconCheckpoint(FalconForm::k7b);
  checkpoint.Add(Falcon(0, "self_attention.dense.bias"), {kHidden});
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument, {"dense.bias", "1 tensors", "falcon"}));
}

// StableLM from Llama's form: LayerNorms with biases, a part of each head rotates.
TinyCheckpoint StableLmCheckpoint() {
  TinyCheckpoint checkpoint;
  checkpoint.config = {{"architectures", {"StableLmForCausalLM"}},
                       {"model_type", "stablelm"},
                       {"hidden_size", 32},
                       {"intermediate_size", 48},
                       {"num_attention_heads", 4},
                       {"num_hidden_layers", 2},
                       {"num_key_value_heads", 2},
                       {"vocab_size", 320}};
  for (int64_t i = 0; i < kLayers; ++i) {
    const std::string prefix = absl::StrCat("model.layers.", i, ".");
    checkpoint.Add(prefix + "input_layernorm.bias", {kHidden});
    checkpoint.Add(prefix + "post_attention_layernorm.bias", {kHidden});
  }
  checkpoint.Add("model.norm.bias", {kHidden});
  return checkpoint;
}

// 2-12B: attention and feed-forward side by side behind one norm; a norm for each head of q and k.
TinyCheckpoint StableLm12bCheckpoint() {
  TinyCheckpoint checkpoint = StableLmCheckpoint();
  checkpoint.config["qk_layernorm"] = true;
  checkpoint.config["use_parallel_residual"] = true;
  for (int64_t i = 0; i < kLayers; ++i) {
    const std::string prefix = absl::StrCat("model.layers.", i, ".");
    checkpoint.Remove(prefix + "post_attention_layernorm.weight");
    checkpoint.Remove(prefix + "post_attention_layernorm.bias");
    // The second before the first: names count, not the order in the file.
    for (const int64_t head : {3, 2, 1, 0}) {
      checkpoint.Add(absl::StrCat(prefix, "self_attn.q_layernorm.norms.", head, ".weight"), {8});
    }
    for (const int64_t head : {1, 0}) {
      checkpoint.Add(absl::StrCat(prefix, "self_attn.k_layernorm.norms.", head, ".weight"), {8});
    }
  }
  return checkpoint;
}

TEST(StableLmLayoutTest, QueryKeyValueBiases) {
  TinyCheckpoint checkpoint = StableLmCheckpoint();
  EXPECT_FALSE(ConvertedModel(checkpoint).config().query_key_value_bias);
  checkpoint.config["use_qkv_bias"] = true;
  for (int64_t i = 0; i < kLayers; ++i) {
    const std::string prefix = absl::StrCat("model.layers.", i, ".self_attn.");
    checkpoint.Add(prefix + "q_proj.bias", {32});
    checkpoint.Add(prefix + "k_proj.bias", {16});
    checkpoint.Add(prefix + "v_proj.bias", {16});
  }
  const ConvertedModel model(checkpoint);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model.Values("layers.1.attention.v.bias"),
            checkpoint.Tensor("model.layers.1.self_attn.v_proj.bias").values);
  ExpectDecoderAgreesWithReference(model);
}

TEST(StableLmLayoutTest, OneNormTensorAHead) {
  TinyCheckpoint checkpoint = StableLm12bCheckpoint();
  const ConvertedModel model(checkpoint);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model.config().residual, ResidualKind::kParallelSharedNorm);
  EXPECT_EQ(model.config().query_key_norm, QueryKeyNorm::kPerHead);
  EXPECT_EQ(model.config().query_key_norm_kind, NormKind::kLayer);
  const auto joined = [&](const std::string& name, int64_t heads) {
    std::vector<float> values;
    for (int64_t head = 0; head < heads; ++head) {
      const std::vector<float>& part =
          checkpoint
              .Tensor(absl::StrCat("model.layers.1.self_attn.", name, ".norms.", head, ".weight"))
              .values;
      values.insert(values.end(), part.begin(), part.end());
    }
    return values;
  };
  EXPECT_EQ(model.Values("layers.1.attention.q_norm.weight"), joined("q_layernorm", 4));
  EXPECT_EQ(model.Values("layers.1.attention.k_norm.weight"), joined("k_layernorm", 2));
  ExpectDecoderAgreesWithReference(model);
}

TEST(StableLmLayoutTest, MissingAndMisshapenNormsAreNamed) {
  TinyCheckpoint checkpoint = StableLm12bCheckpoint();
  checkpoint.Remove("model.layers.1.self_attn.k_layernorm.norms.1.weight");
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"model.layers.1.self_attn.k_layernorm.norms.1.weight",
                             "layers.1.attention.k_norm.weight"}));
  checkpoint = StableLm12bCheckpoint();
  checkpoint.Tensor("model.layers.0.self_attn.q_layernorm.norms.2.weight").shape = {2, 4};
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"q_layernorm.norms.2", "expected shape [8]", "[2, 4]"}));
  checkpoint = StableLm12bCheckpoint();
  checkpoint.Add("model.layers.0.self_attn.q_layernorm.norms.4.weight", {8});
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument, {"q_layernorm.norms.4", "1 tensors"}));
}

TEST(Phi3LayoutTest, MisshapenJoinedTensorsAreNamed) {
  TinyCheckpoint checkpoint;
  checkpoint.config["model_type"] = "phi3";
  checkpoint.config["architectures"] = {"Phi3ForCausalLM"};
  for (int64_t i = 0; i < kLayers; ++i) {
    const std::string prefix = absl::StrCat("model.layers.", i, ".");
    checkpoint.Join({prefix + "self_attn.q_proj.weight", prefix + "self_attn.k_proj.weight"},
                    prefix + "self_attn.qkv_proj.weight");
    checkpoint.Remove(prefix + "self_attn.v_proj.weight");
    checkpoint.Join({prefix + "mlp.gate_proj.weight", prefix + "mlp.up_proj.weight"},
                    prefix + "mlp.gate_up_proj.weight");
  }
  EXPECT_THAT(ConvertStatus(checkpoint),
              MatchesStatus(StatusCode::kInvalidArgument,
                            {"qkv_proj", "layers.0.attention.q.weight", "[64, 32]", "[48, 32]"}));
}

}  // namespace
}  // namespace inkling
