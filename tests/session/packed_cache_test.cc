// Packed weights that are kept in a folder: the second start maps what the first one packed, and
// nothing that lies there instead is ever trusted.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "tests/session/session_fixture.h"
#include "tests/testing/random_model.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

ModelConfig WideConfig() {
  ModelConfig config = TinyConfig();
  config.hidden_dim = 64;  // blocks of 32 and 64 fit
  config.feed_forward_dim = 128;
  config.tied_head = true;
  return config;
}

class PackedCacheTest : public SessionTest {
 protected:
  PackedCacheTest() {
    model_path_ = directory_.File("model.tflite");
    Write({ElementType::kInt4Block, 32}, 1);
    options_.num_threads = 1;
    options_.cache_dir = cache_.path();
  }

  void Write(TensorType type, uint64_t seed) {
    EXPECT_OK(
        WriteRandomModel(model_path_, WideConfig(), type, {ElementType::kInt8Channel, 0}, seed));
  }

  std::shared_ptr<const LlmModel> Open(const ModelOptions& options) {
    absl::StatusOr<std::shared_ptr<const LlmModel>> model = LlmModel::Open(model_path_, options);
    EXPECT_OK(model);
    return model.ok() ? *model : nullptr;
  }
  std::string Origin() { return Open(options_)->Describe().packed_weights; }

  std::vector<int32_t> Tokens(const ModelOptions& options) {
    return FreshTokens(Open(options), "one two three", GreedyOptions(40));
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const std::string& name : cache_.List()) files.push_back(cache_.File(name));
    return files;
  }

  TempDir cache_;
  std::string model_path_;
  ModelOptions options_;
};

TEST_F(PackedCacheTest, TheSecondStartMapsWhatTheFirstPacked) {
  for (const TensorType type :
       {TensorType{ElementType::kF32, 0}, TensorType{ElementType::kF16, 0},
        TensorType{ElementType::kInt8Channel, 0}, TensorType{ElementType::kInt4Channel, 0},
        TensorType{ElementType::kInt4Block, 64}}) {
    SCOPED_TRACE(TensorTypeName(type));
    Write(type, 1);
    const std::vector<int32_t> expected = Tokens({.num_threads = 1});
    EXPECT_THAT(Origin(), testing::StartsWith("packed and kept in "));
    EXPECT_THAT(Origin(), testing::StartsWith("mapped from "));
    EXPECT_EQ(Tokens(options_), expected);
    EXPECT_EQ(Open(options_)->Describe().packed_weight_bytes,
              Open({.num_threads = 1})->Describe().packed_weight_bytes);
  }
  EXPECT_EQ(Files().size(), 5u);  // a model each
}

TEST_F(PackedCacheTest, WithoutAFolderNothingIsKept) {
  EXPECT_EQ(Open({.num_threads = 1})->Describe().packed_weights, "packed");
  EXPECT_TRUE(Files().empty());
}

TEST_F(PackedCacheTest, ADamagedFileIsPackedAnew) {
  const std::vector<int32_t> expected = Tokens(options_);
  ASSERT_EQ(Files().size(), 1u);
  const std::string path = Files()[0];
  const std::string good = ReadFileBytes(path);
  std::vector<std::string> damaged = {"",
                                      "INKLPACK",
                                      good.substr(0, 100),
                                      good.substr(0, good.size() - 1),
                                      good + "x",
                                      std::string(good.size(), '\0')};
  const size_t data = good.size() > 4096 ? 4096 : 0;
  for (size_t at = 0; at < 400; at += 7) {  // the fixed head and the first entries
    damaged.push_back(good);
    damaged.back()[at] ^= 0x10;
  }
  for (size_t at : {data, good.size() - 1}) {
    damaged.push_back(good);
    damaged.back()[at] ^= 0x10;
  }
  for (size_t i = 0; i < damaged.size(); ++i) {
    SCOPED_TRACE(i);
    WriteFileBytes(path, damaged[i]);
    EXPECT_THAT(Origin(), testing::StartsWith("packed and kept in "));
    EXPECT_EQ(ReadFileBytes(path), good);
  }
  EXPECT_EQ(Tokens(options_), expected);
}

TEST_F(PackedCacheTest, AnotherModelsFileIsNotUsed) {
  Origin();
  const std::string first = Files()[0];
  const std::string bytes = ReadFileBytes(first);
  Write({ElementType::kInt4Block, 32}, 2);
  const std::vector<int32_t> expected = Tokens({.num_threads = 1});
  Origin();
  ASSERT_EQ(Files().size(), 2u);
  const std::string second = Files()[0] == first ? Files()[1] : Files()[0];
  WriteFileBytes(second, bytes);  // the first model's under the second one's name
  EXPECT_THAT(Origin(), testing::StartsWith("packed and kept in "));
  EXPECT_EQ(Tokens(options_), expected);
}

TEST_F(PackedCacheTest, AFolderThatCannotBeWrittenIsDoneWithout) {
  options_.cache_dir = cache_.File("is/not/there");
  EXPECT_THAT(Origin(), testing::AllOf(testing::StartsWith("packed; not kept: "),
                                       testing::HasSubstr("is/not/there")));
  EXPECT_EQ(Tokens(options_), Tokens({.num_threads = 1}));
}

}  // namespace
}  // namespace inkling
