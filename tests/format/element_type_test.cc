// Byte counts, names and overflow of element types.

#include "src/format/element_type.h"

#include <cstdint>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

struct Case {
  TensorType type;
  const char* name;
  int64_t value_bytes;  // of a [6, 256] matrix
  int64_t scale_bytes;
};

const std::vector<Case>& Cases() {
  static const auto& cases = *new std::vector<Case>{
      {{ElementType::kF32, 0}, "f32", 6 * 1024, 0},
      {{ElementType::kF16, 0}, "f16", 6 * 512, 0},
      {{ElementType::kBf16, 0}, "bf16", 6 * 512, 0},
      {{ElementType::kInt8Channel, 0}, "int8", 6 * 256, 6 * 4},
      {{ElementType::kInt4Channel, 0}, "int4", 6 * 128, 6 * 4},
      {{ElementType::kInt4Block, 32}, "int4/32", 6 * 128, 6 * 8 * 2},
      {{ElementType::kInt4Block, 64}, "int4/64", 6 * 128, 6 * 4 * 2},
      {{ElementType::kInt4Block, 128}, "int4/128", 6 * 128, 6 * 2 * 2},
  };
  return cases;
}

TEST(ElementTypeTest, NamesAndBytes) {
  for (const Case& c : Cases()) {
    EXPECT_EQ(TensorTypeName(c.type), c.name);
    ASSERT_OK_AND_ASSIGN(const int64_t value_bytes, ValueBytes(c.type, 6, 256));
    EXPECT_EQ(value_bytes, c.value_bytes) << c.name;
    ASSERT_OK_AND_ASSIGN(const int64_t scale_bytes, ScaleBytes(c.type, 6, 256));
    EXPECT_EQ(scale_bytes, c.scale_bytes) << c.name;
  }
}

TEST(ElementTypeTest, OverflowIsAnError) {
  for (const Case& c : Cases()) {
    EXPECT_THAT(ValueBytes(c.type, kMax / 128, 256),
                MatchesStatus(absl::StatusCode::kInvalidArgument, {"overflows"}))
        << c.name;
  }
  EXPECT_THAT(ValueBytes({ElementType::kF32, 0}, kMax / 4 + 1, 1),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"overflows"}));
  EXPECT_THAT(ScaleBytes({ElementType::kInt8Channel, 0}, kMax / 4 + 1, 1),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"overflows"}));
  EXPECT_OK(ValueBytes({ElementType::kF32, 0}, kMax / 4, 1));
}

TEST(ElementTypeTest, BadShapesAndTypesAreErrors) {
  EXPECT_THAT(ValueBytes({ElementType::kF32, 0}, -1, 4),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"[-1, 4]"}));
  EXPECT_THAT(
      ValueBytes({ElementType::kInt4Channel, 0}, 2, 5),
      MatchesStatus(absl::StatusCode::kInvalidArgument, {"int4", "divisible by 2", "found 5"}));
  EXPECT_THAT(ScaleBytes({ElementType::kInt4Block, 64}, 2, 96),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"int4/64", "64", "found 96"}));
  EXPECT_THAT(ValueBytes({ElementType::kInt4Block, 16}, 2, 32),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"block size 16"}));
  EXPECT_THAT(ValueBytes({static_cast<ElementType>(9), 0}, 2, 32),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"element type 9"}));
}

TEST(ElementTypeTest, TypeFits) {
  EXPECT_TRUE(TypeFits({ElementType::kF32, 0}, 5));
  EXPECT_TRUE(TypeFits({ElementType::kInt8Channel, 0}, 5));
  EXPECT_FALSE(TypeFits({ElementType::kInt4Channel, 0}, 5));
  EXPECT_TRUE(TypeFits({ElementType::kInt4Block, 32}, 96));
  EXPECT_FALSE(TypeFits({ElementType::kInt4Block, 64}, 96));
  EXPECT_FALSE(TypeFits({ElementType::kInt4Block, 0}, 96));
  EXPECT_FALSE(TypeFits({ElementType::kF32, 32}, 96));
}

}  // namespace
}  // namespace inkling
