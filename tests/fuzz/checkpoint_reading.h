// Opens a checkpoint file and reads what it offers: config, tokenizer, and rows of every tensor.

#ifndef INKLING_TESTS_FUZZ_CHECKPOINT_READING_H_
#define INKLING_TESTS_FUZZ_CHECKPOINT_READING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "converter/checkpoints/checkpoint.h"

namespace inkling {

// True if it could be opened.
inline bool ReadCheckpoint(const std::string& path) {
  const absl::StatusOr<std::unique_ptr<Checkpoint>> checkpoint = Checkpoint::Open(path);
  if (!checkpoint.ok()) return false;
  (void)(*checkpoint)->ImportTokenizer("");
  (void)(*checkpoint)->NameInFile("model.layers.0.self_attn.o_proj.bias");
  const size_t num_tensors = std::min<size_t>((*checkpoint)->tensors().size(), 64);
  for (size_t i = 0; i < num_tensors; ++i) {
    const SourceTensor& tensor = (*checkpoint)->tensors()[i];
    const int64_t rows = tensor.shape.empty() ? 1 : tensor.shape[0];
    for (const int64_t row : {int64_t{0}, rows - 1, rows}) {
      (void)(*checkpoint)->ReadRows(i, row, 1);
      if ((*checkpoint)->StoredType(i)) (void)(*checkpoint)->ReadStoredRows(i, row, 1);
      (void)(*checkpoint)->ReadBlockScales(i, row, 1);
    }
    (void)(*checkpoint)->KeptType(i);
  }
  return true;
}

}  // namespace inkling

#endif  // INKLING_TESTS_FUZZ_CHECKPOINT_READING_H_
