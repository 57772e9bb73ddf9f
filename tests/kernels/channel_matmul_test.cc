// ChannelMatmul against a double-precision matmul of the dequantised weights. Only some CPUs have
// its instructions; on the others XNNPACK's matmul is used and nothing here can run.
#include "kernels/channel_matmul.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "kernels/block_matmul.h"
#include "tests/kernels/kernel_testing.h"
#include "tests/kernels/quantized_rows.h"

namespace inkling::kernels {
namespace {

// A random matrix, as a model file has it and packed.
struct Matrix {
  explicit Matrix(ChannelMatrixShape matrix_shape)
      : shape(matrix_shape),
        nibbles(shape.num_outputs * shape.num_inputs / 2),
        scales(shape.num_outputs),
        bias(RandomValues(shape.num_outputs, 3)),
        packed(std::aligned_alloc(64, ChannelMatrixBytes(shape))) {
    std::mt19937 engine(1);
    for (uint8_t& byte : nibbles) byte = static_cast<uint8_t>(engine());
    for (float& scale : scales) scale = 0.001f * static_cast<float>(1 + engine() % 1000);
    // The furthest from 0.
    std::memset(nibbles.data(), 0, shape.num_inputs / 2);
    // Packing must not rely on what was there.
    std::memset(packed.get(), 0xff, ChannelMatrixBytes(shape));
    PackChannelMatrix({shape, nibbles.data(), scales.data(), bias.data(), packed.get()});
  }

  double Weight(size_t output, size_t input) const {
    const size_t index = output * shape.num_inputs + input;
    return static_cast<double>(scales[output]) * NibbleQuant(nibbles, index);
  }

  ChannelMatrixShape shape;
  std::vector<uint8_t> nibbles;
  std::vector<float> scales;
  std::vector<float> bias;
  std::unique_ptr<void, FreeMemory> packed;
};

std::vector<float> Multiply(const Matrix& matrix, const QuantizedRows& rows, size_t first,
                            size_t count, size_t output_stride) {
  return MultiplyUnits(ChannelMatmul, matrix, rows, first, count, output_stride);
}

void ExpectMatchesReference(const Matrix& matrix, size_t num_rows) {
  // Only the last steps round: the sum to f32, two multiplications and an addition.
  ExpectMatchesDouble(matrix, num_rows, Multiply, [](double sum, double bias, double) {
    return 3e-7 * (std::abs(sum) + std::abs(bias));
  });
}

class ChannelMatmulTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasChannelMatmul()) GTEST_SKIP() << "this CPU has no AVX-512 VNNI";
  }
};

TEST_F(ChannelMatmulTest, MatchesReferenceAtEveryNumberOfRows) {
  const Matrix matrix({40, 128});
  for (size_t num_rows = 1; num_rows <= 50; ++num_rows) {
    ExpectMatchesReference(matrix, num_rows);
    if (HasFatalFailure()) return;
  }
}

TEST_F(ChannelMatmulTest, MatchesReferenceAtEveryShape) {
  for (size_t num_inputs : {32, 64, 96, 544, 4096}) {
    for (size_t num_outputs : {1, 15, 16, 17, 64}) {
      SCOPED_TRACE(testing::Message() << num_outputs << " outputs of " << num_inputs << " inputs");
      ExpectMatchesReference(Matrix({num_outputs, num_inputs}), 7);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(ChannelMatmulTest, RowsHaveTheSameBitsAloneAndAmongOthers) {
  ExpectSameBitsAlone(Matrix({48, 320}), 37, {1, 2, 3, 8, 16, 17}, Multiply);
}

}  // namespace
}  // namespace inkling::kernels
