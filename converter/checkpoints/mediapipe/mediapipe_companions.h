// The scales and zero points of quantised tensors in MediaPipe's LLM files: tensors of their own,
// found by name.

#ifndef INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_COMPANIONS_H_
#define INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_COMPANIONS_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "converter/checkpoints/mediapipe/mediapipe_file.h"
#include "converter/checkpoints/mediapipe/mediapipe_matrix.h"
#include "converter/files/input_file.h"

namespace inkling {

class MediapipeCompanions {
 public:
  // `tensors` outlive this.
  explicit MediapipeCompanions(absl::Span<const MediapipeTensor> tensors);

  // Whether `tensor` belongs to another one: its scales, its zero points, or the sums of its rows,
  // which nothing here needs.
  bool IsCompanion(const MediapipeTensor& tensor) const;

  // Sets where in `file` the scales and zero points of `tensor`, which has this shape, lie. Errors:
  // InvalidArgument where a quantised matrix has no scale for each row, or no matrix is quantised;
  // Unimplemented for blocks, and for zero points in files for cpu.
  absl::Status Find(const MediapipeTensor& tensor, absl::Span<const int64_t> shape,
                    MediapipeBackend backend, const InputFile& file, MediapipeMatrix& matrix) const;

 private:
  const MediapipeTensor* Companion(const MediapipeTensor& tensor, absl::string_view ending) const;

  absl::flat_hash_map<absl::string_view, const MediapipeTensor*> by_name_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHECKPOINTS_MEDIAPIPE_MEDIAPIPE_COMPANIONS_H_
