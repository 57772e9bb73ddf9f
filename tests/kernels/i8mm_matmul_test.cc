// I8mmMatmul against a double-precision matmul of the dequantised weights. Only Arm CPUs with
// I8MM have its instructions; on the others XNNPACK's matmuls are used and nothing here can run.
#include "kernels/i8mm_matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "tests/kernels/kernel_testing.h"
#include "tests/kernels/quantized_rows.h"

namespace inkling::kernels {
namespace {

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
    const int quant = shape.weights == I8mmWeights::kInt4 ? NibbleQuant(values, index)
                                                          : static_cast<int8_t>(values[index]);
    const double scale = shape.block_size == 0 ? output_scales[output]
                                               : ScaleValue(block_scales[index / shape.block_size]);
    return scale * quant;
  }

  I8mmMatrixShape shape;
  std::vector<uint8_t> values;  // of int4 the first half counts
  std::vector<float> output_scales;
  std::vector<uint16_t> block_scales;
  std::vector<float> bias;
  std::unique_ptr<void, FreeMemory> packed;
};

// Rows [first, first + count), interleaved in two calls; the place of a missing row isn't 0.
std::vector<int8_t> Pairs(const QuantizedRows& rows, size_t first, size_t count) {
  std::vector<int8_t> pairs((count + 1) / 2 * I8mmPairStride(rows.dim), 77);
  const int8_t* values = rows.values.data() + first * rows.stride;
  const size_t split = count / 3;
  InterleaveRows({values, rows.stride, 0, split, rows.dim, pairs.data()});
  InterleaveRows(
      {values + split * rows.stride, rows.stride, split, count - split, rows.dim, pairs.data()});
  return pairs;
}

// Runs rows [first, first + count) into rows of `output_stride`.
std::vector<float> Multiply(const Matrix& matrix, const QuantizedRows& rows, size_t first,
                            size_t count, size_t output_stride) {
  std::vector<float> output(count * output_stride, kUntouched);
  const std::vector<int8_t> pairs = Pairs(rows, first, count);
  const std::vector<QuantizationParams> params(
      rows.params.begin() + static_cast<std::ptrdiff_t>(first),
      rows.params.begin() + static_cast<std::ptrdiff_t>(first + count));
  I8mmMatmul({.shape = matrix.shape,
              .packed = matrix.packed.get(),
              .pairs = pairs.data(),
              .params = params.data(),
              .num_rows = count,
              .output = output.data(),
              .output_stride = output_stride});
  return output;
}

void ExpectMatchesReference(const Matrix& matrix, size_t num_rows) {
  ExpectMatchesDouble(matrix, num_rows, Multiply,
                      [](double, double, double magnitude) { return 1e-6 * magnitude; });
}

struct Type {
  I8mmWeights weights;
  size_t block_size;
};

void PrintTo(const Type& type, std::ostream* out) {
  *out << (type.weights == I8mmWeights::kInt4 ? "int4" : "int8") << "/" << type.block_size;
}

class I8mmMatmulTest : public testing::TestWithParam<Type> {
 protected:
  void SetUp() override {
    if (!HasI8mmMatmul()) GTEST_SKIP() << "this CPU has no I8MM";
  }
  I8mmMatrixShape Shape(size_t num_outputs, size_t num_inputs) const {
    return {num_outputs, num_inputs, GetParam().weights, GetParam().block_size};
  }
};

INSTANTIATE_TEST_SUITE_P(Types, I8mmMatmulTest,
                         testing::Values(Type{I8mmWeights::kInt8, 0}, Type{I8mmWeights::kInt4, 0},
                                         Type{I8mmWeights::kInt4, 32}, Type{I8mmWeights::kInt4, 64},
                                         Type{I8mmWeights::kInt4, 128}),
                         [](const auto& info) {
                           return std::string(info.param.weights == I8mmWeights::kInt4 ? "int4"
                                                                                       : "int8") +
                                  "_" + std::to_string(info.param.block_size);
                         });

TEST_P(I8mmMatmulTest, MatchesReferenceAtEveryNumberOfRows) {
  const Matrix matrix(Shape(21, 128));
  for (size_t num_rows = 1; num_rows <= 27; ++num_rows) {
    ExpectMatchesReference(matrix, num_rows);
    if (HasFatalFailure()) return;
  }
}

TEST_P(I8mmMatmulTest, MatchesReferenceAtEveryShape) {
  const size_t block_size = std::max(GetParam().block_size, kI8mmUnit);
  for (size_t num_blocks : {1, 2, 3, 17}) {
    for (size_t num_outputs : {1, 3, 4, 5, 7, 8, 9, 64}) {
      SCOPED_TRACE(testing::Message() << num_outputs << " outputs of " << num_blocks << " blocks");
      ExpectMatchesReference(Matrix(Shape(num_outputs, num_blocks * block_size)), 7);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(I8mmMatmulTest, RowsHaveTheSameBitsAloneAndAmongOthers) {
  ExpectSameBitsAlone(Matrix(Shape(24, 384)), 19, {1, 2, 3, 5, 8, 13}, Multiply);
}

// The largest dot product that there is.
TEST_P(I8mmMatmulTest, SumsDontOverflow) {
  Matrix matrix(Shape(1, kI8mmMaxInputs));
  std::fill(matrix.values.begin(), matrix.values.end(),
            GetParam().weights == I8mmWeights::kInt4 ? uint8_t{0} : uint8_t{0x80});
  PackI8mmMatrix({matrix.shape, matrix.values.data(), matrix.output_scales.data(),
                  matrix.block_scales.data(), matrix.bias.data(), matrix.packed.get()});
  ExpectMatchesReference(matrix, 1);
}

}  // namespace
}  // namespace inkling::kernels
