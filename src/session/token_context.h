// TokenContext: the tokens of one session and their key/value cache.
//
// The token list is the truth; the cache is what the model has computed of it so far, never more.
// So a call that fails or is cancelled half-way is undone by cutting the list, and where a sliding
// window's ring can't go back that far, the next Compute runs the tokens again. Not thread-safe:
// LlmSession lets in one call at a time.
//
// Drafted tokens are the one exception: ComputeLogits may run a few tokens beyond the list, and
// keeps their logits for the calls to come as long as the list grows the way that was drafted.

#ifndef INKLING_SRC_SESSION_TOKEN_CONTEXT_H_
#define INKLING_SRC_SESSION_TOKEN_CONTEXT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/decoder/decoder.h"
#include "src/decoder/forward_request.h"
#include "src/decoder/kv_cache.h"
#include "src/session/pass_cost.h"

namespace inkling {

class TokenContext {
 public:
  // `decoder` outlives the context; `cache` belongs to the same model.
  TokenContext(Decoder& decoder, std::unique_ptr<KvCache> cache, int32_t vocab_size);

  int32_t length() const { return static_cast<int32_t>(tokens_.size()); }
  int32_t capacity() const { return cache_->capacity(); }
  int32_t remaining() const { return capacity() - length(); }
  int32_t vocab_size() const { return vocab_size_; }
  // Tokens that the next Compute has to run.
  int32_t num_uncomputed() const { return std::max(0, length() - cache_->length()); }
  const std::vector<int32_t>& tokens() const { return tokens_; }

  // Adds tokens to the list; nothing is computed yet. Errors, list unchanged: ResourceExhausted if
  // they don't fit, InvalidArgument for an id outside the vocabulary.
  absl::Status Append(absl::Span<const int32_t> tokens) { return Replace(length(), tokens); }

  // Puts `tokens` in the place of all from `begin` on (0 <= begin <= length()). Errors: as Append.
  absl::Status Replace(int32_t begin, absl::Span<const int32_t> tokens);

  // Drops the tokens from `length` on (0 <= length <= length()).
  void Truncate(int32_t length);

  // Runs every token through the model that hasn't been yet. Errors leave the list as it is:
  // Cancelled, Internal.
  absl::Status Compute(StopFunction stop);

  // The same, and gives the logits [vocab_size] that follow the last token; valid until the next
  // call. There is at least one token.
  absl::StatusOr<absl::Span<const float>> ComputeLogits(StopFunction stop) {
    return ComputeLogits({}, stop);
  }

  // The same, and if a pass of the model is needed for one token only, the `draft` of what comes
  // after it goes along: as much of it as fits the decode context and the session.
  absl::StatusOr<absl::Span<const float>> ComputeLogits(absl::Span<const int32_t> draft,
                                                        StopFunction stop);

  // Most tokens of a draft that a pass can take along.
  int32_t max_draft() const;

  // Drafted tokens that passes have taken along since the context was made, and how many of them
  // became part of the list.
  struct DraftCount {
    int64_t drafted = 0;
    int64_t accepted = 0;
  };
  DraftCount draft_count() const { return draft_count_; }

  // What rows cost in the passes that gave logits.
  const PassCost& pass_cost() const { return pass_cost_; }

  // Whether the logits that follow the last token are there already, because it and all since the
  // last pass were drafted. Brings draft_count() up to date.
  bool HasLogits();

 private:
  void DropDraft();
  absl::Status ForwardWithDraft(StopFunction stop);
  void RewindCache(int32_t position);
  absl::Status Forward(OutputRows last_rows, StopFunction stop);
  absl::Status TimedForward(absl::Span<const int32_t> rows, OutputRows logit_rows,
                            absl::Span<float> logits, StopFunction stop);

  Decoder& decoder_;
  std::unique_ptr<KvCache> cache_;
  std::vector<int32_t> tokens_;
  int32_t vocab_size_;
  std::vector<float> logits_;  // [vocab_size]; with drafts [1 + max_draft, vocab_size]
  // The draft that the cache holds behind tokens_[0, draft_begin_); empty: none.
  std::vector<int32_t> draft_;
  size_t draft_begin_ = 0;
  size_t num_accepted_ = 0;
  bool has_draft_logits_ = false;
  DraftCount draft_count_;
  PassCost pass_cost_;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_TOKEN_CONTEXT_H_
