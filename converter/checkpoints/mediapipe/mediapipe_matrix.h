// MediapipeMatrix: where the numbers of one tensor of a MediaPipe LLM file lie, and rows of it.
//
// Files for cpu have row after row, int8 as it is and int4 with 8 added, just as model files do.
// Files for gpu have tiles of 4 outputs and 4 inputs, in the order [inputs / 4][outputs / 4][4
// inputs][4 outputs], with both numbers rounded up to 4; int8 has 128 added there. Either way a
// row has one scale. Asymmetric rows (gpu only) have a zero point, too: a weight is (quant - zero
// point) * scale.

#ifndef INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_MATRIX_H_
#define INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_MATRIX_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "converter/checkpoints/mediapipe/mediapipe_file.h"
#include "converter/files/input_file.h"
#include "src/format/quantization.h"

namespace inkling {

struct MediapipeMatrix {
  MediapipeTensor::Type type = MediapipeTensor::Type::kF32;
  bool tiled = false;
  int64_t rows = 0;
  int64_t columns = 1;
  // Where in the file; -1: there are none.
  int64_t values = -1;
  int64_t scales = -1;
  int64_t zero_points = -1;
};

// Bytes of the values of [rows, columns], with a tile's padding; unset if that overflows.
std::optional<int64_t> MediapipeValueBytes(MediapipeTensor::Type type, int64_t rows,
                                           int64_t columns, bool tiled);

// Appends rows [first_row, first_row + num_rows), which must be inside, as model files have them:
// one row after the other, int8 as it is, int4 with 8 added, and the scales (none for floats).
// Reads what it needs: the strips of these rows. Error: DataLoss.
absl::Status AppendStoredRows(const InputFile& file, const MediapipeMatrix& matrix,
                              int64_t first_row, int64_t num_rows, QuantizedRows& rows);

// Appends the same rows as floats. Errors: DataLoss.
absl::Status AppendFloatRows(const InputFile& file, const MediapipeMatrix& matrix,
                             int64_t first_row, int64_t num_rows, std::vector<float>& rows);

// Whether each of the first `num_rows` rows of a quantised matrix has both the lowest and the
// highest quantised value of its type. Error: DataLoss.
absl::StatusOr<bool> UsesBothEnds(const InputFile& file, const MediapipeMatrix& matrix,
                                  int64_t num_rows);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_MATRIX_H_
