// DraftModel: a second, smaller model that proposes what a session's model may say next.
//
// It has a cache of its own. Before it proposes anything, it follows the session: the tokens that
// both begin with stay, the rest is computed. So nobody has to tell it that drafts were rejected,
// that the session went back, or that a call was cancelled.

#ifndef INKLING_SRC_SESSION_SPECULATION_DRAFT_MODEL_H_
#define INKLING_SRC_SESSION_SPECULATION_DRAFT_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/decoder/decoder.h"
#include "src/decoder/forward_request.h"
#include "src/decoder/kv_cache.h"
#include "src/session/model_engine.h"
#include "src/session/sampler.h"
#include "src/session/speculation/pass_cost.h"
#include "src/session/token_context.h"

namespace inkling {

class DraftModel {
 public:
  // `engine`'s model as the draft model of a session of `target`'s whose cache was made with
  // `session_cache`. Both engines outlive it. Errors: InvalidArgument if the vocabularies differ
  // (in what, and the names of both models); ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<DraftModel>> Create(const ModelEngine& engine,
                                                            const ModelEngine& target,
                                                            const CacheOptions& session_cache);

  // A draft model of its own with the same state, for a session that was forked. Errors:
  // ResourceExhausted.
  absl::StatusOr<std::unique_ptr<DraftModel>> Fork();

  // As TokenContext::Trim without a file.
  absl::Status Trim() { return context_.Trim(""); }

  // Appends to `draft` the tokens that its model chooses after `tokens`: at most `most`, fewer
  // where its context ends. `sampler` is a copy of the session's, so it draws the numbers that the
  // session will draw: where both models agree, they choose the same token, greedy or not. Errors:
  // Cancelled; those of the sampler.
  absl::Status Propose(absl::Span<const int32_t> tokens, size_t most, Sampler sampler,
                       StopFunction stop, std::vector<int32_t>& draft);

  // What one draft token takes; 0 before the first.
  double seconds_per_token() const { return pass_cost_.single_seconds(); }

 private:
  DraftModel(Decoder& decoder, std::unique_ptr<KvCache> cache, int32_t vocab_size)
      : context_(decoder, std::move(cache), vocab_size) {}
  DraftModel(TokenContext context, const PassCost& pass_cost)
      : context_(std::move(context)), pass_cost_(pass_cost) {}

  absl::Status Follow(absl::Span<const int32_t> tokens);

  TokenContext context_;
  PassCost pass_cost_;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SPECULATION_DRAFT_MODEL_H_
