// ThreadPool over pthreadpool, whose workers spin for a few milliseconds after a job and then
// sleep.

#include "src/compute/thread_pool.h"

#include <pthread.h>

#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "pthreadpool.h"
#include "src/compute/cpu_budget.h"

namespace inkling {
namespace {

// More threads than this are a mistake, not a machine.
constexpr int32_t kMaxThreads = 1024;

// Holds threads until all of them were started, or not.
struct Gate {
  std::mutex mutex;
  std::condition_variable opened;
  bool is_open = false;

  static void* Wait(void* gate) {
    auto* self = static_cast<Gate*>(gate);
    std::unique_lock<std::mutex> lock(self->mutex);
    self->opened.wait(lock, [self] { return self->is_open; });
    return nullptr;
  }

  void Open() {
    const std::lock_guard<std::mutex> lock(mutex);
    is_open = true;
    opened.notify_all();
  }
};

// How many of `count` threads the system lets this process start at the same time. pthreadpool
// doesn't look: it would wait for ever for a thread that couldn't be started.
int32_t StartableThreads(int32_t count) {
  Gate gate;
  std::vector<pthread_t> threads;
  threads.reserve(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, &Gate::Wait, &gate) != 0) break;
    threads.push_back(thread);
  }
  gate.Open();
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  return static_cast<int32_t>(threads.size());
}

}  // namespace

absl::StatusOr<std::unique_ptr<ThreadPool>> ThreadPool::Create(int32_t num_threads) {
  if (num_threads < 1 || num_threads > kMaxThreads) {
    return absl::InvalidArgumentError(
        absl::StrCat("num_threads: expected 1 to ", kMaxThreads, ", found ", num_threads));
  }
  pthreadpool* pool = nullptr;
  if (num_threads > 1) {
    const int32_t startable = StartableThreads(num_threads - 1);
    if (startable == num_threads - 1) pool = pthreadpool_create(static_cast<size_t>(num_threads));
    if (pool == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("can't start ", num_threads - 1, " threads, only ", startable));
    }
  }
  return absl::WrapUnique(new ThreadPool(pool, num_threads));
}

ThreadPool::~ThreadPool() { pthreadpool_destroy(pool_); }

int32_t ThreadPool::DefaultThreadCount() {
  std::optional<double> quota;
#if defined(__linux__)
  std::ifstream self("/proc/self/cgroup");
  std::stringstream text;
  text << self.rdbuf();
  quota = CgroupProcessors(text.str(), "/sys/fs/cgroup");
#endif
  return ThreadsWithin(AllowedProcessors(), quota);
}

void ThreadPool::ParallelFor(size_t count, absl::FunctionRef<void(size_t)> body) {
  if (pool_ == nullptr || count <= 1) {
    for (size_t i = 0; i < count; ++i) body(i);
    return;
  }
  using Body = absl::FunctionRef<void(size_t)>;
  pthreadpool_parallelize_1d(
      pool_, [](void* context, size_t i) { (*static_cast<Body*>(context))(i); }, &body, count,
      /*flags=*/0);
}

}  // namespace inkling
