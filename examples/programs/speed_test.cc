// The clock runs around whole tests, with everything between tokens in it, as an app would see it.

#include "examples/programs/speed_test.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "src/decoder/decoder.h"
#include "src/decoder/kv_cache.h"
#include "src/session/model_engine.h"

namespace inkling {
namespace {

using Clock = std::chrono::steady_clock;

// Feeds a model with tokens from position 0 on.
class TokenFeed {
 public:
  TokenFeed(const ModelEngine& engine, KvCache& cache, absl::Span<const ActiveAdapter> adapters)
      : engine_(engine),
        cache_(cache),
        adapters_(adapters),
        logits_(static_cast<size_t>(engine.config().vocab_size)) {
    // Arbitrary ids, spread over the vocabulary so that embedding rows come from all over the file.
    tokens_.resize(static_cast<size_t>(cache.capacity()));
    for (size_t i = 0; i < tokens_.size(); ++i) {
      tokens_[i] =
          static_cast<int32_t>((i * 2654435761u) % static_cast<size_t>(engine.config().vocab_size));
    }
  }

  // Back to `depth` positions, filling them where they aren't there (any more).
  absl::Status GoTo(int32_t depth) {
    const bool is_there = depth <= cache_.length() && cache_.RewindTarget(depth) == depth;
    absl::Status status = cache_.Rewind(is_there ? depth : 0);
    return status.ok() && !is_there ? Prefill(depth) : status;
  }

  // Prefill in chunks; logits for the last token only, as a session would ask for.
  absl::Status Prefill(int32_t count) {
    const int32_t chunk = engine_.decoder().max_rows();
    for (int32_t done = 0; done < count;) {
      const int32_t rows = std::min(chunk, count - done);
      done += rows;
      absl::Status status = Forward(rows, done == count ? OutputRows::kLast : OutputRows::kNone);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // From now on, passes give their times to `timer` (null: to nobody).
  void SetTimer(StepTimer* timer) { timer_ = timer; }

  absl::Status Generate(int32_t count) {
    for (int32_t i = 0; i < count; ++i) {
      absl::Status status = Forward(1, OutputRows::kLast);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Forward(int32_t rows, OutputRows rows_with_logits) {
    const absl::Span<const int32_t> tokens = absl::MakeConstSpan(tokens_).subspan(
        static_cast<size_t>(cache_.length()), static_cast<size_t>(rows));
    const absl::Span<float> logits =
        rows_with_logits == OutputRows::kNone ? absl::Span<float>() : absl::MakeSpan(logits_);
    return engine_.decoder().Forward({.tokens = tokens,
                                      .cache = cache_,
                                      .rows = rows_with_logits,
                                      .output = logits,
                                      .adapters = adapters_,
                                      .instruments = {.timer = timer_}});
  }

  const ModelEngine& engine_;
  KvCache& cache_;
  absl::Span<const ActiveAdapter> adapters_;
  std::vector<int32_t> tokens_;
  std::vector<float> logits_;
  StepTimer* timer_ = nullptr;
};

absl::Status RunOnce(TokenFeed& feed, const SpeedTest& test) {
  if (test.num_prompt > 0) {
    absl::Status status = feed.Prefill(test.num_prompt);
    if (!status.ok()) return status;
  }
  return feed.Generate(test.num_generated);
}

}  // namespace

absl::StatusOr<SpeedResult> MeasureSpeed(const ModelEngine& engine, const SpeedTest& test,
                                         const SpeedOptions& options) {
  const int64_t total = int64_t{test.depth} + test.num_prompt + test.num_generated;
  if (total < 1 || total > engine.config().context_length) {
    return absl::InvalidArgumentError(
        absl::StrCat("the test takes ", total, " positions; expected 1 to ",
                     engine.config().context_length, " (the model's context)"));
  }
  CacheOptions cache_options;
  cache_options.capacity = static_cast<int32_t>(total);
  cache_options.max_chunk = engine.decoder().max_rows();
  cache_options.element = options.element;
  absl::StatusOr<std::unique_ptr<KvCache>> cache = engine.decoder().CreateCache(cache_options);
  if (!cache.ok()) return cache.status();
  TokenFeed feed(engine, **cache, options.adapters);
  SpeedResult result;
  result.test = test;
  result.started = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
  const double tokens = test.num_prompt + test.num_generated;
  for (int32_t i = 0; i <= options.repetitions; ++i) {
    absl::Status status = feed.GoTo(test.depth);
    if (!status.ok()) return status;
    const Clock::time_point begin = Clock::now();
    status = RunOnce(feed, test);
    if (!status.ok()) return status;
    const double nanoseconds =
        std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
    if (i == 0) continue;  // the warm-up
    result.sample_nanoseconds.push_back(nanoseconds);
    result.sample_tokens_per_second.push_back(1e9 * tokens / nanoseconds);
  }
  if (!options.profile) return result;
  absl::Status status = feed.GoTo(test.depth);
  if (!status.ok()) return status;
  feed.SetTimer(&result.profile.emplace());
  status = RunOnce(feed, test);
  if (!status.ok()) return status;
  return result;
}

double Average(const std::vector<double>& samples) {
  if (samples.empty()) return 0;
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

double Median(std::vector<double> samples) {
  if (samples.empty()) return 0;
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  if (samples.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(samples.begin(), middle)) / 2;
}

double StandardDeviation(const std::vector<double>& samples) {
  if (samples.size() < 2) return 0;
  const double mean = Average(samples);
  double sum = 0;
  for (double sample : samples) sum += (sample - mean) * (sample - mean);
  return std::sqrt(sum / static_cast<double>(samples.size() - 1));
}

}  // namespace inkling
