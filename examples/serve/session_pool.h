// SessionPool: the sessions that requests are answered with, several at once.
//
// A request carries its whole conversation. It gets the idle session that has computed the most of
// it already, so that one more turn of a conversation costs that turn, whoever else asks meanwhile.

#ifndef INKLING_EXAMPLES_SERVE_SESSION_POOL_H_
#define INKLING_EXAMPLES_SERVE_SESSION_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

namespace inkling::serve {

class SessionPool {
 public:
  // Makes `size` sessions. Errors: those of LlmSession::Create.
  static absl::StatusOr<std::unique_ptr<SessionPool>> Create(
      const std::shared_ptr<const LlmModel>& model, const SessionOptions& options, size_t size);

  // A session for one request; it goes back to the pool at the end. Not copyable.
  class Loan {
   public:
    Loan(SessionPool& pool, size_t index) : pool_(&pool), index_(index) {}
    Loan(Loan&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), index_(other.index_) {}
    Loan& operator=(Loan&&) = delete;
    ~Loan() { GiveBack(); }
    // Ends the loan; the session isn't used after that.
    void GiveBack() {
      if (pool_ != nullptr) std::exchange(pool_, nullptr)->GiveBack(index_);
    }
    LlmSession& operator*() const { return *pool_->slots_[index_].session; }
    LlmSession* operator->() const { return &**this; }

   private:
    SessionPool* pool_;
    size_t index_;
  };

  // The idle session for which `reused` gives the most; of equals, the one that was idle longest.
  // Waits while all are busy. Errors: Unavailable after a minute.
  absl::StatusOr<Loan> Take(absl::FunctionRef<int32_t(const LlmSession&)> reused);

  // Ends what all sessions do.
  void CancelAll();

 private:
  struct Slot {
    std::unique_ptr<LlmSession> session;
    bool busy = false;
    uint64_t last_used = 0;
  };

  void GiveBack(size_t index);

  std::mutex mutex_;
  std::condition_variable idle_;
  std::vector<Slot> slots_;
  uint64_t uses_ = 0;
};

}  // namespace inkling::serve

#endif  // INKLING_EXAMPLES_SERVE_SESSION_POOL_H_
