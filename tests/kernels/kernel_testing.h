// What every kernel test shares: running on each instruction set, random values, comparing.
//
// Tests derive their fixture from PerTargetTest and end with INKLING_FOR_EACH_TARGET(Fixture): each
// case then runs once per instruction set that is compiled in and that this machine has.
#ifndef INKLING_TESTS_KERNELS_KERNEL_TESTING_H_
#define INKLING_TESTS_KERNELS_KERNEL_TESTING_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

// The first of these must come before any Highway header.
// clang-format off
#include "kernels/compiled_targets.h"
#include "hwy/highway.h"
// clang-format on
#include "kernels/simd_target.h"

namespace inkling::kernels {

// Runs the dispatch of all kernels on one instruction set, and proves that it did.
class PerTargetTest : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override {
    hwy::SetSupportedTargetsForTest(GetParam());
    ASSERT_STREQ(SimdTargetName(), hwy::TargetName(GetParam()));
  }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

inline std::vector<int64_t> TestableTargets() {
  std::vector<int64_t> targets;
  const int64_t all = hwy::SupportedTargets() & HWY_TARGETS;
  for (int64_t rest = all; rest != 0; rest &= rest - 1) targets.push_back(rest & -rest);
  return targets;
}

inline std::string TargetOfTest(const testing::TestParamInfo<int64_t>& info) {
  return hwy::TargetName(info.param);
}

#define INKLING_FOR_EACH_TARGET(Fixture)                                                           \
  INSTANTIATE_TEST_SUITE_P(Isa, Fixture, testing::ValuesIn(::inkling::kernels::TestableTargets()), \
                           ::inkling::kernels::TargetOfTest)

// The lengths that matter: below, at and beyond every vector size, odd tails, and model widths.
inline std::vector<size_t> InterestingSizes() {
  return {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 63, 64, 65, 80, 127, 257, 768, 2049};
}

// Reproducible normal values of the given spread.
inline std::vector<float> RandomValues(size_t size, uint32_t seed, float spread = 1.0f) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> distribution(0.0f, spread);
  std::vector<float> values(size);
  for (float& value : values) value = distribution(engine);
  return values;
}

// A value that no kernel writes: guards behind outputs must still hold it.
inline constexpr float kUntouched = 12345.0f;

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Succeeds when |actual - expected| <= relative * |expected| + absolute.
inline testing::AssertionResult IsClose(float actual, double expected, double relative,
                                        double absolute) {
  const double error = std::abs(static_cast<double>(actual) - expected);
  if (error <= relative * std::abs(expected) + absolute) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << "got " << actual << ", expected " << expected << ", error " << error;
}

}  // namespace inkling::kernels

#endif  // INKLING_TESTS_KERNELS_KERNEL_TESTING_H_
