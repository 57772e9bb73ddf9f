// The steps of sampling are done in the order that SamplingOptions documents. Greedy sampling ends
// after the penalties. Ties go to the lower token id, so that results don't depend on how a
// platform sorts.

#include "src/session/sampler.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "kernels/softmax.h"
#include "src/session/sampling/repetition_rules.h"
#include "src/session/sampling/sampling_checks.h"
#include "src/session/sampling/token_penalties.h"
#include "src/session/sampling/truncation.h"

namespace inkling {
namespace {

// Top-p without top-k tries this many candidates first, then eight times as many, and so on. The
// first try is nearly always enough, so a vocabulary of 256,000 isn't sorted for its tail.
constexpr size_t kFirstCandidates = 256;
constexpr size_t kCandidateGrowth = 8;

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

}  // namespace

absl::StatusOr<Sampler> Sampler::Create(const SamplingOptions& options, int32_t vocab_size,
                                        absl::Span<const int32_t> history,
                                        absl::Span<const int32_t> sequence_breakers) {
  absl::Status valid = CheckSamplingOptions(options, vocab_size);
  if (!valid.ok()) return valid;
  return Sampler(options, vocab_size, history, sequence_breakers);
}

Sampler::Sampler(const SamplingOptions& options, int32_t vocab_size,
                 absl::Span<const int32_t> history, absl::Span<const int32_t> sequence_breakers)
    : options_(options),
      vocab_size_(vocab_size),
      seed_(options.seed.has_value() ? *options.seed : DrawSeed()),
      random_(seed_),
      penalties_(options, vocab_size, history),
      repetitions_(options, history, sequence_breakers),
      truncation_(options) {
  options_.logit_bias = SummedBiases(std::move(options_.logit_bias));
  logits_.resize(static_cast<size_t>(vocab_size));
  const size_t first = options.top_k > 0 ? static_cast<size_t>(options.top_k) : kFirstCandidates;
  candidates_.reserve(std::min(first, logits_.size()));
  weights_.reserve(std::min(first, logits_.size()));
}

void Sampler::Accept(int32_t token) {
  penalties_.Accept(token);
  repetitions_.Accept(token);
}

// Forbids the tokens whose bit isn't set.
void Sampler::ApplyMask(absl::Span<const uint64_t> allowed) {
  for (size_t i = 0; i < logits_.size(); ++i) {
    if ((allowed[i / 64] >> (i % 64) & 1) == 0) logits_[i] = kForbidden;
  }
}

absl::Status Sampler::AdjustLogits(const Row& row) {
  std::copy(row.logits.begin(), row.logits.end(), logits_.begin());
  if (row.process != nullptr) {
    (*row.process)(absl::MakeSpan(logits_));
    for (size_t i = 0; i < logits_.size(); ++i) {
      if (std::isfinite(logits_[i]) || logits_[i] == kForbidden) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("logits_processor set the logit of token ", i, " to ", logits_[i],
                       "; expected a finite number, or -infinity to forbid it"));
    }
  }
  if (!row.allowed.empty()) ApplyMask(row.allowed);
  for (const auto& [token, bias] : options_.logit_bias) logits_[static_cast<size_t>(token)] += bias;
  penalties_.Apply(absl::MakeSpan(logits_));
  repetitions_.Apply(absl::MakeSpan(logits_));
  return absl::OkStatus();
}

// What forbids every token, of what the row and the options have.
absl::Status Sampler::NothingIsAllowed(const Row& row) const {
  std::vector<absl::string_view> causes;
  if (row.process != nullptr) causes.emplace_back("logits_processor");
  if (!row.allowed.empty()) causes.emplace_back("constraint");
  if (!options_.logit_bias.empty()) causes.emplace_back("sampling.logit_bias");
  if (options_.no_repeat_ngram_size > 0) causes.emplace_back("sampling.no_repeat_ngram_size");
  return absl::FailedPreconditionError(absl::StrCat(
      absl::StrJoin(causes, " and "), causes.size() > 1 ? " together forbid" : " forbids",
      " every token of the vocabulary"));
}

absl::StatusOr<SampledToken> Sampler::Sample(const Row& row, LogProbability log_probability) {
  const absl::Span<const float> logits = row.logits;
  if (logits.size() != logits_.size()) {
    return absl::InternalError(absl::StrCat(
        "the sampler got ", logits.size(), " logits; the vocabulary has ", vocab_size_, " tokens"));
  }
  const float normalizer = kernels::LogSumExp(logits.data(), logits.size());
  if (!std::isfinite(normalizer)) {
    return absl::InternalError(
        "the model computed logits that are not numbers; its weights may be damaged, or its "
        "activations overflow");
  }
  ABSL_RETURN_IF_ERROR(AdjustLogits(row));
  const size_t best = kernels::ArgMax(logits_.data(), logits_.size());
  const float max_logit = logits_[best];
  if (!std::isfinite(max_logit)) return NothingIsAllowed(row);
  SampledToken sampled;
  if (options_.temperature == 0.0f) {
    sampled.token = static_cast<int32_t>(best);
  } else if (Truncation::IsNeeded(options_)) {
    sampled.token = truncation_.Draw(logits_, random_);
  } else if (options_.top_k == 0 && options_.top_p == 1.0f) {
    sampled.token = DrawFromAll(max_logit);
  } else {
    sampled.token = DrawFromCandidates();
  }
  if (log_probability == LogProbability::kCompute) {
    sampled.log_probability = logits[static_cast<size_t>(sampled.token)] - normalizer;
  }
  return sampled;
}

// Without top-k and top-p no order is needed: one pass sums the weights, a second one walks to the
// drawn point.
int32_t Sampler::DrawFromAll(float max_logit) {
  const double temperature = options_.temperature;
  const auto weight = [&](float logit) {
    const double value = std::exp((static_cast<double>(logit) - max_logit) / temperature);
    return value >= options_.min_p ? value : 0.0;
  };
  double sum = 0;
  for (float logit : logits_) sum += weight(logit);
  const double target = random_.NextUnit() * sum;
  double reached = 0;
  int32_t last = 0;
  for (int32_t token = 0; token < vocab_size_; ++token) {
    const double value = weight(logits_[static_cast<size_t>(token)]);
    if (value == 0.0) continue;
    reached += value;
    last = token;
    if (reached > target) break;
  }
  return last;
}

// Fills candidates_ with the `count` most likely tokens, most likely first.
void Sampler::SelectTop(size_t count) {
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  };
  candidates_.clear();
  for (int32_t token = 0; token < vocab_size_; ++token) {
    const Candidate candidate{logits_[static_cast<size_t>(token)], token};
    if (candidates_.size() < count) {
      candidates_.push_back(candidate);
      std::push_heap(candidates_.begin(), candidates_.end(), better);
    } else if (better(candidate, candidates_.front())) {
      std::pop_heap(candidates_.begin(), candidates_.end(), better);
      candidates_.back() = candidate;
      std::push_heap(candidates_.begin(), candidates_.end(), better);
    }
  }
  std::sort_heap(candidates_.begin(), candidates_.end(), better);
}

// Fills weights_ and returns how many candidates top-p keeps. If their probabilities don't reach
// it, which takes that candidates_ isn't the whole vocabulary and there is no top-k, returns more
// than there are.
size_t Sampler::CutByProbability() {
  const double max_logit = candidates_.front().logit;
  const double temperature = options_.temperature;
  weights_.clear();
  double candidate_sum = 0;
  for (const Candidate& candidate : candidates_) {
    weights_.push_back(std::exp((candidate.logit - max_logit) / temperature));
    candidate_sum += weights_.back();
  }
  double total = candidate_sum;
  if (options_.top_k == 0) {
    total = 0;
    for (float logit : logits_)
      total += std::exp((static_cast<double>(logit) - max_logit) / temperature);
  }
  const double wanted = static_cast<double>(options_.top_p) * total;
  double reached = 0;
  for (size_t i = 0; i < weights_.size(); ++i) {
    reached += weights_[i];
    if (reached >= wanted) return i + 1;
  }
  // Rounding may leave the sum of everything a hair below `total`.
  return options_.top_k > 0 || candidates_.size() == logits_.size() ? weights_.size()
                                                                    : weights_.size() + 1;
}

int32_t Sampler::DrawFromCandidates() {
  size_t count = options_.top_k > 0 ? static_cast<size_t>(options_.top_k) : kFirstCandidates;
  size_t kept = 0;
  for (;; count *= kCandidateGrowth) {
    SelectTop(std::min(count, logits_.size()));
    kept = CutByProbability();
    if (kept <= candidates_.size()) break;
  }
  // The weight of the most likely token is 1, so min-p compares weights directly.
  double sum = 0;
  size_t end = 0;
  while (end < kept && (end == 0 || (weights_[end] > 0 && weights_[end] >= options_.min_p)))
    sum += weights_[end++];
  const double target = random_.NextUnit() * sum;
  double reached = 0;
  size_t chosen = 0;
  for (; chosen + 1 < end; ++chosen) {
    reached += weights_[chosen];
    if (reached > target) break;
  }
  return candidates_[chosen].token;
}

}  // namespace inkling
