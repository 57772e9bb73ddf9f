// ModelWriter: writes a model file tensor by tensor, holding one tensor's bytes at a time.
//
// The converter calls it, and so do tests that make tiny models. The flatbuffer is laid out first
// from the list of types (so every offset is known), then the values stream to their places. The
// file appears under its name only when complete.

#ifndef INKLING_SRC_FORMAT_MODEL_WRITER_H_
#define INKLING_SRC_FORMAT_MODEL_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/format/element_type.h"
#include "src/format/model_reader.h"
#include "src/format/tensor_list.h"

namespace inkling {

class ModelWriter {
 public:
  // `types` has one entry for each tensor of TensorList(metadata.config), in its order. Creates
  // `path` + ".partial" and reserves its full size, so that a full disk shows now and not after an
  // hour. metadata.model_id is ignored: Finish computes it.
  static absl::StatusOr<std::unique_ptr<ModelWriter>> Create(const std::string& path,
                                                             const ModelMetadata& metadata,
                                                             absl::Span<const TensorType> types);

  ModelWriter(const ModelWriter&) = delete;
  ModelWriter& operator=(const ModelWriter&) = delete;
  // Removes the partial file unless Finish succeeded.
  ~ModelWriter();

  // The tensors expected, in TensorList order.
  absl::Span<const TensorInfo> tensors() const;

  // Writes rows [first_row, first_row + n) of tensor `index`; `values` and `scales` hold exactly
  // those rows in the tensor's type (scales empty for float types). Rows of one tensor arrive in
  // order and each once; tensors in any order.
  absl::Status WriteRows(size_t index, int64_t first_row, absl::Span<const std::byte> values,
                         absl::Span<const std::byte> scales);

  // Checks that every row arrived, fills in the model id, flushes to disk and renames to the final
  // name.
  absl::Status Finish();

 private:
  struct State;
  explicit ModelWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_MODEL_WRITER_H_
