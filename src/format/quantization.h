// Quantisation of weight matrices: float rows in, the file's element types out, and back.
//
// The converter quantises with it, tests and `--summary` measure with it. Rows are independent, so
// a matrix of any size streams through in row groups.

#ifndef INKLING_SRC_FORMAT_QUANTIZATION_H_
#define INKLING_SRC_FORMAT_QUANTIZATION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/format/element_type.h"

namespace inkling {

// How scales are chosen.
enum class ScaleSearch : uint8_t {
  kMaxAbs,        // scale = max|w| / 127 or 7; the round-to-nearest of the literature
  kSquaredError,  // int8: the scale, of a fixed grid down from either sign's extreme refined by
                  // least squares, with the least squared error; never worse than kMaxAbs.
                  // int4: the same among scales that leave an error at right angles to the weights
                  // (kernels::UnbiasedScales)
};

struct QuantizedRows {
  std::vector<std::byte> values;  // ValueBytes(type, rows, columns)
  std::vector<std::byte> scales;  // ScaleBytes(type, rows, columns)
};

// Quantises `weights` [rows, columns] row-major. Errors: size mismatch, a type the columns don't
// fit, NaN or infinity (the message says at which row and column).
absl::StatusOr<QuantizedRows> QuantizeRows(absl::Span<const float> weights, int64_t rows,
                                           int64_t columns, TensorType type, ScaleSearch search);

// The inverse: what the runtime's matmuls will see. `values` and `scales` as QuantizeRows makes
// them.
absl::StatusOr<std::vector<float>> DequantizeRows(absl::Span<const std::byte> values,
                                                  absl::Span<const std::byte> scales, int64_t rows,
                                                  int64_t columns, TensorType type);

// Round-to-nearest-even conversions of single numbers; NaN stays NaN.
uint16_t FloatToHalf(float value);
float HalfToFloat(uint16_t bits);
uint16_t FloatToBfloat16(float value);
float Bfloat16ToFloat(uint16_t bits);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_QUANTIZATION_H_
