// What the headers of weight files promise: every tensor lies inside its file.

#ifndef INKLING_TESTS_FUZZ_WEIGHT_ENTRIES_H_
#define INKLING_TESTS_FUZZ_WEIGHT_ENTRIES_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "converter/files/input_file.h"
#include "converter/files/source_tensor.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {

// True if the header was accepted.
inline bool ExpectInside(const absl::StatusOr<std::vector<WeightEntry>>& entries,
                         const InputFile& file) {
  if (!entries.ok()) return false;
  for (const WeightEntry& entry : *entries) {
    const int64_t rows = NumRows(entry.tensor);
    const int64_t end = rows == 0
                            ? entry.offset
                            : entry.offset + (rows - 1) * entry.row_stride + RowBytes(entry.tensor);
    Expect(entry.offset >= 0 && end <= file.size(), "tensors inside the file");
  }
  return true;
}

}  // namespace inkling

#endif  // INKLING_TESTS_FUZZ_WEIGHT_ENTRIES_H_
