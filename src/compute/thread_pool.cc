// ThreadPool over pthreadpool, whose workers spin for a few milliseconds after a job and then
// sleep.

#include "src/compute/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "pthreadpool.h"
#include "src/compute/core_classes.h"
#include "src/compute/cpu_affinity.h"
#include "src/compute/cpu_budget.h"
#include "src/compute/float_environment.h"
#include "src/compute/pass_limits.h"
#include "src/compute/process_stamp.h"

namespace inkling {
namespace {

// More threads than this are a mistake, not a machine.

// Holds threads until somebody opens it.
class Gate {
 public:
  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    opened_.wait(lock, [this] { return is_open_; });
  }

  void Open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_open_ = true;
    opened_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
};

// How many of `count` threads the system lets this process start at the same time. pthreadpool
// doesn't look: it would wait for ever for a thread that couldn't be started.
int32_t StartableThreads(int32_t count) {
  Gate gate;
  std::vector<pthread_t> threads;
  threads.reserve(static_cast<size_t>(count));
  const auto wait = [](void* argument) -> void* {
    static_cast<Gate*>(argument)->Wait();
    return nullptr;
  };
  for (int32_t i = 0; i < count; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, wait, &gate) != 0) break;
    threads.push_back(thread);
  }
  gate.Open();
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  return static_cast<int32_t>(threads.size());
}

}  // namespace

struct ThreadPool::Crew {
  Crew(uint64_t its_process, const Crew* before) : process(its_process), left_behind(before) {}

  const uint64_t process;
  // Of the process that this one was forked from. Its lock may be held and its threads can't be
  // joined, so it is kept as it is.
  const Crew* const left_behind;
  std::mutex lock;
  pthreadpool* threads = nullptr;  // null: nobody but the caller
};

absl::StatusOr<std::unique_ptr<ThreadPool>> ThreadPool::Create(int32_t num_threads,
                                                               absl::Span<const int32_t> cpus) {
  if (num_threads < 1 || num_threads > kMaxThreads) {
    return absl::InvalidArgumentError(
        absl::StrCat("num_threads: expected 1 to ", kMaxThreads, ", found ", num_threads));
  }
  auto created = absl::WrapUnique(new ThreadPool(num_threads, cpus));
  ABSL_RETURN_IF_ERROR(created->StartThreads());
  return created;
}

ThreadPool::ThreadPool(int32_t num_threads, absl::Span<const int32_t> cpus)
    : num_threads_(num_threads),
      cpus_(cpus.begin(), cpus.end()),
      crew_(new Crew(stamp_.Current(), nullptr)) {}

ThreadPool::~ThreadPool() {
  Crew* crew = crew_.load();
  if (crew->process != stamp_.Current()) return;
  pthreadpool_destroy(crew->threads);
  delete crew;
}

pthreadpool* ThreadPool::handle() const { return crew_.load(std::memory_order_acquire)->threads; }

ThreadPool::Crew& ThreadPool::ThisCrew() {
  const uint64_t process = stamp_.Current();
  Crew* crew = crew_.load(std::memory_order_acquire);
  if (crew->process == process) return *crew;
  // Of threads that come here at the same time, one brings the crew of all.
  auto fresh = absl::WrapUnique(new Crew(process, crew));
  return crew_.compare_exchange_strong(crew, fresh.get()) ? *fresh.release() : *crew;
}

absl::Status ThreadPool::StartThreads() {
  Crew& crew = ThisCrew();
  if (num_threads_ == 1 || crew.threads != nullptr) return absl::OkStatus();
#if defined(__APPLE__)
  if (crew.left_behind != nullptr) return absl::OkStatus();
#endif
  const DefaultFloats floats;  // which the threads take from this one
  const int32_t startable = StartableThreads(num_threads_ - 1);
  if (startable == num_threads_ - 1) {
    crew.threads = pthreadpool_create(static_cast<size_t>(num_threads_));
  }
  if (crew.threads == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("can't start ", num_threads_ - 1, " threads, only ", startable));
  }
  absl::Status bound = cpus_.empty() ? absl::OkStatus() : BindOwnThreads();
  if (!bound.ok()) {
    pthreadpool_destroy(crew.threads);
    crew.threads = nullptr;
  }
  return bound;
}

absl::Status ThreadPool::BindOwnThreads() {
  // As many items as threads, and none ends before all have begun: so each thread has one.
  const size_t count = static_cast<size_t>(num_threads_);
  const std::thread::id caller = std::this_thread::get_id();
  Gate gate;
  std::atomic<size_t> begun{0};
  std::atomic<size_t> next{1};
  std::atomic<int32_t> refused{-1};
  ParallelFor(count, [&](size_t) {
    if (++begun == count) gate.Open();
    gate.Wait();
    if (std::this_thread::get_id() == caller) return;
    const int32_t cpu = cpus_[next++];
    if (!BindThisThread(cpu)) refused = cpu;
  });
  if (refused < 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("cpus: expected CPUs that threads can be bound to, found ", refused.load()));
}

ThreadPoolLock ThreadPool::Lock() {
  Crew& crew = ThisCrew();
  return {crew.process, std::unique_lock<std::mutex>(crew.lock),
          CpuBinding(cpus_.empty() ? -1 : cpus_.front())};
}

int32_t ThreadPool::DefaultThreadCount() {
  std::vector<int32_t> cpus = AllowedCpus();
  std::optional<double> quota;
#if defined(__linux__)
  cpus = CpusWorthAThread(cpus, "/sys");
  std::ifstream self("/proc/self/cgroup");
  std::stringstream text;
  text << self.rdbuf();
  quota = CgroupProcessors(text.str(), "/sys/fs/cgroup");
#elif defined(__APPLE__)
  const int32_t big = NumBigCores();
  if (big > 0) cpus.resize(std::min(cpus.size(), static_cast<size_t>(big)));
#endif
  return ThreadsWithin(static_cast<int32_t>(cpus.size()), quota);
}

void ThreadPool::ParallelFor(size_t count, absl::FunctionRef<void(size_t)> body) {
  pthreadpool* const threads = handle();
  if (threads == nullptr || count <= 1) {
    for (size_t i = 0; i < count; ++i) body(i);
    return;
  }
  using Body = absl::FunctionRef<void(size_t)>;
  pthreadpool_parallelize_1d(
      threads, [](void* context, size_t i) { (*static_cast<Body*>(context))(i); }, &body, count,
      /*flags=*/0);
}

}  // namespace inkling
