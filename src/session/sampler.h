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

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "src/session/random_stream.h"

namespace inkling {

struct SampledToken {
  int32_t token = 0;
  // Natural logarithm of the model's own probability, before any option; 0 unless asked for.
  float log_probability = 0;
};

class Sampler {
 public:
  // Errors: InvalidArgument naming the option, its range and its value.
  static absl::Status Validate(const SamplingOptions& options, int32_t vocab_size);

  // `history` are the session's tokens so far, which penalties look at. Errors: those of Validate.
  static absl::StatusOr<Sampler> Create(const SamplingOptions& options, int32_t vocab_size,
                                        absl::Span<const int32_t> history);

  enum class LogProbability : uint8_t { kSkip, kCompute };

  // Chooses a token from `logits` [vocab_size]. Errors: Internal if no logit is finite or one is
  // NaN; FailedPrecondition if the logit bias forbids every token.
  absl::StatusOr<SampledToken> Sample(absl::Span<const float> logits,
                                      LogProbability log_probability);

  // The seed of its random numbers: SamplingOptions::seed, or one drawn for this sampler.
  uint64_t seed() const { return seed_; }

  // Adds `token` to the text that penalties look at.
  void Accept(int32_t token);

 private:
  struct Candidate {
    float logit;
    int32_t token;
  };

  Sampler(const SamplingOptions& options, int32_t vocab_size);

  bool uses_penalties() const;
  void AdjustLogits(absl::Span<const float> logits);
  void ApplyPenalties();
  void SelectTop(size_t count);
  size_t CutByProbability();
  int32_t DrawFromAll(float max_logit);
  int32_t DrawFromCandidates();

  SamplingOptions options_;
  int32_t vocab_size_;
  uint64_t seed_;
  RandomStream random_;
  std::vector<float> logits_;          // adjusted copy, [vocab_size]
  std::vector<Candidate> candidates_;  // most likely first
  std::vector<double> weights_;        // exp(logit - max) of each candidate
  // Penalties: a ring of the latest tokens, and for each token how often it is in there.
  std::vector<int32_t> recent_;
  size_t recent_next_ = 0;
  std::vector<int32_t> counts_;  // [vocab_size] with penalties on, else empty
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SAMPLER_H_
