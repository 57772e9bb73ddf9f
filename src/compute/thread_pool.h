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
#include "absl/status/statusor.h"

struct pthreadpool;

namespace inkling {

class ThreadPool {
 public:
  // `num_threads` >= 1 counts the calling thread. Errors: InvalidArgument, ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<ThreadPool>> Create(int32_t num_threads);

  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int32_t num_threads() const { return num_threads_; }

  // Threads worth using: the machine's, less what affinity and the cgroup's quota take away; at
  // least 1.
  static int32_t DefaultThreadCount();

  // Calls body(i) for every i in [0, count), each once, on any thread; returns when all are done.
  // No allocation. The caller holds the lease.
  void ParallelFor(size_t count, absl::FunctionRef<void(size_t)> body);

  // Exclusive use of the threads and of the scratch memory that goes with them.
  std::unique_lock<std::mutex> Lease() { return std::unique_lock<std::mutex>(lease_); }

  // For src/compute: null when there is one thread (everything then runs on the caller).
  pthreadpool* handle() const { return pool_; }

 private:
  ThreadPool(pthreadpool* pool, int32_t num_threads) : pool_(pool), num_threads_(num_threads) {}

  pthreadpool* pool_;
  int32_t num_threads_;
  std::mutex lease_;
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_THREAD_POOL_H_
