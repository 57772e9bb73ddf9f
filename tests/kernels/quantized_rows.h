// Inputs of the int8 matmuls (BlockMatmul, ChannelMatmul, I8mmMatmul), and what holds for each
// of them, for their tests.
//
// A Matrix of theirs has a shape with num_outputs and num_inputs, bias[output], and Weight(output,
// input), what a weight stands for. A Multiply takes a matrix, rows, the first row, the number of
// rows and the floats between rows of its result, which it returns.
#ifndef INKLING_TESTS_KERNELS_QUANTIZED_ROWS_H_
#define INKLING_TESTS_KERNELS_QUANTIZED_ROWS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/block_matmul.h"
#include "kernels/convert.h"
#include "kernels/quantize.h"
#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};

// Random int8 rows with gaps between them, every row with parameters of its own.
struct QuantizedRows {
  QuantizedRows(size_t num_rows, size_t row_dim)
      : dim(row_dim), stride(row_dim + 5), values(num_rows * stride), params(num_rows) {
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

  // What the value stands for.
  double Real(size_t row, size_t k) const {
    return static_cast<double>(params[row].scale) *
           (values[row * stride + k] - params[row].zero_point);
  }

  // Of rows [first, first + count), where SumUnits may be called.
  std::vector<int32_t> UnitSums(size_t first, size_t count) const {
    std::vector<int32_t> sums(count * dim / kMatmulUnit);
    SumUnits({values.data() + first * stride, stride, count, dim, sums.data(), count});
    return sums;
  }

  size_t dim;
  size_t stride;
  std::vector<int8_t> values;
  std::vector<QuantizationParams> params;
};

// The quantised value of a weight that a model file holds as a nibble.
inline int NibbleQuant(const std::vector<uint8_t>& nibbles, size_t index) {
  const uint8_t pair = nibbles[index / 2];
  return (index % 2 == 0 ? pair & 15 : pair >> 4) - 8;
}

// What a block's scale stands for.
inline double ScaleValue(uint16_t bf16) {
  float value;
  Bf16ToF32(&bf16, &value, 1);
  return value;
}

// Runs rows [first, first + count) through BlockMatmul or ChannelMatmul.
template <class Shape, class Matrix>
std::vector<float> MultiplyUnits(void (*matmul)(const UnitMatmulArgs<Shape>&), const Matrix& matrix,
                                 const QuantizedRows& rows, size_t first, size_t count,
                                 size_t output_stride) {
  std::vector<float> output(count * output_stride, kUntouched);
  const std::vector<int32_t> unit_sums = rows.UnitSums(first, count);
  matmul({.shape = matrix.shape,
          .packed = matrix.packed.get(),
          .input = rows.values.data() + first * rows.stride,
          .input_stride = rows.stride,
          .unit_sums = unit_sums.data(),
          .unit_sum_stride = count,
          .params = rows.params.data() + first,
          .num_rows = count,
          .output = output.data(),
          .output_stride = output_stride});
  return output;
}

// Every result is within tolerance(sum, bias, sum of magnitudes of all terms) of the matmul in
// double, and nothing is written behind a row.
template <class Matrix, class Multiply, class Tolerance>
void ExpectMatchesDouble(const Matrix& matrix, size_t num_rows, const Multiply& multiply,
                         const Tolerance& tolerance) {
  const size_t num_outputs = matrix.shape.num_outputs;
  const QuantizedRows rows(num_rows, matrix.shape.num_inputs);
  const size_t stride = num_outputs + 3;
  const std::vector<float> output = multiply(matrix, rows, 0, num_rows, stride);
  for (size_t r = 0; r < num_rows; ++r) {
    for (size_t n = 0; n < num_outputs; ++n) {
      const double bias = matrix.bias[n];
      double sum = 0;
      double magnitude = std::abs(bias);
      for (size_t k = 0; k < matrix.shape.num_inputs; ++k) {
        const double term = rows.Real(r, k) * matrix.Weight(n, k);
        sum += term;
        magnitude += std::abs(term);
      }
      ASSERT_NEAR(output[r * stride + n], sum + bias, tolerance(sum, bias, magnitude))
          << "row " << r << ", output " << n;
    }
    for (size_t n = num_outputs; n < stride; ++n) {
      ASSERT_EQ(output[r * stride + n], kUntouched) << "row " << r << ", behind output " << n;
    }
  }
}

// Any `counts` rows of `num_rows` have the bits that they have among all of them.
template <class Matrix, class Multiply>
void ExpectSameBitsAlone(const Matrix& matrix, size_t num_rows, const std::vector<size_t>& counts,
                         const Multiply& multiply) {
  const size_t num_outputs = matrix.shape.num_outputs;
  const QuantizedRows rows(num_rows, matrix.shape.num_inputs);
  const std::vector<float> together = multiply(matrix, rows, 0, num_rows, num_outputs);
  for (size_t count : counts) {
    for (size_t first = 0; first + count <= num_rows; ++first) {
      const std::vector<float> some = multiply(matrix, rows, first, count, num_outputs);
      ASSERT_EQ(std::memcmp(some.data(), together.data() + first * num_outputs,
                            some.size() * sizeof(float)),
                0)
          << count << " rows from " << first;
    }
  }
}

}  // namespace inkling::kernels

#endif  // INKLING_TESTS_KERNELS_QUANTIZED_ROWS_H_
