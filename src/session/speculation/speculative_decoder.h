// SpeculativeDecoder: gives the logits of a session's next token, and lets passes of the model
// verify draft tokens on the way, as many as pay.
//
// The generation loop asks it for logits, chooses a token, and gives that back with Append. The
// draft is what may come next, taken from repetitions in the text or from a draft model,
// and is verified in one pass of few rows. Each row has the logits that a pass of its own would
// have. A draft token is accepted if the loop chooses it, and then the next row has the next
// logits. So the text is the same with and without drafts; they only decide how many passes it
// takes. Who proposes a draft and how long it is follows from how often drafts are accepted and
// from what passes cost. Leviathan et al., "Fast Inference from Transformers via Speculative
// Decoding", 2023.
//
// All that is known of drafts is here: the tokens, their logits, how many were accepted, what rows
// cost. The draft tokens themselves lie in the context's cache, ahead of its list.

#ifndef INKLING_SRC_SESSION_SPECULATION_SPECULATIVE_DECODER_H_
#define INKLING_SRC_SESSION_SPECULATION_SPECULATIVE_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/decoder/forward_request.h"
#include "src/session/sampler.h"
#include "src/session/speculation/acceptance_odds.h"
#include "src/session/speculation/draft_model.h"
#include "src/session/speculation/pass_cost.h"
#include "src/session/speculation/prompt_lookup.h"
#include "src/session/token_context.h"

namespace inkling {

// Tokens that the text certainly goes on with; asked for where a draft is made.
using ForcedTokens = absl::FunctionRef<std::vector<int32_t>()>;

// One for each session.
class SpeculativeDecoder {
 public:
  // `context` outlives this. `draft_model` may be null.
  SpeculativeDecoder(TokenContext& context, std::unique_ptr<DraftModel> draft_model);

  // For a fork of the session: a draft model that has computed the same, or null; and what is known
  // of the passes' costs. Errors: ResourceExhausted.
  absl::StatusOr<std::unique_ptr<DraftModel>> ForkDraftModel();
  void CopyCosts(const SpeculativeDecoder& other) { pass_cost_ = other.pass_cost_; }

  // Gives the memory of the draft model's cache back; what it held is computed again. Errors:
  // ResourceExhausted.
  absl::Status TrimDraftModel();

  // Begins a call of RunGeneration: another text, of which no odds are known. What passes cost
  // stays known.
  void Begin();

  // The logits [vocab_size] that follow the context's last token; valid until the next call. If
  // they take a pass of one token, at most `most` draft tokens go along: those of `forced`, if
  // there are any. `sampler` is what will choose from the logits.
  // Errors: those of the context and of the draft model.
  absl::StatusOr<absl::Span<const float>> ComputeLogits(size_t most, const Sampler& sampler,
                                                        ForcedTokens forced, StopFunction stop);

  // Adds the token that was chosen to the context. Errors: ResourceExhausted, InvalidArgument.
  absl::Status Append(int32_t token);

  // TokenContext::Slide, which also ends the draft: it was verified behind what is dropped.
  absl::StatusOr<int32_t> Slide(int32_t kept, int32_t room) {
    is_verified_ = false;
    return context_.Slide(kept, room);
  }

  // Draft tokens since Begin.
  struct Counts {
    int32_t drafted = 0;  // verified in a pass
    int32_t accepted = 0;
    int32_t by_draft_model = 0;  // of `drafted`
    int32_t accepted_by_draft_model = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Plan {
    size_t size = 0;
    double rate = 1;  // expected tokens in the time of a pass of one
  };

  absl::Status MakeDraft(size_t most, const Sampler& sampler, ForcedTokens forced,
                         StopFunction stop);
  void RepeatText(const Repetition& found, size_t size);
  Plan PlanRepetition(size_t length, size_t most) const;
  Plan PlanDraftModel(size_t most) const;
  absl::Status VerifyDraft(StopFunction stop);
  void Learn(bool accepted);

  TokenContext& context_;
  const std::unique_ptr<DraftModel> draft_model_;
  PassCost pass_cost_;
  AcceptanceOdds odds_;        // of drafts from repetitions
  double draft_model_chance_;  // that a token of the draft model is accepted
  double forced_chance_;       // the same of a token that a constraint forces
  Counts counts_;

  std::vector<int32_t> draft_;
  size_t repeated_ = 0;        // tokens of the repetition that draft_ was found by; 0: draft model
  bool is_forced_ = false;     // draft_ is what a constraint forces
  bool is_verified_ = false;   // logits_ are those of draft_, behind the context's list
  size_t num_accepted_ = 0;    // tokens of draft_ that are part of the list
  std::vector<float> logits_;  // [1 + draft_.size(), vocab_size]: in front of and behind each token
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SPECULATION_SPECULATIVE_DECODER_H_
