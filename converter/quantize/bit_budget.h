// SpendBits: gives better types to the matrices where int4 or int8 costs most, as far as a budget
// goes.

#ifndef INKLING_CONVERTER_QUANTIZE_BIT_BUDGET_H_
#define INKLING_CONVERTER_QUANTIZE_BIT_BUDGET_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/plan/convert_options.h"
#include "converter/plan/tensor_plan.h"
#include "converter/quantize/importance_file.h"
#include "src/format/element_type.h"

namespace inkling {

// Bits per weight of a file with these types, scales included.
double BitsPerWeight(const TensorPlan& plan, absl::Span<const TensorType> types);

// Changes int4 in `types` to int8, and int8 to f16, those steps first that save most expected
// divergence for a byte, while BitsPerWeight stays at or below options.bits_per_weight;
// nothing where that is empty. Linear layers take part, and the embedding and the head where the
// options leave their types open. What a type costs is measured on the first rows of each matrix.
// Errors: InvalidArgument if the types take more already; reading.
absl::Status SpendBits(const Checkpoint& checkpoint, const TensorPlan& plan,
                       const ModelConfig& config, const ConvertOptions& options,
                       const ImportanceFile& importance, std::vector<TensorType>& types);

}  // namespace inkling

#endif  // INKLING_CONVERTER_QUANTIZE_BIT_BUDGET_H_
