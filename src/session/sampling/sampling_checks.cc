// One line an option: its name, its range, what was found.

#include "src/session/sampling/sampling_checks.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "inkling/llm_options.h"

namespace inkling {
namespace {

absl::Status CheckRange(const char* name, float value, float low, float high) {
  if (value >= low && value <= high) return absl::OkStatus();  // false for NaN
  return absl::InvalidArgumentError(absl::StrCat("sampling.", name, " is ", value,
                                                 "; expected a number from ", low, " to ", high));
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

absl::Status CheckAtLeast(const char* name, int32_t value, int32_t least, const char* meaning) {
  if (value >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("sampling.", name, " is ", value, "; expected ", meaning));
}

absl::Status CheckBreakers(const SamplingOptions& options) {
  for (size_t i = 0; i < options.dry_sequence_breakers.size(); ++i) {
    if (options.dry_sequence_breakers[i].empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "sampling.dry_sequence_breakers[", i, "] is empty; every text would end a sequence"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

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

absl::Status CheckSamplingOptions(const SamplingOptions& options, int32_t vocab_size) {
  const float tiny = std::numeric_limits<float>::min();
  for (const absl::Status& status :
       {CheckRange("temperature", options.temperature, 0, 100),
        CheckRange("top_p", options.top_p, tiny, 1),
        CheckRange("min_p", options.min_p, 0, 1),
        CheckRange("repetition_penalty", options.repetition_penalty, tiny, 100),
        CheckRange("presence_penalty", options.presence_penalty, -100, 100),
        CheckRange("frequency_penalty", options.frequency_penalty, -100, 100),
        CheckRange("dry_multiplier", options.dry_multiplier, 0, 100),
        CheckRange("dry_base", options.dry_base, 1, 100),
        CheckRange("typical_p", options.typical_p, tiny, 1),
        CheckRange("top_n_sigma", options.top_n_sigma, 0, 100),
        CheckRange("xtc_probability", options.xtc_probability, 0, 1),
        CheckRange("xtc_threshold", options.xtc_threshold, 0, 1),
        CheckRange("mirostat_tau", options.mirostat_tau, 0, 100),
        CheckRange("mirostat_eta", options.mirostat_eta, 0, 1),
        CheckAtLeast("top_k", options.top_k, 0, "0 (all tokens) or more"),
        CheckAtLeast("penalty_window", options.penalty_window, 0, "0 (all tokens) or more"),
        CheckAtLeast("no_repeat_ngram_size", options.no_repeat_ngram_size, 0, "0 (off) or more"),
        CheckAtLeast("dry_allowed_length", options.dry_allowed_length, 0, "0 or more"),
        CheckAtLeast("dry_window", options.dry_window, 0, "0 (all tokens) or more"),
        CheckBreakers(options)}) {
    if (!status.ok()) return status;
  }
  return CheckBiases(options, vocab_size);
}

}  // namespace inkling
