// Balanced columns: every family's model stays the same to the last bit, and loses less as int8.

#include "converter/quantize/column_balance.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "converter/convert.h"
#include "converter/quantize/expected_divergence.h"
#include "converter/recipes/recipe.h"
#include "converter/tensor_stream.h"
#include "gtest/gtest.h"
#include "src/format/model_metadata.h"
#include "src/format/model_reader.h"
#include "src/format/model_writer.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/converted_model.h"
#include "tests/decoder/decoder_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr double kLargeColumn = 20;

// Uncorrelated inputs of size 1, in which two columns are large and one is never used.
ImportanceData LargeColumns(const ModelConfig& config) {
  ImportanceData data;
  for (const TensorInfo& info : TensorList(config)) {
    if (info.role == TensorRole::kNorm || info.role == TensorRole::kBias) continue;
    data.outputs[info.name] = {/*power=*/1.0, /*sensitivity=*/1.0,
                               /*squared_range=*/4 * kLargeColumn * kLargeColumn};
    if (InputOwner(info.name) != info.name) continue;
    InputMoments& inputs = data.inputs[info.name];
    inputs = {info.columns, 1, std::vector<float>(static_cast<size_t>(info.columns), 1.0f)};
    inputs.values[1] = inputs.values[5] = static_cast<float>(kLargeColumn * kLargeColumn);
    inputs.values[2] = 0.0f;
  }
  return data;
}

// A checkpoint of tests/golden with its plan and an importance file of LargeColumns.
class ColumnBalanceTest : public testing::TestWithParam<const char*> {
 protected:
  void Open() {
    const std::string path = std::string(INKLING_TEST_DATA_DIR) + "/golden/" + GetParam();
    ASSERT_OK_AND_ASSIGN(checkpoint_, Checkpoint::Open(path));
    ASSERT_OK_AND_ASSIGN(const Recipe* recipe, FindRecipe(checkpoint_->config()));
    ASSERT_OK_AND_ASSIGN(metadata_.config, ReadModelConfig(checkpoint_->config()));
    ASSERT_OK_AND_ASSIGN(plan_, PlanTensors(*checkpoint_, *recipe, metadata_.config));
    ASSERT_OK_AND_ASSIGN(ImportedTokenizer imported, checkpoint_->ImportTokenizer(""));
    metadata_.tokenizer = std::move(imported.tokenizer);
    ASSERT_OK(WriteImportance(folder_.File("importance"), LargeColumns(metadata_.config)));
    ASSERT_OK_AND_ASSIGN(importance_, ImportanceFile::Open(folder_.File("importance")));
  }

  absl::StatusOr<int> Balance(TensorType type) {
    const std::vector<TensorType> types(plan_.tensors.size(), type);
    return BalanceColumns(*checkpoint_, metadata_.config, options_, *importance_, types, plan_);
  }

  // Writes the plan in f32 and runs it.
  std::vector<float> Logits() {
    const std::vector<TensorType> types(plan_.tensors.size(), kF32Type);
    const std::string path = folder_.File("model.tflite");
    const auto writer = ModelWriter::Create(path, metadata_, types);
    EXPECT_OK(writer);
    if (!writer.ok()) return {};
    TensorStream stream(*checkpoint_, metadata_.config, options_, nullptr);
    EXPECT_OK(stream.Run(plan_, types, **writer));
    EXPECT_OK((*writer)->Finish());
    const auto reader = ModelReader::Open(path);
    EXPECT_OK(reader);
    if (!reader.ok()) return {};
    const auto decoder =
        CpuDecoder::Create(**reader, {.num_threads = 1, .prefill_rows = 16, .decode_rows = 4});
    const auto cache = CpuKvCache::Create(
        metadata_.config, {.capacity = 32, .max_chunk = 16, .element = KvElement::kF32});
    EXPECT_OK(decoder);
    EXPECT_OK(cache);
    if (!decoder.ok() || !cache.ok()) return {};
    return RunAll(**decoder, **cache, RandomTokens(20, metadata_.config.vocab_size), 16);
  }

  // Of all matrices that BalanceColumns may change, as int8.
  double Int8Divergence() {
    const RowEncoder encoder(*checkpoint_, options_.search);
    double sum = 0;
    for (const PlannedTensor& tensor : plan_.tensors) {
      if (tensor.info.role != TensorRole::kLinear) continue;
      const auto divergence = SampledDivergence(encoder, tensor, kInt8, metadata_.config,
                                                ConvertQuality::kNormal, *importance_);
      EXPECT_OK(divergence);
      sum += divergence.value_or(NAN);
    }
    return sum;
  }

  TempDir folder_;
  std::unique_ptr<Checkpoint> checkpoint_;
  ModelMetadata metadata_;
  TensorPlan plan_;
  ConvertOptions options_;
  std::unique_ptr<ImportanceFile> importance_;
};

TEST_P(ColumnBalanceTest, TheModelStaysTheSameAndLosesLess) {
  ASSERT_NO_FATAL_FAILURE(Open());
  const std::vector<float> expected = Logits();
  const double divergence = Int8Divergence();
  ASSERT_GT(MaxMagnitude(expected), 1e-2);
  ASSERT_OK_AND_ASSIGN(const int changed, Balance(kInt8));
  const bool shared = metadata_.config.residual == ResidualKind::kParallelSharedNorm;
  EXPECT_GE(changed, metadata_.config.num_layers * (shared ? 1 : 2));
  for (const PlannedTensor& tensor : plan_.tensors) {
    for (const float factor : tensor.column_factors) {
      int exponent;
      ASSERT_EQ(std::frexp(factor, &exponent), 0.5f) << tensor.info.name;
    }
  }
  EXPECT_EQ(Logits(), expected);
  EXPECT_LT(Int8Divergence(), 0.8 * divergence);
}

TEST_P(ColumnBalanceTest, FloatMatricesStayAsTheyAre) {
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_OK_AND_ASSIGN(const int changed, Balance({ElementType::kF16, 0}));
  EXPECT_EQ(changed, 0);
  for (const PlannedTensor& tensor : plan_.tensors) EXPECT_TRUE(tensor.column_factors.empty());
}

// Norms of w and of 1 + w, with biases, behind post norms, one norm for both blocks.
INSTANTIATE_TEST_SUITE_P(Families, ColumnBalanceTest,
                         testing::Values("llama", "gemma", "gemma2", "phi", "falcon_rw", "stablelm",
                                         "qwen3"));

TEST(ColumnFactorsTest, GrowWithTheStrength) {
  const InputMoments inputs = {4, 1, {1.0f, 1.0f, 1.0f, 64.0f * 64.0f}};
  EXPECT_EQ(ColumnFactors(inputs, 0), std::vector<float>(4, 1.0f));
  const std::vector<float> half = ColumnFactors(inputs, 0.5);
  const std::vector<float> whole = ColumnFactors(inputs, 1);
  EXPECT_EQ(half[3] / half[0], 8.0f);
  EXPECT_EQ(whole[3] / whole[0], 64.0f);
  EXPECT_EQ(ColumnFactors({2, 1, {0.0f, 0.0f}}, 1), std::vector<float>(2, 1.0f));
}

}  // namespace
}  // namespace inkling
