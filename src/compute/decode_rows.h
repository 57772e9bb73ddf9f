// How many rows a decode pass has at most: the token that was generated last, and the draft tokens
// behind it that the pass verifies.
//
// Everything that is made for few rows follows from this number: the decode context, the split of
// attention over threads, the rows from which matmuls may use floats, the length of drafts.

#ifndef INKLING_SRC_COMPUTE_DECODE_ROWS_H_
#define INKLING_SRC_COMPUTE_DECODE_ROWS_H_

#include <cstdint>

namespace inkling {

inline constexpr int32_t kDecodeRows = 8;

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_DECODE_ROWS_H_
