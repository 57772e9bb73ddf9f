// Masks of CPUs: what is allowed, what is refused, and that a bound thread gets its own mask back.

#include "src/compute/cpu_affinity.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using Cpus = std::vector<int32_t>;

TEST(CpuAffinity, AllowedCpusAreAscendingAndWithinTheMachine) {
  const Cpus cpus = AllowedCpus();
  ASSERT_FALSE(cpus.empty());
  EXPECT_TRUE(std::is_sorted(cpus.begin(), cpus.end()));
  EXPECT_GE(cpus.front(), 0);
  EXPECT_LE(cpus.size(), std::max(1u, std::thread::hardware_concurrency()));
}

TEST(CpuAffinity, NoCpusAreRightForAnyThreads) { EXPECT_OK(CheckCpus({}, 100)); }

#if defined(__linux__)

TEST(CpuAffinity, AllowedCpusAreRightForAsManyThreads) {
  const Cpus cpus = AllowedCpus();
  const int32_t count = static_cast<int32_t>(cpus.size());
  EXPECT_OK(CheckCpus(cpus, count));
  EXPECT_OK(CheckCpus(cpus, 1));
  EXPECT_THAT(CheckCpus(cpus, count + 1),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"cpus", std::to_string(count + 1) + " threads",
                             "found " + std::to_string(count)}));
}

TEST(CpuAffinity, ACpuThatIsntThereIsNamed) {
  const int32_t first = AllowedCpus().front();
  for (int32_t cpu : {-1, AllowedCpus().back() + 1, 1 << 20}) {
    EXPECT_THAT(CheckCpus({first, cpu}, 1),
                MatchesStatus(absl::StatusCode::kInvalidArgument,
                              {"cpus[1]", "found " + std::to_string(cpu)}));
  }
}

TEST(CpuAffinity, ACpuTwiceIsNamed) {
  const int32_t first = AllowedCpus().front();
  EXPECT_THAT(CheckCpus({first, first}, 2),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"cpus[1]", "found " + std::to_string(first) + " again"}));
}

TEST(CpuAffinity, ABoundThreadGetsItsMaskBack) {
  const Cpus before = AllowedCpus();
  for (int32_t cpu : before) {
    {
      const CpuBinding binding(cpu);
      EXPECT_EQ(AllowedCpus(), Cpus{cpu});
      const CpuBinding none(-1);
      EXPECT_EQ(AllowedCpus(), Cpus{cpu});
    }
    EXPECT_EQ(AllowedCpus(), before);
  }
}

TEST(CpuAffinity, ACpuThatIsntThereChangesNothing) {
  const Cpus before = AllowedCpus();
  for (int32_t cpu : {-1, before.back() + 1, CPU_SETSIZE, 1 << 30}) {
    EXPECT_FALSE(BindThisThread(cpu)) << cpu;
    const CpuBinding binding(cpu);
    EXPECT_EQ(AllowedCpus(), before) << cpu;
  }
}

TEST(CpuAffinity, OutsideTheThreadsOwnMaskIsNotAllowed) {
  const Cpus all = AllowedCpus();
  if (all.size() < 2) GTEST_SKIP() << "this process may use one CPU only";
  // A thread of its own, which takes its mask with it.
  std::thread([&] {
    ASSERT_TRUE(BindThisThread(all[0]));
    EXPECT_EQ(AllowedCpus(), Cpus{all[0]});
    EXPECT_THAT(CheckCpus({all[1]}, 1),
                MatchesStatus(absl::StatusCode::kInvalidArgument,
                              {"cpus[0]", "one of the 1 CPUs", std::to_string(all[1])}));
  }).join();
  EXPECT_EQ(AllowedCpus(), all);
}

#else

TEST(CpuAffinity, CpusNeedASystemThatBindsThreads) {
  EXPECT_THAT(CheckCpus({0}, 1), MatchesStatus(absl::StatusCode::kUnimplemented, {"cpus"}));
  EXPECT_FALSE(BindThisThread(0));
}

#endif

}  // namespace
}  // namespace inkling
