// DefaultFloats: the default inside, and outside every bit as it was.

#include "src/compute/float_environment.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cfenv>
#include <cstddef>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "src/compute/thread_pool.h"
#include "tests/testing/host_floats.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

// Computed where the compiler can't.
volatile double one = 1;
volatile double three = 3;
volatile double huge = 1e308;
volatile float tiny = std::numeric_limits<float>::min();

struct Computed {
  double third;
  double minus_third;
  float subnormal;
  friend bool operator==(const Computed&, const Computed&) = default;
};

// Raises every flag but the one of a division by zero, and that too.
[[gnu::noinline]] Computed Compute() {
  const Computed computed = {one / three, -one / three, tiny * 0.25f};
  volatile double sink = huge * huge;
  sink = (sink - sink) * 0;
  sink = one / (three - three);
  return computed;
}

class FloatEnvironmentTest : public testing::Test {
 protected:
  ~FloatEnvironmentTest() override { ResetHostFloats(); }

  const Computed expected_ = Compute();
};

TEST_F(FloatEnvironmentTest, IsTheDefaultInsideAndTheAppsOutside) {
  for (const HostFloatsCase& floats : HostFloatsCases()) {
    Computed computed;
    SetHostFloats(floats);
    const HostFloats before = ReadHostFloats();
    {
      const DefaultFloats scope;
      computed = Compute();
    }
    const HostFloats after = ReadHostFloats();
    ResetHostFloats();
    EXPECT_EQ(after, before) << floats.name;
    EXPECT_EQ(computed, expected_) << floats.name;
  }
}

TEST_F(FloatEnvironmentTest, MayBeNested) {
  for (const HostFloatsCase& floats : HostFloatsCases()) {
    Computed inner;
    Computed outer;
    SetHostFloats(floats);
    const HostFloats before = ReadHostFloats();
    {
      const DefaultFloats scope;
      {
        const DefaultFloats nested;
        inner = Compute();
      }
      outer = Compute();
    }
    const HostFloats after = ReadHostFloats();
    ResetHostFloats();
    EXPECT_EQ(after, before) << floats.name;
    EXPECT_EQ(inner, expected_) << floats.name;
    EXPECT_EQ(outer, expected_) << floats.name;
  }
}

TEST_F(FloatEnvironmentTest, AnIntervalIsTheAppsAndKeepsItsChanges) {
  const std::vector<HostFloatsCase> cases = HostFloatsCases();
  for (size_t i = 0; i < cases.size(); ++i) {
    const HostFloatsCase& next = cases[(i + 7) % cases.size()];
    Computed computed;
    SetHostFloats(cases[i]);
    const HostFloats before = ReadHostFloats();
    HostFloats within;
    HostFloats changed;
    {
      DefaultFloats scope;
      Compute();
      {
        const DefaultFloats::Interval interval(scope);
        within = ReadHostFloats();
        ResetHostFloats();
        SetHostFloats(next);
        changed = ReadHostFloats();
      }
      computed = Compute();
    }
    const HostFloats after = ReadHostFloats();
    ResetHostFloats();
    EXPECT_EQ(within, before) << cases[i].name;
    EXPECT_EQ(after, changed) << cases[i].name << " and " << next.name;
    EXPECT_EQ(computed, expected_) << cases[i].name;
  }
}

// What was to be seen of the cases, so that the tests above aren't about nothing.
TEST_F(FloatEnvironmentTest, TheCasesDiffer) {
#if defined(__x86_64__) || defined(__aarch64__)
  const auto compute_in = [](const HostFloatsCase& floats) {
    SetHostFloats(floats);
    const Computed computed = {one / three, -one / three, tiny * 0.25f};
    ResetHostFloats();
    return computed;
  };
  EXPECT_GT(compute_in({.name = "", .rounding = FE_UPWARD}).third, expected_.third);
  EXPECT_LT(compute_in({.name = "", .rounding = FE_DOWNWARD}).minus_third, expected_.minus_third);
  EXPECT_GT(compute_in({.name = "", .rounding = FE_TOWARDZERO}).minus_third,
            compute_in({.name = "", .rounding = FE_DOWNWARD}).minus_third);
  EXPECT_EQ(compute_in({.name = "", .flushes = true}).subnormal, 0.0f);
  EXPECT_GT(expected_.subnormal, 0.0f);
#endif
}

TEST_F(FloatEnvironmentTest, ThreadsOfAPoolHaveTheDefault) {
  for (const HostFloatsCase& floats : HostFloatsCases()) {
    constexpr size_t kThreads = 3;
    Computed computed[kThreads];
    SetHostFloats(floats);
    const HostFloats before = ReadHostFloats();
    absl::StatusOr<std::unique_ptr<ThreadPool>> pool = ThreadPool::Create(kThreads);
    const HostFloats created = ReadHostFloats();
    ResetHostFloats();
    EXPECT_EQ(created, before) << floats.name;
    ASSERT_OK(pool);
    std::atomic<size_t> begun{0};
    const ThreadPoolLock lock = (*pool)->Lock();
    (*pool)->ParallelFor(kThreads, [&](size_t i) {
      for (++begun; begun < kThreads;) std::this_thread::yield();
      computed[i] = Compute();
    });
    for (const Computed& found : computed) EXPECT_EQ(found, expected_) << floats.name;
  }
}

}  // namespace
}  // namespace inkling
