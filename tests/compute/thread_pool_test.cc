// ThreadPool: every index once, on as many threads as asked for, and honest about impossible ones.

#include "src/compute/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "src/compute/cpu_affinity.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

TEST(ThreadPool, CoversEachIndexOnce) {
  for (int32_t num_threads : {1, 2, 3, 8}) {
    ASSERT_OK_AND_ASSIGN(auto pool, ThreadPool::Create(num_threads));
    EXPECT_EQ(pool->num_threads(), num_threads);
    EXPECT_EQ(pool->handle() == nullptr, num_threads == 1);
    const auto lock = pool->Lock();
    for (size_t count : {0, 1, 2, 3, 7, 64, 1001}) {
      std::vector<std::atomic<int>> calls(count);
      pool->ParallelFor(count, [&](size_t i) { ++calls[i]; });
      for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(calls[i], 1) << i << " of " << count << " on " << num_threads;
      }
    }
  }
}

TEST(ThreadPool, OneIndexStaysOnTheCaller) {
  ASSERT_OK_AND_ASSIGN(auto pool, ThreadPool::Create(4));
  std::thread::id thread;
  pool->ParallelFor(1, [&](size_t) { thread = std::this_thread::get_id(); });
  EXPECT_EQ(thread, std::this_thread::get_id());
}

TEST(ThreadPool, WorkRunsOnSeveralThreads) {
  ASSERT_OK_AND_ASSIGN(auto pool, ThreadPool::Create(2));
  // Each index waits for the other, so one thread alone would never be done.
  std::atomic<int> arrived = 0;
  std::atomic<bool> gave_up = false;
  pool->ParallelFor(2, [&](size_t) {
    ++arrived;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (arrived < 2 && !gave_up) {
      if (std::chrono::steady_clock::now() > deadline) gave_up = true;
      std::this_thread::yield();
    }
  });
  EXPECT_FALSE(gave_up);
}

TEST(ThreadPool, TwoPoolsDontDisturbEachOther) {
  ASSERT_OK_AND_ASSIGN(auto first, ThreadPool::Create(2));
  ASSERT_OK_AND_ASSIGN(auto second, ThreadPool::Create(3));
  std::atomic<int64_t> sums[2] = {0, 0};
  const auto work = [&sums](ThreadPool& pool, int which) {
    for (int round = 0; round < 50; ++round) {
      const auto lock = pool.Lock();
      pool.ParallelFor(100, [&](size_t i) { sums[which] += static_cast<int64_t>(i); });
    }
  };
  std::thread other([&] { work(*second, 1); });
  work(*first, 0);
  other.join();
  EXPECT_EQ(sums[0], 50 * 4950);
  EXPECT_EQ(sums[1], 50 * 4950);
}

TEST(ThreadPool, TheLockIsHeldByOneAtATime) {
  ASSERT_OK_AND_ASSIGN(auto pool, ThreadPool::Create(2));
  int inside = 0;
  int most = 0;
  std::vector<std::thread> sessions;
  for (int s = 0; s < 4; ++s) {
    sessions.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        const auto lock = pool->Lock();
        most = std::max(most, ++inside);
        std::atomic<int> calls = 0;
        pool->ParallelFor(8, [&](size_t) { ++calls; });
        EXPECT_EQ(calls, 8);
        --inside;
      }
    });
  }
  for (std::thread& session : sessions) session.join();
  EXPECT_EQ(most, 1);
}

TEST(ThreadPool, WorkersTakeItems) {
  constexpr size_t kItems = 100;
  ASSERT_OK_AND_ASSIGN(auto pool, ThreadPool::Create(3));
  const auto lock = pool->Lock();
  for (size_t max_workers : {1, 2, 8}) {
    std::vector<std::atomic<int>> calls(kItems);
    std::vector<std::atomic<int>> running(3);
    pool->ForEachItem(kItems, max_workers, [&](size_t item, size_t worker) {
      ASSERT_LT(worker, std::min<size_t>(max_workers, 3));
      EXPECT_EQ(++running[worker], 1);
      ++calls[item];
      --running[worker];
    });
    for (const std::atomic<int>& count : calls) EXPECT_EQ(count, 1);
  }
}

TEST(ThreadPool, RefusesImpossibleCounts) {
  for (int32_t count : {0, -1, 257, std::numeric_limits<int32_t>::min()}) {
    EXPECT_THAT(ThreadPool::Create(count),
                MatchesStatus(absl::StatusCode::kInvalidArgument,
                              {"num_threads", "expected 1 to 256", std::to_string(count)}));
  }
}

TEST(ThreadPool, DefaultCountIsWithinWhatIsAllowed) {
  const int32_t count = ThreadPool::DefaultThreadCount();
  EXPECT_GE(count, 1);
  EXPECT_LE(count, static_cast<int32_t>(AllowedCpus().size()));
}

#if defined(__linux__)

// The CPUs that each thread of a pool may run on, the caller's first.
std::vector<std::vector<int32_t>> CpusOfThreads(ThreadPool& pool) {
  const size_t count = static_cast<size_t>(pool.num_threads());
  const std::thread::id caller = std::this_thread::get_id();
  std::vector<std::vector<int32_t>> cpus(count);
  std::atomic<size_t> begun{0};
  std::atomic<size_t> next{1};
  pool.ParallelFor(count, [&](size_t) {
    ++begun;
    while (begun < count) std::this_thread::yield();  // so that each thread has one
    cpus[std::this_thread::get_id() == caller ? 0 : next++] = AllowedCpus();
  });
  std::sort(cpus.begin() + 1, cpus.end());
  return cpus;
}

TEST(ThreadPool, ThreadsAreBoundToTheirCpus) {
  const std::vector<int32_t> all = AllowedCpus();
  std::vector<int32_t> chosen(all.rbegin(), all.rend());  // another order than the machine's
  for (size_t count = 1; count <= std::min<size_t>(chosen.size(), 4); ++count) {
    ASSERT_OK_AND_ASSIGN(auto pool, ThreadPool::Create(static_cast<int32_t>(count), chosen));
    EXPECT_EQ(AllowedCpus(), all) << "the caller's mask is its own";
    std::vector<std::vector<int32_t>> expected;
    for (size_t i = 0; i < count; ++i) expected.push_back({chosen[i]});
    std::sort(expected.begin() + 1, expected.end());
    {
      const auto lock = pool->Lock();
      EXPECT_EQ(CpusOfThreads(*pool), expected);
    }
    expected[0] = all;
    EXPECT_EQ(CpusOfThreads(*pool), expected) << "without the lock";
  }
  EXPECT_EQ(AllowedCpus(), all);
}

TEST(ThreadPool, ThreadsWithoutCpusRunAnywhere) {
  const std::vector<int32_t> all = AllowedCpus();
  ASSERT_OK_AND_ASSIGN(auto pool, ThreadPool::Create(3));
  const auto lock = pool->Lock();
  EXPECT_EQ(CpusOfThreads(*pool), std::vector<std::vector<int32_t>>(3, all));
}

// Whoever has the lock is bound, and nobody else.
TEST(ThreadPool, AnyThreadThatTakesTheLockIsBound) {
  const std::vector<int32_t> all = AllowedCpus();
  ASSERT_OK_AND_ASSIGN(auto pool, ThreadPool::Create(1, {all.back()}));
  std::thread([&] {
    {
      const auto lock = pool->Lock();
      EXPECT_EQ(AllowedCpus(), std::vector<int32_t>{all.back()});
    }
    EXPECT_EQ(AllowedCpus(), all);
  }).join();
  EXPECT_EQ(AllowedCpus(), all);
}

// What the system thinks of a CPU may have changed since CheckCpus.
TEST(ThreadPool, SaysWhichCpuAThreadCantBeBoundTo) {
  const int32_t cpu = AllowedCpus().back();
  EXPECT_THAT(ThreadPool::Create(2, {cpu, 1 << 20}),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"cpus", "found " + std::to_string(1 << 20)}));
}

#endif

}  // namespace
}  // namespace inkling
