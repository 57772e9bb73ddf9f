// Log-probabilities of given texts, and embeddings.

#ifndef INKLING_SRC_SESSION_SCORING_H_
#define INKLING_SRC_SESSION_SCORING_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inkling/llm_insight.h"
#include "src/decoder/decoder.h"
#include "src/decoder/forward_request.h"
#include "src/decoder/kv_cache.h"
#include "src/session/token_context.h"

namespace inkling {

// Runs `continuation` behind the context's tokens, of which there is at least one, and leaves it
// there: the caller cuts the list back. Each log-probability is the one that generating the token
// would give. Errors: ResourceExhausted, InvalidArgument, Cancelled, Internal.
absl::StatusOr<ScoreResult> ScoreContinuation(absl::Span<const int32_t> continuation,
                                              TokenContext& context, StopFunction stop);

// The embedding [hidden_dim] of `tokens`, of which there is at least one, in an empty `cache` that
// has room for them. Errors: Cancelled, Internal.
absl::StatusOr<std::vector<float>> EmbedTokens(absl::Span<const int32_t> tokens,
                                               const EmbedOptions& options, Decoder& decoder,
                                               KvCache& cache,
                                               absl::Span<const ActiveAdapter> adapters,
                                               StopFunction stop);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SCORING_H_
