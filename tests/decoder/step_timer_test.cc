// StepTimer: every step of a pass ends as often as the model has it, and the times add up.

#include "src/decoder/step_timer.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "src/decoder/cpu_decoder.h"
#include "tests/decoder/decoder_configs.h"
#include "tests/decoder/decoder_fixture.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kTokens = 9;

class StepTimerTest : public testing::TestWithParam<NamedConfig> {
 protected:
  StepTimerTest() : model_(GetParam().config) {
    decoder_ = model_.MakeDecoder({.num_threads = 2, .prefill_rows = 16, .decode_rows = 4});
    tokens_ = RandomTokens(kTokens, model_.config().vocab_size);
  }

  std::vector<float> Logits(StepTimer& timer) {
    std::vector<float> logits(kTokens * static_cast<size_t>(model_.config().vocab_size));
    const std::unique_ptr<KvCache> cache = model_.MakeCache(32, 16);
    EXPECT_OK(decoder_->Forward({.tokens = tokens_,
                                 .cache = *cache,
                                 .rows = OutputRows::kAll,
                                 .output = absl::MakeSpan(logits),
                                 .instruments = {.timer = &timer}}));
    return logits;
  }

  TestModel model_;
  std::unique_ptr<CpuDecoder> decoder_;
  std::vector<int32_t> tokens_;
};

TEST_P(StepTimerTest, EveryLayerEndsItsSteps) {
  StepTimer timer;
  Logits(timer);
  const int64_t layers = model_.config().num_layers;
  for (DecoderStep step :
       {DecoderStep::kQueryKeyValue, DecoderStep::kRotateAndStore, DecoderStep::kAttention,
        DecoderStep::kAttentionOutput, DecoderStep::kGateUp, DecoderStep::kDown}) {
    EXPECT_EQ(timer.step(step).count, layers) << static_cast<int>(step);
  }
  EXPECT_EQ(timer.step(DecoderStep::kEmbedding).count, 1);
  EXPECT_EQ(timer.step(DecoderStep::kHead).count, 1);
  EXPECT_GT(timer.step(DecoderStep::kNorm).count, layers);
}

TEST_P(StepTimerTest, TimesAddUpToThePass) {
  StepTimer timer;
  const Clock::time_point begin = Clock::now();
  Logits(timer);
  const int64_t whole =
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count();
  int64_t sum = 0;
  for (size_t i = 0; i < kNumDecoderSteps; ++i) {
    const StepTimer::Step& step = timer.step(static_cast<DecoderStep>(i));
    EXPECT_GE(step.nanoseconds, 0);
    sum += step.nanoseconds;
  }
  EXPECT_GT(sum, 0);
  EXPECT_LE(sum, whole);  // Logits does more than the pass
}

TEST_P(StepTimerTest, ChangesNothingAndPassesAddUp) {
  StepTimer timer;
  const std::vector<float> once = Logits(timer);
  EXPECT_EQ(once, Logits(timer));
  EXPECT_EQ(timer.step(DecoderStep::kHead).count, 2);
  const std::unique_ptr<KvCache> cache = model_.MakeCache(32, 16);
  EXPECT_EQ(once, RunAll(*decoder_, *cache, tokens_, 16));
}

TEST_P(StepTimerTest, AFailedPassEndsNoStepOfALayer) {
  StepTimer timer;
  const std::unique_ptr<KvCache> cache = model_.MakeCache(32, 16);
  const std::vector<int32_t> bad = {-1};
  EXPECT_FALSE(
      decoder_->Forward({.tokens = bad, .cache = *cache, .instruments = {.timer = &timer}}).ok());
  EXPECT_EQ(timer.step(DecoderStep::kEmbedding).count, 0);
  EXPECT_EQ(timer.step(DecoderStep::kOther).count, 1);
  EXPECT_EQ(cache->length(), 0);
}

INSTANTIATE_TEST_SUITE_P(Configs, StepTimerTest, testing::ValuesIn(PropertyConfigs()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace inkling
