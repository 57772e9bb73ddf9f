// LlmSession::Score and Embed.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_insight.h"
#include "inkling/llm_session.h"
#include "src/decoder/kv_cache.h"
#include "src/session/llm_session_state.h"
#include "src/session/running_call.h"
#include "src/session/scoring.h"

namespace inkling {
namespace {

using Tokens = std::vector<int32_t>;

// All but the last token of the prefix run once; each continuation runs the last one again, because
// it gives the logits of its first token.
absl::StatusOr<std::vector<ScoreResult>> ScoreAll(const std::vector<Tokens>& continuations,
                                                  TokenContext& context, StopFunction stop) {
  const int32_t begin = context.length();
  const int32_t last = context.tokens().back();
  std::vector<ScoreResult> results;
  for (const Tokens& continuation : continuations) {
    ABSL_RETURN_IF_ERROR(context.CheckAhead(continuation));
    // Only the first time computes something, or where a ring can't go back as far.
    context.Truncate(begin - 1);
    ABSL_RETURN_IF_ERROR(context.Compute(stop));
    ABSL_RETURN_IF_ERROR(context.Append(absl::MakeConstSpan(&last, 1)));
    absl::StatusOr<ScoreResult> result = ScoreContinuation(continuation, context, stop);
    if (!result.ok()) return result.status();
    results.push_back(*std::move(result));
    context.Truncate(begin);
  }
  return results;
}

absl::Status NoTokens(absl::string_view what, size_t index) {
  return absl::InvalidArgumentError(absl::StrCat(what, "[", index, "] has no tokens"));
}

}  // namespace

absl::StatusOr<std::vector<ScoreResult>> LlmSession::Score(
    absl::string_view prefix, absl::Span<const std::string> continuations,
    const PrefillOptions& options) {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  TokenContext& context = state_->context;
  ABSL_ASSIGN_OR_RETURN(const Tokens prefix_tokens, state_->EncodePrompt(prefix, options));
  std::vector<Tokens> encoded;
  for (size_t i = 0; i < continuations.size(); ++i) {
    ABSL_ASSIGN_OR_RETURN(
        Tokens tokens, state_->engine.Encode(continuations[i],
                                             {.parse_special_tokens = options.parse_special_tokens,
                                              .continues_text = true}));
    if (tokens.empty()) return NoTokens("continuations", i);
    encoded.push_back(std::move(tokens));
  }
  const int32_t before = context.length();
  if (before == 0 && prefix_tokens.empty()) {
    return absl::InvalidArgumentError(
        "there is nothing that the continuations could follow: the prefix has no tokens and the "
        "session is empty");
  }
  const Tokens kept = context.tokens();
  ABSL_RETURN_IF_ERROR(context.Append(prefix_tokens));
  const auto stop = [&] { return state_->gate.cancelled(); };
  absl::StatusOr<std::vector<ScoreResult>> results = ScoreAll(encoded, context, stop);
  state_->Restore(kept);
  if (absl::IsCancelled(results.status())) return CancelledCall();
  return results;
}

absl::StatusOr<std::vector<std::vector<float>>> LlmSession::Embed(
    absl::Span<const std::string> texts, const EmbedOptions& options) {
  RunningCall call(state_->gate, state_->process());
  ABSL_RETURN_IF_ERROR(call.Entered());
  if (static_cast<int>(options.pooling) > static_cast<int>(Pooling::kMean)) {
    return absl::InvalidArgumentError(absl::StrCat("pooling is ", static_cast<int>(options.pooling),
                                                   "; expected kLast (0) or kMean (1)"));
  }
  const int32_t context_length = state_->engine.config().context_length;
  std::vector<Tokens> encoded;
  size_t longest = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    ABSL_ASSIGN_OR_RETURN(Tokens tokens,
                          state_->engine.Encode(texts[i], {.add_beginning_of_sequence =
                                                               options.add_beginning_of_sequence}));
    if (tokens.empty()) return NoTokens("texts", i);
    longest = std::max(longest, tokens.size());
    if (longest > static_cast<size_t>(context_length)) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "texts[", i, "] has ", longest, " tokens; the model was made for ", context_length));
    }
    encoded.push_back(std::move(tokens));
  }
  std::vector<std::vector<float>> embeddings;
  if (encoded.empty()) return embeddings;
  Decoder& decoder = state_->engine.decoder();
  SessionOptions text_options = state_->options;
  text_options.context_length = static_cast<int32_t>(longest);
  ABSL_ASSIGN_OR_RETURN(
      const CacheOptions cache_options,
      ResolveCacheOptions(text_options, state_->engine.config(), decoder.max_rows()));
  ABSL_ASSIGN_OR_RETURN(const std::unique_ptr<KvCache> cache, decoder.CreateCache(cache_options));
  const auto stop = [&] { return state_->gate.cancelled(); };
  for (const Tokens& tokens : encoded) {
    ABSL_RETURN_IF_ERROR(cache->Rewind(0));
    absl::StatusOr<std::vector<float>> embedding =
        EmbedTokens(tokens, options, decoder, *cache, state_->adapters.active, stop);
    if (absl::IsCancelled(embedding.status())) return CancelledCall();
    ABSL_RETURN_IF_ERROR(embedding.status());
    embeddings.push_back(*std::move(embedding));
  }
  return embeddings;
}

}  // namespace inkling
