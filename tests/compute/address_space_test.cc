// AddressSpace: memory arrives zeroed, keeps its place and its contents, and ends where it must.

#include "src/compute/address_space.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

TEST(AddressSpace, GrowsInPlace) {
  // Far more than this machine has: only what is touched counts. 32-bit systems have less to give.
  constexpr int kReservedBits = sizeof(void*) > 4 ? 38 : 26;
  ASSERT_OK_AND_ASSIGN(AddressSpace space, AddressSpace::Reserve(int64_t{1} << kReservedBits));
  EXPECT_EQ(space.committed_bytes(), 0);
  std::byte* start = space.data();
  ASSERT_OK(space.Commit(1));
  EXPECT_EQ(start[0], std::byte{0});
  start[0] = std::byte{42};
  ASSERT_OK(space.Commit(10 << 20));
  EXPECT_GE(space.committed_bytes(), 10 << 20);
  EXPECT_EQ(space.data(), start);
  EXPECT_EQ(start[0], std::byte{42});
  std::memset(start + 1, 1, (10 << 20) - 1);
  ASSERT_OK(space.Commit(1));
  EXPECT_GE(space.committed_bytes(), 10 << 20);
}

#if defined(__linux__)
// Huge pages are given to aligned ranges only, and decode from small ones is 15% slower.
TEST(AddressSpace, BeginsWhereAHugePageCan) {
  for (const int64_t bytes : {int64_t{1}, int64_t{3} << 20, (int64_t{16} << 20) + 4096}) {
    ASSERT_OK_AND_ASSIGN(AddressSpace space, AddressSpace::Reserve(bytes));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(space.data()) % (uintptr_t{2} << 20), 0);
    ASSERT_OK(space.Commit(bytes));
    std::memset(space.data(), 1, static_cast<size_t>(bytes));
  }
}
#endif

TEST(AddressSpace, EndsWhereItWasReserved) {
  ASSERT_OK_AND_ASSIGN(AddressSpace space, AddressSpace::Reserve(5000));
  EXPECT_GE(space.reserved_bytes(), 5000);
  EXPECT_THAT(space.Commit(space.reserved_bytes() + 1),
              MatchesStatus(absl::StatusCode::kResourceExhausted, {"can't hold"}));
  ASSERT_OK(space.Commit(space.reserved_bytes()));
  std::memset(space.data(), 1, static_cast<size_t>(space.reserved_bytes()));
}

TEST(AddressSpace, Moves) {
  ASSERT_OK_AND_ASSIGN(AddressSpace space, AddressSpace::Reserve(1 << 20));
  ASSERT_OK(space.Commit(100));
  std::byte* start = space.data();
  start[99] = std::byte{7};
  AddressSpace other = std::move(space);
  EXPECT_EQ(other.data(), start);
  EXPECT_EQ(other.data()[99], std::byte{7});
}

TEST(AddressSpace, RefusesImpossibleSizes) {
  for (int64_t bytes : {int64_t{0}, int64_t{-5}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_THAT(AddressSpace::Reserve(bytes), MatchesStatus(absl::StatusCode::kInvalidArgument));
  }
  // Positive, and more than any processor can address.
  EXPECT_THAT(AddressSpace::Reserve(int64_t{1} << 60),
              MatchesStatus(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace inkling
