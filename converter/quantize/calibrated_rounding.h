// Rounding of weights by the error of the matmuls they make, as far as statistics of their inputs
// tell it.
//
// RowEncoder calls it for --quality=best. For a row of weights w and inputs with second moments H,
// the mean squared error of the output is (w - q)^T H (w - q), where q are the stored values.
// Rounding each weight to its nearest quantised value makes w - q small; here quantised values and
// scales are changed one at a time, each to its best given all others, until nothing changes
// (coordinate descent). H is known in blocks of columns; what lies between blocks counts as 0.

#ifndef INKLING_CONVERTER_QUANTIZE_CALIBRATED_ROUNDING_H_
#define INKLING_CONVERTER_QUANTIZE_CALIBRATED_ROUNDING_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converter/quantize/importance_file.h"
#include "src/format/element_type.h"
#include "src/format/quantization.h"

namespace inkling {

// Improves `rows`, the quantised form of `weights` [num_rows, columns] in `type`. Types that aren't
// int4 or int8 stay as they are. Error: InvalidArgument for inputs of another number of columns.
absl::Status RefineRows(absl::Span<const float> weights, int64_t columns, TensorType type,
                        const InputMoments& inputs, QuantizedRows& rows);

// The sum over rows of (w - q)^T H (w - q), for `errors` w - q [num_rows, columns].
double OutputErrorPower(absl::Span<const float> errors, const InputMoments& inputs);

}  // namespace inkling

#endif  // INKLING_CONVERTER_QUANTIZE_CALIBRATED_ROUNDING_H_
