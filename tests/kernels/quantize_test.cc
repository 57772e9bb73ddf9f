// Dynamic int8 quantisation against a scalar statement of the reference, on every instruction set.
//
// The reference follows XNNPACK 4ea82e5: the parameters of xnnpack/quantization.h, the conversion
// of its scalar lrintf kernel, operation by operation in float32.
#include "kernels/quantize.h"

#include <algorithm>

#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

class QuantizeTest : public PerTargetTest {};

struct QuantizedRow {
  QuantizationParams params;
  std::vector<int8_t> values;
};

QuantizedRow Reference(const std::vector<float>& row) {
  const float min = std::min(0.0f, *std::min_element(row.begin(), row.end()));
  const float max = std::max(0.0f, *std::max_element(row.begin(), row.end()));
  // volatile: no step may be contracted or kept in more than float32.
  volatile float range = max - min;
  volatile float scale = min == max ? 1.0f : 255.0f / range;
  volatile float scaled_min = min * scale;
  volatile float scaled_max = max * scale;
  volatile float from_min = -128.0f + scaled_min;
  volatile float from_max = 127.0f + scaled_max;
  volatile float error = from_min + from_max;
  volatile float zero_point = error > 0 ? -128.0f - scaled_min : 127.0f - scaled_max;
  const float limited = std::min(std::max(float{zero_point}, -128.0f), 127.0f);
  QuantizedRow result;
  result.params.zero_point = static_cast<int32_t>(std::lrintf(limited));
  result.params.scale = 1.0f / scale;
  volatile float inverse = 1.0f / result.params.scale;
  for (float x : row) {
    volatile float quant = x * inverse;
    const float low = static_cast<float>(-128 - result.params.zero_point);
    const float high = static_cast<float>(127 - result.params.zero_point);
    const float bounded = std::min(std::max(float{quant}, low), high);
    result.values.push_back(static_cast<int8_t>(std::lrintf(bounded) + result.params.zero_point));
  }
  return result;
}

QuantizedRow Quantize(const std::vector<float>& row) {
  QuantizedRow result = {{99, -1.0f}, std::vector<int8_t>(row.size() + 5, 77)};
  QuantizeRows({.input = row.data(),
                .input_stride = row.size(),
                .output = result.values.data(),
                .output_stride = row.size(),
                .params = &result.params,
                .num_rows = 1,
                .dim = row.size()});
  for (size_t i = row.size(); i < result.values.size(); ++i) EXPECT_EQ(result.values[i], 77);
  result.values.resize(row.size());
  return result;
}

void ExpectEqual(const QuantizedRow& actual, const QuantizedRow& expected) {
  ASSERT_EQ(actual.params.zero_point, expected.params.zero_point);
  ASSERT_EQ(actual.params.scale, expected.params.scale);
  for (size_t i = 0; i < expected.values.size(); ++i) {
    ASSERT_EQ(actual.values[i], expected.values[i]) << "at " << i;
  }
}

TEST_P(QuantizeTest, EqualsTheReferenceBitForBit) {
  uint32_t seed = 0;
  for (size_t dim : InterestingSizes()) {
    for (float spread : {1e-20f, 1e-3f, 1.0f, 700.0f, 1e20f}) {
      for (float mean : {0.0f, 3.0f, -3.0f}) {
        std::vector<float> row = RandomValues(dim, ++seed, spread);
        for (float& x : row) x += mean * spread;
        ASSERT_NO_FATAL_FAILURE(ExpectEqual(Quantize(row), Reference(row)))
            << "dim " << dim << " spread " << spread << " mean " << mean;
      }
    }
  }
}

TEST_P(QuantizeTest, EqualsTheReferenceOnTies) {
  // Values on exact multiples of half a step: rounding to even and the zero point both matter.
  for (int low = -255; low <= 0; low += 5) {
    std::vector<float> row;
    for (int i = 2 * low; i <= 2 * (low + 255); ++i) row.push_back(static_cast<float>(i) * 0.5f);
    ASSERT_NO_FATAL_FAILURE(ExpectEqual(Quantize(row), Reference(row))) << low;
  }
}

TEST_P(QuantizeTest, ErrorIsAtMostOneStep) {
  const std::vector<float> row = RandomValues(4000, 1);
  const QuantizedRow result = Quantize(row);
  for (size_t i = 0; i < row.size(); ++i) {
    const double value =
        (result.values[i] - result.params.zero_point) * static_cast<double>(result.params.scale);
    ASSERT_LE(std::abs(value - row[i]), result.params.scale * 1.001);
  }
}

TEST_P(QuantizeTest, ARowAndItsResidualAreTheRowTo15Bits) {
  for (size_t dim : InterestingSizes()) {
    for (float mean : {0.0f, 3.0f, -3.0f}) {
      std::vector<float> rows = RandomValues(2 * dim, static_cast<uint32_t>(dim), 1.0f);
      for (float& x : rows) x += mean;
      std::vector<int8_t> output(4 * dim + 5, 77);
      std::vector<QuantizationParams> params(4);
      QuantizeRows({.input = rows.data(),
                    .input_stride = dim,
                    .output = output.data(),
                    .output_stride = dim,
                    .params = params.data(),
                    .num_rows = 2,
                    .dim = dim,
                    .with_residual = true});
      for (size_t r = 0; r < 2; ++r) {
        const std::vector<float> row(&rows[r * dim], &rows[r * dim] + dim);
        const int8_t* quant = &output[2 * r * dim];
        const QuantizedRow whole = {params[2 * r], std::vector<int8_t>(quant, quant + dim)};
        ASSERT_NO_FATAL_FAILURE(ExpectEqual(whole, Reference(row)));
        const double scale = whole.params.scale;
        for (size_t i = 0; i < dim; ++i) {
          const double residual =
              (quant[dim + i] - params[2 * r + 1].zero_point) * double{params[2 * r + 1].scale};
          const double sum = (quant[i] - whole.params.zero_point) * scale + residual;
          ASSERT_NEAR(sum, row[i], scale * (0.501 / 127) + std::abs(row[i]) * 1e-6) << i;
        }
      }
      for (size_t i = 4 * dim; i < output.size(); ++i) ASSERT_EQ(output[i], 77);
    }
  }
}

TEST_P(QuantizeTest, RowsAreIndependentAndStrided) {
  const size_t dim = 45, stride = 50;
  const std::vector<float> rows = RandomValues(3 * stride, 2);
  std::vector<int8_t> output(3 * 47, 77);
  std::vector<QuantizationParams> params(3);
  QuantizeRows({.input = rows.data(),
                .input_stride = stride,
                .output = output.data(),
                .output_stride = 47,
                .params = params.data(),
                .num_rows = 3,
                .dim = dim});
  for (size_t r = 0; r < 3; ++r) {
    const std::vector<float> row(&rows[r * stride], &rows[r * stride] + dim);
    const QuantizedRow expected = Reference(row);
    EXPECT_EQ(params[r].zero_point, expected.params.zero_point);
    EXPECT_EQ(params[r].scale, expected.params.scale);
    for (size_t i = 0; i < 47; ++i) {
      ASSERT_EQ(output[r * 47 + i], i < dim ? expected.values[i] : 77);
    }
  }
}

TEST_P(QuantizeTest, ZeroAndTinyRows) {
  for (float value : {0.0f, 1e-38f, -1e-40f}) {
    const QuantizedRow result = Quantize(std::vector<float>(37, value));
    EXPECT_EQ(result.params.scale, 1.0f);
    for (int8_t x : result.values) EXPECT_EQ(x, result.params.zero_point);
  }
  ExpectEqual(Quantize(std::vector<float>(37, 0.0f)), Reference(std::vector<float>(37, 0.0f)));
}

TEST_P(QuantizeTest, HugeAndBrokenRowsHaveFiniteParams) {
  // Both are in the last, incomplete vector of the short row, and in whole ones of the long row.
  for (size_t dim : {41, 320}) {
    for (float bad : {3.4e38f, -3.4e38f, kInfinity, -kInfinity, kNan}) {
      std::vector<float> row = RandomValues(dim, 3);
      row[7] = bad;
      row[dim - 1] = -bad;
      const QuantizedRow result = Quantize(row);
      EXPECT_TRUE(std::isfinite(result.params.scale)) << bad;
      EXPECT_GT(result.params.scale, 0) << bad;
      EXPECT_GE(result.params.zero_point, -128);
      EXPECT_LE(result.params.zero_point, 127);
      if (std::isnan(bad)) {
        EXPECT_EQ(result.values[7], result.params.zero_point);
        EXPECT_EQ(result.values[dim - 1], result.params.zero_point);
        row[7] = row[dim - 1] = 0;
        ExpectEqual(result, Reference(row));
      } else {
        EXPECT_EQ(result.values[7], bad > 0 ? 127 : -128) << bad;
        EXPECT_EQ(result.values[dim - 1], bad > 0 ? -128 : 127) << bad;
      }
    }
  }
}

INKLING_FOR_EACH_TARGET(QuantizeTest);

}  // namespace
}  // namespace inkling::kernels
