// The CPUs worth a thread, of made-up machines: phones, a hybrid, servers, and broken files.

#include "src/compute/core_classes.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using Cpus = std::vector<int32_t>;

// A machine's sysfs.
class Machine {
 public:
  explicit Machine(int32_t num_cpus) : all_(static_cast<size_t>(num_cpus)) {
    std::iota(all_.begin(), all_.end(), 0);
  }

  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_.File(name);
    std::filesystem::create_directories(path.parent_path());
    WriteFileBytes(path.string(), text);
  }

  void WriteOfCpu(int32_t cpu, const std::string& name, const std::string& text) {
    Write(absl::StrCat("devices/system/cpu/cpu", cpu, "/", name), text);
  }

  void SetCapacities(const std::vector<int>& capacities) {
    for (size_t i = 0; i < capacities.size(); ++i) {
      WriteOfCpu(static_cast<int32_t>(i), "cpu_capacity", absl::StrCat(capacities[i], "\n"));
    }
  }

  void SetSiblings(int32_t cpu, const std::string& list) {
    WriteOfCpu(cpu, "topology/thread_siblings_list", list + "\n");
  }

  Cpus Worth(const Cpus& allowed) const { return CpusWorthAThread(allowed, folder_.path()); }
  Cpus Worth() const { return Worth(all_); }
  const Cpus& all() const { return all_; }

 private:
  TempDir folder_;
  Cpus all_;
};

TEST(CoreClasses, APhoneWithThreeClassesUsesTheUpperTwo) {
  Machine phone(8);
  phone.SetCapacities({250, 250, 250, 250, 760, 760, 760, 1024});
  EXPECT_EQ(phone.Worth(), (Cpus{4, 5, 6, 7}));
  // Smaller middle cores, as two of the first such phones had.
  phone.SetCapacities({160, 160, 160, 160, 620, 620, 1024, 1024});
  EXPECT_EQ(phone.Worth(), (Cpus{4, 5, 6, 7}));
}

TEST(CoreClasses, APhoneWithTwoBigCoresUsesThose) {
  Machine phone(8);
  phone.SetCapacities({391, 391, 391, 391, 391, 391, 1024, 1024});
  EXPECT_EQ(phone.Worth(), (Cpus{6, 7}));
}

TEST(CoreClasses, APhoneWithoutSmallCoresUsesAll) {
  Machine phone(8);
  phone.SetCapacities({836, 836, 836, 836, 836, 836, 1024, 1024});
  EXPECT_EQ(phone.Worth(), phone.all());
}

TEST(CoreClasses, AProcessThatHasOnlySmallCoresUsesThose) {
  Machine phone(8);
  phone.SetCapacities({250, 250, 250, 250, 760, 760, 760, 1024});
  EXPECT_EQ(phone.Worth({0, 1, 2, 3}), (Cpus{0, 1, 2, 3}));
  EXPECT_EQ(phone.Worth({0, 1, 2, 3, 5}), (Cpus{5}));
}

TEST(CoreClasses, HalfTheFastestIsTheLine) {
  Machine phone(3);
  phone.SetCapacities({512, 511, 1024});
  EXPECT_EQ(phone.Worth(), (Cpus{0, 2}));
}

TEST(CoreClasses, AHybridUsesOneCpuOfEachBigCore) {
  Machine laptop(12);
  laptop.Write("devices/cpu_core/cpus", "0-3\n");
  laptop.Write("devices/cpu_atom/cpus", "4-11\n");
  for (int32_t cpu : {0, 1}) laptop.SetSiblings(cpu, "0-1");
  for (int32_t cpu : {2, 3}) laptop.SetSiblings(cpu, "2-3");
  for (int32_t cpu = 4; cpu < 12; ++cpu) laptop.SetSiblings(cpu, absl::StrCat(cpu));
  EXPECT_EQ(laptop.Worth(), (Cpus{0, 2}));
  EXPECT_EQ(laptop.Worth({1, 3, 4, 5}), (Cpus{1, 3}));
  EXPECT_EQ(laptop.Worth({4, 5, 6}), (Cpus{4, 5, 6}));
  // Newer systems give capacities too, small cores above half.
  laptop.SetCapacities({1024, 1024, 1024, 1024, 623, 623, 623, 623, 623, 623, 623, 623});
  EXPECT_EQ(laptop.Worth(), (Cpus{0, 2}));
}

TEST(CoreClasses, AServerUsesOneCpuOfEachCore) {
  Machine server(16);
  for (int32_t cpu = 0; cpu < 16; ++cpu) {
    server.SetSiblings(cpu, absl::StrCat(cpu % 8, ",", cpu % 8 + 8));
  }
  EXPECT_EQ(server.Worth(), (Cpus{0, 1, 2, 3, 4, 5, 6, 7}));
  // Whichever of a core's two CPUs the process may use counts.
  EXPECT_EQ(server.Worth({3, 8, 11, 12}), (Cpus{3, 8, 12}));
}

TEST(CoreClasses, AVirtualMachineWithTwoCoresUsesBoth) {
  Machine machine(2);
  machine.SetCapacities({1024, 1024});
  for (int32_t cpu : {0, 1}) machine.SetSiblings(cpu, absl::StrCat(cpu));
  EXPECT_EQ(machine.Worth(), (Cpus{0, 1}));
}

TEST(CoreClasses, MissingFilesLeaveAllIn) {
  Machine machine(4);
  EXPECT_EQ(machine.Worth(), machine.all());
  machine.SetCapacities({250, 250, 1024});  // and none of the last
  EXPECT_EQ(machine.Worth(), machine.all());
  machine.SetSiblings(1, "0-1");  // what is known counts
  EXPECT_EQ(machine.Worth(), (Cpus{0, 2, 3}));
}

TEST(CoreClasses, BrokenFilesLeaveAllIn) {
  for (const std::string& text :
       {std::string(), std::string("fast"), std::string("-1"), std::string("0x0-0x3"),
        std::string("1-2-3"), std::string("99999999999999999999"), std::string(",,"),
        std::string("3-0"), std::string(70000, '7'), std::string("\0\xff\x80", 3)}) {
    SCOPED_TRACE(text.substr(0, 20));
    Machine machine(4);
    machine.Write("devices/cpu_core/cpus", text);
    for (int32_t cpu : machine.all()) {
      machine.WriteOfCpu(cpu, "cpu_capacity", text);
      machine.SetSiblings(cpu, text);
    }
    EXPECT_EQ(machine.Worth(), machine.all());
  }
}

TEST(CoreClasses, AFolderInAFilesPlaceLeavesAllIn) {
  Machine machine(2);
  machine.Write("devices/cpu_core/cpus/x", "");
  machine.WriteOfCpu(0, "cpu_capacity/x", "");
  machine.WriteOfCpu(0, "topology/thread_siblings_list/x", "");
  EXPECT_EQ(machine.Worth(), machine.all());
}

}  // namespace
}  // namespace inkling
