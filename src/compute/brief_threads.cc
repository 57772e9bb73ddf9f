// pthread_create, because std::thread throws where there is no thread to be had.

#include "src/compute/brief_threads.h"

#include <pthread.h>

#include <atomic>
#include <vector>

namespace inkling {
namespace {

struct Work {
  const size_t count;
  absl::FunctionRef<void(size_t)> body;
  std::atomic<size_t> next{0};

  void Run() {
    for (size_t i = next++; i < count; i = next++) body(i);
  }
};

void* RunWork(void* work) {
  static_cast<Work*>(work)->Run();
  return nullptr;
}

}  // namespace

void RunOnBriefThreads(size_t count, int32_t num_threads, absl::FunctionRef<void(size_t)> body) {
  Work work = {.count = count, .body = body};
  std::vector<pthread_t> threads;
  while (threads.size() + 1 < static_cast<size_t>(num_threads) && threads.size() + 1 < count) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, &RunWork, &work) != 0) break;
    threads.push_back(thread);
  }
  work.Run();
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
}

}  // namespace inkling
