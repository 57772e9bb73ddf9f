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
#include "src/compute/matmul_kernels.h"
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

// Every form that some kernel of this CPU reads of rows of `dim` values.
inline std::vector<RowForm> FormsOfThisCpu(int64_t dim) {
  std::vector<RowForm> forms;
  for (const MatmulKernel* kernel : MatmulKernels()) {
    for (const TensorType& type : AllTensorTypes()) {
      if (kernel->runs_here() && kernel->supports(type, dim))
        forms.push_back(kernel->row_form(type));
    }
  }
  return forms;
}

// Activations with room for all of them; rows are zeros.
inline Activations NewActivations(int64_t rows, int64_t dim,
                                  ResidualQuantization residual = ResidualQuantization::kNone,
                                  size_t max_parts = 0) {
  const std::vector<RowForm> forms = FormsOfThisCpu(dim);
  auto input = Activations::Create(rows, dim,
                                   {.forms = forms, .residual = residual, .max_parts = max_parts});
  EXPECT_OK(input);
  return *std::move(input);
}

// The same with random rows.
inline Activations RandomInput(int64_t rows, int64_t dim, uint64_t seed,
                               ResidualQuantization residual = ResidualQuantization::kNone) {
  Activations input = NewActivations(rows, dim, residual);
  const std::vector<float> values = RandomValues(static_cast<size_t>(rows * dim), seed);
  std::memcpy(input.BeginRows(), values.data(), values.size() * sizeof(float));
  return input;
}

inline std::unique_ptr<PackedWeights> NewPackedWeights() {
  auto packed = PackedWeights::Create(int64_t{256} << 20);
  EXPECT_OK(packed);
  return *std::move(packed);
}

// [rows, linear.num_outputs()]
inline std::vector<float> RunLinear(Linear& linear, Activations& input, int64_t rows,
                                    ThreadPool& pool) {
  const size_t size = static_cast<size_t>(rows * linear.num_outputs());
  const size_t room = size * static_cast<size_t>(Int8RowsPerRow(linear.input_form().residual));
  std::vector<float> output(room, -1e30f);
  EXPECT_OK(linear.Run(input, rows, output.data(), pool));
  output.resize(size);
  return output;
}

// What the matmul has read: the f32 rows, or what the int8 rows stand for.
inline std::vector<double> SeenByMatmul(const Activations& input, int64_t rows, bool quantized) {
  std::vector<double> seen(static_cast<size_t>(rows * input.dim()));
  const kernels::QuantizationParams* params = input.parameters();
  for (size_t i = 0; i < seen.size(); ++i) {
    const size_t r = i / static_cast<size_t>(input.dim());
    if (!quantized) {
      seen[i] = input.rows()[i];
      continue;
    }
    const auto& row = params[r];
    const int8_t* quants = input.quantized() + r * static_cast<size_t>(input.quantized_stride());
    const int8_t quant = quants[i % static_cast<size_t>(input.dim())];
    seen[i] = (quant - row.zero_point) * static_cast<double>(row.scale);
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
