// A draft has the length that promises the most tokens for the time of the pass.

#include "src/session/speculation/speculative_decoder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/session/sampler.h"
#include "src/session/speculation/acceptance_odds.h"
#include "src/session/speculation/draft_model.h"
#include "src/session/speculation/pass_cost.h"
#include "src/session/speculation/prompt_lookup.h"
#include "src/session/token_context.h"

namespace inkling {
namespace {

// Tokens that a draft must promise in the time of a pass of one row. Odds and times are estimates,
// and those of a text without repetitions are too high as often as too low.
constexpr double kLeastRate = 1.03;
// What a draft model is worth before it was tried.
constexpr double kUsualDraftChance = 0.7;
// That the model spells what a constraint forces as its tokenizer does.
constexpr double kUsualForcedChance = 0.9;
constexpr double kUsualDraftCost = 0.2;  // of one token, in passes of the session's model

// `chance(i)` is the chance that draft token i is accepted if those before it are; `cost_of_draft`
// what it takes to propose one, in passes of one row.
template <typename Plan, typename Chance>
Plan BestPlan(const PassCost& cost, double cost_of_draft, size_t most, const Chance& chance) {
  Plan best = {.size = 0, .rate = kLeastRate};
  double all_accepted = 1;
  double tokens = 1;
  for (size_t size = 1; size <= most; ++size) {
    all_accepted *= chance(size - 1);
    tokens += all_accepted;
    const double rate =
        tokens / (cost.Relative(1 + size) + cost_of_draft * static_cast<double>(size));
    if (rate > best.rate) best = {.size = size, .rate = rate};
  }
  return best;
}

}  // namespace

SpeculativeDecoder::SpeculativeDecoder(TokenContext& context,
                                       std::unique_ptr<DraftModel> draft_model)
    : context_(context),
      draft_model_(std::move(draft_model)),
      draft_model_chance_(kUsualDraftChance),
      forced_chance_(kUsualForcedChance) {
  draft_.reserve(static_cast<size_t>(context.max_ahead()));
}

absl::StatusOr<std::unique_ptr<DraftModel>> SpeculativeDecoder::ForkDraftModel() {
  if (draft_model_ == nullptr) return nullptr;
  return draft_model_->Fork();
}

absl::Status SpeculativeDecoder::TrimDraftModel() {
  return draft_model_ == nullptr ? absl::OkStatus() : draft_model_->Trim();
}

void SpeculativeDecoder::Begin() {
  odds_ = AcceptanceOdds();
  draft_model_chance_ = kUsualDraftChance;
  forced_chance_ = kUsualForcedChance;
  counts_ = {};
  is_verified_ = false;
}

absl::StatusOr<absl::Span<const float>> SpeculativeDecoder::ComputeLogits(size_t most,
                                                                          const Sampler& sampler,
                                                                          ForcedTokens forced,
                                                                          StopFunction stop) {
  const size_t vocab = static_cast<size_t>(context_.vocab_size());
  if (!is_verified_) {
    context_.ForgetLastResult();
    if (context_.num_uncomputed() > 1) return context_.ComputeLogits(stop);  // a prompt
    ABSL_RETURN_IF_ERROR(MakeDraft(most, sampler, forced, stop));
    if (draft_.empty()) {
      return pass_cost_.Measure(1, [&] { return context_.ComputeLogits(stop); });
    }
    ABSL_RETURN_IF_ERROR(VerifyDraft(stop));
  }
  return absl::MakeConstSpan(logits_).subspan(num_accepted_ * vocab, vocab);
}

absl::Status SpeculativeDecoder::VerifyDraft(StopFunction stop) {
  const size_t rows = 1 + draft_.size();
  const size_t floats = rows * static_cast<size_t>(context_.vocab_size());
  if (logits_.size() < floats) logits_.resize(floats);
  ABSL_RETURN_IF_ERROR(pass_cost_.Measure(rows, [&] {
    return context_.ComputeLogitsAhead(draft_, absl::MakeSpan(logits_).first(floats), stop);
  }));
  is_verified_ = true;
  num_accepted_ = 0;
  counts_.drafted += static_cast<int32_t>(draft_.size());
  if (repeated_ == 0 && !is_forced_) counts_.by_draft_model += static_cast<int32_t>(draft_.size());
  return absl::OkStatus();
}

absl::Status SpeculativeDecoder::Append(int32_t token) {
  if (is_verified_ && num_accepted_ < draft_.size()) {
    const bool accepted = token == draft_[num_accepted_];
    Learn(accepted);
    if (accepted) {
      ++num_accepted_;
      context_.AcceptAhead(token);
      return absl::OkStatus();
    }
  }
  is_verified_ = false;
  return context_.Append(absl::MakeConstSpan(&token, 1));
}

// What became of the draft's next token.
void SpeculativeDecoder::Learn(bool accepted) {
  if (is_forced_) {
    FollowChance(accepted, forced_chance_);
    counts_.accepted += accepted ? 1 : 0;
    return;
  }
  if (repeated_ > 0) {
    odds_.Report(repeated_ + num_accepted_, accepted);
  } else {
    FollowChance(accepted, draft_model_chance_);
  }
  if (!accepted) return;
  ++counts_.accepted;
  if (repeated_ == 0) ++counts_.accepted_by_draft_model;
}

// Leaves draft_ empty where no draft pays.
absl::Status SpeculativeDecoder::MakeDraft(size_t most, const Sampler& sampler, ForcedTokens forced,
                                           StopFunction stop) {
  draft_.clear();
  most = std::min(
      {most, static_cast<size_t>(context_.max_ahead()), static_cast<size_t>(context_.remaining())});
  is_forced_ = false;
  if (most == 0) return absl::OkStatus();
  draft_ = forced();
  draft_.resize(BestPlan<Plan>(pass_cost_, 0, std::min(most, draft_.size()), [&](size_t) {
                  return forced_chance_;
                }).size);
  is_forced_ = !draft_.empty();
  if (is_forced_) return absl::OkStatus();
  const Repetition found = FindRepetition(context_.tokens());
  const Plan repetition = PlanRepetition(found.length, most);
  const Plan draft = PlanDraftModel(most);
  if (repetition.rate >= draft.rate) {
    repeated_ = found.length;
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

// An accepted token makes the repetition one longer for the next.
SpeculativeDecoder::Plan SpeculativeDecoder::PlanRepetition(size_t length, size_t most) const {
  if (length == 0) return {};
  return BestPlan<Plan>(pass_cost_, 0, most, [&](size_t i) { return odds_.Chance(length + i); });
}

SpeculativeDecoder::Plan SpeculativeDecoder::PlanDraftModel(size_t most) const {
  if (draft_model_ == nullptr) return {};
  const double single = pass_cost_.single_seconds();
  const double drafted = draft_model_->seconds_per_token();
  const double cost = single > 0 && drafted > 0 ? drafted / single : kUsualDraftCost;
  return BestPlan<Plan>(pass_cost_, cost, most, [&](size_t) { return draft_model_chance_; });
}

}  // namespace inkling
