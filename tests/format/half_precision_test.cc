// The 16-bit float conversions: every bit pattern back and forth, and every rounding boundary.

#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/base/casts.h"
#include "gtest/gtest.h"
#include "src/format/quantization.h"

namespace inkling {
namespace {

constexpr int kPatterns = 1 << 16;

// The value of a half from its definition.
double HalfValue(uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 0x3ff;
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

bool IsHalfNan(uint16_t bits) { return (bits & 0x7fff) > 0x7c00; }
bool IsHalfFinite(uint16_t bits) { return (bits & 0x7c00) != 0x7c00; }
bool IsBfloatNan(uint16_t bits) { return (bits & 0x7fff) > 0x7f80; }

TEST(HalfPrecisionTest, EveryHalfHasItsValueAndComesBack) {
  for (int i = 0; i < kPatterns; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    const float value = HalfToFloat(bits);
    if (IsHalfNan(bits)) {
      EXPECT_TRUE(std::isnan(value));
      EXPECT_TRUE(IsHalfNan(FloatToHalf(value)));
      continue;
    }
    if (IsHalfFinite(bits)) {
      ASSERT_EQ(value, HalfValue(bits)) << i;
    } else {
      ASSERT_TRUE(std::isinf(value));
    }
    ASSERT_EQ(std::signbit(value), (bits & 0x8000) != 0);
    ASSERT_EQ(FloatToHalf(value), bits);
  }
}

// Between two neighbours: below the middle, above it, and the middle itself, which goes to the even
// one.
TEST(HalfPrecisionTest, RoundsToNearestEvenBetweenAllHalves) {
  for (int i = 0; i < 0x7bff; ++i) {
    const auto low = static_cast<uint16_t>(i);
    const auto high = static_cast<uint16_t>(i + 1);
    const auto middle = static_cast<float>((HalfValue(low) + HalfValue(high)) / 2);  // exact
    ASSERT_EQ(FloatToHalf(middle), i % 2 == 0 ? low : high) << i;
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, 0.0f)), low) << i;
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, 1e9f)), high) << i;
    ASSERT_EQ(FloatToHalf(-middle), (i % 2 == 0 ? low : high) | 0x8000) << i;
  }
}

TEST(HalfPrecisionTest, HalfOverflowsToInfinity) {
  EXPECT_EQ(FloatToHalf(65519.996f), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(FloatToHalf(65536.0f), 0x7c00);
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::max()), 0x7c00);
  EXPECT_EQ(FloatToHalf(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(FloatToHalf(-0.0f), 0x8000);
}

TEST(HalfPrecisionTest, EveryBfloat16ComesBack) {
  for (int i = 0; i < kPatterns; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    const float value = Bfloat16ToFloat(bits);
    ASSERT_EQ(absl::bit_cast<uint32_t>(value), static_cast<uint32_t>(i) << 16);
    if (IsBfloatNan(bits)) {
      EXPECT_TRUE(IsBfloatNan(FloatToBfloat16(value)));
    } else {
      ASSERT_EQ(FloatToBfloat16(value), bits);
    }
  }
}

TEST(HalfPrecisionTest, RoundsToNearestEvenBetweenAllBfloats) {
  for (uint32_t i = 0; i < 0x7f80; ++i) {
    const uint32_t middle = (i << 16) | 0x8000;
    const uint32_t even = i % 2 == 0 ? i : i + 1;
    ASSERT_EQ(FloatToBfloat16(absl::bit_cast<float>(middle)), even);
    ASSERT_EQ(FloatToBfloat16(absl::bit_cast<float>(middle - 1)), i);
    ASSERT_EQ(FloatToBfloat16(absl::bit_cast<float>(middle + 1)), i + 1);
  }
}

TEST(HalfPrecisionTest, NansWithLowPayloadsStayNans) {
  const float nan = absl::bit_cast<float>(uint32_t{0x7f800001});
  EXPECT_TRUE(IsHalfNan(FloatToHalf(nan)));
  EXPECT_TRUE(IsBfloatNan(FloatToBfloat16(nan)));
}

}  // namespace
}  // namespace inkling
