// Candidates are sorted once; each sampler then keeps some of them and makes probabilities of them.

#include "src/session/sampling/truncation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "src/session/random_stream.h"

namespace inkling {
namespace {

// The lowest logit within `sigmas` standard deviations of the highest. Tang et al., "Top-nσ: Not
// All Logits Are You Need", 2024. Forbidden tokens don't count.
double LowestLogit(absl::Span<const float> logits, double sigmas) {
  double count = 0;
  double sum = 0;
  double squares = 0;
  double highest = -INFINITY;
  for (const float logit : logits) {
    if (!std::isfinite(logit)) continue;
    ++count;
    sum += logit;
    highest = std::max<double>(highest, logit);
  }
  const double mean = sum / count;
  for (const float logit : logits) {
    if (std::isfinite(logit)) squares += (logit - mean) * (logit - mean);
  }
  return highest - sigmas * std::sqrt(squares / count);
}

}  // namespace

bool Truncation::IsNeeded(const SamplingOptions& options) {
  return options.typical_p < 1 || options.top_n_sigma > 0 || options.xtc_probability > 0 ||
         options.mirostat_tau > 0;
}

// The candidates that top-n-sigma and top-k leave. Equals keep the order of their ids.
void Truncation::Collect(absl::Span<const float> logits) {
  const double lowest =
      options_.top_n_sigma > 0 ? LowestLogit(logits, options_.top_n_sigma) : -INFINITY;
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    if (std::isfinite(logits[i]) && logits[i] >= lowest)
      candidates_.push_back({logits[i], static_cast<int32_t>(i), 0});
  }
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  };
  // Mirostat decides itself how many there are.
  const size_t top_k = options_.mirostat_tau > 0 ? 0 : static_cast<size_t>(options_.top_k);
  if (top_k > 0 && top_k < candidates_.size()) {
    std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(top_k),
                      candidates_.end(), better);
    candidates_.resize(top_k);
  } else {
    std::sort(candidates_.begin(), candidates_.end(), better);
  }
  const double highest = candidates_.front().logit;
  for (Candidate& candidate : candidates_)
    candidate.probability = std::exp((candidate.logit - highest) / options_.temperature);
  Normalize();
}

void Truncation::Normalize() {
  double sum = 0;
  for (const Candidate& candidate : candidates_) sum += candidate.probability;
  for (Candidate& candidate : candidates_) candidate.probability /= sum;
}

// Keeps the tokens whose surprise is nearest to the expected one, until their probabilities reach
// typical_p. Meister et al., "Locally Typical Sampling", 2022.
void Truncation::KeepTypical() {
  double entropy = 0;
  for (const Candidate& candidate : candidates_) {
    if (candidate.probability > 0)
      entropy -= candidate.probability * std::log(candidate.probability);
  }
  const auto distance = [&](const Candidate& candidate) {
    return std::abs(-std::log(candidate.probability) - entropy);
  };
  std::vector<size_t> order(candidates_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return distance(candidates_[a]) < distance(candidates_[b]);
  });
  double reached = 0;
  size_t kept = 0;
  while (kept < order.size() && (kept == 0 || reached < options_.typical_p))
    reached += candidates_[order[kept++]].probability;
  order.resize(kept);
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < kept; ++i) candidates_[i] = candidates_[order[i]];
  candidates_.resize(kept);
  Normalize();
}

void Truncation::KeepTopP() {
  double reached = 0;
  size_t kept = 0;
  while (kept < candidates_.size() && (kept == 0 || reached < options_.top_p))
    reached += candidates_[kept++].probability;
  candidates_.resize(kept);
  Normalize();
}

void Truncation::KeepMinP() {
  const double least = options_.min_p * candidates_.front().probability;
  size_t kept = 1;
  while (kept < candidates_.size() && candidates_[kept].probability >= least) ++kept;
  candidates_.resize(kept);
  Normalize();
}

// With xtc_probability, drops all tokens that reach the threshold but the least likely of them.
// p-e-w, "Exclude Top Choices", text-generation-webui, 2024.
void Truncation::ExcludeTopChoices(RandomStream& random) {
  const bool excludes = random.NextUnit() < options_.xtc_probability;
  size_t above = 0;
  while (above < candidates_.size() && candidates_[above].probability >= options_.xtc_threshold)
    ++above;
  if (!excludes || above < 2) return;
  candidates_.erase(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(above - 1));
  Normalize();
}

// Keeps the tokens whose surprise is at most the limit.
void Truncation::LimitSurprise() {
  size_t kept = 1;
  while (kept < candidates_.size() && -std::log2(candidates_[kept].probability) <= surprise_limit_)
    ++kept;
  candidates_.resize(kept);
  Normalize();
}

int32_t Truncation::Draw(absl::Span<const float> logits, RandomStream& random) {
  Collect(logits);
  const bool follows_surprise = options_.mirostat_tau > 0;
  if (follows_surprise) {
    LimitSurprise();
  } else {
    if (options_.typical_p < 1) KeepTypical();
    if (options_.top_p < 1) KeepTopP();
    if (options_.min_p > 0) KeepMinP();
    if (options_.xtc_probability > 0) ExcludeTopChoices(random);
  }
  const double target = random.NextUnit();
  double reached = 0;
  size_t chosen = 0;
  for (; chosen + 1 < candidates_.size(); ++chosen) {
    reached += candidates_[chosen].probability;
    if (reached > target) break;
  }
  if (follows_surprise) {
    // Basu et al., "Mirostat: A Neural Text Decoding Algorithm that Directly Controls Perplexity",
    // 2020, algorithm 2 of its appendix.
    const double surprise = -std::log2(candidates_[chosen].probability);
    surprise_limit_ -= options_.mirostat_eta * (surprise - options_.mirostat_tau);
  }
  return candidates_[chosen].token;
}

}  // namespace inkling
