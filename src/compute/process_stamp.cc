// ProcessStamp over a page that is wiped in children, and the process's id. Old kernels don't wipe,
// and emulators that run programs of another architecture may say that they will and don't, so the
// id is always compared too.

#include "src/compute/process_stamp.h"

#if (defined(__unix__) || defined(__APPLE__)) && !defined(__EMSCRIPTEN__)
#define INKLING_CAN_FORK 1
#include <sys/mman.h>
#include <unistd.h>
#else
#define INKLING_CAN_FORK 0
#endif

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace inkling {

#if INKLING_CAN_FORK

namespace {

#ifdef MADV_WIPEONFORK

size_t PageBytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

// Null if the system doesn't have any.
std::atomic<uint64_t>* NewWipedNumber() {
  void* page =
      mmap(nullptr, PageBytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (madvise(page, PageBytes(), MADV_WIPEONFORK) == 0) return new (page) std::atomic<uint64_t>(0);
  munmap(page, PageBytes());
  return nullptr;
}

void DeleteWipedNumber(std::atomic<uint64_t>* number) { munmap(number, PageBytes()); }

#else

std::atomic<uint64_t>* NewWipedNumber() { return nullptr; }
void DeleteWipedNumber(std::atomic<uint64_t>*) {}

#endif

}  // namespace

ProcessStamp::ProcessStamp() : taken_(NewWipedNumber()) {
  if (taken_ == nullptr) taken_ = &taken_here_;
}

ProcessStamp::~ProcessStamp() {
  if (taken_ != &taken_here_) DeleteWipedNumber(taken_);
}

uint64_t ProcessStamp::Current() {
  const uint32_t id = static_cast<uint32_t>(getpid()) << 1;
  uint64_t taken = taken_->load(std::memory_order_acquire);
  if (taken != 0 && static_cast<uint32_t>(taken) == id) return taken;
  // The first call of this process. Of threads that make it at the same time, one takes its number
  // for all.
  const uint64_t next = (uint64_t{++count_} << 32) | id;
  return taken_->compare_exchange_strong(taken, next) ? next : taken;
}

#else

ProcessStamp::ProcessStamp() : taken_(&taken_here_) {}
ProcessStamp::~ProcessStamp() = default;
uint64_t ProcessStamp::Current() { return 2; }

#endif

}  // namespace inkling
