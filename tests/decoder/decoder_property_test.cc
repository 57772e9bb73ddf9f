// What must hold whatever the weights: chunking, contexts, threads, rewinds, neighbours and cancels
// never show in logits.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "src/compute/cpu_affinity.h"
#include "src/compute/dequantized_matmul.h"
#include "src/decoder/cpu_decoder.h"
#include "src/decoder/kv_cache.h"
#include "tests/decoder/decoder_configs.h"
#include "tests/decoder/decoder_fixture.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

constexpr int32_t kCapacity = 160;
constexpr size_t kTokens = 100;
// More threads have a test of their own.
// Not kAuto: on CPUs where that means floats for many rows, few and many rows have other bits
// (decoder_float_prefill_test is about those).
constexpr CpuDecoderOptions kOptions = {.num_threads = 1,
                                        .prefill_rows = 32,
                                        .decode_rows = 4,
                                        .prefill_activations = MatmulInput::kInt8};

// Rounding that a different order of additions may bring.
void ExpectSame(absl::Span<const float> a, absl::Span<const float> b) {
  EXPECT_LE(MaxDifference(a, b), 1e-5 * (1.0 + MaxMagnitude(b)));
}

struct PropertyCase {
  NamedConfig named;
  TensorType weights;
};

std::vector<PropertyCase> PropertyCases() {
  std::vector<PropertyCase> cases;
  for (const NamedConfig& named : PropertyConfigs()) {
    cases.push_back({named, kF32Type});
    cases.push_back({{named.name + "_int8", named.config}, {ElementType::kInt8Channel, 0}});
  }
  return cases;
}

class DecoderPropertyTest : public testing::TestWithParam<PropertyCase> {
 protected:
  DecoderPropertyTest() : model_(GetParam().named.config, GetParam().weights) {
    decoder_ = model_.MakeDecoder(kOptions);
    tokens_ = RandomTokens(kTokens, model_.config().vocab_size);
    expected_ = Fresh(tokens_, 32);
  }

  std::unique_ptr<KvCache> MakeCache() const { return model_.MakeCache(kCapacity, 32); }

  // Logits of `tokens` in a cache of their own.
  std::vector<float> Fresh(absl::Span<const int32_t> tokens, size_t chunk) {
    const std::unique_ptr<KvCache> cache = MakeCache();
    return RunAll(*decoder_, *cache, tokens, chunk);
  }

  absl::Span<const float> ExpectedRows(size_t first, size_t count) const {
    const size_t vocab = static_cast<size_t>(model_.config().vocab_size);
    return absl::MakeSpan(expected_).subspan(first * vocab, count * vocab);
  }

  TestModel model_;
  std::unique_ptr<CpuDecoder> decoder_;
  std::vector<int32_t> tokens_;
  std::vector<float> expected_;
};

TEST_P(DecoderPropertyTest, ChunksOfAnySizeGiveTheSameLogits) {
  for (const size_t chunk : {1, 3, 4, 5, 7, 17, 31}) {
    SCOPED_TRACE(chunk);
    ExpectSame(Fresh(tokens_, chunk), expected_);
  }
}

TEST_P(DecoderPropertyTest, LastAndNoneAgreeWithAll) {
  const size_t vocab = static_cast<size_t>(model_.config().vocab_size);
  const std::unique_ptr<KvCache> cache = MakeCache();
  std::vector<float> last(vocab);
  ASSERT_OK(decoder_->Forward({.tokens = absl::MakeSpan(tokens_).first(20), .cache = *cache}));
  ASSERT_OK(decoder_->Forward({.tokens = absl::MakeSpan(tokens_).subspan(20, 20),
                               .cache = *cache,
                               .rows = OutputRows::kLast,
                               .output = absl::MakeSpan(last)}));
  ExpectSame(last, ExpectedRows(39, 1));
  ASSERT_OK(decoder_->Forward({.tokens = absl::MakeSpan(tokens_).subspan(40, 1),
                               .cache = *cache,
                               .rows = OutputRows::kLast,
                               .output = absl::MakeSpan(last)}));
  ExpectSame(last, ExpectedRows(40, 1));
}

TEST_P(DecoderPropertyTest, TheDecodeContextEqualsThePrefillContext) {
  // The same rows, once where the decode context takes up to 8 and once where it takes only one.
  const std::unique_ptr<CpuDecoder> narrow =
      model_.MakeDecoder({.num_threads = 1, .prefill_rows = 32, .decode_rows = 1});
  const std::unique_ptr<CpuDecoder> wide =
      model_.MakeDecoder({.num_threads = 1, .prefill_rows = 32, .decode_rows = 8});
  const std::unique_ptr<KvCache> narrow_cache = MakeCache();
  const std::unique_ptr<KvCache> wide_cache = MakeCache();
  ExpectSame(RunAll(*wide, *wide_cache, tokens_, 8), RunAll(*narrow, *narrow_cache, tokens_, 8));
}

TEST_P(DecoderPropertyTest, TheNumberOfThreadsDoesNotShowAtAll) {
  std::vector<float> one;
  const auto run = [&](int32_t threads, int32_t decode_threads, absl::Span<const int32_t> cpus) {
    const std::unique_ptr<CpuDecoder> decoder =
        model_.MakeDecoder({.num_threads = threads,
                            .decode_threads = decode_threads,
                            .cpus = cpus,
                            .prefill_rows = 32,
                            .decode_rows = 4});
    ASSERT_NE(decoder, nullptr);
    EXPECT_EQ(decoder->Describe().decode_threads, decode_threads == 0 ? threads : decode_threads);
    const std::unique_ptr<KvCache> cache = MakeCache();
    std::vector<float> logits = RunAll(*decoder, *cache, absl::MakeSpan(tokens_).first(64), 32);
    const std::vector<float> tail =
        RunAll(*decoder, *cache, absl::MakeSpan(tokens_).subspan(64), 3);
    logits.insert(logits.end(), tail.begin(), tail.end());
    if (one.empty()) one = logits;
    EXPECT_EQ(logits, one) << threads << " and " << decode_threads << " threads";
  };
  for (const int32_t threads : {1, 2, 3}) {
    for (const int32_t decode_threads : {0, 1, 2, 3}) run(threads, decode_threads, {});
  }
#if defined(__linux__)
  const std::vector<int32_t> cpus = AllowedCpus();
  if (cpus.size() >= 2) {
    run(2, 1, cpus);
    run(1, 2, cpus);
  }
#endif
}

TEST_P(DecoderPropertyTest, RewindThenContinueEqualsFresh) {
  const std::unique_ptr<KvCache> cache = MakeCache();
  RunAll(*decoder_, *cache, tokens_, 32);
  const std::vector<int32_t> others = RandomTokens(20, model_.config().vocab_size, 99);
  // To the middle, down to the floor that earlier overwriting left, and to 0, with other tokens in
  // between.
  for (const int32_t wanted : {90, 77, 0}) {
    const int32_t position = std::max(wanted, cache->positions().rewind_floor());
    SCOPED_TRACE(position);
    ASSERT_OK(cache->Rewind(position));
    RunAll(*decoder_, *cache, others, 7);
    ASSERT_OK(cache->Rewind(position));
    const size_t first = static_cast<size_t>(position);
    const size_t count = std::min<size_t>(20, kTokens - first);
    ExpectSame(RunAll(*decoder_, *cache, absl::MakeSpan(tokens_).subspan(first, count), 5),
               ExpectedRows(first, count));
    ASSERT_OK(cache->Rewind(position));
  }
  ASSERT_OK(cache->Rewind(0));
  ExpectSame(RunAll(*decoder_, *cache, tokens_, 13), expected_);
}

TEST_P(DecoderPropertyTest, TwoCachesInterleavedEqualTwoApart) {
  const std::vector<int32_t> others = RandomTokens(60, model_.config().vocab_size, 5);
  const std::vector<float> expected_others = Fresh(others, 60 / 3);
  const std::unique_ptr<KvCache> a = MakeCache();
  const std::unique_ptr<KvCache> b = MakeCache();
  std::vector<float> logits_a, logits_b;
  const auto append = [](std::vector<float>& all, const std::vector<float>& part) {
    all.insert(all.end(), part.begin(), part.end());
  };
  for (size_t first = 0; first < 60; first += 6) {
    append(logits_a, RunAll(*decoder_, *a, absl::MakeSpan(tokens_).subspan(first, 6), 6));
    append(logits_b, RunAll(*decoder_, *b, absl::MakeSpan(others).subspan(first, 6), 2));
  }
  ExpectSame(logits_a, ExpectedRows(0, 60));
  ExpectSame(logits_b, expected_others);
}

TEST_P(DecoderPropertyTest, TwoThreadsWithACacheEachTakeTurns) {
  const std::vector<int32_t> others = RandomTokens(kTokens, model_.config().vocab_size, 5);
  const std::vector<float> expected_others = Fresh(others, 32);
  std::vector<float> logits_a, logits_b;
  const std::unique_ptr<KvCache> cache_a = MakeCache();
  const std::unique_ptr<KvCache> cache_b = MakeCache();
  std::thread thread([&] { logits_b = RunAll(*decoder_, *cache_b, others, 3); });
  logits_a = RunAll(*decoder_, *cache_a, tokens_, 1);
  thread.join();
  ExpectSame(logits_a, expected_);
  ExpectSame(logits_b, expected_others);
}

// The last layer computes only what the asked rows need.
TEST_P(DecoderPropertyTest, AskingForFewerRowsChangesNoneOfThem) {
  const size_t vocab = static_cast<size_t>(model_.config().vocab_size);
  for (const size_t count : {2, 4, 5, 8, 9, 16, 17, 24}) {  // both contexts, whole and cut tiles
    SCOPED_TRACE(count);
    const absl::Span<const int32_t> part = absl::MakeSpan(tokens_).subspan(6, count);
    const absl::Span<const int32_t> next = absl::MakeSpan(tokens_).subspan(6 + count, 1);
    std::vector<float> all(count * vocab), last(vocab), expected(vocab), found(vocab);
    const std::unique_ptr<KvCache> cache = MakeCache();
    const auto forward = [&](absl::Span<const int32_t> tokens, OutputRows rows,
                             std::vector<float>& logits) {
      return decoder_->Forward(
          {.tokens = tokens, .cache = *cache, .rows = rows, .output = absl::MakeSpan(logits)});
    };
    RunAll(*decoder_, *cache, absl::MakeSpan(tokens_).first(6), 3);
    ASSERT_OK(forward(part, OutputRows::kAll, all));
    ASSERT_OK(forward(next, OutputRows::kLast, expected));
    ASSERT_OK(cache->Rewind(6));
    ASSERT_OK(forward(part, OutputRows::kLast, last));
    EXPECT_EQ(last, std::vector<float>(all.end() - static_cast<ptrdiff_t>(vocab), all.end()));
    ASSERT_OK(forward(next, OutputRows::kLast, found));
    EXPECT_EQ(found, expected);
    ASSERT_OK(cache->Rewind(6));
    std::vector<float> none;
    ASSERT_OK(forward(part, OutputRows::kNone, none));
    ASSERT_OK(forward(next, OutputRows::kLast, found));
    EXPECT_EQ(found, expected);
  }
}

TEST_P(DecoderPropertyTest, CancelledAtEveryStepThenRetriedEqualsNeverCancelled) {
  for (const size_t chunk : {24, 1}) {  // both contexts
    const size_t first = kTokens - chunk;
    const absl::Span<const int32_t> part = absl::MakeSpan(tokens_).subspan(first);
    const std::unique_ptr<KvCache> cache = MakeCache();
    RunAll(*decoder_, *cache, absl::MakeSpan(tokens_).first(first), 32);
    const int32_t length = cache->length();
    std::vector<float> logits(ExpectedRows(first, chunk).size());
    bool finished = false;
    int cancelled = 0;
    for (int step = 0; !finished; ++step) {
      int asked = 0;
      const absl::Status status = decoder_->Forward({.tokens = part,
                                                     .cache = *cache,
                                                     .rows = OutputRows::kAll,
                                                     .output = absl::MakeSpan(logits),
                                                     .stop = [&] { return asked++ == step; }});
      finished = status.ok();
      if (!finished) {
        ASSERT_THAT(status, MatchesStatus(absl::StatusCode::kCancelled)) << step;
        ASSERT_EQ(cache->length(), length);
        ASSERT_EQ(asked, step + 1);  // the pass ended where it was told to
        ++cancelled;
      }
    }
    // At least twice a layer, and once before the head.
    EXPECT_GE(cancelled, 2 * model_.config().num_layers + 1);
    EXPECT_EQ(cache->length(), static_cast<int32_t>(kTokens));
    ExpectSame(logits, ExpectedRows(first, chunk));
  }
}

TEST_P(DecoderPropertyTest, AFlagThatIsSetCancelsAtOnce) {
  const std::unique_ptr<KvCache> cache = MakeCache();
  std::atomic<bool> cancel = true;
  const auto is_cancelled = [&] { return cancel.load(); };
  std::vector<float> hidden(static_cast<size_t>(model_.config().hidden_dim));
  EXPECT_THAT(
      decoder_->Forward(
          {.tokens = absl::MakeSpan(tokens_).first(3), .cache = *cache, .stop = is_cancelled}),
      MatchesStatus(absl::StatusCode::kCancelled));
  EXPECT_THAT(decoder_->Forward({.tokens = absl::MakeSpan(tokens_).first(1),
                                 .cache = *cache,
                                 .rows = OutputRows::kAll,
                                 .kind = OutputKind::kHidden,
                                 .output = absl::MakeSpan(hidden),
                                 .stop = is_cancelled}),
              MatchesStatus(absl::StatusCode::kCancelled));
  EXPECT_EQ(cache->length(), 0);
  cancel = false;
  EXPECT_OK(decoder_->Forward(
      {.tokens = absl::MakeSpan(tokens_).first(3), .cache = *cache, .stop = is_cancelled}));
  EXPECT_EQ(cache->length(), 3);
}

INSTANTIATE_TEST_SUITE_P(Configs, DecoderPropertyTest, testing::ValuesIn(PropertyCases()),
                         [](const testing::TestParamInfo<PropertyCase>& info) {
                           return info.param.named.name;
                         });

}  // namespace
}  // namespace inkling
