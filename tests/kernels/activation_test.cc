// Activations and soft cap against double libm, on every instruction set.
#include "kernels/activation.h"

#include <cstring>

#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

class ActivationTest : public PerTargetTest {};

constexpr Activation kAll[] = {Activation::kSilu, Activation::kGeluTanh, Activation::kGeluErf,
                               Activation::kRelu};

double Reference(Activation activation, double x) {
  switch (activation) {
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kGeluTanh: {
      // x / 2 * (1 + tanh(u)), written so that double keeps the negative tail.
      const double u = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
      return x / (1 + std::exp(-2 * u));
    }
    case Activation::kGeluErf:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::kRelu:
      return x > 0 ? x : 0;
  }
  return 0;
}

// Dense around 0, out to where results saturate, and across magnitudes.
std::vector<float> Sweep() {
  std::vector<float> values;
  for (int i = -24000; i <= 24000; ++i) values.push_back(static_cast<float>(i) * 0.0005f);
  for (float magnitude = 1e-30f; magnitude < 1e30f; magnitude *= 1.7f) {
    values.push_back(magnitude);
    values.push_back(-magnitude);
  }
  values.push_back(0.0f);
  return values;
}

std::vector<float> Apply(Activation activation, const std::vector<float>& input) {
  std::vector<float> output(input.size());
  Activate({.activation = activation,
            .input = input.data(),
            .input_stride = input.size(),
            .multiplier = nullptr,
            .multiplier_stride = 0,
            .output = output.data(),
            .output_stride = input.size(),
            .num_rows = 1,
            .dim = input.size()});
  return output;
}

TEST_P(ActivationTest, MatchesLibm) {
  const std::vector<float> input = Sweep();
  for (Activation activation : kAll) {
    const std::vector<float> output = Apply(activation, input);
    double worst = 0;
    for (size_t i = 0; i < input.size(); ++i) {
      const double expected = Reference(activation, input[i]);
      // The exponent of gelu_tanh is rounded to float and reaches 80 in the tail: 80 * 2^-23.
      const double relative = activation == Activation::kGeluTanh ? 1.2e-5 : 1.5e-6;
      // Below 1e-35 the results of exp are flushed to 0.
      ASSERT_TRUE(IsClose(output[i], expected, relative, 1e-35))
          << "activation " << static_cast<int>(activation) << " of " << input[i];
      if (std::abs(input[i]) < 4 && expected != 0) {
        worst = std::max(worst, std::abs(output[i] / expected - 1));
      }
    }
    EXPECT_LE(worst, activation == Activation::kGeluTanh ? 2e-6 : 1e-6)
        << "activation " << static_cast<int>(activation);
  }
}

TEST_P(ActivationTest, GatedIsPlainTimesMultiplier) {
  for (Activation activation : kAll) {
    for (size_t dim : InterestingSizes()) {
      const size_t stride = dim + 2;
      const std::vector<float> gate = RandomValues(2 * stride, 1, 3.0f);
      const std::vector<float> up = RandomValues(2 * stride, 2);
      std::vector<float> output(2 * stride, kUntouched);
      Activate({.activation = activation,
                .input = gate.data(),
                .input_stride = stride,
                .multiplier = up.data(),
                .multiplier_stride = stride,
                .output = output.data(),
                .output_stride = stride,
                .num_rows = 2,
                .dim = dim});
      const std::vector<float> plain = Apply(activation, gate);
      for (size_t i = 0; i < 2 * stride; ++i) {
        const float expected = i % stride < dim ? plain[i] * up[i] : kUntouched;
        ASSERT_EQ(output[i], expected) << "dim " << dim << " at " << i;
      }
    }
  }
}

TEST_P(ActivationTest, InPlaceGivesTheSameBits) {
  for (Activation activation : kAll) {
    const std::vector<float> gate = RandomValues(101, 3), up = RandomValues(101, 4);
    ActivateArgs args = {.activation = activation,
                         .input = gate.data(),
                         .input_stride = 101,
                         .multiplier = up.data(),
                         .multiplier_stride = 101,
                         .output = nullptr,
                         .output_stride = 101,
                         .num_rows = 1,
                         .dim = 101};
    std::vector<float> apart(101), over_gate = gate, over_up = up;
    args.output = apart.data();
    Activate(args);
    args.input = args.output = over_gate.data();
    Activate(args);
    args.input = gate.data();
    args.multiplier = args.output = over_up.data();
    Activate(args);
    EXPECT_EQ(apart, over_gate);
    EXPECT_EQ(apart, over_up);
  }
}

TEST_P(ActivationTest, SaturatesAndKeepsNan) {
  for (Activation activation : kAll) {
    const std::vector<float> output = Apply(activation, {kInfinity, 3e38f, -3e38f, kNan, 0.0f});
    EXPECT_EQ(output[0], kInfinity);
    EXPECT_EQ(output[1], 3e38f);
    EXPECT_EQ(output[2], 0.0f);
    EXPECT_TRUE(std::isnan(output[3]));
    EXPECT_EQ(output[4], 0.0f);
  }
}

TEST_P(ActivationTest, SoftCapMatchesLibm) {
  for (float cap : {30.0f, 50.0f, 0.5f}) {
    std::vector<float> values = Sweep();
    const std::vector<float> before = values;
    SoftCap(values.data(), values.size(), cap);
    for (size_t i = 0; i < values.size(); ++i) {
      const double expected = cap * std::tanh(static_cast<double>(before[i]) / cap);
      ASSERT_TRUE(IsClose(values[i], expected, 5e-7, 1e-37)) << before[i] << " capped at " << cap;
    }
  }
  std::vector<float> edges = {kInfinity, -kInfinity, kNan, -0.0f};
  SoftCap(edges.data(), edges.size(), 30.0f);
  EXPECT_EQ(edges[0], 30.0f);
  EXPECT_EQ(edges[1], -30.0f);
  EXPECT_TRUE(std::isnan(edges[2]));
  EXPECT_EQ(edges[3], 0.0f);
}

INKLING_FOR_EACH_TARGET(ActivationTest);

}  // namespace
}  // namespace inkling::kernels
