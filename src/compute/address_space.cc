// AddressSpace over MappedPages and mprotect.
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
  MappedPages pages = MapFreshPages(static_cast<size_t>(reserved + kSpareBytes), PageAccess::kNone);
  if (pages == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("can't reserve ", reserved, " bytes of address space: ", strerror(errno)));
  }
#if defined(__linux__)
  std::byte* data = pages.release();
  const int64_t address = static_cast<int64_t>(reinterpret_cast<uintptr_t>(data));
  const int64_t before = RoundUp(address, kCommitStepBytes) - address;
  if (before > 0) munmap(data, static_cast<size_t>(before));
  data += before;
  if (before < kSpareBytes) munmap(data + reserved, static_cast<size_t>(kSpareBytes - before));
  pages = MappedPages(data, {static_cast<size_t>(reserved)});
#endif
  return AddressSpace(std::move(pages));
}

absl::Status AddressSpace::Commit(int64_t bytes) {
  if (bytes <= committed_) return absl::OkStatus();
  if (bytes > reserved_bytes()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("address space of ", reserved_bytes(), " bytes can't hold ", bytes, " bytes"));
  }
  const int64_t target = std::min(RoundUp(bytes, kCommitStepBytes), reserved_bytes());
  std::byte* start = data() + committed_;
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
