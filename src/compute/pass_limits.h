// Limits of a forward pass that hold for every backend.

#ifndef INKLING_SRC_COMPUTE_PASS_LIMITS_H_
#define INKLING_SRC_COMPUTE_PASS_LIMITS_H_

#include <cstdint>

namespace inkling {

// Rows of a decode pass, at most: the token that was generated last, and the draft tokens behind it
// that the pass verifies. Everything that is made for few rows follows from this number: the decode
// context, the split of attention over threads, the rows from which matmuls may use floats, the
// length of drafts.
inline constexpr int32_t kDecodeRows = 8;

// Threads that compute a pass, at most.
inline constexpr int32_t kMaxThreads = 256;

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_PASS_LIMITS_H_
