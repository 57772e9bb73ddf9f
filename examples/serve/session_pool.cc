// One lock around a few numbers; sessions themselves are used outside of it.

#include "examples/serve/session_pool.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace inkling::serve {
namespace {

constexpr std::chrono::seconds kLongestWait{60};

}  // namespace

absl::StatusOr<std::unique_ptr<SessionPool>> SessionPool::Create(
    const std::shared_ptr<const LlmModel>& model, const SessionOptions& options, size_t size) {
  auto pool = std::make_unique<SessionPool>();
  for (size_t i = 0; i < size; ++i) {
    absl::StatusOr<std::unique_ptr<LlmSession>> session = LlmSession::Create(model, options);
    if (!session.ok()) return session.status();
    pool->slots_.push_back({.session = *std::move(session)});
  }
  return pool;
}

absl::StatusOr<SessionPool::Loan> SessionPool::Take(
    absl::FunctionRef<int32_t(const LlmSession&)> reused) {
  std::unique_lock lock(mutex_);
  const auto has_idle = [&] {
    return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return !slot.busy; });
  };
  if (!idle_.wait_for(lock, kLongestWait, has_idle)) {
    return absl::UnavailableError(absl::StrCat("all ", slots_.size(),
                                               " sessions are busy; try again, or start "
                                               "inkling-serve with more --sessions"));
  }
  Slot* best = nullptr;
  int32_t most = -1;
  for (Slot& slot : slots_) {
    if (slot.busy) continue;
    const int32_t tokens = reused(*slot.session);
    if (tokens > most || (tokens == most && slot.last_used < best->last_used)) {
      best = &slot;
      most = tokens;
    }
  }
  best->busy = true;
  return Loan(*this, static_cast<size_t>(best - slots_.data()));
}

void SessionPool::GiveBack(size_t index) {
  {
    const std::lock_guard lock(mutex_);
    slots_[index].busy = false;
    slots_[index].last_used = ++uses_;
  }
  idle_.notify_one();
}

void SessionPool::CancelAll() {
  for (Slot& slot : slots_) slot.session->Cancel();
}

}  // namespace inkling::serve
