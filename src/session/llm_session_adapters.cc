// LlmSession::SetAdapters.

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "inkling/llm_options.h"
#include "inkling/llm_session.h"
#include "inkling/lora_adapter.h"
#include "src/decoder/adapter.h"
#include "src/session/llm_session_state.h"
#include "src/session/running_call.h"

namespace inkling {

absl::StatusOr<AdapterSet> LlmSession::CheckedAdapters(const std::vector<WeightedAdapter>& adapters,
                                                       const LlmModel& model) {
  if (adapters.size() > kMaxAdapters) {
    return absl::InvalidArgumentError(absl::StrCat("adapters: expected at most ", kMaxAdapters,
                                                   " at once, found ", adapters.size()));
  }
  AdapterSet set;
  for (size_t i = 0; i < adapters.size(); ++i) {
    const WeightedAdapter& one = adapters[i];
    if (one.adapter == nullptr)
      return absl::InvalidArgumentError(absl::StrCat("adapters[", i, "] is null"));
    if (&one.adapter->model() != &model) {
      return absl::InvalidArgumentError(absl::StrCat(
          "adapters[", i, "] was loaded for another model; load it for the session's"));
    }
    if (!std::isfinite(one.weight)) {
      return absl::InvalidArgumentError(
          absl::StrCat("adapters[", i, "].weight is ", one.weight, "; expected a finite number"));
    }
    set.active.push_back({one.adapter->adapter_.get(), one.weight});
    absl::StrAppend(&set.names, one.adapter->description().adapter_id, " times ", one.weight, "; ");
  }
  set.owners = adapters;
  return set;
}

absl::Status LlmSession::SetAdapters(std::vector<WeightedAdapter> adapters, AdapterChange change) {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  ABSL_ASSIGN_OR_RETURN(AdapterSet set, CheckedAdapters(adapters, model()));
  if (set.names == state_->adapters.names) return absl::OkStatus();
  if (change == AdapterChange::kRefuse && state_->context.num_computed() > 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the session has ", state_->context.num_computed(),
                     " tokens that were computed with other adapters; Reset it, or let the change "
                     "recompute them"));
  }
  state_->context.SetAdapters(set.active);
  state_->adapters = std::move(set);
  return absl::OkStatus();
}

}  // namespace inkling
