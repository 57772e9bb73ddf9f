// Several matmuls with the same input in one parallel region, and the work on slices in general.

#ifndef INKLING_SRC_COMPUTE_MATMUL_BATCH_H_
#define INKLING_SRC_COMPUTE_MATMUL_BATCH_H_

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "src/compute/activations.h"
#include "src/compute/linear.h"
#include "src/compute/thread_pool.h"

namespace inkling {

// One of several matmuls with the same input.
struct MatmulCall {
  Linear* linear;
  float* output;  // [num_rows, linear->num_outputs()]
};

// Asked on the calling thread whenever that could begin a slice; true ends the work with Cancelled.
using StopSlices = absl::FunctionRef<bool()>;

// Linear::PrepareInput for all of `matmuls`; their outputs don't matter. RunMatmuls does it, so
// this is for who runs slices, or wants to know when it is done. The caller holds the pool's lock.
// Errors: also FailedPrecondition if one wants a residual and another doesn't.
absl::Status PrepareInput(absl::Span<const MatmulCall> matmuls, Activations& input,
                          int64_t num_rows, ThreadPool& pool);

// Linear::Run for all of `matmuls`, at most 8, in one parallel region. Errors: also those of
// PrepareInput, and Cancelled.
absl::Status RunMatmuls(absl::Span<const MatmulCall> matmuls, Activations& input, int64_t num_rows,
                        ThreadPool& pool, StopSlices stop);

// Calls run(i, worker) for each i in [0, count), which is some slice's work; on the calling thread
// alone if all of it, `multiply_adds`, is done sooner than others are woken. No two calls of a
// worker, 0 to pool.num_threads() - 1, run at the same time. Returns the first error, after which
// no more work is begun.
absl::Status ForEachSlice(size_t count, int64_t multiply_adds, ThreadPool& pool, StopSlices stop,
                          absl::FunctionRef<absl::Status(size_t, size_t)> run);

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_MATMUL_BATCH_H_
