// What a rounded matrix is expected to cost, as a KL divergence of the model's predictions, by an
// importance file.
//
// The conversion adds up what all rows cost; the bit budget and the column balance ask it of a few
// rows for types and factors that might be chosen.

#ifndef INKLING_CONVERTER_QUANTIZE_EXPECTED_DIVERGENCE_H_
#define INKLING_CONVERTER_QUANTIZE_EXPECTED_DIVERGENCE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/plan/convert_options.h"
#include "converter/plan/tensor_plan.h"
#include "converter/quantize/importance_file.h"
#include "converter/quantize/row_encoder.h"
#include "src/format/element_type.h"
#include "src/format/model_config.h"

namespace inkling {

// What `importance` (null: nothing) knows of a tensor's inputs, its column_factors divided out;
// empty for norms, biases and an embedding that is no head. Errors: those of ImportanceFile.
absl::StatusOr<RowCalibration> CalibrationOf(const ImportanceFile* importance,
                                             const PlannedTensor& tensor, const ModelConfig& config,
                                             ConvertQuality quality);

// What all rows of a matrix in one type lose, as sums over their EncodedRows.
struct MatrixLoss {
  double output_error = 0;
  double squared_error = 0;
  double squared_norm = 0;
  double squared_range = 0;  // RowCalibration's
};

// Adds what `rows` lose.
void AddLoss(const EncodedRows& rows, MatrixLoss& loss);

// Steps into which the runtime rounds the range of a row that is multiplied with matrix `weight` of
// a quantised `type`: an int8 row has 255, and a second one for what the first leaves 127 of each.
// The decoder's InputResidual decides; input_steps_test compares the two.
double InputSteps(absl::string_view weight, TensorType type);

// The divergence to expect from matrix `weight` in `type`: from the rounding of its weights and,
// where the type takes int8 inputs, from that of its inputs. Errors: those of
// ImportanceFile::Outputs.
absl::StatusOr<double> ExpectedDivergence(const ImportanceFile& importance,
                                          absl::string_view weight, TensorType type,
                                          const MatrixLoss& loss);

// The divergence to expect from looked-up rows of the embedding: its relative error times what the
// file says of lookups; 0 if it says nothing, as one of an earlier version.
double LookupDivergence(const ImportanceFile& importance, const MatrixLoss& loss);

// All of the divergence to expect from the tensor `info` in `type`: of its matmuls, if it has any,
// and of its lookups. Errors: those of ImportanceFile::Outputs.
absl::StatusOr<double> DivergenceOf(const ImportanceFile& importance, const TensorInfo& info,
                                    TensorType type, const ModelConfig& config,
                                    const MatrixLoss& loss);

// All of the divergence to expect from a matrix of a plan, measured on some rows: the first ones,
// and of the embedding, which begins with tokens that are unlike others, as many from other places.
absl::StatusOr<double> SampledDivergence(const RowEncoder& encoder, const PlannedTensor& tensor,
                                         TensorType type, const ModelConfig& config,
                                         ConvertQuality quality, const ImportanceFile& importance);

}  // namespace inkling

#endif  // INKLING_CONVERTER_QUANTIZE_EXPECTED_DIVERGENCE_H_
