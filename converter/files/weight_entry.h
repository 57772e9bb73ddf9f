// WeightEntry: a tensor of a Hugging Face weight file, and where in the file its rows lie.
//
// The header parsers (safetensors_header.h, pytorch_archive.h) make them, the Hugging Face reader
// reads rows by them.

#ifndef INKLING_CONVERTER_FILES_WEIGHT_ENTRY_H_
#define INKLING_CONVERTER_FILES_WEIGHT_ENTRY_H_

#include <cstdint>

#include "converter/checkpoints/checkpoint.h"

namespace inkling {

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

#endif  // INKLING_CONVERTER_FILES_WEIGHT_ENTRY_H_
