// Prefill runs many tokens in chunks, decoding runs one: both are "run what isn't computed yet".

#include "src/session/token_context.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "src/decoder/decoder.h"
#include "src/decoder/kv_cache.h"
#include "src/format/content_hash.h"
#include "src/format/scratch_file.h"

namespace inkling {

TokenContext::TokenContext(Decoder& decoder, std::unique_ptr<KvCache> cache, int32_t vocab_size)
    : decoder_(decoder),
      cache_(std::move(cache)),
      vocab_size_(vocab_size),
      logits_(static_cast<size_t>(vocab_size)) {
  // So that appending a generated token never allocates.
  tokens_.reserve(static_cast<size_t>(cache_->capacity()));
}

absl::StatusOr<TokenContext> TokenContext::Fork() {
  Recall();
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<KvCache> cache, decoder_.CloneCache(*cache_));
  TokenContext fork(decoder_, std::move(cache), vocab_size_);
  fork.tokens_.insert(fork.tokens_.end(), tokens_.begin(), tokens_.end());
  fork.CutCache(fork.length());
  fork.adapters_ = adapters_;
  return fork;
}

absl::Status TokenContext::Restore(std::vector<int32_t> tokens,
                                   absl::FunctionRef<absl::Status(KvCache&)> read) {
  ABSL_RETURN_IF_ERROR(Append(tokens));
  absl::Status status = read(*cache_);
  if (status.ok() && cache_->length() > length()) {
    status = absl::InvalidArgumentError(absl::StrCat("kv cache: expected at most ", length(),
                                                     " positions, one for each token, found ",
                                                     cache_->length()));
  }
  if (!status.ok()) Truncate(0);
  return status;
}

absl::Status TokenContext::Trim(const std::string& folder) {
  if (trimmed_.has_value()) return absl::OkStatus();
  CutCache(length());
  std::optional<TrimmedCache> trimmed;
  if (!folder.empty() && cache_->length() > 0) {
    ABSL_ASSIGN_OR_RETURN(ScratchFile file, ScratchFile::Create(folder));
    ContentHash hash;
    ABSL_RETURN_IF_ERROR(cache_->WriteState([&](absl::Span<const std::byte> bytes) {
      hash.Add(bytes);
      return file.Append(bytes);
    }));
    trimmed.emplace(TrimmedCache{std::move(file), hash.Digest(), cache_->length()});
  }
  // The old cache's memory is given back with it; an empty one of the same size takes its place.
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<KvCache> empty, decoder_.CreateCacheLike(*cache_));
  cache_ = std::move(empty);
  trimmed_ = std::move(trimmed);
  return absl::OkStatus();
}

absl::Status TokenContext::ReadTrimmed() {
  ContentHash hash;
  ABSL_RETURN_IF_ERROR(cache_->ReadState([&](absl::Span<std::byte> bytes) {
    absl::Status status = trimmed_->file.Read(bytes);
    if (status.ok()) hash.Add(bytes);
    return status;
  }));
  if (hash.Digest() == trimmed_->hash) return absl::OkStatus();
  return absl::DataLossError("the file of a trimmed cache has changed");
}

void TokenContext::Recall() {
  if (!trimmed_.has_value()) return;
  const absl::Status status = ReadTrimmed();
  const int32_t length = trimmed_->length;
  trimmed_.reset();
  CutCache(status.ok() ? length : 0);  // the list is the truth: the next Compute runs it again
}

absl::Status TokenContext::CheckTokens(int32_t begin, absl::Span<const int32_t> tokens) const {
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
  return absl::OkStatus();
}

absl::Status TokenContext::Replace(int32_t begin, absl::Span<const int32_t> tokens) {
  Recall();
  ABSL_RETURN_IF_ERROR(CheckTokens(begin, tokens));
  Truncate(begin);
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  return absl::OkStatus();
}

absl::StatusOr<int32_t> TokenContext::Slide(int32_t kept, int32_t room) {
  const int32_t rest = std::max(0, length() - kept);
  const int32_t dropped = std::max(room - remaining(), rest - rest / 2);
  if (dropped > rest) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "expected room for ", room, " more tokens; behind the ", kept, " that are kept, ",
        rest + remaining(), " of ", capacity(), " positions can be made free"));
  }
  const std::vector<int32_t> tail(tokens_.begin() + kept + dropped, tokens_.end());
  Truncate(kept);
  tokens_.insert(tokens_.end(), tail.begin(), tail.end());
  return dropped;
}

void TokenContext::SetAdapters(std::vector<ActiveAdapter> adapters) {
  adapters_ = std::move(adapters);
  trimmed_.reset();
  CutCache(0);
}

void TokenContext::Truncate(int32_t length) {
  tokens_.resize(static_cast<size_t>(length));
  CutCache(length);
}

// Compute runs again what lies between where the cache can go back to and the length.
void TokenContext::CutCache(int32_t length) {
  if (trimmed_.has_value()) trimmed_->length = std::min(trimmed_->length, length);
  if (cache_->length() <= length) return;
  cache_->Rewind(cache_->RewindTarget(length)).IgnoreError();  // never fails for a target
}

void TokenContext::ForgetLastResult() { CutCache(std::max(0, length() - 1)); }

absl::Status TokenContext::Forward(OutputRows last_rows, StopFunction stop) {
  const absl::Span<const int32_t> all = tokens_;
  const size_t chunk_rows = static_cast<size_t>(std::min(decoder_.max_rows(), cache_->max_chunk()));
  while (static_cast<size_t>(cache_->length()) < all.size()) {
    const size_t begin = static_cast<size_t>(cache_->length());
    const absl::Span<const int32_t> chunk = all.subspan(begin, chunk_rows);
    const bool is_last = begin + chunk.size() == all.size();
    const OutputRows rows = is_last ? last_rows : OutputRows::kNone;
    const size_t floats = rows == OutputRows::kLast ? logits_.size() : 0;
    ABSL_RETURN_IF_ERROR(decoder_.Forward({.tokens = chunk,
                                           .cache = *cache_,
                                           .rows = rows,
                                           .output = absl::MakeSpan(logits_).first(floats),
                                           .adapters = adapters_,
                                           .stop = stop}));
  }
  return absl::OkStatus();
}

absl::Status TokenContext::Compute(StopFunction stop) {
  Recall();
  CutCache(length());
  return Forward(OutputRows::kNone, stop);
}

absl::StatusOr<absl::Span<const float>> TokenContext::ComputeLogits(StopFunction stop) {
  if (tokens_.empty())
    return absl::FailedPreconditionError("there is no token to compute logits after");
  Recall();
  ForgetLastResult();
  ABSL_RETURN_IF_ERROR(Forward(OutputRows::kLast, stop));
  return absl::MakeConstSpan(logits_);
}

int32_t TokenContext::max_ahead() const {
  return std::min(decoder_.max_decode_rows(), cache_->max_chunk()) - 1;
}

absl::Status TokenContext::ComputeLogitsAhead(absl::Span<const int32_t> ahead,
                                              absl::Span<float> logits, StopFunction stop) {
  const size_t length = tokens_.size();
  tokens_.insert(tokens_.end(), ahead.begin(), ahead.end());
  const absl::Status status =
      decoder_.Forward({.tokens = absl::MakeConstSpan(tokens_).subspan(length - 1),
                        .cache = *cache_,
                        .rows = OutputRows::kAll,
                        .output = logits,
                        .adapters = adapters_,
                        .stop = stop});
  tokens_.resize(length);
  return status;
}

}  // namespace inkling
