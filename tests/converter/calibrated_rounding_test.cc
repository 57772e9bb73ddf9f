// RefineRows against the errors it is there to make small: never worse, and much better for the
// inputs of trained models, where a few are large and many move together.

#include "converter/quantize/calibrated_rounding.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr TensorType kInt4 = {ElementType::kInt4Channel, 0};
constexpr TensorType kBlock32 = {ElementType::kInt4Block, 32};
constexpr TensorType kBlock128 = {ElementType::kInt4Block, 128};

// A layer as trained models have them: weights with a few outliers; inputs that are mixtures of few
// causes, some of them twenty times as large as the rest.
struct Layer {
  static constexpr int64_t kRows = 24;
  static constexpr int64_t kColumns = 320;
  static constexpr int64_t kBlock = 128;  // the last one is shorter
  static constexpr int64_t kSamples = 400;
  static constexpr int64_t kCauses = 40;

  explicit Layer(uint32_t seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    weights.resize(kRows * kColumns);
    for (float& weight : weights) weight = 0.02f * normal(random);
    for (size_t i = 0; i < weights.size(); i += 97) weights[i] *= 6;
    std::vector<float> mixture(kColumns * kCauses);
    for (float& part : mixture) part = normal(random) / 6;
    inputs.resize(kSamples * kColumns);
    for (int64_t sample = 0; sample < kSamples; ++sample) {
      std::vector<float> causes(kCauses);
      for (float& cause : causes) cause = normal(random);
      for (int64_t i = 0; i < kColumns; ++i) {
        float value = 0.3f * normal(random);
        for (int64_t j = 0; j < kCauses; ++j) value += mixture[i * kCauses + j] * causes[j];
        inputs[sample * kColumns + i] = i % 67 == 5 ? 20 * value : value;
      }
    }
    moments = {kColumns, kBlock, std::vector<float>(kColumns * kBlock)};
    for (int64_t sample = 0; sample < kSamples; ++sample) {
      const float* x = &inputs[sample * kColumns];
      for (int64_t i = 0; i < kColumns; ++i) {
        const int64_t first = i / kBlock * kBlock;
        for (int64_t j = first; j < std::min(first + kBlock, kColumns); ++j) {
          moments.values[i * kBlock + j - first] += x[i] * x[j] / kSamples;
        }
      }
    }
  }

  // The mean over the samples of |W x - Q x|^2.
  double OutputError(const std::vector<float>& stored) const {
    double error = 0;
    for (int64_t sample = 0; sample < kSamples; ++sample) {
      for (int64_t row = 0; row < kRows; ++row) {
        double difference = 0;
        for (int64_t i = 0; i < kColumns; ++i) {
          difference +=
              (static_cast<double>(weights[row * kColumns + i]) - stored[row * kColumns + i]) *
              inputs[sample * kColumns + i];
        }
        error += difference * difference;
      }
    }
    return error / kSamples;
  }

  std::vector<float> weights;
  std::vector<float> inputs;
  InputMoments moments;
};

std::vector<float> Dequantized(const QuantizedRows& rows, TensorType type) {
  const absl::StatusOr<std::vector<float>> stored =
      DequantizeRows(rows.values, rows.scales, Layer::kRows, Layer::kColumns, type);
  EXPECT_OK(stored);
  return stored.ok() ? *stored : std::vector<float>(Layer::kRows * Layer::kColumns);
}

TEST(CalibratedRoundingTest, ErrorOfMatmulsIsMuchSmaller) {
  for (uint32_t seed : {1u, 2u}) {
    const Layer layer(seed);
    for (TensorType type : {kInt8, kInt4, kBlock32}) {
      ASSERT_OK_AND_ASSIGN(QuantizedRows rows,
                           QuantizeRows(layer.weights, Layer::kRows, Layer::kColumns, type,
                                        ScaleSearch::kSquaredError));
      const double before = layer.OutputError(Dequantized(rows, type));
      ASSERT_OK(RefineRows(layer.weights, Layer::kColumns, type, layer.moments, rows));
      const double after = layer.OutputError(Dequantized(rows, type));
      EXPECT_LT(after, 0.35 * before) << TensorTypeName(type);
      RecordProperty(std::string(TensorTypeName(type)), std::to_string(after / before));
      for (std::byte value : rows.values) {
        EXPECT_TRUE(type != kInt8 || value != std::byte{0x80});
      }
    }
  }
}

TEST(CalibratedRoundingTest, OutputErrorPowerIsTheErrorWithinBlocks) {
  Layer layer(3);
  // Inputs of one block only, so that nothing lies between blocks.
  for (size_t i = 0; i < layer.inputs.size(); ++i) {
    if (i % Layer::kColumns >= Layer::kBlock) layer.inputs[i] = 0;
  }
  for (int64_t i = Layer::kBlock * Layer::kBlock; i < Layer::kColumns * Layer::kBlock; ++i) {
    layer.moments.values[i] = 0;
  }
  ASSERT_OK_AND_ASSIGN(const QuantizedRows rows,
                       QuantizeRows(layer.weights, Layer::kRows, Layer::kColumns, kBlock32,
                                    ScaleSearch::kSquaredError));
  const std::vector<float> stored = Dequantized(rows, kBlock32);
  std::vector<float> errors(stored.size());
  for (size_t i = 0; i < stored.size(); ++i) errors[i] = layer.weights[i] - stored[i];
  const double expected = layer.OutputError(stored);
  EXPECT_NEAR(OutputErrorPower(errors, layer.moments), expected, 1e-3 * expected);
}

// Inputs that are never there leave nothing to tell quantised values apart; the weights' own error
// must not be thrown away for that.
TEST(CalibratedRoundingTest, DeadInputsKeepTheNearestValues) {
  Layer layer(4);
  std::fill(layer.moments.values.begin(), layer.moments.values.end(), 0.0f);
  ASSERT_OK_AND_ASSIGN(QuantizedRows rows,
                       QuantizeRows(layer.weights, Layer::kRows, Layer::kColumns, kBlock32,
                                    ScaleSearch::kSquaredError));
  const auto squared_error = [&] {
    const std::vector<float> stored = Dequantized(rows, kBlock32);
    double sum = 0;
    for (size_t i = 0; i < stored.size(); ++i) {
      sum += (layer.weights[i] - stored[i]) * (layer.weights[i] - stored[i]);
    }
    return sum;
  };
  const double before = squared_error();
  ASSERT_OK(RefineRows(layer.weights, Layer::kColumns, kBlock32, layer.moments, rows));
  EXPECT_LE(squared_error(), before * 1.0001);
}

TEST(CalibratedRoundingTest, FloatTypesStayAndOtherWidthsAreErrors) {
  const Layer layer(5);
  constexpr TensorType kF16 = {ElementType::kF16, 0};
  ASSERT_OK_AND_ASSIGN(
      QuantizedRows rows,
      QuantizeRows(layer.weights, Layer::kRows, Layer::kColumns, kF16, ScaleSearch::kSquaredError));
  const std::vector<std::byte> before = rows.values;
  EXPECT_OK(RefineRows(layer.weights, Layer::kColumns, kF16, layer.moments, rows));
  EXPECT_EQ(rows.values, before);
  EXPECT_THAT(
      RefineRows(layer.weights, 160, kBlock32, layer.moments, rows),
      MatchesStatus(absl::StatusCode::kInvalidArgument, {"expected 160 columns, found 320"}));
}

}  // namespace
}  // namespace inkling
