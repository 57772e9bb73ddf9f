// 16-bit conversions against scalar arithmetic, every f16 and bf16 value, on every instruction set.
#include "kernels/convert.h"

#include <cstring>

#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

class ConvertTest : public PerTargetTest {};

double F16Value(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == 31) return mantissa ? kNan : sign * kInfinity;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

float FloatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

std::vector<uint16_t> AllPatterns() {
  std::vector<uint16_t> patterns(65536);
  for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<uint16_t>(i);
  return patterns;
}

TEST_P(ConvertTest, EveryF16ValueIsExactBothWays) {
  const std::vector<uint16_t> patterns = AllPatterns();
  std::vector<float> wide(patterns.size());
  std::vector<uint16_t> back(patterns.size());
  F16ToF32(patterns.data(), wide.data(), patterns.size());
  F32ToF16(wide.data(), back.data(), patterns.size());
  for (size_t i = 0; i < patterns.size(); ++i) {
    const double expected = F16Value(patterns[i]);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(wide[i])) << i;
      ASSERT_TRUE(std::isnan(F16Value(back[i]))) << i;
    } else {
      ASSERT_EQ(wide[i], expected) << i;
      ASSERT_EQ(std::signbit(wide[i]), i >= 32768) << i;
      ASSERT_EQ(back[i], patterns[i]) << i;
    }
  }
}

TEST_P(ConvertTest, F16RoundsToNearestEven) {
  // Between every two neighbours: their middle, and the floats next to the middle.
  std::vector<float> input;
  std::vector<uint16_t> expected;
  for (uint16_t low = 0; low < 0x7BFF; ++low) {
    const float middle = static_cast<float>((F16Value(low) + F16Value(low + 1)) / 2);
    const uint16_t even = low % 2 == 0 ? low : low + 1;
    for (float sign : {1.0f, -1.0f}) {
      const uint16_t sign_bit = sign < 0 ? 0x8000 : 0;
      for (auto [value, bits] :
           {std::pair(middle, even), std::pair(std::nextafter(middle, 0.0f), low),
            std::pair(std::nextafter(middle, kInfinity), static_cast<uint16_t>(low + 1))}) {
        input.push_back(sign * value);
        expected.push_back(static_cast<uint16_t>(bits | sign_bit));
      }
    }
  }
  for (auto [value, bits] : {std::pair(65519.0f, 0x7BFF), std::pair(65520.0f, 0x7C00),
                             std::pair(1e30f, 0x7C00), std::pair(1e-30f, 0)}) {
    input.push_back(value);
    expected.push_back(static_cast<uint16_t>(bits));
  }
  std::vector<uint16_t> output(input.size());
  F32ToF16(input.data(), output.data(), input.size());
  for (size_t i = 0; i < input.size(); ++i) {
    ASSERT_EQ(output[i], expected[i]) << std::hexfloat << input[i];
  }
}

TEST_P(ConvertTest, EveryBf16ValueIsExactBothWays) {
  const std::vector<uint16_t> patterns = AllPatterns();
  std::vector<float> wide(patterns.size());
  std::vector<uint16_t> back(patterns.size());
  Bf16ToF32(patterns.data(), wide.data(), patterns.size());
  F32ToBf16(wide.data(), back.data(), patterns.size());
  for (size_t i = 0; i < patterns.size(); ++i) {
    ASSERT_EQ(BitsOf(wide[i]), static_cast<uint32_t>(patterns[i]) << 16);
    if (std::isnan(wide[i])) {
      ASSERT_TRUE(std::isnan(FloatOf(static_cast<uint32_t>(back[i]) << 16))) << i;
    } else {
      ASSERT_EQ(back[i], patterns[i]);
    }
  }
}

TEST_P(ConvertTest, Bf16RoundsToNearestEven) {
  const std::pair<uint32_t, uint16_t> cases[] = {
      {0x3F808000, 0x3F80}, {0x3F818000, 0x3F82}, {0x3F808001, 0x3F81}, {0x3F807FFF, 0x3F80},
      {0xBF818000, 0xBF82}, {0x7F7FFFFF, 0x7F80}, {0x00008000, 0x0000}, {0x00018000, 0x0002}};
  for (const auto& [bits, expected] : cases) {
    const std::vector<float> input(19, FloatOf(bits));
    std::vector<uint16_t> output(19);
    F32ToBf16(input.data(), output.data(), 19);
    EXPECT_EQ(output, std::vector<uint16_t>(19, expected)) << std::hex << bits;
  }
  const float nan_of_low_bits = FloatOf(0x7F800001);
  uint16_t output;
  F32ToBf16(&nan_of_low_bits, &output, 1);
  EXPECT_TRUE(std::isnan(FloatOf(static_cast<uint32_t>(output) << 16)));
}

TEST_P(ConvertTest, WritesNothingBeyondTheSpan) {
  for (size_t size : InterestingSizes()) {
    const std::vector<float> values = RandomValues(size, 1);
    std::vector<uint16_t> half(size + 4, 0xABCD), brain(size + 4, 0xABCD);
    std::vector<float> wide(size + 4, kUntouched), wide_brain(size + 4, kUntouched);
    F32ToF16(values.data(), half.data(), size);
    F32ToBf16(values.data(), brain.data(), size);
    F16ToF32(half.data(), wide.data(), size);
    Bf16ToF32(brain.data(), wide_brain.data(), size);
    for (size_t i = 0; i < size; ++i) {
      ASSERT_TRUE(IsClose(wide[i], values[i], std::ldexp(1, -11), 1e-7));
      ASSERT_TRUE(IsClose(wide_brain[i], values[i], std::ldexp(1, -8), 0));
    }
    for (size_t i = size; i < size + 4; ++i) {
      ASSERT_EQ(half[i], 0xABCD);
      ASSERT_EQ(brain[i], 0xABCD);
      ASSERT_EQ(wide[i], kUntouched);
      ASSERT_EQ(wide_brain[i], kUntouched);
    }
  }
}

INKLING_FOR_EACH_TARGET(ConvertTest);

}  // namespace
}  // namespace inkling::kernels
