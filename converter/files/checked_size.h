// Multiplies and adds sizes that a file claims: the result may overflow, and then the file is
// damaged.
//
// The checkpoint readers compute every size through here.

#ifndef INKLING_CONVERTER_FILES_CHECKED_SIZE_H_
#define INKLING_CONVERTER_FILES_CHECKED_SIZE_H_

#include <cstdint>
#include <limits>

#include "absl/types/span.h"

namespace inkling {

// a * b for a, b >= 0; false, and `result` as it was, if that is over 2^63 - 1.
inline bool CheckedMultiply(int64_t a, int64_t b, int64_t& result) {
  if (a != 0 && b > std::numeric_limits<int64_t>::max() / a) return false;
  result = a * b;
  return true;
}

// a + b for a, b >= 0; false, and `sum` as it was, if that is over 2^63 - 1.
inline bool CheckedSum(int64_t a, int64_t b, int64_t& sum) {
  if (b > std::numeric_limits<int64_t>::max() - a) return false;
  sum = a + b;
  return true;
}

// `first` times every one of `sizes`, all >= 0; false on overflow.
inline bool CheckedMultiply(int64_t first, absl::Span<const int64_t> sizes, int64_t& result) {
  result = first;
  for (const int64_t size : sizes) {
    if (!CheckedMultiply(result, size, result)) return false;
  }
  return true;
}

}  // namespace inkling

#endif  // INKLING_CONVERTER_FILES_CHECKED_SIZE_H_
