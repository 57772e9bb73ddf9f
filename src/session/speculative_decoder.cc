// Of all sizes of a draft, the one with the most expected tokens for the time of the pass.

#include "src/session/speculative_decoder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/session/acceptance_odds.h"
#include "src/session/draft_model.h"
#include "src/session/pass_cost.h"
#include "src/session/prompt_lookup.h"
#include "src/session/sampler.h"
#include "src/session/token_context.h"

namespace inkling {
namespace {

// Tokens in the time of a pass of one that a draft must promise. Odds and times are estimates, and
// those of a text without repetitions are too high as often as too low.
constexpr double kLeastRate = 1.03;
// Before a draft model was tried.
constexpr double kUsualDraftChance = 0.7;
constexpr double kUsualDraftCost = 0.2;  // of one token, in passes of the session's model

// chance(i): that the i-th drafted token is right if those before it are.
template <typename Plan, typename Chance>
Plan BestPlan(const PassCost& cost, double cost_of_draft, size_t most, const Chance& chance) {
  Plan best = {.size = 0, .rate = kLeastRate};
  double all_right = 1;
  double tokens = 1;
  for (size_t size = 1; size <= most; ++size) {
    all_right *= chance(size - 1);
    tokens += all_right;
    const double rate =
        tokens / (cost.Relative(1 + size) + cost_of_draft * static_cast<double>(size));
    if (rate > best.rate) best = {.size = size, .rate = rate};
  }
  return best;
}

}  // namespace

SpeculativeDecoder::SpeculativeDecoder(TokenContext& context, DraftModel* draft_model)
    : context_(context),
      draft_model_(draft_model),
      draft_model_chance_(kUsualDraftChance),
      reported_(context.draft_count()) {
  draft_.reserve(static_cast<size_t>(context.max_draft()));
}

absl::StatusOr<absl::Span<const float>> SpeculativeDecoder::ComputeLogits(size_t most,
                                                                          const Sampler& sampler,
                                                                          StopFunction stop) {
  if (context_.HasLogits()) return context_.ComputeLogits(stop);
  LearnFromLastDraft();
  draft_.clear();
  if (most > 0 && context_.num_uncomputed() <= 1) {
    absl::Status status = MakeDraft(most, sampler, stop);
    if (!status.ok()) return status;
  }
  return context_.ComputeLogits(draft_, stop);
}

SpeculativeDecoder::Counts SpeculativeDecoder::CountDraftTokens() {
  context_.HasLogits();  // finds out about the last tokens
  LearnFromLastDraft();
  return counts_;
}

void SpeculativeDecoder::LearnFromLastDraft() {
  const TokenContext::DraftCount count = context_.draft_count();
  const int64_t drafted = count.drafted - reported_.drafted;
  const int64_t accepted = count.accepted - reported_.accepted;
  reported_ = count;
  counts_.drafted += drafted;
  counts_.accepted += accepted;
  if (repeated_ == 0) {
    counts_.by_draft_model += drafted;
    counts_.accepted_by_draft_model += accepted;
  }
  for (int64_t i = 0; i < std::min(drafted, accepted + 1); ++i) {
    if (repeated_ > 0) {
      odds_.Report(repeated_ + static_cast<size_t>(i), i < accepted);
    } else {
      FollowChance(i < accepted, draft_model_chance_);
    }
  }
}

absl::Status SpeculativeDecoder::MakeDraft(size_t most, const Sampler& sampler, StopFunction stop) {
  const Repetition found = FindRepetition(context_.tokens());
  const Plan repetition = PlanRepetition(found.length, most);
  const Plan draft = PlanDraftModel(most);
  repeated_ = found.length;
  if (repetition.rate >= draft.rate) {
    RepeatText(found, repetition.size);
    return absl::OkStatus();
  }
  repeated_ = 0;
  return draft_model_->Propose(context_.tokens(), draft.size, sampler, stop, draft_);
}

// A draft that reaches the end of the text goes on with itself, as a text in a circle does.
void SpeculativeDecoder::RepeatText(const Repetition& found, size_t size) {
  const std::vector<int32_t>& tokens = context_.tokens();
  const size_t period = tokens.size() - found.next;
  for (size_t i = 0; i < size; ++i) {
    draft_.push_back(i < period ? tokens[found.next + i] : draft_[i - period]);
  }
}

// A token that was right makes the stretch one longer for the next.
SpeculativeDecoder::Plan SpeculativeDecoder::PlanRepetition(size_t length, size_t most) const {
  if (length == 0) return {};
  return BestPlan<Plan>(context_.pass_cost(), 0, most,
                        [&](size_t i) { return odds_.Chance(length + i); });
}

SpeculativeDecoder::Plan SpeculativeDecoder::PlanDraftModel(size_t most) const {
  if (draft_model_ == nullptr) return {};
  const double single = context_.pass_cost().single_seconds();
  const double drafted = draft_model_->seconds_per_token();
  const double cost = single > 0 && drafted > 0 ? drafted / single : kUsualDraftCost;
  most = std::min(
      {most, static_cast<size_t>(context_.max_draft()), static_cast<size_t>(context_.remaining())});
  return BestPlan<Plan>(context_.pass_cost(), cost, most,
                        [&](size_t) { return draft_model_chance_; });
}

}  // namespace inkling
