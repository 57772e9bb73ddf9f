// EmbeddingTable: every element type gives the rows that the format room's own dequantiser gives.

#include "src/compute/embedding_table.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/compute/owned_weight.h"

namespace inkling {
namespace {

TEST(EmbeddingTable, RowsOfEveryType) {
  constexpr int64_t kRows = 50;
  for (TensorType type : AllTensorTypes()) {
    for (int64_t dim : {2, 36, 128, 256}) {
      if (!TypeFits(type, dim)) continue;
      const OwnedWeight table = MakeWeight("embedding.weight", kRows, dim, type, 1);
      for (float scale : {1.0f, 16.0f, 11.3137085f}) {
        const EmbeddingTable embedding(table.view, scale);
        const std::vector<int32_t> tokens = {49, 0, 7, 7, 1};
        // One float more, to see that it isn't written.
        std::vector<float> output(tokens.size() * dim + 1, -1e30f);
        embedding.Lookup(tokens, output.data());
        for (size_t i = 0; i < tokens.size(); ++i) {
          for (int64_t k = 0; k < dim; ++k) {
            const float expected = table.dequantized[tokens[i] * dim + k] * scale;
            // The row's scale and the table's may be multiplied in any order.
            ASSERT_NEAR(output[i * dim + k], expected, 3e-7f * std::abs(expected))
                << TensorTypeName(type) << " dim " << dim << " row " << tokens[i] << " column "
                << k;
          }
        }
        EXPECT_EQ(output.back(), -1e30f);
      }
    }
  }
}

TEST(EmbeddingTable, AFactorOfOneIsExactForFloats) {
  for (ElementType element : {ElementType::kF32, ElementType::kF16, ElementType::kBf16}) {
    const OwnedWeight table = MakeWeight("embedding.weight", 9, 96, {element}, 2);
    const EmbeddingTable embedding(table.view, 1.0f);
    std::vector<float> output(96);
    embedding.Lookup({8}, output.data());
    EXPECT_EQ(output, std::vector<float>(table.dequantized.end() - 96, table.dequantized.end()));
  }
}

TEST(EmbeddingTable, NoTokensIsNothing) {
  const OwnedWeight table = MakeWeight("embedding.weight", 9, 96, {ElementType::kF32}, 2);
  EmbeddingTable(table.view, 1.0f).Lookup({}, nullptr);
}

}  // namespace
}  // namespace inkling
