// ThreadPool: the threads that every matmul and kernel of one model runs on.
//
// The decoder splits its kernels over it and XNNPACK runs its operators on the same threads.
// Holding the pool's lock is the only lock on the way of a token: sessions of one model take turns
// at it, one Forward at a time.
//
// Threads aren't there in a process that was forked, and the lock that another thread held at that
// moment would stay held: a pool has a lock of its own in each process, and starts its threads
// again in the child when they are needed.

#ifndef INKLING_SRC_COMPUTE_THREAD_POOL_H_
#define INKLING_SRC_COMPUTE_THREAD_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/compute/cpu_affinity.h"
#include "src/compute/process_stamp.h"

struct pthreadpool;

namespace inkling {

// Exclusive use of a pool, until it dies. Where the pool's threads are bound to CPUs, so is the
// thread that has the lock.
struct ThreadPoolLock {
  uint64_t process;  // the ProcessStamp of the process in which it was taken
  std::unique_lock<std::mutex> lock;
  CpuBinding binding;
};

class ThreadPool {
 public:
  // `num_threads`, 1 to kMaxThreads, counts the calling thread. With `cpus`, which CheckCpus must
  // have found right for as many threads, thread i is bound to cpus[i]: the pool's own for good,
  // thread 0, which is whoever has the lock, while it has it. Errors: InvalidArgument,
  // ResourceExhausted.
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
  // No allocation. The caller holds the lock, and has called StartThreads since it first held it
  // in this process; otherwise everything may run on the caller.
  void ParallelFor(size_t count, absl::FunctionRef<void(size_t)> body);

  // Calls body(item, worker) for every item in [0, count), each once; workers take the next item,
  // in order, when they are done with one, so the heaviest should come first. No two calls of a
  // worker, below min(count, max_workers, num_threads()), run at the same time. Otherwise as
  // ParallelFor. Inline, so that what workers share lies in one frame of the caller's stack.
  template <typename Body>
  void ForEachItem(size_t count, size_t max_workers, const Body& body) {
    std::atomic<size_t> next{0};
    ParallelFor(std::min({count, max_workers, static_cast<size_t>(num_threads_)}),
                [&next, &body, count](size_t worker) {
                  for (size_t item = next++; item < count; item = next++) body(item, worker);
                });
  }

  // Exclusive use of the threads and of the scratch memory that goes with them.
  ThreadPoolLock Lock();

  // Starts the threads that a fork has left behind in the parent; does nothing if they are there.
  // The caller holds the lock of this pool, or of the one that it is used beside. Where a child
  // can't use the system's threads (Apple's dispatch queues), it computes on the caller alone.
  // Errors: as Create.
  absl::Status StartThreads();

  // A number for the process that calls, see ProcessStamp.
  uint64_t process() { return stamp_.Current(); }

  // For src/compute: null when there is one thread (everything then runs on the caller).
  pthreadpool* handle() const;

 private:
  // The lock and the threads of one process.
  struct Crew;

  ThreadPool(int32_t num_threads, absl::Span<const int32_t> cpus);

  // This process's, without threads if there was none before.
  Crew& ThisCrew();
  // Binds the pool's own threads to all but the first of cpus_.
  absl::Status BindOwnThreads();

  int32_t num_threads_;
  std::vector<int32_t> cpus_;  // empty: any
  ProcessStamp stamp_;
  std::atomic<Crew*> crew_;  // the latest process's
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_THREAD_POOL_H_
