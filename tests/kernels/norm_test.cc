// Norms and residual addition against double arithmetic, on every instruction set.
#include "kernels/norm.h"

#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

class NormTest : public PerTargetTest {};

// Rows of `dim` values inside rows of `stride`, so that strides and overruns are tested too.
struct Rows {
  size_t num_rows, dim, stride;
  std::vector<float> data;
};

Rows RandomRows(size_t num_rows, size_t dim, uint32_t seed, float spread = 1.0f, float mean = 0) {
  Rows rows = {num_rows, dim, dim + 3, RandomValues(num_rows * (dim + 3), seed, spread)};
  for (float& x : rows.data) x += mean;
  return rows;
}

Rows UntouchedRows(size_t num_rows, size_t dim) {
  return {num_rows, dim, dim + 5, std::vector<float>(num_rows * (dim + 5), kUntouched)};
}

void ExpectGapsUntouched(const Rows& rows) {
  for (size_t r = 0; r < rows.num_rows; ++r) {
    for (size_t i = rows.dim; i < rows.stride; ++i) {
      ASSERT_EQ(rows.data[r * rows.stride + i], kUntouched) << "row " << r << " column " << i;
    }
  }
}

std::vector<double> ReferenceRmsNorm(const float* row, const float* weight, double epsilon,
                                     size_t dim) {
  double sum = 0;
  for (size_t i = 0; i < dim; ++i) sum += static_cast<double>(row[i]) * row[i];
  const double factor = 1 / std::sqrt(sum / static_cast<double>(dim) + epsilon);
  std::vector<double> output(dim);
  for (size_t i = 0; i < dim; ++i) output[i] = row[i] * factor * (weight ? weight[i] : 1.0);
  return output;
}

std::vector<double> ReferenceLayerNorm(const float* row, const float* weight, const float* bias,
                                       double epsilon, size_t dim) {
  double mean = 0, variance = 0;
  for (size_t i = 0; i < dim; ++i) mean += row[i];
  mean /= static_cast<double>(dim);
  for (size_t i = 0; i < dim; ++i) variance += (row[i] - mean) * (row[i] - mean);
  const double factor = 1 / std::sqrt(variance / static_cast<double>(dim) + epsilon);
  std::vector<double> output(dim);
  for (size_t i = 0; i < dim; ++i) {
    output[i] = (row[i] - mean) * factor * (weight ? weight[i] : 1.0) + (bias ? bias[i] : 0.0);
  }
  return output;
}

void ExpectRowsClose(const Rows& actual, size_t row, const std::vector<double>& expected,
                     double absolute) {
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(IsClose(actual.data[row * actual.stride + i], expected[i], 5e-7, absolute))
        << "row " << row << " column " << i << " of " << expected.size();
  }
}

TEST_P(NormTest, RmsNormMatchesDouble) {
  for (size_t dim : InterestingSizes()) {
    const Rows input = RandomRows(3, dim, 1, 5.0f);
    const std::vector<float> weight = RandomValues(dim, 2);
    for (const float* w : {weight.data(), static_cast<const float*>(nullptr)}) {
      Rows output = UntouchedRows(3, dim);
      RmsNorm({.input = input.data.data(),
               .input_stride = input.stride,
               .weight = w,
               .epsilon = 1e-5f,
               .output = output.data.data(),
               .output_stride = output.stride,
               .num_rows = 3,
               .dim = dim});
      for (size_t r = 0; r < 3; ++r) {
        ExpectRowsClose(output, r, ReferenceRmsNorm(&input.data[r * input.stride], w, 1e-5f, dim),
                        1e-30);
      }
      ExpectGapsUntouched(output);
    }
  }
}

TEST_P(NormTest, RmsNormInPlaceGivesTheSameBits) {
  const size_t dim = 77;
  const Rows input = RandomRows(2, dim, 3);
  const std::vector<float> weight = RandomValues(dim, 4);
  Rows apart = input, in_place = input;
  RmsNormArgs args = {.input = input.data.data(),
                      .input_stride = input.stride,
                      .weight = weight.data(),
                      .epsilon = 1e-6f,
                      .output = apart.data.data(),
                      .output_stride = apart.stride,
                      .num_rows = 2,
                      .dim = dim};
  RmsNorm(args);
  args.input = args.output = in_place.data.data();
  RmsNorm(args);
  EXPECT_EQ(apart.data, in_place.data);
}

TEST_P(NormTest, RmsNormOfZerosIsZero) {
  std::vector<float> row(33, 0.0f);
  RmsNorm({.input = row.data(),
           .input_stride = 33,
           .weight = nullptr,
           .epsilon = 1e-6f,
           .output = row.data(),
           .output_stride = 33,
           .num_rows = 1,
           .dim = 33});
  EXPECT_EQ(row, std::vector<float>(33, 0.0f));
}

TEST_P(NormTest, LayerNormMatchesDouble) {
  for (size_t dim : InterestingSizes()) {
    const Rows input = RandomRows(3, dim, 5, 2.0f);
    const std::vector<float> weight = RandomValues(dim, 6), bias = RandomValues(dim, 7);
    for (const float* b : {bias.data(), static_cast<const float*>(nullptr)}) {
      Rows output = UntouchedRows(3, dim);
      LayerNorm({.input = input.data.data(),
                 .input_stride = input.stride,
                 .weight = weight.data(),
                 .bias = b,
                 .epsilon = 1e-5f,
                 .output = output.data.data(),
                 .output_stride = output.stride,
                 .num_rows = 3,
                 .dim = dim});
      for (size_t r = 0; r < 3; ++r) {
        const float* row = &input.data[r * input.stride];
        ExpectRowsClose(output, r, ReferenceLayerNorm(row, weight.data(), b, 1e-5f, dim), 2e-6);
      }
      ExpectGapsUntouched(output);
    }
  }
}

TEST_P(NormTest, LayerNormSurvivesALargeMean) {
  // The one-pass variance of these rows, E[x^2] - E[x]^2 in float, has no correct digit.
  const size_t dim = 515;
  const Rows input = RandomRows(1, dim, 8, 1.0f, 3000.0f);
  Rows output = UntouchedRows(1, dim);
  LayerNorm({.input = input.data.data(),
             .input_stride = input.stride,
             .weight = nullptr,
             .bias = nullptr,
             .epsilon = 1e-5f,
             .output = output.data.data(),
             .output_stride = output.stride,
             .num_rows = 1,
             .dim = dim});
  ExpectRowsClose(output, 0, ReferenceLayerNorm(input.data.data(), nullptr, nullptr, 1e-5f, dim),
                  1e-3);
}

TEST_P(NormTest, LayerNormOfRmsNormedRowsHasMeanZeroAndVarianceOne) {
  const size_t dim = 1000;
  Rows rows = RandomRows(1, dim, 9, 30.0f, 4.0f);
  LayerNorm({.input = rows.data.data(),
             .input_stride = rows.stride,
             .weight = nullptr,
             .bias = nullptr,
             .epsilon = 1e-9f,
             .output = rows.data.data(),
             .output_stride = rows.stride,
             .num_rows = 1,
             .dim = dim});
  double mean = 0, square = 0;
  for (size_t i = 0; i < dim; ++i) {
    mean += rows.data[i] / 1000.0;
    square += rows.data[i] * static_cast<double>(rows.data[i]) / 1000.0;
  }
  EXPECT_NEAR(mean, 0, 1e-6);
  EXPECT_NEAR(square, 1, 1e-6);
}

TEST_P(NormTest, ResidualAddScales) {
  for (size_t dim : InterestingSizes()) {
    Rows residual = RandomRows(2, dim, 10);
    const Rows before = residual, addend = RandomRows(2, dim, 11);
    ResidualAdd({.residual = residual.data.data(),
                 .residual_stride = residual.stride,
                 .addend = addend.data.data(),
                 .addend_stride = addend.stride,
                 .scale = 0.25f,
                 .num_rows = 2,
                 .dim = dim});
    for (size_t r = 0; r < 2; ++r) {
      for (size_t i = 0; i < residual.stride; ++i) {
        const size_t at = r * residual.stride + i;
        const float expected =
            i < dim ? before.data[at] + 0.25f * addend.data[at] : before.data[at];
        ASSERT_EQ(residual.data[at], expected) << "row " << r << " column " << i;
      }
    }
  }
}

TEST_P(NormTest, AddRmsNormIsTheTwoCalls) {
  for (size_t dim : InterestingSizes()) {
    const Rows start = RandomRows(3, dim, 12), addend = RandomRows(3, dim, 13);
    const std::vector<float> weight = RandomValues(dim, 14);
    Rows fused = start, apart = start;
    Rows fused_output = UntouchedRows(3, dim), apart_output = UntouchedRows(3, dim);
    AddRmsNorm({.residual = fused.data.data(),
                .residual_stride = fused.stride,
                .addend = addend.data.data(),
                .addend_stride = addend.stride,
                .weight = weight.data(),
                .epsilon = 1e-6f,
                .output = fused_output.data.data(),
                .output_stride = fused_output.stride,
                .num_rows = 3,
                .dim = dim});
    ResidualAdd({.residual = apart.data.data(),
                 .residual_stride = apart.stride,
                 .addend = addend.data.data(),
                 .addend_stride = addend.stride,
                 .num_rows = 3,
                 .dim = dim});
    RmsNorm({.input = apart.data.data(),
             .input_stride = apart.stride,
             .weight = weight.data(),
             .epsilon = 1e-6f,
             .output = apart_output.data.data(),
             .output_stride = apart_output.stride,
             .num_rows = 3,
             .dim = dim});
    ASSERT_EQ(fused.data, apart.data);
    ASSERT_EQ(fused_output.data, apart_output.data);
  }
}

INKLING_FOR_EACH_TARGET(NormTest);

}  // namespace
}  // namespace inkling::kernels
