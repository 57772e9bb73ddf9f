// QuantizeRows and DequantizeRows: error bounds, the XNNPACK layout, what the search guarantees,
// bad input.

#include "src/format/quantization.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr TensorType kInt4 = {ElementType::kInt4Channel, 0};
constexpr TensorType kBlock32 = {ElementType::kInt4Block, 32};
constexpr TensorType kBlock64 = {ElementType::kInt4Block, 64};
constexpr TensorType kBlock128 = {ElementType::kInt4Block, 128};

// Sums of uniform numbers, roughly normal, with an outlier here and there.
std::vector<float> Weights(int64_t rows, int64_t columns) {
  std::vector<float> weights(static_cast<size_t>(rows * columns), 0.0f);
  for (const char* name : {"a", "b", "c", "d"}) {
    const std::vector<float> part =
        RandomTensor({name, TensorRole::kEmbedding, -1, rows, columns, false}, 5);
    for (size_t i = 0; i < weights.size(); ++i) weights[i] += part[i] * 0.01f;
  }
  for (size_t i = 0; i < weights.size(); i += 311) weights[i] *= 3.0f;
  return weights;
}

std::vector<float> ThereAndBack(const std::vector<float>& weights, int64_t rows, TensorType type,
                                ScaleSearch search) {
  const int64_t columns = static_cast<int64_t>(weights.size()) / rows;
  const absl::StatusOr<QuantizedRows> quantized =
      QuantizeRows(weights, rows, columns, type, search);
  EXPECT_OK(quantized);
  if (!quantized.ok()) return {};
  const absl::StatusOr<std::vector<float>> back =
      DequantizeRows(quantized->values, quantized->scales, rows, columns, type);
  EXPECT_OK(back);
  return back.ok() ? *back : std::vector<float>();
}

double SquaredError(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

float MaxAbs(const float* weights, int64_t count) {
  float largest = 0;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(weights[i]));
  return largest;
}

TEST(QuantizationTest, MaxAbsErrorIsAtMostHalfAStep) {
  const std::vector<float> weights = Weights(7, 256);
  for (TensorType type : {kInt8, kInt4, kBlock32, kBlock64, kBlock128}) {
    const std::vector<float> back = ThereAndBack(weights, 7, type, ScaleSearch::kMaxAbs);
    const int64_t run = type.block_size == 0 ? 256 : type.block_size;
    const float quants = type == kInt8 ? 127 : 7;
    // A bf16 scale is off by up to 2^-8 of itself, which the extreme sees `quants` times.
    const float slack = type.block_size == 0 ? 1e-5f : 2.0f * quants / 256;
    for (size_t i = 0; i < weights.size(); ++i) {
      const float step = MaxAbs(&weights[i / run * run], run) / quants;
      ASSERT_LE(std::fabs(weights[i] - back[i]), step * (0.5f + slack))
          << TensorTypeName(type) << " " << i;
    }
  }
}

TEST(QuantizationTest, FloatTypesRoundEachNumber) {
  const std::vector<float> weights = Weights(3, 33);
  EXPECT_EQ(ThereAndBack(weights, 3, {ElementType::kF32, 0}, ScaleSearch::kMaxAbs), weights);
  const auto half = ThereAndBack(weights, 3, {ElementType::kF16, 0}, ScaleSearch::kMaxAbs);
  const auto bfloat = ThereAndBack(weights, 3, {ElementType::kBf16, 0}, ScaleSearch::kMaxAbs);
  for (size_t i = 0; i < weights.size(); ++i) {
    EXPECT_EQ(half[i], HalfToFloat(FloatToHalf(weights[i])));
    EXPECT_EQ(bfloat[i], Bfloat16ToFloat(FloatToBfloat16(weights[i])));
  }
}

// The nibbles and scales of a hand-made row, as XNNPACK's qc4w reads them.
TEST(QuantizationTest, Int4Layout) {
  const std::vector<float> weights = {7, -7, 0, 1, 2, -3};
  ASSERT_OK_AND_ASSIGN(const QuantizedRows rows,
                       QuantizeRows(weights, 1, 6, kInt4, ScaleSearch::kMaxAbs));
  EXPECT_EQ(rows.values,
            (std::vector<std::byte>{std::byte{0x1f}, std::byte{0x98}, std::byte{0x5a}}));
  float scale;
  ASSERT_EQ(rows.scales.size(), sizeof scale);
  std::memcpy(&scale, rows.scales.data(), sizeof scale);
  EXPECT_EQ(scale, 1.0f);
}

TEST(QuantizationTest, BlockScalesLieInMemoryOrder) {
  std::vector<float> weights(2 * 64, 0.0f);
  weights[0] = 7;            // row 0, block 0: scale 1
  weights[32] = 14;          // row 0, block 1: scale 2
  weights[64] = -28;         // row 1, block 0: scale 4
  weights[64 + 63] = -0.5f;  // row 1, block 1: scale 0.0715 as bf16
  ASSERT_OK_AND_ASSIGN(const QuantizedRows rows,
                       QuantizeRows(weights, 2, 64, kBlock32, ScaleSearch::kMaxAbs));
  std::vector<uint16_t> bits(4);
  ASSERT_EQ(rows.scales.size(), 8u);
  std::memcpy(bits.data(), rows.scales.data(), 8);
  EXPECT_EQ(Bfloat16ToFloat(bits[0]), 1.0f);
  EXPECT_EQ(Bfloat16ToFloat(bits[1]), 2.0f);
  EXPECT_EQ(Bfloat16ToFloat(bits[2]), 4.0f);
  EXPECT_EQ(bits[3], FloatToBfloat16(0.5f / 7));
  EXPECT_EQ(rows.values[0], std::byte{0x8f});
  EXPECT_EQ(rows.values[63], std::byte{0x18});
}

TEST(QuantizationTest, Int8NeverUsesMinus128) {
  const std::vector<float> weights = {-1.0f, 0.99f, 0.1f, -0.7f};
  for (ScaleSearch search : {ScaleSearch::kMaxAbs, ScaleSearch::kSquaredError}) {
    ASSERT_OK_AND_ASSIGN(const QuantizedRows rows, QuantizeRows(weights, 1, 4, kInt8, search));
    for (std::byte value : rows.values) EXPECT_NE(value, std::byte{0x80});
  }
}

TEST(QuantizationTest, SearchIsNeverWorseAndOftenBetter) {
  const std::vector<float> weights = Weights(16, 256);
  for (TensorType type : {kInt8, kInt4, kBlock32, kBlock64, kBlock128}) {
    const double plain =
        SquaredError(weights, ThereAndBack(weights, 16, type, ScaleSearch::kMaxAbs));
    const double searched =
        SquaredError(weights, ThereAndBack(weights, 16, type, ScaleSearch::kSquaredError));
    EXPECT_LE(searched, plain * 1.0001) << TensorTypeName(type);
    if (type != kInt8) {
      EXPECT_LT(searched, plain * 0.9) << TensorTypeName(type);
    }
    RecordProperty(std::string(TensorTypeName(type)), std::to_string(searched / plain));
  }
}

TEST(QuantizationTest, SearchUsesTheNegativeExtreme) {
  std::vector<float> weights(32, 0.0f);
  for (int i = 0; i < 16; ++i)
    weights[i] = static_cast<float>(i - 8);  // -8 .. 7: exact with scale 1
  EXPECT_EQ(ThereAndBack(weights, 1, kBlock32, ScaleSearch::kSquaredError), weights);
  EXPECT_NE(ThereAndBack(weights, 1, kBlock32, ScaleSearch::kMaxAbs), weights);
}

TEST(QuantizationTest, ZerosAndTinyNumbersGetTheScaleOne) {
  for (float value : {0.0f, 1e-42f, std::numeric_limits<float>::min()}) {
    const std::vector<float> weights(64, value);
    for (TensorType type : {kInt8, kInt4, kBlock32}) {
      for (ScaleSearch search : {ScaleSearch::kMaxAbs, ScaleSearch::kSquaredError}) {
        EXPECT_EQ(ThereAndBack(weights, 1, type, search), std::vector<float>(64, 0.0f));
      }
    }
  }
}

TEST(QuantizationTest, HugeNumbersStayFinite) {
  const std::vector<float> weights(32, -std::numeric_limits<float>::max());
  for (TensorType type : {kInt8, kInt4, kBlock32}) {
    for (ScaleSearch search : {ScaleSearch::kMaxAbs, ScaleSearch::kSquaredError}) {
      for (float value : ThereAndBack(weights, 1, type, search)) EXPECT_LT(value, -3e38f);
    }
  }
}

TEST(QuantizationTest, RowsAreIndependent) {
  const std::vector<float> weights = Weights(4, 128);
  const std::vector<float> second(weights.begin() + 128, weights.begin() + 256);
  ASSERT_OK_AND_ASSIGN(const QuantizedRows all,
                       QuantizeRows(weights, 4, 128, kBlock64, ScaleSearch::kSquaredError));
  ASSERT_OK_AND_ASSIGN(const QuantizedRows one,
                       QuantizeRows(second, 1, 128, kBlock64, ScaleSearch::kSquaredError));
  EXPECT_TRUE(std::equal(one.values.begin(), one.values.end(), all.values.begin() + 64));
  EXPECT_TRUE(std::equal(one.scales.begin(), one.scales.end(), all.scales.begin() + 4));
}

TEST(QuantizationTest, BadWeightsAreNamed) {
  std::vector<float> weights(2 * 32, 0.5f);
  weights[32 + 5] = std::nanf("");
  EXPECT_THAT(
      QuantizeRows(weights, 2, 32, kInt8, ScaleSearch::kMaxAbs),
      MatchesStatus(absl::StatusCode::kInvalidArgument, {"row 1, column 5", "finite", "nan"}));
  weights[32 + 5] = -std::numeric_limits<float>::infinity();
  EXPECT_THAT(QuantizeRows(weights, 2, 32, {ElementType::kF32, 0}, ScaleSearch::kMaxAbs),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"row 1, column 5", "-inf"}));
  weights[32 + 5] = 70000.0f;
  EXPECT_OK(QuantizeRows(weights, 2, 32, {ElementType::kBf16, 0}, ScaleSearch::kMaxAbs));
  EXPECT_THAT(
      QuantizeRows(weights, 2, 32, {ElementType::kF16, 0}, ScaleSearch::kMaxAbs),
      MatchesStatus(absl::StatusCode::kInvalidArgument, {"row 1, column 5", "65504", "70000"}));
}

TEST(QuantizationTest, BadSizesAreErrors) {
  const std::vector<float> weights(64);
  EXPECT_THAT(QuantizeRows(weights, 2, 33, kInt8, ScaleSearch::kMaxAbs),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"expected 66", "found 64"}));
  EXPECT_THAT(QuantizeRows(weights, 2, 32, kBlock64, ScaleSearch::kMaxAbs),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"int4/64"}));
  EXPECT_THAT(DequantizeRows({}, {}, 1, 32, kInt8),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"expected 32", "found 0"}));
  EXPECT_OK(QuantizeRows({}, 0, 32, kBlock32, ScaleSearch::kMaxAbs));
}

}  // namespace
}  // namespace inkling
