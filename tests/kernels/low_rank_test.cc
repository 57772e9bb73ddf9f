// Both halves of low-rank updates against double arithmetic, on every instruction set, in f32 and
// f16.
#include "kernels/low_rank.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/convert.h"
#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

class LowRankTest : public PerTargetTest {};

struct Matrix {
  Matrix(size_t size, uint32_t seed) : f32(RandomValues(size, seed)), f16(size) {
    F32ToF16(f32.data(), f16.data(), size);
    F16ToF32(f16.data(), f32.data(), size);  // both have the same values
  }
  std::vector<float> f32;
  std::vector<uint16_t> f16;
};

TEST_P(LowRankTest, DownIsTheMatrixMultiplication) {
  for (const size_t rows : {1, 3, 4, 9}) {
    for (const size_t inputs : {1, 37, 256}) {
      for (const size_t rank : {size_t{16}, size_t{48}}) {
        const size_t stride = inputs + 5;
        const std::vector<float> input = RandomValues(rows * stride, 1);
        const Matrix matrix(inputs * rank, 2);
        for (const bool half : {false, true}) {
          std::vector<float> output(rows * rank + 1, kUntouched);
          LowRankDown({.input = input.data(),
                       .input_stride = stride,
                       .num_rows = rows,
                       .num_inputs = inputs,
                       .matrix_f32 = half ? nullptr : matrix.f32.data(),
                       .matrix_f16 = half ? matrix.f16.data() : nullptr,
                       .padded_rank = rank,
                       .output = output.data()});
          EXPECT_EQ(output.back(), kUntouched);
          for (size_t r = 0; r < rows; ++r) {
            for (size_t j = 0; j < rank; ++j) {
              double expected = 0;
              for (size_t i = 0; i < inputs; ++i)
                expected += double{input[r * stride + i]} * matrix.f32[i * rank + j];
              ASSERT_NEAR(output[r * rank + j], expected, 1e-5 * static_cast<double>(inputs));
            }
          }
        }
      }
    }
  }
}

TEST_P(LowRankTest, UpAddsTheMatrixMultiplication) {
  for (const size_t rows : {1, 4, 6}) {
    for (const size_t outputs : InterestingSizes()) {
      const size_t rank = 3;
      const size_t stride = outputs + 2;
      const std::vector<float> input = RandomValues(rows * 16, 3);
      const Matrix matrix(rank * stride, 4);
      const std::vector<float> before = RandomValues(rows * stride, 5);
      for (const bool half : {false, true}) {
        std::vector<float> output = before;
        LowRankUp({.input = input.data(),
                   .input_stride = 16,
                   .num_rows = rows,
                   .rank = rank,
                   .matrix_f32 = half ? nullptr : matrix.f32.data(),
                   .matrix_f16 = half ? matrix.f16.data() : nullptr,
                   .matrix_stride = stride,
                   .num_outputs = outputs,
                   .output = output.data(),
                   .output_stride = stride});
        for (size_t r = 0; r < rows; ++r) {
          for (size_t o = 0; o < stride; ++o) {
            double expected = before[r * stride + o];
            for (size_t j = 0; j < rank && o < outputs; ++j)
              expected += double{input[r * 16 + j]} * matrix.f32[j * stride + o];
            ASSERT_NEAR(output[r * stride + o], expected, 1e-5) << rows << " " << outputs;
          }
        }
      }
    }
  }
}

// Draft tokens rest on it.
TEST_P(LowRankTest, ARowHasTheSameBitsAloneAndAmongOthers) {
  const size_t inputs = 100;
  const std::vector<float> input = RandomValues(7 * inputs, 6);
  const Matrix matrix(inputs * 16, 7);
  const auto down = [&](size_t first, size_t rows) {
    std::vector<float> output(rows * 16);
    LowRankDown({.input = input.data() + first * inputs,
                 .input_stride = inputs,
                 .num_rows = rows,
                 .num_inputs = inputs,
                 .matrix_f32 = matrix.f32.data(),
                 .matrix_f16 = nullptr,
                 .padded_rank = 16,
                 .output = output.data()});
    return output;
  };
  const std::vector<float> together = down(0, 7);
  for (size_t r = 0; r < 7; ++r) {
    const std::vector<float> alone = down(r, 1);
    for (size_t j = 0; j < 16; ++j) EXPECT_EQ(alone[j], together[r * 16 + j]);
  }
}

INKLING_FOR_EACH_TARGET(LowRankTest);

}  // namespace
}  // namespace inkling::kernels
