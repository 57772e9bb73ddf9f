// Inputs of the int8 products (BlockProduct, ChannelProduct) for their tests.
#ifndef INKLING_TESTS_KERNELS_QUANTIZED_ROWS_H_
#define INKLING_TESTS_KERNELS_QUANTIZED_ROWS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include "kernels/block_product.h"
#include "kernels/quantize.h"

namespace inkling::kernels {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};

// Random int8 rows with gaps between them, every row with parameters of its own.
struct QuantizedRows {
  QuantizedRows(size_t num_rows, size_t row_dim)
      : dim(row_dim),
        stride(row_dim + 5),
        values(num_rows * stride),
        unit_sums(num_rows * row_dim / kProductUnit),
        params(num_rows) {
    std::mt19937 engine(2);
    for (int8_t& value : values) value = static_cast<int8_t>(engine());
    for (QuantizationParams& row : params) {
      row.zero_point = static_cast<int32_t>(engine() % 256) - 128;
      row.scale = 0.01f * static_cast<float>(1 + engine() % 100);
    }
    // The extremes of both.
    std::fill_n(values.begin(), dim, static_cast<int8_t>(-128));
    params[0].zero_point = 127;
    SumUnits({values.data(), stride, num_rows, dim, unit_sums.data()});
  }

  // What the value stands for.
  double Real(size_t row, size_t k) const {
    return static_cast<double>(params[row].scale) *
           (values[row * stride + k] - params[row].zero_point);
  }

  size_t dim;
  size_t stride;
  std::vector<int8_t> values;
  std::vector<int32_t> unit_sums;
  std::vector<QuantizationParams> params;
};

}  // namespace inkling::kernels

#endif  // INKLING_TESTS_KERNELS_QUANTIZED_ROWS_H_
