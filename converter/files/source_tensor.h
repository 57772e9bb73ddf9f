// SourceTensor: a tensor as a checkpoint's files list it. WeightEntry: with where its rows lie.
//
// The parsers of headers (safetensors_header.h, gguf_header.h, pytorch_archive.h) make them; the
// readers of checkpoints read rows by them.

#ifndef INKLING_CONVERTER_FILES_SOURCE_TENSOR_H_
#define INKLING_CONVERTER_FILES_SOURCE_TENSOR_H_

#include <cstdint>
#include <string>
#include <vector>

namespace inkling {

struct SourceTensor {
  std::string name;
  std::string dtype;           // as the checkpoint spells it: "BF16"
  std::vector<int64_t> shape;  // a matrix is [rows, columns]
  std::string file;            // where it lies, for messages
  int64_t bytes = 0;
  std::string name_in_file = {};  // where the reader calls it otherwise than the file; or empty
};

// What the file calls a tensor.
inline const std::string& GivenName(const SourceTensor& tensor) {
  return tensor.name_in_file.empty() ? tensor.name : tensor.name_in_file;
}

// A tensor whose rows lie in one file at even distances.
struct WeightEntry {
  SourceTensor tensor;
  int64_t offset = 0;      // of the first row, in the file
  int64_t row_stride = 0;  // bytes from the start of one row to that of the next
};

// Rows as Checkpoint::ReadRows counts them: a tensor without dimensions is one row.
inline int64_t NumRows(const SourceTensor& tensor) {
  return tensor.shape.empty() ? 1 : tensor.shape[0];
}

inline int64_t RowBytes(const SourceTensor& tensor) {
  const int64_t rows = NumRows(tensor);
  return rows == 0 ? 0 : tensor.bytes / rows;
}

}  // namespace inkling

#endif  // INKLING_CONVERTER_FILES_SOURCE_TENSOR_H_
