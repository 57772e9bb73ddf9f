// RunOnBriefThreads: threads for one piece of work that isn't a forward pass.
//
// The pool of a model belongs to whoever runs a pass. Copying a cache needn't wait for that, and
// happens so seldom that threads of its own cost nothing.

#ifndef INKLING_SRC_COMPUTE_BRIEF_THREADS_H_
#define INKLING_SRC_COMPUTE_BRIEF_THREADS_H_

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"

namespace inkling {

// Calls body(i) for every i in [0, count), each once, on the calling thread and on up to
// `num_threads` - 1 others, which are gone when it returns. Where the system has no more threads,
// those that there are do everything.
void RunOnBriefThreads(size_t count, int32_t num_threads, absl::FunctionRef<void(size_t)> body);

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_BRIEF_THREADS_H_
