// The errors of a call that isn't let in.

#include "src/session/running_call.h"

#include "absl/status/status.h"

namespace inkling {

absl::Status RunningCall::Entered() const {
  if (entered_) return absl::OkStatus();
  if (gate_.IsLeftBehind(process_)) {
    return absl::FailedPreconditionError(
        "another thread's call on this session was running when the process was forked; make a "
        "new session of the model here");
  }
  return absl::FailedPreconditionError(
      "another call on this session is running; wait for it, or end it with Cancel()");
}

}  // namespace inkling
