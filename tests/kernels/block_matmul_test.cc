// BlockMatmul against a double-precision matmul of the dequantised weights. Only some CPUs have
// its instructions; on the others XNNPACK's matmul is used and nothing here can run.
#include "kernels/block_matmul.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <numeric>
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
    const double scale = ScaleValue(scales[index / shape.block_size]);
    return scale * NibbleQuant(nibbles, index);
  }

  BlockMatrixShape shape;
  std::vector<uint8_t> nibbles;
  std::vector<uint16_t> scales;
  std::vector<float> bias;
  std::unique_ptr<void, FreeMemory> packed;
};

std::vector<float> Multiply(const Matrix& matrix, const QuantizedRows& rows, size_t first,
                            size_t count, size_t output_stride) {
  return MultiplyUnits(BlockMatmul, matrix, rows, first, count, output_stride);
}

void ExpectMatchesReference(const Matrix& matrix, size_t num_rows) {
  ExpectMatchesDouble(matrix, num_rows, Multiply,
                      [](double, double, double magnitude) { return 1e-6 * magnitude; });
}

class BlockMatmulTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasBlockMatmul()) GTEST_SKIP() << "neither AVX-512 VNNI nor WebAssembly";
  }
};

TEST_F(BlockMatmulTest, MatchesReferenceAtEveryNumberOfRows) {
  const Matrix matrix({40, 128, 32});
  for (size_t num_rows = 1; num_rows <= 38; ++num_rows) {
    ExpectMatchesReference(matrix, num_rows);
    if (HasFatalFailure()) return;
  }
}

TEST_F(BlockMatmulTest, MatchesReferenceAtEveryShape) {
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

TEST_F(BlockMatmulTest, RowsHaveTheSameBitsAloneAndAmongOthers) {
  ExpectSameBitsAlone(Matrix({48, 320, 64}), 29, {1, 2, 3, 5, 8, 13, 14}, Multiply);
}

TEST_F(BlockMatmulTest, UnitsAreSummed) {
  constexpr size_t kRows = 4, kUnits = 3;
  const QuantizedRows rows(kRows, kUnits * kMatmulUnit);
  const std::vector<int32_t> sums = rows.UnitSums(0, kRows);
  ASSERT_EQ(sums.size(), kUnits * kRows);
  for (size_t i = 0; i < sums.size(); ++i) {
    const int8_t* unit = &rows.values[i % kRows * rows.stride + i / kRows * kMatmulUnit];
    EXPECT_EQ(sums[i], -8 * std::accumulate(unit, unit + kMatmulUnit, 0)) << i;
  }
}

}  // namespace
}  // namespace inkling::kernels
