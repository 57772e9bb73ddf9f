// DraftModel: a second, smaller model that says what a session's model may say next.
//
// It has a cache of its own. Before it drafts, its tokens are made those of the session: what both
// begin with stays, the rest is computed. So it needs to be told of nothing, whether drafts were
// rejected, the session went back, or a call was cancelled.

#ifndef INKLING_SRC_SESSION_DRAFT_MODEL_H_
#define INKLING_SRC_SESSION_DRAFT_MODEL_H_

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
#include "src/session/token_context.h"

namespace inkling {

class DraftModel {
 public:
  // A draft of `engine`'s model for a session of `target`'s that has a cache made with
  // `session_cache`. Both engines outlive it. Errors: InvalidArgument if the vocabularies differ
  // (says in what, and names both models); ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<DraftModel>> Create(const ModelEngine& engine,
                                                            const ModelEngine& target,
                                                            const KvCache::Options& session_cache);

  // Appends to `draft` what its model chooses after `tokens`: at most `most`, fewer where its
  // context ends. `sampler` is a copy of the session's and so draws the numbers that the session
  // will draw: where both models agree, both choose the same token, greedy or not. Errors:
  // Cancelled; those of the sampler.
  absl::Status Propose(absl::Span<const int32_t> tokens, size_t most, Sampler sampler,
                       StopFunction stop, std::vector<int32_t>& draft);

  // What one drafted token takes; 0 before the first.
  double seconds_per_token() const { return context_.pass_cost().single_seconds(); }

 private:
  DraftModel(Decoder& decoder, std::unique_ptr<KvCache> cache, int32_t vocab_size)
      : context_(decoder, std::move(cache), vocab_size) {}

  absl::Status Follow(absl::Span<const int32_t> tokens);

  TokenContext context_;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_DRAFT_MODEL_H_
