// ThreadPool: the threads that every product and kernel of one model runs on.
//
// The decoder splits its kernels over it and XNNPACK runs its operators on the same threads.
// Holding the pool's lease is the only lock on the way of a token: sessions of one model take turns
// at it, one Forward at a time.

#ifndef INKLING_SRC_COMPUTE_THREAD_POOL_H_
#define INKLING_SRC_COMPUTE_THREAD_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/compute/cpu_affinity.h"

struct pthreadpool;

namespace inkling {

// Exclusive use of a pool, until it dies. Where the pool's threads are bound to CPUs, so is the
// thread that has the lease.
struct ThreadPoolLease {
  std::unique_lock<std::mutex> lock;
  CpuBinding binding;
};

class ThreadPool {
 public:
  // `num_threads` >= 1 counts the calling thread. With `cpus`, which CheckCpus must have found
  // right for as many threads, thread i is bound to cpus[i]: the pool's own for good, thread 0,
  // which is whoever has the lease, while it has it. Errors: InvalidArgument, ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<ThreadPool>> Create(int32_t num_threads,
                                                            absl::Span<const int32_t> cpus = {});

  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int32_t num_threads() const { return num_threads_; }

  // Threads worth using: one for each big core (core_classes.h), less what affinity and the
  // cgroup's quota take away; at least 1.
  static int32_t DefaultThreadCount();

  // Calls body(i) for every i in [0, count), each once, on any thread; returns when all are done.
  // No allocation. The caller holds the lease.
  void ParallelFor(size_t count, absl::FunctionRef<void(size_t)> body);

  // Exclusive use of the threads and of the scratch memory that goes with them.
  ThreadPoolLease Lease();

  // For src/compute: null when there is one thread (everything then runs on the caller).
  pthreadpool* handle() const { return pool_; }

 private:
  ThreadPool(pthreadpool* pool, int32_t num_threads, int32_t caller_cpu)
      : pool_(pool), num_threads_(num_threads), caller_cpu_(caller_cpu) {}

  // Binds the pool's own threads to all but the first of `cpus`.
  absl::Status BindOwnThreads(absl::Span<const int32_t> cpus);

  pthreadpool* pool_;
  int32_t num_threads_;
  int32_t caller_cpu_;  // negative: any
  std::mutex lease_;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_THREAD_POOL_H_
