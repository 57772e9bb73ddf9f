// I8mmProduct against a double-precision product of the dequantised weights. Only Arm CPUs with
// I8MM have its instructions; on the others XNNPACK's products are used and nothing here can run.
#include "kernels/i8mm_product.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <ostream>
#include <random>
#include <vector>

#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};

// A random matrix, as a model file has it and packed.
struct Matrix {
  explicit Matrix(I8mmMatrixShape matrix_shape)
      : shape(matrix_shape),
        values(shape.num_outputs * shape.num_inputs),
        output_scales(shape.num_outputs),
        block_scales(
            shape.block_size == 0 ? 0 : shape.num_outputs * shape.num_inputs / shape.block_size),
        bias(RandomValues(shape.num_outputs, 3)),
        packed(std::aligned_alloc(64, I8mmMatrixBytes(shape))) {
    std::mt19937 engine(1);
    for (uint8_t& value : values) value = static_cast<uint8_t>(engine());
    std::fill_n(values.begin(), shape.num_inputs, uint8_t{0x80});  // the extreme of int8
    for (float& scale : output_scales) scale = 1e-3f * static_cast<float>(1 + engine() % 100);
    // bf16 from 2^-8 to nearly 2^-6.
    for (uint16_t& scale : block_scales) scale = static_cast<uint16_t>(0x3b80 + engine() % 256);
    PackI8mmMatrix({shape, values.data(), output_scales.data(), block_scales.data(), bias.data(),
                    packed.get()});
  }

  double Weight(size_t output, size_t input) const {
    const size_t index = output * shape.num_inputs + input;
    int level = static_cast<int8_t>(values[index]);
    if (shape.weights == I8mmWeights::kInt4) {
      level = (index % 2 == 0 ? values[index / 2] & 15 : values[index / 2] >> 4) - 8;
    }
    if (shape.block_size == 0) return static_cast<double>(output_scales[output]) * level;
    const uint32_t bits = uint32_t{block_scales[index / shape.block_size]} << 16;
    float scale;
    std::memcpy(&scale, &bits, sizeof(scale));
    return static_cast<double>(scale) * level;
  }

  I8mmMatrixShape shape;
  std::vector<uint8_t> values;  // of int4 the first half counts
  std::vector<float> output_scales;
  std::vector<uint16_t> block_scales;
  std::vector<float> bias;
  std::unique_ptr<void, FreeMemory> packed;
};

// Random int8 rows with gaps between them, every row with parameters of its own.
struct Rows {
  Rows(size_t num_rows, size_t row_dim)
      : dim(row_dim), stride(dim + 5), values(num_rows * stride), params(num_rows) {
    std::mt19937 engine(2);
    for (int8_t& value : values) value = static_cast<int8_t>(engine());
    for (QuantizationParams& row : params) {
      row.zero_point = static_cast<int32_t>(engine() % 256) - 128;
      row.scale = 0.01f * static_cast<float>(1 + engine() % 100);
    }
    // The extremes of both.
    std::fill_n(values.begin(), dim, static_cast<int8_t>(-128));
    params[0].zero_point = 127;
  }

  // Rows [first, first + count), interleaved in two calls; the place of a missing row isn't 0.
  std::vector<int8_t> Pairs(size_t first, size_t count) const {
    std::vector<int8_t> pairs((count + 1) / 2 * I8mmPairStride(dim), 77);
    const size_t split = count / 3;
    InterleaveRows({values.data() + first * stride, stride, 0, split, dim, pairs.data()});
    InterleaveRows({values.data() + (first + split) * stride, stride, split, count - split, dim,
                    pairs.data()});
    return pairs;
  }

  size_t dim;
  size_t stride;
  std::vector<int8_t> values;
  std::vector<QuantizationParams> params;
};

// Runs rows [first, first + count) into rows of `output_stride`.
std::vector<float> Multiply(const Matrix& matrix, const Rows& rows, size_t first, size_t count,
                            size_t output_stride) {
  std::vector<float> output(count * output_stride, kUntouched);
  const std::vector<int8_t> pairs = rows.Pairs(first, count);
  const std::vector<QuantizationParams> params(
      rows.params.begin() + static_cast<std::ptrdiff_t>(first),
      rows.params.begin() + static_cast<std::ptrdiff_t>(first + count));
  I8mmProduct({.shape = matrix.shape,
               .packed = matrix.packed.get(),
               .pairs = pairs.data(),
               .params = params.data(),
               .num_rows = count,
               .output = output.data(),
               .output_stride = output_stride});
  return output;
}

void ExpectMatchesReference(const Matrix& matrix, size_t num_rows) {
  const I8mmMatrixShape& shape = matrix.shape;
  const Rows rows(num_rows, shape.num_inputs);
  const size_t stride = shape.num_outputs + 3;
  const std::vector<float> output = Multiply(matrix, rows, 0, num_rows, stride);
  for (size_t r = 0; r < num_rows; ++r) {
    for (size_t n = 0; n < shape.num_outputs; ++n) {
      double sum = matrix.bias[n];
      double magnitude = std::abs(sum);
      for (size_t k = 0; k < shape.num_inputs; ++k) {
        const double x = static_cast<double>(rows.params[r].scale) *
                         (rows.values[r * rows.stride + k] - rows.params[r].zero_point);
        sum += x * matrix.Weight(n, k);
        magnitude += std::abs(x * matrix.Weight(n, k));
      }
      ASSERT_NEAR(output[r * stride + n], sum, 1e-6 * magnitude) << "row " << r << ", output " << n;
    }
    for (size_t n = shape.num_outputs; n < stride; ++n) {
      ASSERT_EQ(output[r * stride + n], kUntouched) << "row " << r << ", behind output " << n;
    }
  }
}

struct Type {
  I8mmWeights weights;
  size_t block_size;
};

void PrintTo(const Type& type, std::ostream* out) {
  *out << (type.weights == I8mmWeights::kInt4 ? "int4" : "int8") << "/" << type.block_size;
}

class I8mmProductTest : public testing::TestWithParam<Type> {
 protected:
  void SetUp() override {
    if (!HasI8mmProduct()) GTEST_SKIP() << "this CPU has no I8MM";
  }
  I8mmMatrixShape Shape(size_t num_outputs, size_t num_inputs) const {
    return {num_outputs, num_inputs, GetParam().weights, GetParam().block_size};
  }
};

INSTANTIATE_TEST_SUITE_P(Types, I8mmProductTest,
                         testing::Values(Type{I8mmWeights::kInt8, 0}, Type{I8mmWeights::kInt4, 0},
                                         Type{I8mmWeights::kInt4, 32}, Type{I8mmWeights::kInt4, 64},
                                         Type{I8mmWeights::kInt4, 128}),
                         [](const auto& info) {
                           return std::string(info.param.weights == I8mmWeights::kInt4 ? "int4"
                                                                                       : "int8") +
                                  "_" + std::to_string(info.param.block_size);
                         });

TEST_P(I8mmProductTest, MatchesReferenceAtEveryNumberOfRows) {
  const Matrix matrix(Shape(21, 128));
  for (size_t num_rows = 1; num_rows <= 27; ++num_rows) {
    ExpectMatchesReference(matrix, num_rows);
    if (HasFatalFailure()) return;
  }
}

TEST_P(I8mmProductTest, MatchesReferenceAtEveryShape) {
  const size_t block_size = std::max(GetParam().block_size, kI8mmUnit);
  for (size_t num_blocks : {1, 2, 3, 17}) {
    for (size_t num_outputs : {1, 3, 4, 5, 7, 8, 9, 64}) {
      SCOPED_TRACE(testing::Message() << num_outputs << " outputs of " << num_blocks << " blocks");
      ExpectMatchesReference(Matrix(Shape(num_outputs, num_blocks * block_size)), 7);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(I8mmProductTest, RowsHaveTheSameBitsAloneAndAmongOthers) {
  constexpr size_t kRows = 19, kOutputs = 24;
  const Matrix matrix(Shape(kOutputs, 384));
  const Rows rows(kRows, 384);
  const std::vector<float> together = Multiply(matrix, rows, 0, kRows, kOutputs);
  for (size_t count : {1, 2, 3, 5, 8, 13}) {
    for (size_t first = 0; first + count <= kRows; ++first) {
      const std::vector<float> some = Multiply(matrix, rows, first, count, kOutputs);
      ASSERT_EQ(
          std::memcmp(some.data(), together.data() + first * kOutputs, some.size() * sizeof(float)),
          0)
          << count << " rows from " << first;
    }
  }
}

// The largest sum of products that there is.
TEST_P(I8mmProductTest, SumsDontOverflow) {
  Matrix matrix(Shape(1, kI8mmMaxInputs));
  std::fill(matrix.values.begin(), matrix.values.end(),
            GetParam().weights == I8mmWeights::kInt4 ? uint8_t{0} : uint8_t{0x80});
  PackI8mmMatrix({matrix.shape, matrix.values.data(), matrix.output_scales.data(),
                  matrix.block_scales.data(), matrix.bias.data(), matrix.packed.get()});
  ExpectMatchesReference(matrix, 1);
}

}  // namespace
}  // namespace inkling::kernels
