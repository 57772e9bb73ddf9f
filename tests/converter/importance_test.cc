// Importance files: there and back, damaged ones; conversions that use them.

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "converter/convert.h"
#include "converter/quantize/expected_divergence.h"
#include "converter/quantize/importance_file.h"
#include "gtest/gtest.h"
#include "src/format/model_reader.h"
#include "src/format/tensor_list.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/converted_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;

constexpr int64_t kHidden = 32;       // of TinyCheckpoint
constexpr int64_t kFeedForward = 48;  // not a multiple of a block: stays int8
constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr TensorType kF16 = {ElementType::kF16, 0};
constexpr TensorType kInt4Block32 = {ElementType::kInt4Block, 32};

// Uncorrelated inputs, one of them ten times as large; sensitivities that grow with the layer.
ImportanceData TinyImportance() {
  ImportanceData data;
  const auto add = [&](const std::string& name, int64_t columns, double sensitivity) {
    data.outputs[name] = {2.0, sensitivity, 9.0};
    if (InputOwner(name) != name) return;
    InputMoments& inputs = data.inputs[name];
    inputs = {columns, columns, std::vector<float>(static_cast<size_t>(columns * columns))};
    for (int64_t i = 0; i < columns; ++i) inputs.values[i * columns + i] = i == 3 ? 100.0f : 1.0f;
  };
  add("embedding.weight", kHidden, 1.0);
  for (int layer = 0; layer < 2; ++layer) {
    const std::string prefix = "layers." + std::to_string(layer) + ".";
    for (const char* name : {"q", "k", "v", "output"}) {
      add(prefix + "attention." + name + ".weight", kHidden, 0.5 + layer);
    }
    add(prefix + "feed_forward.gate.weight", kHidden, 0.5 + layer);
    add(prefix + "feed_forward.up.weight", kHidden, 0.5 + layer);
    add(prefix + "feed_forward.down.weight", kFeedForward, 0.5 + layer);
  }
  return data;
}

class ImportanceTest : public testing::Test {
 protected:
  ImportanceTest() {
    TinyCheckpoint checkpoint;
    checkpoint.config["tie_word_embeddings"] = true;
    checkpoint.Remove("lm_head.weight");
    checkpoint.Write(folder_.File("checkpoint"));
    options_.weights = kInt4Block32;
    options_.importance_path = folder_.File("importance");
    EXPECT_OK(WriteImportance(options_.importance_path, TinyImportance()));
  }

  absl::StatusOr<ConvertSummary> Convert() {
    return ConvertCheckpoint(folder_.File("checkpoint"), folder_.File("out.tflite"), options_);
  }

  TensorType TypeOf(const std::string& name) {
    const absl::StatusOr<std::unique_ptr<ModelReader>> reader =
        ModelReader::Open(folder_.File("out.tflite"));
    EXPECT_OK(reader);
    return reader.ok() ? (*reader)->Find(name)->type : TensorType{};
  }

  TempDir folder_;
  ConvertOptions options_;
};

TEST_F(ImportanceTest, ThereAndBack) {
  const ImportanceData data = TinyImportance();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ImportanceFile> file,
                       ImportanceFile::Open(options_.importance_path));
  ASSERT_OK_AND_ASSIGN(const InputMoments inputs,
                       file->ReadInputs("layers.1.attention.v.weight", kHidden));
  EXPECT_EQ(inputs.block, kHidden);
  EXPECT_EQ(inputs.values, data.inputs.at("layers.1.attention.q.weight").values);
  ASSERT_OK_AND_ASSIGN(const OutputImportance outputs,
                       file->Outputs("layers.1.attention.v.weight"));
  EXPECT_EQ(outputs.power, 2.0);
  EXPECT_EQ(outputs.sensitivity, 1.5);
  EXPECT_EQ(outputs.squared_range, 9.0);
  EXPECT_THAT(file->ReadInputs("layers.2.attention.q.weight", kHidden),
              MatchesStatus(StatusCode::kNotFound, {"no inputs of layers.2.attention.q.weight"}));
  EXPECT_THAT(file->ReadInputs("layers.0.attention.q.weight", 64),
              MatchesStatus(StatusCode::kInvalidArgument, {"expected 64 columns"}));
}

TEST_F(ImportanceTest, DamagedFilesAreErrors) {
  const std::string path = folder_.File("bad");
  const auto open = [&](const FixtureTensor& tensor) {
    WriteFileBytes(path, SafetensorsBytes({tensor}));
    return ImportanceFile::Open(path).status();
  };
  EXPECT_OK(open({"a.inputs", "F32", {2, 1}, {1, 2}}));
  EXPECT_THAT(open({"a", "F32", {2, 1}, {1, 2}}),
              MatchesStatus(StatusCode::kInvalidArgument, {"\"a\""}));
  EXPECT_THAT(open({"a.inputs", "BF16", {2, 1}, {1, 2}}),
              MatchesStatus(StatusCode::kInvalidArgument, {"F32"}));
  EXPECT_THAT(open({"a.inputs", "F32", {2}, {1, 2}}),
              MatchesStatus(StatusCode::kInvalidArgument, {"columns"}));
  EXPECT_THAT(open({"a.outputs", "F32", {2}, {1, 1}}),
              MatchesStatus(StatusCode::kInvalidArgument, {"[3]"}));
  EXPECT_THAT(open({"a.outputs", "F32", {3}, {1, 2, -1}}),
              MatchesStatus(StatusCode::kInvalidArgument, {"found 1, 2, -1"}));
  EXPECT_THAT(open({"a.outputs", "F32", {3}, {1, INFINITY, 1}}),
              MatchesStatus(StatusCode::kInvalidArgument, {"finite"}));
}

TEST_F(ImportanceTest, BestQualityLowersTheExpectedDivergence) {
  ASSERT_OK_AND_ASSIGN(const ConvertSummary normal, Convert());
  options_.quality = ConvertQuality::kBest;
  ASSERT_OK_AND_ASSIGN(const ConvertSummary best, Convert());
  ASSERT_TRUE(normal.expected_divergence.has_value());
  ASSERT_TRUE(best.expected_divergence.has_value());
  EXPECT_LT(*best.expected_divergence, 0.9 * *normal.expected_divergence);
  EXPECT_GT(*best.expected_divergence, 0);
  EXPECT_EQ(best.bits_per_weight, normal.bits_per_weight);
}

TEST_F(ImportanceTest, BitsGoToTheMostSensitiveMatrices) {
  ASSERT_OK_AND_ASSIGN(const ConvertSummary least, Convert());
  options_.bits_per_weight = least.bits_per_weight + 1.0;
  ASSERT_OK_AND_ASSIGN(const ConvertSummary more, Convert());
  EXPECT_LE(more.bits_per_weight, *options_.bits_per_weight);
  EXPECT_GT(more.bits_per_weight, least.bits_per_weight + 0.7);
  EXPECT_LT(*more.expected_divergence, *least.expected_divergence);
  EXPECT_EQ(TypeOf("layers.0.attention.q.weight"), kInt4Block32);
  EXPECT_EQ(TypeOf("layers.1.feed_forward.up.weight"), kInt8);

  options_.bits_per_weight = least.bits_per_weight - 0.1;
  EXPECT_THAT(Convert(),
              MatchesStatus(StatusCode::kInvalidArgument, {"bits per weight: expected at least"}));
}

TEST_F(ImportanceTest, BitsMakeF16OfTheMostSensitiveInt8) {
  options_.weights = kInt8;
  ASSERT_OK_AND_ASSIGN(const ConvertSummary least, Convert());
  options_.bits_per_weight = least.bits_per_weight + 2.5;
  ASSERT_OK_AND_ASSIGN(const ConvertSummary more, Convert());
  EXPECT_LE(more.bits_per_weight, *options_.bits_per_weight);
  EXPECT_GT(more.bits_per_weight, least.bits_per_weight + 1.5);
  EXPECT_LT(*more.expected_divergence, *least.expected_divergence);
  EXPECT_EQ(TypeOf("layers.0.attention.q.weight"), kInt8);
  EXPECT_EQ(TypeOf("layers.1.feed_forward.down.weight"), kF16);
}

TEST_F(ImportanceTest, BitsLeaveAVocabularyMatrixThatHasATypeAlone) {
  options_.weights = kInt8;
  options_.bits_per_weight = 16.0;
  ASSERT_OK(Convert());
  EXPECT_EQ(TypeOf("embedding.weight"), kF16);
  EXPECT_EQ(TypeOf("layers.0.attention.q.weight"), kF16);
  options_.embedding = kInt8;
  ASSERT_OK(Convert());
  EXPECT_EQ(TypeOf("embedding.weight"), kInt8);
  EXPECT_EQ(TypeOf("layers.0.attention.q.weight"), kF16);
}

// Where the embedding has a matrix of its own, only its rows matter.
TEST_F(ImportanceTest, BitsTakeTheEmbeddingIntoAccountWhereLookupsAreKnown) {
  TinyCheckpoint().Write(folder_.File("checkpoint"));
  ImportanceData data = TinyImportance();
  data.inputs["head.weight"] = data.inputs.at("embedding.weight");
  data.outputs["head.weight"] = data.outputs.at("embedding.weight");
  data.inputs.erase("embedding.weight");
  data.outputs.erase("embedding.weight");
  ASSERT_OK(WriteImportance(options_.importance_path, data));
  options_.weights = kInt8;
  ASSERT_OK_AND_ASSIGN(const ConvertSummary least, Convert());
  options_.bits_per_weight = 16.0;
  ASSERT_OK(Convert());
  EXPECT_EQ(TypeOf("embedding.weight"), kInt8) << "a file of an earlier version knows no lookups";
  EXPECT_EQ(TypeOf("head.weight"), kF16);

  data.outputs[std::string(kEmbeddingLookup)] = {5.0, 1000.0, 0.0};
  ASSERT_OK(WriteImportance(options_.importance_path, data));
  options_.bits_per_weight = least.bits_per_weight + 2.5;
  ASSERT_OK(Convert());
  EXPECT_EQ(TypeOf("embedding.weight"), kF16) << "the first to get bits";
  EXPECT_EQ(TypeOf("layers.0.attention.q.weight"), kInt8);
  options_.embedding = kInt8;
  ASSERT_OK(Convert());
  EXPECT_EQ(TypeOf("embedding.weight"), kInt8);
}

TEST_F(ImportanceTest, ExpectedDivergenceCountsLookups) {
  options_.weights = kInt8;
  ASSERT_OK_AND_ASSIGN(const ConvertSummary matmuls, Convert());
  ImportanceData data = TinyImportance();
  data.outputs[std::string(kEmbeddingLookup)] = {5.0, 7.0, 0.0};
  ASSERT_OK(WriteImportance(options_.importance_path, data));
  ASSERT_OK_AND_ASSIGN(const ConvertSummary all, Convert());
  ASSERT_EQ(all.kinds[0].kind, "embedding");
  const double error = all.kinds[0].relative_error;
  EXPECT_GT(error, 1e-4);
  EXPECT_NEAR(*all.expected_divergence - *matmuls.expected_divergence, 7.0 * error * error,
              1e-3 * 7.0 * error * error);
}

// Inputs of a range r lose r / 255 / sqrt(12) each when they become int8, a 127th of that where
// they become 15 bits, which no rounding of the weights changes: relative to outputs of power 2,
// with weights whose squares add up to what the checkpoint holds.
TEST_F(ImportanceTest, ExpectedDivergenceCountsInt8Inputs) {
  options_.weights = TensorType{ElementType::kF32, 0};
  ASSERT_OK_AND_ASSIGN(const ConvertSummary exact, Convert());
  EXPECT_EQ(*exact.expected_divergence, 0.0);
  options_.weights = kInt8;
  ASSERT_OK_AND_ASSIGN(const ConvertSummary narrow, Convert());
  ImportanceData data = TinyImportance();
  for (auto& [name, outputs] : data.outputs) outputs.squared_range *= 100;
  ASSERT_OK(WriteImportance(options_.importance_path, data));
  ASSERT_OK_AND_ASSIGN(const ConvertSummary wide, Convert());
  double inputs = 0;  // what the narrow ranges cost
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader,
                       ModelReader::Open(folder_.File("out.tflite")));
  for (const auto& [name, outputs] : data.outputs) {
    const TensorView& weight = *reader->Find(name);
    ASSERT_OK_AND_ASSIGN(const std::vector<float> values,
                         DequantizeRows({weight.values, static_cast<size_t>(weight.value_bytes)},
                                        {weight.scales, static_cast<size_t>(weight.scale_bytes)},
                                        weight.info.rows, weight.info.columns, weight.type));
    double squared_norm = 0;
    for (const float value : values) squared_norm += static_cast<double>(value) * value;
    const double steps = InputSteps(name, kInt8);
    inputs += outputs.sensitivity / 2.0 * squared_norm * 9.0 / (steps * steps * 12.0);
  }
  EXPECT_NEAR(*wide.expected_divergence - *narrow.expected_divergence, 99 * inputs, 0.5 * inputs);
}

TEST_F(ImportanceTest, WishesThatNeedAFileSaySo) {
  options_.importance_path.clear();
  options_.quality = ConvertQuality::kBest;
  EXPECT_THAT(Convert(), MatchesStatus(StatusCode::kInvalidArgument, {"importance file"}));
  options_.importance_path = folder_.File("absent");
  EXPECT_THAT(Convert(), MatchesStatus(StatusCode::kNotFound, {"absent"}));
}

}  // namespace
}  // namespace inkling
