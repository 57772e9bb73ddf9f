// What compute/ knows about fork(): stamps tell processes apart, and a thread pool is whole again
// in a child.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "src/compute/cpu_affinity.h"
#include "src/compute/process_stamp.h"
#include "src/compute/thread_pool.h"
#include "tests/testing/forked_child.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

TEST(ProcessStamp, IsTheSameInAProcessAndItsThreads) {
  ProcessStamp stamp;
  const uint64_t first = stamp.Current();
  EXPECT_NE(first, 0u);
  EXPECT_EQ(first % 2, 0u);
  EXPECT_EQ(stamp.Current(), first);
  std::thread([&] { EXPECT_EQ(stamp.Current(), first); }).join();
}

TEST(ProcessStamp, IsAnotherInEveryDescendant) {
  ProcessStamp stamp;
  const uint64_t parent = stamp.Current();
  EXPECT_EQ(InForkedChild([&] {
              const uint64_t child = stamp.Current();
              EXPECT_NE(child, parent);
              EXPECT_EQ(stamp.Current(), child);
              EXPECT_EQ(InForkedChild([&] {
                          EXPECT_NE(stamp.Current(), child);
                          EXPECT_NE(stamp.Current(), parent);
                        }),
                        "");
              EXPECT_EQ(stamp.Current(), child);
            }),
            "");
  EXPECT_EQ(stamp.Current(), parent);
}

// A child that never asked leaves the numbers of its own children as they would be.
TEST(ProcessStamp, IsAnotherWhereTheParentNeverAsked) {
  ProcessStamp stamp;
  const uint64_t first = stamp.Current();
  EXPECT_EQ(InForkedChild([&] {
              EXPECT_EQ(InForkedChild([&] { EXPECT_NE(stamp.Current(), first); }), "");
              EXPECT_NE(stamp.Current(), first);
            }),
            "");
}

TEST(ProcessStamp, ThreadsOfAChildAgree) {
  if (kForkedChildrenStartNoThreads) GTEST_SKIP() << kWhyTheyStartNone;
  for (int round = 0; round < 20; ++round) {
    ProcessStamp stamp;
    const uint64_t parent = stamp.Current();
    ASSERT_EQ(InForkedChild([&] {
                uint64_t found[4];
                std::atomic<int> ready{0};
                std::vector<std::thread> threads;
                for (uint64_t& number : found) {
                  threads.emplace_back([&] {
                    for (++ready; ready < 4;) std::this_thread::yield();
                    number = stamp.Current();
                  });
                }
                for (std::thread& thread : threads) thread.join();
                EXPECT_EQ(std::set<uint64_t>(found, found + 4).size(), 1u);
                EXPECT_NE(found[0], parent);
              }),
              "");
  }
}

class ThreadPoolFork : public testing::Test {
 protected:
  void SetUp() override {
    if (kForkedChildrenStartNoThreads) GTEST_SKIP() << kWhyTheyStartNone;
  }
};

// Whether all threads of `pool` are there: each item waits for the others.
bool AllThreadsWork(ThreadPool& pool) {
  const size_t count = static_cast<size_t>(pool.num_threads());
  std::mutex mutex;
  std::set<std::thread::id> ids;
  std::atomic<size_t> begun{0};
  pool.ParallelFor(count, [&](size_t) {
    for (++begun; begun < count;) std::this_thread::yield();
    const std::lock_guard<std::mutex> lock(mutex);
    ids.insert(std::this_thread::get_id());
  });
  return ids.size() == count;
}

void ExpectWorks(ThreadPool& pool) {
  const ThreadPoolLock lock = pool.Lock();
  EXPECT_OK(pool.StartThreads());
  EXPECT_TRUE(AllThreadsWork(pool));
  EXPECT_OK(pool.StartThreads());  // they are there
  EXPECT_TRUE(AllThreadsWork(pool));
}

TEST_F(ThreadPoolFork, ThreadsComeBackInTheChild) {
  for (const int32_t num_threads : {1, 2, 4}) {
    ASSERT_OK_AND_ASSIGN(std::unique_ptr<ThreadPool> pool, ThreadPool::Create(num_threads));
    EXPECT_EQ(InForkedChild([&] {
                ExpectWorks(*pool);
                EXPECT_EQ(InForkedChild([&] {
                            ExpectWorks(*pool);
                            pool.reset();
                          }),
                          "");
                ExpectWorks(*pool);
                pool.reset();
              }),
              "");
    ExpectWorks(*pool);
  }
}

// Before its threads are back, the child's work is done all the same.
TEST_F(ThreadPoolFork, WorkWithoutThreadsRunsOnTheCaller) {
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<ThreadPool> pool, ThreadPool::Create(3));
  EXPECT_EQ(InForkedChild([&] {
              const ThreadPoolLock lock = pool->Lock();
              std::vector<std::thread::id> ids(10);
              pool->ParallelFor(ids.size(), [&](size_t i) { ids[i] = std::this_thread::get_id(); });
              EXPECT_EQ(std::count(ids.begin(), ids.end(), std::this_thread::get_id()), 10);
            }),
            "");
}

TEST_F(ThreadPoolFork, AChildDestroysAPoolThatItNeverUsed) {
  for (const int32_t num_threads : {1, 2, 4}) {
    ASSERT_OK_AND_ASSIGN(std::unique_ptr<ThreadPool> pool, ThreadPool::Create(num_threads));
    EXPECT_EQ(InForkedChild([&] { pool.reset(); }), "");
    ExpectWorks(*pool);
  }
}

TEST_F(ThreadPoolFork, ALockHeldInTheParentIsFreeInTheChild) {
  for (const int32_t num_threads : {1, 2}) {
    ASSERT_OK_AND_ASSIGN(std::unique_ptr<ThreadPool> pool, ThreadPool::Create(num_threads));
    std::atomic<bool> held{false};
    std::atomic<bool> release{false};
    std::thread holder([&] {
      const ThreadPoolLock lock = pool->Lock();
      held = true;
      // In the middle of a region, too.
      pool->ParallelFor(2, [&](size_t) {
        while (!release) std::this_thread::yield();
      });
    });
    while (!held) std::this_thread::yield();
    EXPECT_EQ(InForkedChild([&] {
                ExpectWorks(*pool);
                pool.reset();
              }),
              "");
    EXPECT_EQ(InForkedChild([&] { pool.reset(); }), "");
    release = true;
    holder.join();
    ExpectWorks(*pool);
  }
}

TEST_F(ThreadPoolFork, ThreadsOfAChildTakeTurns) {
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<ThreadPool> pool, ThreadPool::Create(2));
  for (int round = 0; round < 10; ++round) {
    ASSERT_EQ(InForkedChild([&] {
                int inside = 0;
                int most = 0;
                std::vector<std::thread> threads;
                for (int i = 0; i < 4; ++i) {
                  threads.emplace_back([&] {
                    for (int turn = 0; turn < 5; ++turn) {
                      const ThreadPoolLock lock = pool->Lock();
                      most = std::max(most, ++inside);
                      EXPECT_OK(pool->StartThreads());
                      EXPECT_TRUE(AllThreadsWork(*pool));
                      --inside;
                    }
                  });
                }
                for (std::thread& thread : threads) thread.join();
                EXPECT_EQ(most, 1);
              }),
              "");
  }
}

#if defined(__linux__)

TEST_F(ThreadPoolFork, ThreadsAreBoundAgain) {
  const std::vector<int32_t> cpus = AllowedCpus();
  if (cpus.size() < 2) GTEST_SKIP() << "needs two CPUs";
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<ThreadPool> pool, ThreadPool::Create(2, cpus));
  EXPECT_EQ(InForkedChild([&] {
              const std::thread::id caller = std::this_thread::get_id();
              {
                const ThreadPoolLock lock = pool->Lock();
                ASSERT_OK(pool->StartThreads());
                std::atomic<size_t> begun{0};
                pool->ParallelFor(2, [&](size_t) {
                  for (++begun; begun < 2;) std::this_thread::yield();
                  const bool is_caller = std::this_thread::get_id() == caller;
                  EXPECT_EQ(AllowedCpus(), std::vector<int32_t>{cpus[is_caller ? 0 : 1]});
                });
              }
              EXPECT_EQ(AllowedCpus(), cpus);
            }),
            "");
}

#endif

}  // namespace
}  // namespace inkling
