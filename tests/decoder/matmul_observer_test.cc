// MatmulObserver: every matrix is seen once a pass, with the inputs and outputs that it has.

#include "src/decoder/matmul_observer.h"

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "src/decoder/cpu_decoder.h"
#include "src/format/tensor_list.h"
#include "tests/decoder/decoder_configs.h"
#include "tests/decoder/decoder_fixture.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

constexpr size_t kTokens = 9;

class MatmulObserverTest : public testing::TestWithParam<NamedConfig> {
 protected:
  MatmulObserverTest() : model_(GetParam().config) {
    decoder_ = model_.MakeDecoder({.num_threads = 1, .prefill_rows = 16, .decode_rows = 4});
    tokens_ = RandomTokens(kTokens, model_.config().vocab_size);
  }

  std::vector<float> Logits(MatmulObserver observer) {
    std::vector<float> logits(kTokens * static_cast<size_t>(model_.config().vocab_size));
    const std::unique_ptr<KvCache> cache = model_.MakeCache(32, 16);
    EXPECT_OK(decoder_->Forward({.tokens = tokens_,
                                 .cache = *cache,
                                 .rows = OutputRows::kAll,
                                 .output = absl::MakeSpan(logits),
                                 .instruments = {.observer = &observer}}));
    return logits;
  }

  TestModel model_;
  std::unique_ptr<CpuDecoder> decoder_;
  std::vector<int32_t> tokens_;
};

TEST_P(MatmulObserverTest, SeesEveryMatrixOnceAndChangesNothing) {
  std::map<std::string, int> seen;
  const std::vector<float> logits = Logits([&](const ObservedMatmul& matmul) {
    const std::string name(matmul.weight);
    if (name == kEmbeddingLookup) return;
    ++seen[name];
    const TensorView* view = model_.reader().Find(name);
    ASSERT_NE(view, nullptr) << name;
    EXPECT_EQ(matmul.num_inputs, view->info.columns);
    EXPECT_EQ(matmul.num_outputs, view->info.rows);
    EXPECT_EQ(matmul.num_rows, static_cast<int64_t>(kTokens));
  });
  EXPECT_EQ(static_cast<int64_t>(seen.size()), decoder_->packed_weights().num_hits());
  for (const auto& [name, count] : seen) EXPECT_EQ(count, 1) << name;
  const std::unique_ptr<KvCache> cache = model_.MakeCache(32, 16);
  EXPECT_EQ(logits, RunAll(*decoder_, *cache, tokens_, 16));
}

// f32 matmuls without a bias: the first output of the first row is a sum that can be redone.
TEST_P(MatmulObserverTest, InputsAndOutputsBelongTogether) {
  Logits([&](const ObservedMatmul& matmul) {
    const std::string name(matmul.weight);
    const std::string bias = name.substr(0, name.rfind('.')) + ".bias";
    if (model_.reader().Find(bias) != nullptr || name == "embedding.weight") return;
    if (name == kEmbeddingLookup) return;
    const auto* weights = reinterpret_cast<const float*>(model_.reader().Find(name)->values);
    double sum = 0;
    for (int64_t i = 0; i < matmul.num_inputs; ++i) sum += weights[i] * matmul.input[i];
    EXPECT_NEAR(matmul.output[0], sum, 1e-4 * (1 + std::abs(sum))) << name;
  });
}

TEST_P(MatmulObserverTest, SeesTheRowsThatWereLookedUp) {
  const ModelConfig& config = model_.config();
  const auto* rows =
      reinterpret_cast<const float*>(model_.reader().Find("embedding.weight")->values);
  int seen = 0;
  Logits([&](const ObservedMatmul& matmul) {
    if (matmul.weight != kEmbeddingLookup) return;
    ++seen;
    EXPECT_EQ(matmul.num_inputs, 0);
    ASSERT_EQ(matmul.num_outputs, config.hidden_dim);
    ASSERT_EQ(matmul.num_rows, static_cast<int64_t>(kTokens));
    for (size_t r = 0; r < kTokens; ++r) {
      for (int32_t i = 0; i < config.hidden_dim; ++i) {
        const size_t at = static_cast<size_t>(i);
        const size_t dim = static_cast<size_t>(config.hidden_dim);
        ASSERT_FLOAT_EQ(matmul.output[r * dim + at],
                        rows[static_cast<size_t>(tokens_[r]) * dim + at] * config.embedding_scale);
      }
    }
  });
  EXPECT_EQ(seen, 1);
}

TEST_P(MatmulObserverTest, ThePassGoesOnWithWhatItLeaves) {
  const std::vector<float> before = Logits([](const ObservedMatmul&) {});
  for (const absl::string_view changed :
       {absl::string_view("layers.0.attention.v.weight"), kEmbeddingLookup}) {
    const std::vector<float> after = Logits([&](const ObservedMatmul& matmul) {
      if (matmul.weight == changed) matmul.output[0] += 1.0f;
    });
    EXPECT_GT(MaxDifference(before, after), 1e-4) << changed;
  }
}

INSTANTIATE_TEST_SUITE_P(Configs, MatmulObserverTest, testing::ValuesIn(PropertyConfigs()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace inkling
