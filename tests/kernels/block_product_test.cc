// BlockProduct against a double-precision product of the dequantised weights. Only some CPUs have
// its instructions; on the others XNNPACK's product is used and nothing here can run.
#include "kernels/block_product.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "tests/kernels/kernel_testing.h"
#include "tests/kernels/quantized_rows.h"

namespace inkling::kernels {
namespace {

// A random matrix, as a model file has it and packed.
struct Matrix {
  explicit Matrix(BlockMatrixShape matrix_shape)
      : shape(matrix_shape),
        nibbles(shape.num_outputs * shape.num_inputs / 2),
        scales(shape.num_outputs * shape.num_inputs / shape.block_size),
        bias(RandomValues(shape.num_outputs, 3)),
        packed(std::aligned_alloc(64, BlockMatrixBytes(shape))) {
    std::mt19937 engine(1);
    for (uint8_t& pair : nibbles) pair = static_cast<uint8_t>(engine());
    // bf16 from 2^-8 to nearly 2^-6.
    for (uint16_t& scale : scales) scale = static_cast<uint16_t>(0x3b80 + engine() % 256);
    PackBlockMatrix({shape, nibbles.data(), scales.data(), bias.data(), packed.get()});
  }

  double Weight(size_t output, size_t input) const {
    const size_t index = output * shape.num_inputs + input;
    const int level = index % 2 == 0 ? nibbles[index / 2] & 15 : nibbles[index / 2] >> 4;
    const uint32_t bits = uint32_t{scales[index / shape.block_size]} << 16;
    float scale;
    std::memcpy(&scale, &bits, sizeof(scale));
    return static_cast<double>(scale) * (level - 8);
  }

  BlockMatrixShape shape;
  std::vector<uint8_t> nibbles;
  std::vector<uint16_t> scales;
  std::vector<float> bias;
  std::unique_ptr<void, FreeMemory> packed;
};

// Runs rows [first, first + count) into rows of `output_stride`.
std::vector<float> Multiply(const Matrix& matrix, const QuantizedRows& rows, size_t first,
                            size_t count, size_t output_stride) {
  std::vector<float> output(count * output_stride, kUntouched);
  BlockProduct({.shape = matrix.shape,
                .packed = matrix.packed.get(),
                .input = rows.values.data() + first * rows.stride,
                .input_stride = rows.stride,
                .unit_sums = rows.unit_sums.data() + first * matrix.shape.num_inputs / kProductUnit,
                .params = rows.params.data() + first,
                .num_rows = count,
                .output = output.data(),
                .output_stride = output_stride});
  return output;
}

void ExpectMatchesReference(const Matrix& matrix, size_t num_rows) {
  const BlockMatrixShape& shape = matrix.shape;
  const QuantizedRows rows(num_rows, shape.num_inputs);
  const size_t stride = shape.num_outputs + 3;
  const std::vector<float> output = Multiply(matrix, rows, 0, num_rows, stride);
  for (size_t r = 0; r < num_rows; ++r) {
    for (size_t n = 0; n < shape.num_outputs; ++n) {
      double sum = matrix.bias[n];
      double magnitude = std::abs(sum);
      for (size_t k = 0; k < shape.num_inputs; ++k) {
        const double x = rows.Real(r, k);
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

class BlockProductTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasBlockProduct()) GTEST_SKIP() << "this CPU has no AVX-512 VNNI";
  }
};

TEST_F(BlockProductTest, MatchesReferenceAtEveryNumberOfRows) {
  const Matrix matrix({40, 128, 32});
  for (size_t num_rows = 1; num_rows <= 38; ++num_rows) {
    ExpectMatchesReference(matrix, num_rows);
    if (HasFatalFailure()) return;
  }
}

TEST_F(BlockProductTest, MatchesReferenceAtEveryShape) {
  for (size_t block_size : {32, 64, 128}) {
    for (size_t num_blocks : {1, 2, 3, 17}) {
      for (size_t num_outputs : {1, 15, 16, 17, 64}) {
        SCOPED_TRACE(testing::Message()
                     << num_outputs << " outputs of " << num_blocks << " blocks of " << block_size);
        ExpectMatchesReference(Matrix({num_outputs, num_blocks * block_size, block_size}), 7);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(BlockProductTest, RowsHaveTheSameBitsAloneAndAmongOthers) {
  constexpr size_t kRows = 29, kOutputs = 48;
  const Matrix matrix({kOutputs, 320, 64});
  const QuantizedRows rows(kRows, 320);
  const std::vector<float> together = Multiply(matrix, rows, 0, kRows, kOutputs);
  for (size_t count : {1, 2, 5, 8, 13}) {
    for (size_t first = 0; first + count <= kRows; ++first) {
      const std::vector<float> some = Multiply(matrix, rows, first, count, kOutputs);
      ASSERT_EQ(
          std::memcmp(some.data(), together.data() + first * kOutputs, some.size() * sizeof(float)),
          0)
          << count << " rows from " << first;
    }
  }
}

TEST_F(BlockProductTest, UnitsAreSummed) {
  const QuantizedRows rows(3, 96);
  for (size_t u = 0; u < rows.unit_sums.size(); ++u) {
    int32_t sum = 0;
    for (size_t k = 0; k < kProductUnit; ++k) {
      sum += rows.values[u / 3 * rows.stride + u % 3 * kProductUnit + k];
    }
    EXPECT_EQ(rows.unit_sums[u], -8 * sum) << u;
  }
}

}  // namespace
}  // namespace inkling::kernels
