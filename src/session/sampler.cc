// The steps of sampling are done in the order that SamplingOptions documents: bias, penalties,
// temperature, top-k, top-p, min-p, draw. Greedy sampling ends after the penalties. Ties go to the
// lower token id, so that results don't depend on how a platform sorts.

#include "src/session/sampler.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "kernels/softmax.h"

namespace inkling {
namespace {

// Top-p without top-k tries this many candidates first, then eight times as many, and so on. The
// first try is nearly always enough, so a vocabulary of 256,000 isn't sorted for its tail.
constexpr size_t kFirstCandidates = 256;
constexpr size_t kCandidateGrowth = 8;

absl::Status CheckRange(const char* name, float value, float low, float high) {
  if (value >= low && value <= high) return absl::OkStatus();  // false for NaN
  return absl::InvalidArgumentError(absl::StrCat("sampling.", name, " is ", value,
                                                 "; expected a number from ", low, " to ", high));
}

// One number for each token of the list, by token: the sum of its biases.
std::vector<std::pair<int32_t, float>> SummedBiases(std::vector<std::pair<int32_t, float>> biases) {
  std::stable_sort(biases.begin(), biases.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::pair<int32_t, float>> sums;
  for (size_t i = 0; i < biases.size();) {
    const int32_t token = biases[i].first;
    double sum = 0;
    for (; i < biases.size() && biases[i].first == token; ++i) sum += biases[i].second;
    sums.emplace_back(token, static_cast<float>(sum));
  }
  return sums;
}

absl::Status CheckBiases(const SamplingOptions& options, int32_t vocab_size) {
  for (size_t i = 0; i < options.logit_bias.size(); ++i) {
    const auto& [token, bias] = options.logit_bias[i];
    if (token < 0 || token >= vocab_size) {
      return absl::InvalidArgumentError(absl::StrCat("sampling.logit_bias[", i, "] is for token ",
                                                     token, "; the vocabulary has tokens 0 to ",
                                                     vocab_size - 1));
    }
    if (std::isnan(bias) || bias == std::numeric_limits<float>::infinity()) {
      return absl::InvalidArgumentError(absl::StrCat("sampling.logit_bias[", i, "] for token ",
                                                     token, " is ", bias,
                                                     "; expected a finite number or -infinity"));
    }
  }
  for (const auto& [token, sum] : SummedBiases(options.logit_bias)) {
    if (sum == std::numeric_limits<float>::infinity()) {
      return absl::InvalidArgumentError(
          absl::StrCat("sampling.logit_bias for token ", token,
                       ": expected numbers with a finite sum, found more than one float holds"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Sampler::Validate(const SamplingOptions& options, int32_t vocab_size) {
  const float tiny = std::numeric_limits<float>::min();
  for (const absl::Status& status :
       {CheckRange("temperature", options.temperature, 0, 100),
        CheckRange("top_p", options.top_p, tiny, 1), CheckRange("min_p", options.min_p, 0, 1),
        CheckRange("repetition_penalty", options.repetition_penalty, tiny, 100),
        CheckRange("presence_penalty", options.presence_penalty, -100, 100),
        CheckRange("frequency_penalty", options.frequency_penalty, -100, 100)}) {
    if (!status.ok()) return status;
  }
  if (options.top_k < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("sampling.top_k is ", options.top_k, "; expected 0 (all tokens) or more"));
  }
  if (options.penalty_window < 0) {
    return absl::InvalidArgumentError(absl::StrCat("sampling.penalty_window is ",
                                                   options.penalty_window,
                                                   "; expected 0 (all tokens) or more"));
  }
  return CheckBiases(options, vocab_size);
}

absl::StatusOr<Sampler> Sampler::Create(const SamplingOptions& options, int32_t vocab_size,
                                        absl::Span<const int32_t> history) {
  absl::Status valid = Validate(options, vocab_size);
  if (!valid.ok()) return valid;
  Sampler sampler(options, vocab_size);
  if (sampler.uses_penalties()) {
    const size_t window = static_cast<size_t>(options.penalty_window);
    const size_t skip = window > 0 && history.size() > window ? history.size() - window : 0;
    for (int32_t token : history.subspan(skip)) sampler.Accept(token);
  }
  return sampler;
}

Sampler::Sampler(const SamplingOptions& options, int32_t vocab_size)
    : options_(options),
      vocab_size_(vocab_size),
      seed_(options.seed.has_value() ? *options.seed : DrawSeed()),
      random_(seed_) {
  options_.logit_bias = SummedBiases(std::move(options_.logit_bias));
  logits_.resize(static_cast<size_t>(vocab_size));
  if (uses_penalties()) counts_.resize(static_cast<size_t>(vocab_size));
  const size_t first = options.top_k > 0 ? static_cast<size_t>(options.top_k) : kFirstCandidates;
  candidates_.reserve(std::min(first, logits_.size()));
  weights_.reserve(std::min(first, logits_.size()));
}

bool Sampler::uses_penalties() const {
  return options_.repetition_penalty != 1.0f || options_.presence_penalty != 0.0f ||
         options_.frequency_penalty != 0.0f;
}

void Sampler::Accept(int32_t token) {
  if (!uses_penalties()) return;
  ++counts_[static_cast<size_t>(token)];
  const size_t window = static_cast<size_t>(options_.penalty_window);
  if (window == 0 || recent_.size() < window) {
    recent_.push_back(token);
    return;
  }
  --counts_[static_cast<size_t>(recent_[recent_next_])];
  recent_[recent_next_] = token;
  recent_next_ = (recent_next_ + 1) % window;
}

void Sampler::ApplyPenalties() {
  for (int32_t token : recent_) {
    int32_t& count = counts_[static_cast<size_t>(token)];
    if (count < 0) continue;  // penalised already: counts of such tokens are negative meanwhile
    float& logit = logits_[static_cast<size_t>(token)];
    logit = logit > 0 ? logit / options_.repetition_penalty : logit * options_.repetition_penalty;
    logit -= options_.presence_penalty + options_.frequency_penalty * static_cast<float>(count);
    count = -count;
  }
  for (int32_t token : recent_) {
    int32_t& count = counts_[static_cast<size_t>(token)];
    if (count < 0) count = -count;
  }
}

void Sampler::AdjustLogits(absl::Span<const float> logits) {
  std::copy(logits.begin(), logits.end(), logits_.begin());
  for (const auto& [token, bias] : options_.logit_bias) logits_[static_cast<size_t>(token)] += bias;
  if (uses_penalties()) ApplyPenalties();
}

absl::StatusOr<SampledToken> Sampler::Sample(absl::Span<const float> logits,
                                             LogProbability log_probability) {
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
  AdjustLogits(logits);
  const size_t best = kernels::ArgMax(logits_.data(), logits_.size());
  const float max_logit = logits_[best];
  if (!std::isfinite(max_logit)) {
    return absl::FailedPreconditionError(
        "sampling.logit_bias forbids every token of the vocabulary");
  }
  SampledToken sampled;
  if (options_.temperature == 0.0f) {
    sampled.token = static_cast<int32_t>(best);
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
