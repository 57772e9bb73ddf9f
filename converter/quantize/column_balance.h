// BalanceColumns: makes inputs of matrices even by moving what is large in them into the weights.
//
// int8 inputs share one scale a row, so a few large columns, which trained models have, leave
// few quantised values to all others. Where a norm feeds matrices, its weights can be divided by a
// factor for each column and the columns of those matrices multiplied by it: the result stays the
// same. The factors are powers of two, so it stays the same to the last bit in f32.
// ConvertCheckpoint calls it for --quality=best. The idea is that of SmoothQuant (Xiao et al.,
// 2022).

#ifndef INKLING_CONVERTER_QUANTIZE_COLUMN_BALANCE_H_
#define INKLING_CONVERTER_QUANTIZE_COLUMN_BALANCE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/plan/convert_options.h"
#include "converter/plan/tensor_plan.h"
#include "converter/quantize/importance_file.h"
#include "src/format/element_type.h"
#include "src/format/model_config.h"

namespace inkling {

// Sets column_factors of norms in `plan`, and of the matrices that they feed, where that makes the
// expected divergence less with `types`; it is measured on each matrix's first rows for four
// strengths. Norms stay as they are if one of their matrices keeps the values of the checkpoint, or
// none is quantised. Returns how many changed. Errors: reading.
absl::StatusOr<int> BalanceColumns(const Checkpoint& checkpoint, const ModelConfig& config,
                                   const ConvertOptions& options, const ImportanceFile& importance,
                                   absl::Span<const TensorType> types, TensorPlan& plan);

// What BalanceColumns would choose for inputs with these second moments, at a strength from 0 (no
// change) to 1 (all columns alike): powers of two near (root mean square)^strength.
std::vector<float> ColumnFactors(const InputMoments& inputs, double strength);

}  // namespace inkling

#endif  // INKLING_CONVERTER_QUANTIZE_COLUMN_BALANCE_H_
