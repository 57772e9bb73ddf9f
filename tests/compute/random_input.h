// Threads and random activations for the tests of matmuls.

#ifndef INKLING_TESTS_COMPUTE_RANDOM_INPUT_H_
#define INKLING_TESTS_COMPUTE_RANDOM_INPUT_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/quantize.h"
#include "src/compute/linear.h"
#include "src/compute/packed_weights.h"
#include "src/compute/thread_pool.h"
#include "tests/compute/owned_weight.h"
#include "tests/testing/status_matchers.h"

namespace inkling {

inline std::unique_ptr<ThreadPool> NewPool(int32_t num_threads) {
  auto pool = ThreadPool::Create(num_threads);
  EXPECT_OK(pool);
  return *std::move(pool);
}

// Activations of random rows, not quantised yet.
inline Activations RandomInput(int64_t rows, int64_t dim, uint64_t seed,
                               ResidualQuantization residual = ResidualQuantization::kNone) {
  auto input = Activations::Create(rows, dim, 0, residual);
  EXPECT_OK(input);
  const std::vector<float> values = RandomValues(static_cast<size_t>(rows * dim), seed);
  std::memcpy(input->rows(), values.data(), values.size() * sizeof(float));
  return *std::move(input);
}

inline std::unique_ptr<PackedWeights> NewPackedWeights() {
  auto packed = PackedWeights::Create(int64_t{256} << 20);
  EXPECT_OK(packed);
  return *std::move(packed);
}

// [rows, linear.num_outputs()]
inline std::vector<float> RunLinear(Linear& linear, const Activations& input, int64_t rows,
                                    ThreadPool& pool) {
  const size_t size = static_cast<size_t>(rows * linear.num_outputs());
  const size_t room = size * static_cast<size_t>(Int8RowsPerRow(linear.residual()));
  std::vector<float> output(room, -1e30f);
  EXPECT_OK(linear.Run(input, rows, output.data(), pool));
  output.resize(size);
  return output;
}

// What the matmul reads: the f32 rows, or what the int8 rows stand for.
inline std::vector<double> SeenByMatmul(const Activations& input, int64_t rows, bool quantized) {
  std::vector<double> seen(static_cast<size_t>(rows * input.dim()));
  const auto* params = static_cast<const kernels::QuantizationParams*>(input.parameters());
  for (size_t i = 0; i < seen.size(); ++i) {
    const size_t r = i / static_cast<size_t>(input.dim());
    const auto& row = params[r];
    const int8_t* quants = input.quantized() + r * static_cast<size_t>(input.quantized_stride());
    const int8_t quant = quants[i % static_cast<size_t>(input.dim())];
    seen[i] =
        quantized ? (quant - row.zero_point) * static_cast<double>(row.scale) : input.rows()[i];
  }
  return seen;
}

// Expects of each output what doubles make of `seen` ([rows, inputs], SeenByMatmul), the weights
// and `bias` (or null), up to `tolerance` times the sum of the terms' magnitudes, and `slack`.
inline void ExpectMatmulOfDoubles(const std::vector<double>& seen, const OwnedWeight& weight,
                                  const OwnedWeight* bias, const std::vector<float>& output,
                                  double tolerance, double slack = 1e-30) {
  const size_t inputs = static_cast<size_t>(weight.view.info.columns);
  const size_t outputs = static_cast<size_t>(weight.view.info.rows);
  for (size_t m = 0; m < seen.size() / inputs; ++m) {
    for (size_t n = 0; n < outputs; ++n) {
      double sum = bias == nullptr ? 0.0 : bias->source[n];
      double magnitude = std::abs(sum);
      for (size_t k = 0; k < inputs; ++k) {
        const double term = seen[m * inputs + k] * weight.dequantized[n * inputs + k];
        sum += term;
        magnitude += std::abs(term);
      }
      ASSERT_NEAR(output[m * outputs + n], sum, tolerance * magnitude + slack)
          << "row " << m << ", output " << n;
    }
  }
}

}  // namespace inkling

#endif  // INKLING_TESTS_COMPUTE_RANDOM_INPUT_H_
