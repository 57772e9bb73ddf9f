// TokenContext: the tokens of one session and their key/value cache.
//
// The token list is the truth; the cache holds what the model has computed of it. So a call that
// fails or is cancelled half-way is undone by cutting the list. Where the ring of a sliding window
// can't go back that far, the next Compute runs the tokens again. Not thread-safe: LlmSession lets
// in one call at a time.
//
// ComputeLogitsAhead is the one thing that lets the cache run ahead of the list, by tokens that may
// follow it. AcceptAhead takes them into the list one by one; any other call drops those that are
// left.

#ifndef INKLING_SRC_SESSION_TOKEN_CONTEXT_H_
#define INKLING_SRC_SESSION_TOKEN_CONTEXT_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/decoder/decoder.h"
#include "src/decoder/forward_request.h"
#include "src/decoder/kv_cache.h"
#include "src/format/scratch_file.h"

namespace inkling {

class TokenContext {
 public:
  // `decoder` outlives the context; `cache` belongs to the same model.
  TokenContext(Decoder& decoder, std::unique_ptr<KvCache> cache, int32_t vocab_size);
  TokenContext(TokenContext&&) = default;

  // A context of its own with the same tokens, and what was computed of them. Errors:
  // ResourceExhausted.
  absl::StatusOr<TokenContext> Fork();

  // Gives the cache's memory back. What it holds goes to a nameless file in `folder` and comes back
  // with the next call that needs it; with an empty `folder`, or where the file can't be read any
  // more, it is computed again. Errors, nothing changed: those of the file; ResourceExhausted.
  absl::Status Trim(const std::string& folder);

  int32_t length() const { return static_cast<int32_t>(tokens_.size()); }
  int32_t capacity() const { return cache_->capacity(); }
  int32_t remaining() const { return capacity() - length(); }
  int32_t vocab_size() const { return vocab_size_; }
  const std::vector<int32_t>& tokens() const { return tokens_; }
  // Tokens that the next Compute has to run.
  int32_t num_uncomputed() const { return std::max(0, length() - cache_->length()); }

  // How many of the list's first `kept` tokens needn't run again if it is to have `length` tokens
  // and logits behind them.
  int32_t NumReusable(int32_t kept, int32_t length) const {
    const int32_t most = std::max(0, std::min({kept, length - 1, num_computed()}));
    return trimmed_.has_value() ? most : cache_->RewindTarget(most);
  }

  int32_t num_computed() const {
    return trimmed_.has_value() ? trimmed_->length : cache_->length();
  }

  // From now on passes have these adapters, which outlive the context or are replaced before they
  // go. What was computed with others is forgotten.
  void SetAdapters(std::vector<ActiveAdapter> adapters);

  // Adds tokens to the list; nothing is computed yet. Errors, list unchanged: ResourceExhausted if
  // they don't fit, InvalidArgument for an id outside the vocabulary.
  absl::Status Append(absl::Span<const int32_t> tokens) { return Replace(length(), tokens); }

  // Puts `tokens` in the place of all from `begin` on (0 <= begin <= length()). Errors: as Append.
  absl::Status Replace(int32_t begin, absl::Span<const int32_t> tokens);

  // Drops, of the tokens behind the first `kept`, the older half, or as many as it takes to have
  // `room` for more. Returns how many it dropped. Errors, list unchanged: ResourceExhausted if that
  // needs more than there are.
  absl::StatusOr<int32_t> Slide(int32_t kept, int32_t room);

  // Drops the tokens from `length` on (0 <= length <= length()).
  void Truncate(int32_t length);

  // Runs every token through the model that hasn't been yet. Errors leave the list as it is:
  // Cancelled, Internal.
  absl::Status Compute(StopFunction stop);

  // The same, and gives the logits [vocab_size] that follow the last token; valid until the next
  // call. Errors: also FailedPrecondition without any token.
  absl::StatusOr<absl::Span<const float>> ComputeLogits(StopFunction stop);

  // What the cache holds of the list's tokens, for saving. Tokens ahead of the list are dropped.
  const KvCache& SettledCache() {
    Recall();
    CutCache(length());
    return *cache_;
  }
  // Fills an empty context: `tokens`, which are valid and fit, and through `read` the cache of the
  // first of them, or nothing of it. Errors: those of `read`; InvalidArgument if the cache then has
  // more positions than there are tokens. The context is empty again after an error.
  absl::Status Restore(std::vector<int32_t> tokens, absl::FunctionRef<absl::Status(KvCache&)> read);

  // Makes the last token one that isn't computed yet, because only a pass gives logits.
  void ForgetLastResult();

  // Most tokens that a pass can take along ahead of the list.
  int32_t max_ahead() const;

  // Whether `tokens` could follow the list. Errors: as Append.
  absl::Status CheckAhead(absl::Span<const int32_t> tokens) const {
    return CheckTokens(length(), tokens);
  }

  // Runs the last token, which is the only one that isn't computed, and `ahead` behind it in one
  // pass: at most max_ahead() and remaining() tokens. Fills `logits` [1 + ahead.size(),
  // vocab_size]. Errors: as Compute.
  absl::Status ComputeLogitsAhead(absl::Span<const int32_t> ahead, absl::Span<float> logits,
                                  StopFunction stop);

  // Adds to the list the token that was computed at its end.
  void AcceptAhead(int32_t token) { tokens_.push_back(token); }

 private:
  // A cache that lies in a file.
  struct TrimmedCache {
    ScratchFile file;
    std::array<std::byte, 16> hash;
    int32_t length;  // positions of it that are still those of the list's tokens
  };

  // Brings a trimmed cache back.
  void Recall();
  absl::Status ReadTrimmed();
  absl::Status CheckTokens(int32_t begin, absl::Span<const int32_t> tokens) const;
  void CutCache(int32_t length);
  absl::Status Forward(OutputRows last_rows, StopFunction stop);

  Decoder& decoder_;
  std::unique_ptr<KvCache> cache_;
  std::optional<TrimmedCache> trimmed_;  // then cache_ is empty
  std::vector<int32_t> tokens_;
  int32_t vocab_size_;
  std::vector<ActiveAdapter> adapters_;
  std::vector<float> logits_;  // [vocab_size]
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_TOKEN_CONTEXT_H_
