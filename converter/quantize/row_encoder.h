// RowEncoder: turns groups of a planned tensor's rows into the bytes of the file, on all cores.
//
// The conversion calls it for one group after another and writes what comes back, so that memory
// holds a few groups and never a tensor.

#ifndef INKLING_CONVERTER_QUANTIZE_ROW_ENCODER_H_
#define INKLING_CONVERTER_QUANTIZE_ROW_ENCODER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/plan/tensor_plan.h"
#include "converter/quantize/importance_file.h"
#include "src/format/element_type.h"
#include "src/format/quantization.h"

namespace inkling {

// Some rows of one tensor in its file type, and how far they are from the checkpoint's.
struct EncodedRows {
  int64_t first_row = 0;
  int64_t num_rows = 0;
  QuantizedRows bytes;
  double squared_error = 0;  // sum (w - stored w)^2, where w is what the checkpoint holds
  double squared_norm = 0;   // sum w^2
  double output_error = 0;  // sum over rows of (w - stored w)^T H (w - stored w); 0 if H is unknown
};

// What is known of the inputs of a tensor.
struct RowCalibration {
  std::optional<InputMoments> inputs;  // unset: nothing
  double squared_range = 0;            // OutputImportance's
  bool refine = false;                 // rows are rounded by the error of their matmuls
};

class RowEncoder {
 public:
  // `checkpoint` outlives this.
  RowEncoder(const Checkpoint& checkpoint, ScaleSearch search);

  // Encodes rows from `first_row` on: as many slices of about 260,000 values as there are cores
  // (one row at least), in order. Rows that are stored as `type` already keep their values and
  // scales. Errors: reading, and NaN or infinity in the checkpoint.
  absl::StatusOr<std::vector<EncodedRows>> Encode(const PlannedTensor& tensor, TensorType type,
                                                  int64_t first_row,
                                                  const RowCalibration& calibration = {}) const;

 private:
  absl::StatusOr<EncodedRows> EncodeSlice(const PlannedTensor& tensor, TensorType type,
                                          int64_t first_row, int64_t num_rows,
                                          const RowCalibration& calibration) const;
  absl::StatusOr<EncodedRows> TakeSlice(const PlannedTensor& tensor, TensorType type,
                                        int64_t first_row, int64_t num_rows) const;

  const Checkpoint& checkpoint_;
  ScaleSearch search_;
  int64_t num_threads_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_QUANTIZE_ROW_ENCODER_H_
