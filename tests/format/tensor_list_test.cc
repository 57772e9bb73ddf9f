// TensorList: the names and shapes that configs give.

#include "src/format/tensor_list.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/testing/random_model.h"

namespace inkling {
namespace {

// "name[rows,columns]", or "name[columns]" for vectors.
std::vector<std::string> Described(const ModelConfig& config) {
  std::vector<std::string> result;
  for (const TensorInfo& info : TensorList(config)) {
    result.push_back(info.is_vector
                         ? absl::StrCat(info.name, "[", info.columns, "]")
                         : absl::StrCat(info.name, "[", info.rows, ",", info.columns, "]"));
  }
  return result;
}

ModelConfig OneLayer() {
  ModelConfig config = TinyConfig();
  config.num_layers = 1;
  config.layers.resize(1);
  return config;
}

TEST(TensorListTest, SequentialGatedModel) {
  EXPECT_EQ(
      Described(OneLayer()),
      (std::vector<std::string>{
          "embedding.weight[320,32]", "layers.0.attention_norm.weight[32]",
          "layers.0.attention.q.weight[32,32]", "layers.0.attention.k.weight[16,32]",
          "layers.0.attention.v.weight[16,32]", "layers.0.attention.output.weight[32,32]",
          "layers.0.feed_forward_norm.weight[32]", "layers.0.feed_forward.gate.weight[48,32]",
          "layers.0.feed_forward.up.weight[48,32]", "layers.0.feed_forward.down.weight[32,48]",
          "final_norm.weight[32]", "head.weight[320,32]"}));
}

TEST(TensorListTest, ParallelModelWithAllBiases) {
  ModelConfig config = OneLayer();
  config.norm = NormKind::kLayer;
  config.norm_has_bias = true;
  config.residual = ResidualKind::kParallelSharedNorm;
  config.feed_forward = FeedForwardKind::kPlain;
  config.query_key_value_bias = config.attention_output_bias = config.feed_forward_bias =
      config.head_bias = true;
  EXPECT_EQ(Described(config),
            (std::vector<std::string>{
                "embedding.weight[320,32]", "layers.0.attention_norm.weight[32]",
                "layers.0.attention_norm.bias[32]", "layers.0.attention.q.weight[32,32]",
                "layers.0.attention.q.bias[32]", "layers.0.attention.k.weight[16,32]",
                "layers.0.attention.k.bias[16]", "layers.0.attention.v.weight[16,32]",
                "layers.0.attention.v.bias[16]", "layers.0.attention.output.weight[32,32]",
                "layers.0.attention.output.bias[32]", "layers.0.feed_forward.up.weight[48,32]",
                "layers.0.feed_forward.up.bias[48]", "layers.0.feed_forward.down.weight[32,48]",
                "layers.0.feed_forward.down.bias[32]", "final_norm.weight[32]",
                "final_norm.bias[32]", "head.weight[320,32]", "head.bias[320]"}));
}

TEST(TensorListTest, TiedModelWithPostNormsAndQueryKeyNorms) {
  ModelConfig config = OneLayer();
  config.tied_head = true;
  config.post_norms = true;
  config.query_key_norm = QueryKeyNorm::kPerHead;
  EXPECT_EQ(
      Described(config),
      (std::vector<std::string>{
          "embedding.weight[320,32]", "layers.0.attention_norm.weight[32]",
          "layers.0.attention.q.weight[32,32]", "layers.0.attention.k.weight[16,32]",
          "layers.0.attention.v.weight[16,32]", "layers.0.attention.output.weight[32,32]",
          "layers.0.attention.q_norm.weight[4,8]", "layers.0.attention.k_norm.weight[2,8]",
          "layers.0.attention_post_norm.weight[32]", "layers.0.feed_forward_norm.weight[32]",
          "layers.0.feed_forward.gate.weight[48,32]", "layers.0.feed_forward.up.weight[48,32]",
          "layers.0.feed_forward.down.weight[32,48]", "layers.0.feed_forward_post_norm.weight[32]",
          "final_norm.weight[32]"}));
  config.query_key_norm = QueryKeyNorm::kShared;
  EXPECT_EQ(Described(config)[6], "layers.0.attention.q_norm.weight[8]");
  EXPECT_EQ(Described(config)[7], "layers.0.attention.k_norm.weight[8]");
}

TEST(TensorListTest, NamesAreUniqueAndLayersNumbered) {
  ModelConfig config = TinyConfig();
  config.num_layers = 12;
  config.layers.resize(12);
  std::set<std::string> names;
  for (const TensorInfo& info : TensorList(config)) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    const std::string prefix = absl::StrCat("layers.", info.layer, ".");
    EXPECT_EQ(info.layer >= 0, info.name.rfind("layers.", 0) == 0) << info.name;
    if (info.layer >= 0) {
      EXPECT_EQ(info.name.rfind(prefix, 0), 0u) << info.name;
    }
  }
  EXPECT_EQ(names.size(), 3 + 12 * 9u);
}

TEST(TensorListTest, RolesDecideTypes) {
  const TensorType int4 = {ElementType::kInt4Block, 32};
  EXPECT_TRUE(TypeAllowed(TensorRole::kLinear, int4));
  EXPECT_TRUE(TypeAllowed(TensorRole::kEmbedding, int4));
  EXPECT_TRUE(TypeAllowed(TensorRole::kHead, {ElementType::kBf16, 0}));
  EXPECT_FALSE(TypeAllowed(TensorRole::kNorm, {ElementType::kBf16, 0}));
  EXPECT_FALSE(TypeAllowed(TensorRole::kBias, int4));
  EXPECT_TRUE(TypeAllowed(TensorRole::kBias, {}));
  EXPECT_FALSE(TypeAllowed(TensorRole::kLinear, {ElementType::kInt4Block, 48}));
}

}  // namespace
}  // namespace inkling
