// Slices of all matmuls are one queue: threads take the next one when they are done with one.

#include "src/compute/matmul_batch.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace inkling {
namespace {

// Multiply-adds below which one thread is done sooner than others are woken: about a microsecond.
constexpr int64_t kMinMultiplyAddsToSplit = int64_t{1} << 17;

constexpr size_t kMaxMatmuls = 8;

}  // namespace

absl::Status PrepareInput(absl::Span<const MatmulCall> matmuls, Activations& input,
                          int64_t num_rows, ThreadPool& pool) {
  for (const MatmulCall& matmul : matmuls) {
    ABSL_RETURN_IF_ERROR(matmul.linear->PrepareInput(input, num_rows, pool));
  }
  for (const MatmulCall& matmul : matmuls) {
    if (input.IsPrepared(matmul.linear->input_form(num_rows), num_rows)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("matmul with ", matmul.linear->weight_name(),
                     ": expected matmuls of one region with the same residual quantisation"));
  }
  return absl::OkStatus();
}

absl::Status RunMatmuls(absl::Span<const MatmulCall> matmuls, Activations& input, int64_t num_rows,
                        ThreadPool& pool, StopSlices stop) {
  if (matmuls.size() > kMaxMatmuls) {
    return absl::InvalidArgumentError(absl::StrCat("matmuls: expected at most ", kMaxMatmuls,
                                                   " at once, found ", matmuls.size()));
  }
  size_t num_slices = 0;
  int64_t weights = 0;
  for (const MatmulCall& matmul : matmuls) {
    ABSL_RETURN_IF_ERROR(matmul.linear->CheckWholeOutput());
    num_slices += matmul.linear->num_slices();
    weights += matmul.linear->num_inputs() * matmul.linear->num_outputs();
  }
  ABSL_RETURN_IF_ERROR(PrepareInput(matmuls, input, num_rows, pool));
  if (num_rows == 0) return absl::OkStatus();
  return ForEachSlice(num_slices, num_rows * weights, pool, stop, [&](size_t index, size_t worker) {
    const MatmulCall* matmul = matmuls.data();
    for (; index >= matmul->linear->num_slices(); ++matmul) {
      index -= matmul->linear->num_slices();
    }
    return matmul->linear->RunSlice(index, input, num_rows, matmul->output, worker);
  });
}

absl::Status ForEachSlice(size_t count, int64_t multiply_adds, ThreadPool& pool, StopSlices stop,
                          absl::FunctionRef<absl::Status(size_t, size_t)> run) {
  const size_t max_workers =
      multiply_adds < kMinMultiplyAddsToSplit ? 1 : static_cast<size_t>(pool.num_threads());
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<bool> failed{false};
  absl::Status first_error;
  pool.ForEachItem(count, max_workers, [&](size_t item, size_t worker) {
    if (failed.load(std::memory_order_relaxed)) return;
    absl::Status status = std::this_thread::get_id() == caller && stop()
                              ? absl::CancelledError("matmuls: cancelled")
                              : run(item, worker);
    // The region's end orders this write before the read below.
    if (!status.ok() && !failed.exchange(true)) first_error = std::move(status);
  });
  return first_error;
}

}  // namespace inkling
