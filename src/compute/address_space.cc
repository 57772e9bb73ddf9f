// AddressSpace over mmap and mprotect.
//
// Called by PackedWeights alone. Memory is granted in large steps, so that a model of hundreds of
// tensors costs tens of system calls; untouched pages of a step use no memory.

#include "src/compute/address_space.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

// The size of a huge page on x86-64 and on Arm with 4 KiB pages. Linux gives one only where all of
// it may be touched when it first is, so steps and their start are multiples of it.
constexpr int64_t kCommitStepBytes = int64_t{2} << 20;

#ifdef MAP_NORESERVE
constexpr int kReserveFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
#else
constexpr int kReserveFlags = MAP_PRIVATE | MAP_ANONYMOUS;
#endif

// What is reserved to find an aligned start in, and given back.
#if defined(__linux__)
constexpr int64_t kSpareBytes = kCommitStepBytes;
#else
constexpr int64_t kSpareBytes = 0;  // WebAssembly's munmap takes whole mappings only
#endif

// `bytes` rounded up to a multiple of `step`, a power of two.
int64_t RoundUp(int64_t bytes, int64_t step) { return (bytes + step - 1) & -step; }

}  // namespace

absl::StatusOr<AddressSpace> AddressSpace::Reserve(int64_t bytes) {
  if (bytes <= 0 || bytes > std::numeric_limits<int64_t>::max() / 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("address space: expected a positive size that fits, found ", bytes, " bytes"));
  }
  constexpr uint64_t kMostBytes = std::numeric_limits<size_t>::max() / 2;
  if (static_cast<uint64_t>(bytes) > kMostBytes) {  // on 32-bit systems
    return absl::ResourceExhaustedError(absl::StrCat("address space: expected at most ", kMostBytes,
                                                     " bytes on this system, found ", bytes));
  }
  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t reserved = RoundUp(bytes, page);
  void* mapping =
      mmap(nullptr, static_cast<size_t>(reserved + kSpareBytes), PROT_NONE, kReserveFlags, -1, 0);
  if (mapping == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("can't reserve ", reserved, " bytes of address space: ", strerror(errno)));
  }
  auto* data = static_cast<std::byte*>(mapping);
#if defined(__linux__)
  const int64_t address = static_cast<int64_t>(reinterpret_cast<uintptr_t>(mapping));
  const int64_t before = RoundUp(address, kCommitStepBytes) - address;
  if (before > 0) munmap(data, static_cast<size_t>(before));
  data += before;
  if (before < kSpareBytes) munmap(data + reserved, static_cast<size_t>(kSpareBytes - before));
#endif
  return AddressSpace(data, reserved);
}

AddressSpace::AddressSpace(AddressSpace&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      reserved_(std::exchange(other.reserved_, 0)),
      committed_(std::exchange(other.committed_, 0)) {}

AddressSpace& AddressSpace::operator=(AddressSpace&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(reserved_, other.reserved_);
  std::swap(committed_, other.committed_);
  return *this;
}

AddressSpace::~AddressSpace() {
  if (data_ != nullptr) munmap(data_, static_cast<size_t>(reserved_));
}

absl::Status AddressSpace::Commit(int64_t bytes) {
  if (bytes <= committed_) return absl::OkStatus();
  if (bytes > reserved_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("address space of ", reserved_, " bytes can't hold ", bytes, " bytes"));
  }
  const int64_t target = std::min(RoundUp(bytes, kCommitStepBytes), reserved_);
  std::byte* start = data_ + committed_;
  const size_t length = static_cast<size_t>(target - committed_);
  if (mprotect(start, length, PROT_READ | PROT_WRITE) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the system has no memory for ", length, " more bytes: ", strerror(errno)));
  }
#ifdef MADV_HUGEPAGE
  // Matmuls stream through all of it: one row times 200 MB of int4 weights read 14.0 GB/s from
  // huge pages and 10.7 from 4 KiB ones (Zen 3, one thread). Advice only: failing changes nothing.
  madvise(start, length, MADV_HUGEPAGE);
#endif
  committed_ = target;
  return absl::OkStatus();
}

}  // namespace inkling
