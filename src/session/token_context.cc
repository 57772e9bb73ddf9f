// Prefill in chunks of the decoder's prefill rows, decode one token at a time: both are "run what
// isn't computed yet".

#include "src/session/token_context.h"

#include <algorithm>
#include <atomic>
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
    : decoder_(decoder), cache_(std::move(cache)), logits_(static_cast<size_t>(vocab_size)) {
  // So that appending a generated token never allocates.
  tokens_.reserve(static_cast<size_t>(cache_->capacity()));
}

absl::Status TokenContext::Append(absl::Span<const int32_t> tokens) {
  if (tokens.size() > static_cast<size_t>(remaining())) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the text has ", tokens.size(), " tokens; the session has room for ",
                     remaining(), " more (", length(), " of ", capacity(), " positions are used)"));
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || static_cast<size_t>(tokens[i]) >= logits_.size()) {
      return absl::InvalidArgumentError(absl::StrCat("token ", tokens[i], " at index ", i,
                                                     " is not in the vocabulary; expected 0 to ",
                                                     logits_.size() - 1));
    }
  }
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  return absl::OkStatus();
}

void TokenContext::Truncate(int32_t length) {
  tokens_.resize(static_cast<size_t>(length));
  if (cache_->length() <= length) return;
  RewindCache(length);
}

// Where a ring has overwritten what the position would see, going back to 0 always works, and
// Compute does the rest.
void TokenContext::RewindCache(int32_t position) {
  if (!cache_->Rewind(position).ok()) cache_->Rewind(0).IgnoreError();
}

absl::Status TokenContext::Forward(LogitRows last_rows, const std::atomic<bool>& cancel) {
  const absl::Span<const int32_t> all = tokens_;
  const size_t chunk_rows =
      static_cast<size_t>(std::min(decoder_.options().prefill_rows, cache_->max_chunk()));
  while (static_cast<size_t>(cache_->length()) < all.size()) {
    const size_t begin = static_cast<size_t>(cache_->length());
    const absl::Span<const int32_t> chunk = all.subspan(begin, chunk_rows);
    const bool is_last = begin + chunk.size() == all.size();
    const LogitRows rows = is_last ? last_rows : LogitRows::kNone;
    const absl::Span<float> logits =
        rows == LogitRows::kNone ? absl::Span<float>() : absl::MakeSpan(logits_);
    absl::Status status = decoder_.Forward(chunk, *cache_, rows, logits, &cancel);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status TokenContext::Compute(const std::atomic<bool>& cancel) {
  return Forward(LogitRows::kNone, cancel);
}

absl::StatusOr<absl::Span<const float>> TokenContext::ComputeLogits(
    const std::atomic<bool>& cancel) {
  if (tokens_.empty())
    return absl::FailedPreconditionError("there is no token to compute logits after");
  if (cache_->length() == length()) RewindCache(length() - 1);
  absl::Status status = Forward(LogitRows::kLast, cancel);
  if (!status.ok()) return status;
  return absl::MakeConstSpan(logits_);
}

}  // namespace inkling
