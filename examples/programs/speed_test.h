// SpeedTest: how many tokens a second a model processes, measured as llama-bench does.
//
// A prompt test runs n tokens through the model from an empty cache; a generation test runs n
// single tokens one after the other. Token ids are arbitrary (the speed doesn't depend on them);
// nothing is sampled. One unmeasured run comes first.

#ifndef INKLING_EXAMPLES_PROGRAMS_SPEED_TEST_H_
#define INKLING_EXAMPLES_PROGRAMS_SPEED_TEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/decoder/adapter.h"
#include "src/decoder/kv_cache.h"
#include "src/decoder/step_timer.h"
#include "src/session/model_engine.h"

namespace inkling {

struct SpeedTest {
  int32_t num_prompt = 0;     // tokens of a prompt test, or 0
  int32_t num_generated = 0;  // tokens of a generation test, or 0
  int32_t depth = 0;          // positions that are filled before the clock starts
};

struct SpeedResult {
  SpeedTest test;
  std::string started;  // UTC, ISO 8601
  std::vector<double> sample_nanoseconds;
  std::vector<double> sample_tokens_per_second;
  std::optional<StepTimer> profile;  // of one more run, if asked for
};

struct SpeedOptions {
  KvElement element = KvElement::kF16;
  int32_t repetitions = 5;
  absl::Span<const ActiveAdapter> adapters = {};
  bool profile = false;  // run once more with a clock between the steps
};

// Runs `test` on `engine`. Errors: InvalidArgument if the test doesn't fit the model's context.
absl::StatusOr<SpeedResult> MeasureSpeed(const ModelEngine& engine, const SpeedTest& test,
                                         const SpeedOptions& options);

double Average(const std::vector<double>& samples);
double Median(std::vector<double> samples);  // 0 of none
// Of the sample (n - 1); 0 for one.
double StandardDeviation(const std::vector<double>& samples);

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_SPEED_TEST_H_
