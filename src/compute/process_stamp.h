// ProcessStamp: a number for the process that asks, which tells a forked child from its parent.
//
// fork() copies memory but one thread only: in the child, the threads of a pool are gone, and what
// another thread had locked stays locked. So who owns threads or locks keeps the stamp of the
// process that they were made in, and compares.

#ifndef INKLING_SRC_COMPUTE_PROCESS_STAMP_H_
#define INKLING_SRC_COMPUTE_PROCESS_STAMP_H_

#include <atomic>
#include <cstdint>

namespace inkling {

class ProcessStamp {
 public:
  ProcessStamp();
  ~ProcessStamp();
  ProcessStamp(const ProcessStamp&) = delete;
  ProcessStamp& operator=(const ProcessStamp&) = delete;

  // Even and not 0. All calls in one process give the same number; in a process that was forked
  // since, those of its ancestors never come again. Takes no lock; asks the system for the
  // process's id, which takes a fraction of a microsecond. Where systems can't fork: always the
  // same.
  uint64_t Current();

 private:
  // The stamp that the latest process took, 0 before the first. Lies in a page that Linux wipes in
  // children, because an id alone may come again: inside a new namespace, a child has its parent's
  // if both are the first there.
  [[maybe_unused]] std::atomic<uint64_t>* taken_;  // unused where systems can't fork
  std::atomic<uint64_t> taken_here_{0};            // where systems wipe no pages
  std::atomic<uint32_t> count_{0};
};

}  // namespace inkling

#endif  // INKLING_SRC_COMPUTE_PROCESS_STAMP_H_
