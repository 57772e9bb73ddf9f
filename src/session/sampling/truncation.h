// The samplers that look at a whole distribution: top-n-sigma, typical, XTC and mirostat 2, with
// top-k, top-p and min-p between them in the order that SamplingOptions documents.
//
// Sampler has a shorter way for top-k, top-p and min-p alone, which sorts less; it gives the same.

#ifndef INKLING_SRC_SESSION_SAMPLING_TRUNCATION_H_
#define INKLING_SRC_SESSION_SAMPLING_TRUNCATION_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "inkling/llm_options.h"
#include "src/session/random_stream.h"

namespace inkling {

class Truncation {
 public:
  explicit Truncation(const SamplingOptions& options) : options_(options) {
    surprise_limit_ = 2 * options.mirostat_tau;
  }

  // Whether an option needs it.
  static bool IsNeeded(const SamplingOptions& options);

  // Draws a token from `logits`, one of which is finite, at a temperature above 0.
  int32_t Draw(absl::Span<const float> logits, RandomStream& random);

 private:
  struct Candidate {
    float logit;
    int32_t token;
    double probability;
  };

  void Collect(absl::Span<const float> logits);
  void Normalize();
  void KeepTypical();
  void KeepTopP();
  void KeepMinP();
  void ExcludeTopChoices(RandomStream& random);
  void LimitSurprise();

  SamplingOptions options_;
  double surprise_limit_;              // mirostat: mu, in bits
  std::vector<Candidate> candidates_;  // most likely first
};

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_SAMPLING_TRUNCATION_H_
