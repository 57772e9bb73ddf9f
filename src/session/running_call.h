// RunningCall: guards one call on a session. While it lives, other calls are refused, Cancel
// reaches this one, and the thread computes in the default floating-point environment.
//
// The session owns a CallGate; each call has a RunningCall on its stack.

#ifndef INKLING_SRC_SESSION_RUNNING_CALL_H_
#define INKLING_SRC_SESSION_RUNNING_CALL_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_session.h"
#include "src/compute/float_environment.h"

namespace inkling {

// Which call is inside, as one atomic number. So Cancel reaches exactly the call that runs, from
// its first moment on, and never one that comes later. There are no locks: Cancel may come from a
// signal handler, and a fork leaves none held.
class CallGate {
 public:
  // Lets a call in, unless another is inside. `process` is the caller's ProcessStamp.
  bool Enter(uint64_t process) {
    uint64_t nobody = 0;
    return inside_.compare_exchange_strong(nobody, process);
  }
  void Leave() { inside_ = 0; }

  // Cancels the call that is inside, if any.
  void Cancel() {
    uint64_t call = inside_;
    if (call != 0) inside_.compare_exchange_strong(call, call | kCancelled);
  }
  bool cancelled() const { return (inside_.load(std::memory_order_relaxed) & kCancelled) != 0; }

  // Whether another thread's call was inside when `process` was forked. It goes on in the parent,
  // but it will never leave here, and what it was changing may be half changed.
  bool IsLeftBehind(uint64_t process) const {
    const uint64_t call = inside_ & ~kCancelled;
    return call != 0 && call != process;
  }

 private:
  static constexpr uint64_t kCancelled = 1;  // stamps are even

  // The stamp of the process whose call is inside, and whether it was cancelled; 0: none.
  std::atomic<uint64_t> inside_{0};
};

class RunningCall {
 public:
  RunningCall(CallGate& gate, uint64_t process)
      : gate_(gate), process_(process), entered_(gate.Enter(process)) {}
  ~RunningCall() {
    if (entered_) gate_.Leave();
  }
  RunningCall(const RunningCall&) = delete;
  RunningCall& operator=(const RunningCall&) = delete;

  std::chrono::steady_clock::time_point begin() const { return begin_; }

  // FailedPrecondition if another call is inside.
  absl::Status Entered() const;

  // Runs code of the app's in the app's own floating-point environment.
  template <typename Function>
  auto RunAppCode(Function function) {
    const DefaultFloats::Interval interval(floats_);
    return function();
  }
  // The same for the app's function that takes a saved session.
  absl::Status Write(absl::Span<const std::byte> bytes, ByteWriter writer) {
    const DefaultFloats::Interval interval(floats_);
    return writer(bytes);
  }

 private:
  DefaultFloats floats_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  CallGate& gate_;
  const uint64_t process_;
  const bool entered_;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_RUNNING_CALL_H_
