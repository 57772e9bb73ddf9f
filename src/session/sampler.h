// Sampler: chooses a token from one row of logits.
//
// Each call of the generation loop owns one. It works on a copy of the logits, allocates everything
// when it is made, and has its own random numbers: the same seed and the same logits give the same
// tokens on every platform.

#ifndef INKLING_SRC_SESSION_SAMPLER_H_
#define INKLING_SRC_SESSION_SAMPLER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "src/session/random_stream.h"
#include "src/session/sampling/repetition_rules.h"
#include "src/session/sampling/token_penalties.h"
#include "src/session/sampling/truncation.h"

namespace inkling {

struct SampledToken {
  int32_t token = 0;
  // Natural logarithm of the model's own probability, before any option; 0 unless asked for.
  float log_probability = 0;
};

class Sampler {
 public:
  // Errors: those of CheckSamplingOptions. `history` are the session's tokens so far, which
  // penalties look at; `sequence_breakers` the tokens that hold one of
  // SamplingOptions::dry_sequence_breakers, in ascending order.
  static absl::StatusOr<Sampler> Create(const SamplingOptions& options, int32_t vocab_size,
                                        absl::Span<const int32_t> history,
                                        absl::Span<const int32_t> sequence_breakers = {});

  using ProcessFunction = absl::FunctionRef<void(absl::Span<float>)>;
  enum class LogProbability : uint8_t { kSkip, kCompute };

  // What a token is chosen from.
  struct Row {
    absl::Span<const float> logits;  // [vocab_size]
    // One bit a token, [(vocab_size + 63) / 64]: those that may be chosen. Empty: all.
    absl::Span<const uint64_t> allowed = {};
    // The app's own change of the logits, in front of all steps. Null: none.
    const ProcessFunction* process = nullptr;
  };

  // Chooses a token. Errors: Internal if no logit of the model's is finite or one is NaN;
  // InvalidArgument if `process` leaves one that is no number; FailedPrecondition if nothing is
  // allowed.
  absl::StatusOr<SampledToken> Sample(const Row& row, LogProbability log_probability);
  absl::StatusOr<SampledToken> Sample(absl::Span<const float> logits,
                                      LogProbability log_probability) {
    return Sample(Row{.logits = logits}, log_probability);
  }

  // The seed of its random numbers: SamplingOptions::seed, or one drawn for this sampler.
  uint64_t seed() const { return seed_; }

  // Adds `token` to the text that penalties look at.
  void Accept(int32_t token);

 private:
  struct Candidate {
    float logit;
    int32_t token;
  };

  Sampler(const SamplingOptions& options, int32_t vocab_size, absl::Span<const int32_t> history,
          absl::Span<const int32_t> sequence_breakers);

  void ApplyMask(absl::Span<const uint64_t> allowed);
  absl::Status AdjustLogits(const Row& row);
  absl::Status NothingIsAllowed(const Row& row) const;
  void SelectTop(size_t count);
  size_t CutByProbability();
  int32_t DrawFromAll(float max_logit);
  int32_t DrawFromCandidates();

  SamplingOptions options_;
  int32_t vocab_size_;
  uint64_t seed_;
  RandomStream random_;
  TokenPenalties penalties_;
  RepetitionRules repetitions_;
  Truncation truncation_;
  std::vector<float> logits_;          // adjusted copy, [vocab_size]
  std::vector<Candidate> candidates_;  // most likely first
  std::vector<double> weights_;        // exp(logit - max) of each candidate
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SAMPLER_H_
