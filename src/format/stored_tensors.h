// Stored tensors: how the tensors of TensorList become tensors of the container, and back.
//
// A float tensor is one container tensor, a quantised one is two: its values, and NAME.scale. The
// writer lays them out, the reader finds them again and checks shape, type and bytes.

#ifndef INKLING_SRC_FORMAT_STORED_TENSORS_H_
#define INKLING_SRC_FORMAT_STORED_TENSORS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/format/container.h"
#include "src/format/element_type.h"
#include "src/format/model_reader.h"
#include "src/format/tensor_list.h"

namespace inkling {

// Where one tensor's bytes lie. `scales` is empty for float types.
struct TensorExtents {
  Extent values;
  Extent scales;
};

struct FileLayout {
  Container container;
  std::vector<TensorExtents> tensors;  // one for each tensor of TensorList
  int64_t file_bytes = 0;
};

// Gives every byte of a file its place. `types` has one entry for each of `tensors`. Errors: a type
// that its tensor's role or columns don't allow, a size that overflows, a container over
// kMaxContainerBytes.
absl::StatusOr<FileLayout> LayOutFile(absl::Span<const TensorInfo> tensors,
                                      absl::Span<const TensorType> types, int64_t metadata_bytes,
                                      const char* metadata_entry = kMetadataEntry);

// Finds each of `tensors` in `container` and returns views into `file`, in order. Errors:
// InvalidArgument for a tensor that is missing, unexpected, or not of its shape, type or size;
// Unimplemented for a type this version doesn't know.
absl::StatusOr<std::vector<TensorView>> FindTensors(absl::Span<const TensorInfo> tensors,
                                                    const Container& container,
                                                    absl::Span<const std::byte> file);

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_STORED_TENSORS_H_
