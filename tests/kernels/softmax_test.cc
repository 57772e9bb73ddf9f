// Softmax, log-sum-exp and argmax against double arithmetic, on every instruction set.
#include "kernels/softmax.h"

#include <algorithm>
#include <numeric>

#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

class SoftmaxTest : public PerTargetTest {};

double ReferenceLogSumExp(const std::vector<float>& values) {
  const double max = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (float x : values) sum += std::exp(x - max);
  return max + std::log(sum);
}

TEST_P(SoftmaxTest, MatchesDoubleAndSumsToOne) {
  for (size_t size : InterestingSizes()) {
    for (float spread : {1.0f, 20.0f, 1e4f}) {
      const std::vector<float> input = RandomValues(size, static_cast<uint32_t>(size), spread);
      std::vector<float> output(size + 1, kUntouched);
      Softmax(input.data(), output.data(), size);
      const double log_sum = ReferenceLogSumExp(input);
      double total = 0;
      for (size_t i = 0; i < size; ++i) {
        // x - max rounds to half a unit of its magnitude, which exp turns into relative error.
        const double relative = 1e-6 + 1.2e-7 * std::min(100.0, std::abs(input[i] - log_sum));
        ASSERT_TRUE(IsClose(output[i], std::exp(input[i] - log_sum), relative, 1e-37)) << i;
        total += output[i];
      }
      EXPECT_NEAR(total, 1, 1e-6);
      EXPECT_EQ(output[size], kUntouched);
      EXPECT_TRUE(IsClose(LogSumExp(input.data(), size), log_sum, 3e-7, 3e-7));
    }
  }
}

TEST_P(SoftmaxTest, InPlaceAndShiftedGiveTheSame) {
  std::vector<float> values = RandomValues(1001, 1);
  std::vector<float> apart(1001);
  Softmax(values.data(), apart.data(), 1001);
  Softmax(values.data(), values.data(), 1001);
  EXPECT_EQ(values, apart);
}

TEST_P(SoftmaxTest, EdgeRows) {
  for (size_t size : {1, 5, 16, 37}) {
    std::vector<float> row(size, -kInfinity);
    EXPECT_EQ(LogSumExp(row.data(), size), -kInfinity);
    EXPECT_EQ(ArgMax(row.data(), size), 0u);
    Softmax(row.data(), row.data(), size);
    for (float x : row) EXPECT_EQ(x, 1.0f / static_cast<float>(size));

    std::vector<float> one(size, -kInfinity);
    one[size - 1] = -3e38f;
    EXPECT_EQ(LogSumExp(one.data(), size), -3e38f);
    EXPECT_EQ(ArgMax(one.data(), size), size - 1);
    Softmax(one.data(), one.data(), size);
    for (size_t i = 0; i < size; ++i) EXPECT_EQ(one[i], i == size - 1 ? 1.0f : 0.0f);

    std::vector<float> broken = RandomValues(size, 2);
    broken[size / 2] = kNan;
    EXPECT_TRUE(std::isnan(LogSumExp(broken.data(), size)));
    Softmax(broken.data(), broken.data(), size);
    for (float x : broken) EXPECT_TRUE(std::isnan(x));

    std::vector<float> infinite = RandomValues(size, 3);
    infinite[size / 2] = kInfinity;
    EXPECT_EQ(LogSumExp(infinite.data(), size), kInfinity);
    EXPECT_EQ(ArgMax(infinite.data(), size), size / 2);
    Softmax(infinite.data(), infinite.data(), size);
    EXPECT_TRUE(std::all_of(infinite.begin(), infinite.end(), [](float x) { return x != x; }));
  }
  EXPECT_EQ(LogSumExp(nullptr, 0), -kInfinity);
  EXPECT_EQ(ArgMax(nullptr, 0), 0u);
  Softmax(nullptr, nullptr, 0);
}

TEST_P(SoftmaxTest, ArgMaxFindsTheFirstLargest) {
  for (size_t size : InterestingSizes()) {
    std::vector<float> values = RandomValues(size, 4);
    const size_t expected =
        static_cast<size_t>(std::max_element(values.begin(), values.end()) - values.begin());
    EXPECT_EQ(ArgMax(values.data(), size), expected);
    for (size_t at = 0; at < size; at += 1 + size / 7) {
      std::vector<float> tied = values;
      tied[at] = tied[size - 1] = 100.0f;
      EXPECT_EQ(ArgMax(tied.data(), size), at);
      if (at > 0) tied[0] = kNan;
      EXPECT_EQ(ArgMax(tied.data(), size), at) << "NaN must not be chosen";
    }
    const std::vector<float> all_nan(size, kNan);
    EXPECT_EQ(ArgMax(all_nan.data(), size), 0u);
  }
}

INKLING_FOR_EACH_TARGET(SoftmaxTest);

}  // namespace
}  // namespace inkling::kernels
