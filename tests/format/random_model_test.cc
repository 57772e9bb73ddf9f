// WriteRandomModel: the model that the tests of every other room open is itself a good one.

#include "tests/testing/random_model.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "src/format/model_reader.h"
#include "src/format/quantization.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

std::vector<float> Dequantized(const TensorView& view) {
  absl::StatusOr<std::vector<float>> values =
      DequantizeRows({view.values, static_cast<size_t>(view.value_bytes)},
                     {view.scales, static_cast<size_t>(view.scale_bytes)}, view.info.rows,
                     view.info.columns, view.type);
  EXPECT_OK(values);
  return values.ok() ? *values : std::vector<float>();
}

TEST(RandomModelTest, HoldsTheValuesOfRandomTensor) {
  const TempDir dir;
  ASSERT_OK(WriteRandomModel(dir.File("m"), TinyConfig(), {}, {}, 7));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader, ModelReader::Open(dir.File("m")));
  for (const TensorView& view : reader->tensors()) {
    EXPECT_EQ(Dequantized(view), RandomTensor(view.info, 7)) << view.info.name;
  }
}

TEST(RandomModelTest, ValuesDependOnSeedAndNameOnly) {
  ModelConfig deeper = TinyConfig();
  deeper.num_layers = 3;
  deeper.layers.resize(3);
  const std::vector<TensorInfo> shallow_list = TensorList(TinyConfig());
  const std::vector<TensorInfo> deep_list = TensorList(deeper);
  EXPECT_EQ(RandomTensor(shallow_list[2], 1), RandomTensor(deep_list[2], 1));
  EXPECT_NE(RandomTensor(shallow_list[2], 1), RandomTensor(shallow_list[2], 2));
  EXPECT_EQ(shallow_list[3].rows, shallow_list[4].rows);  // k and v: the same shape, another name
  EXPECT_NE(RandomTensor(shallow_list[3], 1), RandomTensor(shallow_list[4], 1));
}

// Computed by an independent program.
TEST(RandomModelTest, ValuesAreTheSameOnEveryPlatform) {
  const TensorInfo norm = {"final_norm.weight", TensorRole::kNorm, -1, 1, 4, true};
  const TensorInfo embedding = {"embedding.weight", TensorRole::kEmbedding, -1, 1, 4, false};
  EXPECT_EQ(RandomTensor(embedding, 1),
            (std::vector<float>{-0x1.63b7900000000p-1f, -0x1.7df2800000000p-6f,
                                -0x1.dbb9380000000p-1f, -0x1.940b900000000p-3f}));
  EXPECT_EQ(RandomTensor(norm, 1),
            (std::vector<float>{0x1.1403140000000p+0f, 0x1.d9e63c0000000p-1f, 0x1.fdccd40000000p-1f,
                                0x1.4813d80000000p+0f}));
}

TEST(RandomModelTest, FallsBackToInt8WhereBlocksDontFit) {
  const TempDir dir;
  ASSERT_OK(WriteRandomModel(dir.File("m"), TinyConfig(), {ElementType::kInt4Block, 32},
                             {ElementType::kF16, 0}, 7));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader, ModelReader::Open(dir.File("m")));
  EXPECT_EQ(TensorTypeName(reader->Find("layers.0.feed_forward.up.weight")->type), "int4/32");
  EXPECT_EQ(TensorTypeName(reader->Find("layers.0.feed_forward.down.weight")->type),
            "int8");  // 48 columns
  EXPECT_EQ(TensorTypeName(reader->Find("embedding.weight")->type), "f16");
  EXPECT_EQ(TensorTypeName(reader->Find("final_norm.weight")->type), "f32");
}

TEST(RandomModelTest, TinyTokenizerHasAsManyPiecesAsAsked) {
  for (int32_t size : {260, 261, 320, 400, 1000}) {
    const TokenizerData tokenizer = TinyTokenizer(size);
    EXPECT_EQ(tokenizer.piece_types.size(), size);
    EXPECT_EQ(tokenizer.piece_offsets.size(), size + 1);
  }
  EXPECT_TRUE(TinyTokenizer(64).piece_types.empty());
}

}  // namespace
}  // namespace inkling
