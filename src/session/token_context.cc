// Prefill in chunks of the decoder's prefill rows, decode one token at a time: both are "run what
// isn't computed yet".

#include "src/session/token_context.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "src/decoder/decoder.h"
#include "src/decoder/kv_cache.h"

namespace inkling {

TokenContext::TokenContext(Decoder& decoder, std::unique_ptr<KvCache> cache, int32_t vocab_size)
    : decoder_(decoder),
      cache_(std::move(cache)),
      vocab_size_(vocab_size),
      logits_(static_cast<size_t>(vocab_size)) {
  // So that appending a generated token never allocates.
  tokens_.reserve(static_cast<size_t>(cache_->capacity()));
  draft_.reserve(static_cast<size_t>(max_draft()));
}

int32_t TokenContext::max_draft() const {
  return std::min(decoder_.options().decode_rows, cache_->max_chunk()) - 1;
}

absl::Status TokenContext::Replace(int32_t begin, absl::Span<const int32_t> tokens) {
  const int32_t room = capacity() - begin;
  if (tokens.size() > static_cast<size_t>(room)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the text has ", tokens.size(), " tokens; the session has room for ", room,
                     " more (", begin, " of ", capacity(), " positions are used)"));
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || tokens[i] >= vocab_size_) {
      return absl::InvalidArgumentError(absl::StrCat("token ", tokens[i], " at index ", i,
                                                     " is not in the vocabulary; expected 0 to ",
                                                     vocab_size_ - 1));
    }
  }
  if (begin < length()) Truncate(begin);
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  return absl::OkStatus();
}

void TokenContext::Truncate(int32_t length) {
  tokens_.resize(static_cast<size_t>(length));
  DropDraft();
  if (cache_->length() <= length) return;
  RewindCache(length);
}

void TokenContext::DropDraft() {
  has_draft_logits_ = false;
  if (cache_->length() > length()) RewindCache(length());
}

// Where a ring has overwritten what the position would see, going back to 0 always works, and
// Compute does the rest.
void TokenContext::RewindCache(int32_t position) {
  if (!cache_->Rewind(position).ok()) cache_->Rewind(0).IgnoreError();
}

bool TokenContext::HasLogits() {
  if (!has_draft_logits_) return false;
  // Tokens that came since, as far as they are those of the draft.
  while (draft_begin_ + num_accepted_ < tokens_.size() && num_accepted_ < draft_.size() &&
         tokens_[draft_begin_ + num_accepted_] == draft_[num_accepted_]) {
    ++num_accepted_;
    ++draft_count_.accepted;
  }
  if (draft_begin_ + num_accepted_ == tokens_.size()) return true;
  has_draft_logits_ = false;
  const int32_t right_end = static_cast<int32_t>(draft_begin_ + num_accepted_);
  if (cache_->length() > right_end) RewindCache(right_end);
  return false;
}

// A pass that gives logits. Its time is a measure of what rows cost where they all have logits.
absl::Status TokenContext::TimedForward(absl::Span<const int32_t> rows, OutputRows logit_rows,
                                        absl::Span<float> logits, StopFunction stop) {
  const auto begin = std::chrono::steady_clock::now();
  absl::Status status = decoder_.Forward(
      {.tokens = rows, .cache = *cache_, .rows = logit_rows, .output = logits, .stop = stop});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  if (status.ok() && (rows.size() == 1 || logit_rows == OutputRows::kAll)) {
    pass_cost_.Report(rows.size(), seconds.count());
  }
  return status;
}

absl::Status TokenContext::ForwardWithDraft(StopFunction stop) {
  const size_t vocab = static_cast<size_t>(vocab_size_);
  draft_begin_ = tokens_.size();
  num_accepted_ = 0;
  tokens_.insert(tokens_.end(), draft_.begin(), draft_.end());
  const absl::Span<const int32_t> rows =
      absl::MakeConstSpan(tokens_).subspan(static_cast<size_t>(cache_->length()));
  absl::Status status = TimedForward(rows, OutputRows::kAll,
                                     absl::MakeSpan(logits_).first(rows.size() * vocab), stop);
  tokens_.resize(draft_begin_);
  if (!status.ok()) return status;
  has_draft_logits_ = true;
  draft_count_.drafted += static_cast<int64_t>(draft_.size());
  return absl::OkStatus();
}

absl::Status TokenContext::Forward(OutputRows last_rows, StopFunction stop) {
  const absl::Span<const int32_t> all = tokens_;
  const size_t chunk_rows =
      static_cast<size_t>(std::min(decoder_.options().prefill_rows, cache_->max_chunk()));
  while (static_cast<size_t>(cache_->length()) < all.size()) {
    const size_t begin = static_cast<size_t>(cache_->length());
    const absl::Span<const int32_t> chunk = all.subspan(begin, chunk_rows);
    const bool is_last = begin + chunk.size() == all.size();
    absl::Status status =
        is_last && last_rows == OutputRows::kLast
            ? TimedForward(chunk, OutputRows::kLast,
                           absl::MakeSpan(logits_).first(static_cast<size_t>(vocab_size_)), stop)
            : decoder_.Forward({.tokens = chunk, .cache = *cache_, .stop = stop});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status TokenContext::Compute(StopFunction stop) {
  DropDraft();
  return Forward(OutputRows::kNone, stop);
}

absl::StatusOr<absl::Span<const float>> TokenContext::ComputeLogits(absl::Span<const int32_t> draft,
                                                                    StopFunction stop) {
  if (tokens_.empty())
    return absl::FailedPreconditionError("there is no token to compute logits after");
  const size_t vocab = static_cast<size_t>(vocab_size_);
  if (HasLogits()) return absl::MakeConstSpan(logits_).subspan(num_accepted_ * vocab, vocab);
  if (cache_->length() == length()) RewindCache(length() - 1);
  const int32_t draft_size =
      std::min({static_cast<int32_t>(draft.size()), max_draft(), remaining()});
  if (draft_size > 0 && num_uncomputed() == 1) {
    draft_.assign(draft.begin(), draft.begin() + draft_size);
    logits_.resize(static_cast<size_t>(1 + max_draft()) * vocab);  // grows once, at the first draft
    absl::Status status = ForwardWithDraft(stop);
    if (!status.ok()) return status;
    return absl::MakeConstSpan(logits_).first(vocab);
  }
  absl::Status status = Forward(OutputRows::kLast, stop);
  if (!status.ok()) return status;
  return absl::MakeConstSpan(logits_).first(vocab);
}

}  // namespace inkling
