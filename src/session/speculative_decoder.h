// SpeculativeDecoder: lets passes of the model take along draft tokens, as many as pay.
//
// The next tokens are drafted from repetitions in the text, or by a draft model, and checked in one
// pass of few rows. Each row has the logits that a pass of its own would have, so the text is the
// same with and without speculation; a draft only decides how many passes it takes. Who drafts and
// how many tokens follows from how likely each is to be right and from what passes cost. Leviathan
// et al., "Fast Inference from Transformers via Speculative Decoding", 2023.

#ifndef INKLING_SRC_SESSION_SPECULATIVE_DECODER_H_
#define INKLING_SRC_SESSION_SPECULATIVE_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/decoder/forward_request.h"
#include "src/session/acceptance_odds.h"
#include "src/session/draft_model.h"
#include "src/session/prompt_lookup.h"
#include "src/session/sampler.h"
#include "src/session/token_context.h"

namespace inkling {

// For one call of RunGeneration.
class SpeculativeDecoder {
 public:
  // Both outlive the speculation; `draft` may be null.
  SpeculativeDecoder(TokenContext& context, DraftModel* draft_model);

  // The context's ComputeLogits. If that takes a pass of one token, at most `most` draft tokens
  // go along. `sampler` is what will choose from the logits. Errors: also the draft's.
  absl::StatusOr<absl::Span<const float>> ComputeLogits(size_t most, const Sampler& sampler,
                                                        StopFunction stop);

  // Drafted tokens and how many of them came true, since the speculation was made.
  struct Counts {
    int64_t drafted = 0;
    int64_t accepted = 0;
    int64_t by_draft_model = 0;  // of those drafted
    int64_t accepted_by_draft_model = 0;
  };
  Counts CountDraftTokens();

 private:
  struct Plan {
    size_t size = 0;
    double rate = 1;  // expected tokens in the time of a pass of one
  };

  void LearnFromLastDraft();
  absl::Status MakeDraft(size_t most, const Sampler& sampler, StopFunction stop);
  void RepeatText(const Repetition& found, size_t size);
  Plan PlanRepetition(size_t length, size_t most) const;
  Plan PlanDraftModel(size_t most) const;

  TokenContext& context_;
  DraftModel* draft_model_;
  AcceptanceOdds odds_;
  double draft_model_chance_;
  std::vector<int32_t> draft_;
  size_t repeated_ = 0;                // length of the stretch that draft_ was found by; 0: drafted
  TokenContext::DraftCount reported_;  // of which it is known how they came out
  Counts counts_;
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SPECULATIVE_DECODER_H_
