// The processors that control groups of either version leave, read from made-up trees.

#include "src/compute/cpu_budget.h"

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

void WriteIn(const std::string& folder, const std::string& name, const std::string& text) {
  std::filesystem::create_directories(folder);
  WriteFileBytes(folder + "/" + name, text);
}

TEST(CpuBudget, NoFilesIsNoLimit) {
  const TempDir mount;
  EXPECT_EQ(CgroupProcessors("", mount.path()), std::nullopt);
  EXPECT_EQ(CgroupProcessors("0::/\n", mount.path()), std::nullopt);
  EXPECT_EQ(CgroupProcessors("1:cpu:/\n0::/a/b\n", mount.path()), std::nullopt);
  EXPECT_EQ(CgroupProcessors("nonsense\n::\n:", mount.path()), std::nullopt);
}

TEST(CpuBudget, Version2TakesTheLeastOfTheAncestors) {
  const TempDir mount;
  WriteIn(mount.path() + "/a/b", "cpu.max", "max 100000\n");
  EXPECT_EQ(CgroupProcessors("0::/a/b\n", mount.path()), std::nullopt);
  WriteIn(mount.path() + "/a", "cpu.max", "250000 100000\n");
  EXPECT_EQ(CgroupProcessors("0::/a/b\n", mount.path()), 2.5);
  WriteIn(mount.path() + "/a/b", "cpu.max", "50000 100000\n");
  EXPECT_EQ(CgroupProcessors("0::/a/b\n", mount.path()), 0.5);
  // Inside a container the group is "/" and its files lie in the mount itself.
  WriteIn(mount.path(), "cpu.max", "300000 100000\n");
  EXPECT_EQ(CgroupProcessors("0::/\n", mount.path()), 3.0);
}

TEST(CpuBudget, Version1ReadsTheCpuController) {
  const TempDir mount;
  WriteIn(mount.path() + "/cpu/jobs", "cpu.cfs_quota_us", "-1\n");
  WriteIn(mount.path() + "/cpu/jobs", "cpu.cfs_period_us", "100000\n");
  const std::string self = "12:cpuset:/other\n3:cpu,cpuacct:/jobs\n0::/\n";
  EXPECT_EQ(CgroupProcessors(self, mount.path()), std::nullopt);
  WriteIn(mount.path() + "/cpu/jobs", "cpu.cfs_quota_us", "150000\n");
  EXPECT_EQ(CgroupProcessors(self, mount.path()), 1.5);
  EXPECT_EQ(CgroupProcessors("3:cpuset:/jobs\n", mount.path()), std::nullopt);
}

TEST(CpuBudget, DamagedFilesAreNoLimit) {
  const TempDir mount;
  for (const char* text :
       {"", "100000", "x 100000", "1 0", "0 100000", "nan 1", "1 2 3", "1 nan"}) {
    WriteIn(mount.path(), "cpu.max", text);
    EXPECT_EQ(CgroupProcessors("0::/\n", mount.path()), std::nullopt) << text;
  }
}

TEST(CpuBudget, ThreadsAreAtLeastOneAndAtMostAllowed) {
  EXPECT_EQ(ThreadsWithin(8, std::nullopt), 8);
  EXPECT_EQ(ThreadsWithin(8, 2.4), 2);
  EXPECT_EQ(ThreadsWithin(8, 2.5), 3);
  EXPECT_EQ(ThreadsWithin(8, 0.2), 1);
  EXPECT_EQ(ThreadsWithin(8, 1e9), 8);
  EXPECT_EQ(ThreadsWithin(0, std::nullopt), 1);
}

}  // namespace
}  // namespace inkling
