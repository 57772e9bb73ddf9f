// Which type each matrix gets: what the options say, what the checkpoint holds already, what fits.

#include "converter/plan/type_choice.h"

#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace inkling {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr TensorType kInt4 = {ElementType::kInt4Channel, 0};
constexpr TensorType kInt4Block = {ElementType::kInt4Block, 32};
constexpr TensorType kF16 = {ElementType::kF16, 0};
constexpr TensorType kF32 = {ElementType::kF32, 0};

const std::vector<TensorInfo> kTensors = {
    {"embedding.weight", TensorRole::kEmbedding, -1, 100, 64, false},
    {"layers.0.attention_norm.weight", TensorRole::kNorm, 0, 1, 64, true},
    {"layers.0.attention.q.weight", TensorRole::kLinear, 0, 64, 64, false},
    {"layers.0.feed_forward.down.weight", TensorRole::kLinear, 0, 64, 48, false},
    {"head.weight", TensorRole::kHead, -1, 100, 64, false},
};
const SourceForm kFloat = {std::nullopt, false, "F32"};
const SourceForm kExactInt8 = {kInt8, true, "INT8"};
const SourceForm kExactInt4 = {kInt4, true, "INT4"};
const std::vector<SourceForm> kFloats(5, kFloat);
const std::vector<SourceForm> kStored = {kExactInt8, kFloat, kExactInt4, kExactInt8, kExactInt4};

TypeChoice Choose(const ConvertOptions& options, const std::vector<SourceForm>& forms,
                  bool tied = false) {
  ModelConfig config;
  config.tied_head = tied;
  return ChooseTypes(kTensors, forms, options, ChooseVocabularyTypes(options, config));
}

TEST(TypeChoiceTest, WithoutOptionsFloatsBecomeInt4AndInt8) {
  const TypeChoice choice = Choose({}, kFloats);
  EXPECT_THAT(choice.types, ElementsAre(kInt8, kF32, kInt4Block, kInt8, kInt8));
  EXPECT_THAT(choice.fallbacks, ElementsAre(HasSubstr("feed_forward.down")));
  EXPECT_THAT(choice.notes, IsEmpty());
}

TEST(TypeChoiceTest, WithoutOptionsStoredTypesStay) {
  const TypeChoice choice = Choose({}, kStored);
  EXPECT_THAT(choice.types, ElementsAre(kInt8, kF32, kInt4, kInt8, kInt4));
  EXPECT_THAT(choice.fallbacks, IsEmpty());
  EXPECT_THAT(
      choice.notes,
      ElementsAre("values and scales taken as they are, int4: attention.q, head",
                  "values and scales taken as they are, int8: embedding, feed_forward.down"));
  EXPECT_EQ(WeightsWish({}, kStored), "as stored");
  EXPECT_EQ(WeightsWish({}, kFloats), "int4/32");
}

// Types that model files don't have get the nearest one, and numbers that were left plain stay so.
TEST(TypeChoiceTest, WithoutOptionsOtherQuantisedTypesGetTheNearest) {
  const std::vector<SourceForm> forms = {{kInt8, false, "Q6_K"},
                                         kFloat,
                                         {kInt4Block, false, "Q4_K"},
                                         {kInt4Block, false, "Q4_K"},
                                         {kF16, false, "F16"}};
  const TypeChoice choice = Choose({}, forms);
  EXPECT_THAT(choice.types, ElementsAre(kInt8, kF32, kInt4Block, kInt8, kF16));
  EXPECT_THAT(choice.fallbacks, ElementsAre(HasSubstr("feed_forward.down")));
  EXPECT_THAT(choice.notes,
              ElementsAre("rounded a second time, from Q4_K to int4/32: attention.q",
                          "rounded a second time, from Q4_K to int8: feed_forward.down",
                          "rounded a second time, from Q6_K to int8: embedding"));
  ConvertOptions options;
  options.weights = kF32;
  EXPECT_THAT(Choose(options, forms).types, ElementsAre(kF32, kF32, kF32, kF32, kF32));
}

TEST(TypeChoiceTest, AnOptionIsObeyed) {
  ConvertOptions options;
  options.weights = kInt8;
  const TypeChoice choice = Choose(options, kStored);
  EXPECT_THAT(choice.types, ElementsAre(kInt8, kF32, kInt8, kInt8, kInt8));
  EXPECT_THAT(
      choice.notes,
      ElementsAre("rounded a second time, from int4 to int8: attention.q, head",
                  "values and scales taken as they are, int8: embedding, feed_forward.down"));
  EXPECT_EQ(WeightsWish(options, kStored), "int8");

  options = {};
  options.head = kF16;
  EXPECT_THAT(Choose(options, kStored).types, ElementsAre(kInt8, kF32, kInt4, kInt8, kF16));
  options = {};
  options.embedding = kF16;
  EXPECT_THAT(Choose(options, kStored).types, ElementsAre(kF16, kF32, kInt4, kInt8, kInt4));
}

TEST(TypeChoiceTest, ASharedMatrixFollowsEitherOption) {
  EXPECT_EQ(Choose({}, kStored, /*tied=*/true).types[0], kInt8);
  ConvertOptions options;
  options.head = kF16;
  EXPECT_EQ(Choose(options, kStored, /*tied=*/true).types[0], kF16);
  options.embedding = kF32;
  const TypeChoice split = Choose(options, kStored, /*tied=*/true);
  EXPECT_EQ(split.types[0], kF32);
  EXPECT_EQ(split.types[4], kF16);
}

}  // namespace
}  // namespace inkling
