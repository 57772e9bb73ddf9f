// Bad calls and bad options: each is a Status that says what, expected and found, and leaves the
// cache as it was.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "src/decoder/cpu_decoder.h"
#include "src/decoder/cpu_kv_cache.h"
#include "tests/decoder/decoder_configs.h"
#include "tests/decoder/decoder_fixture.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using ::absl::StatusCode;

class DecoderErrorTest : public testing::Test {
 protected:
  DecoderErrorTest() : model_(TinyConfig()) {
    decoder_ = model_.MakeDecoder({.num_threads = 1, .prefill_rows = 16, .decode_rows = 4});
    cache_ = model_.MakeCache(40, 16);
    tokens_ = RandomTokens(40, model_.config().vocab_size);
    logits_.resize(16 * static_cast<size_t>(model_.config().vocab_size));
  }

  size_t vocab() const { return static_cast<size_t>(model_.config().vocab_size); }

  absl::Status Forward(absl::Span<const int32_t> tokens) {
    return decoder_->Forward({.tokens = tokens, .cache = *cache_});
  }

  // After every error the next call gives what it would have given without it.
  void ExpectStillRight(int32_t length) {
    ASSERT_EQ(cache_->length(), length);
    const absl::Span<const int32_t> past =
        absl::MakeSpan(tokens_).first(static_cast<size_t>(length));
    const std::unique_ptr<KvCache> fresh = model_.MakeCache(40, 16);
    if (length > 0) RunAll(*decoder_, *fresh, past, 5);
    const std::vector<float> expected = RunAll(*decoder_, *fresh, {7, 8}, 2);
    const std::vector<float> found = RunAll(*decoder_, *cache_, {7, 8}, 2);
    EXPECT_LE(MaxDifference(found, expected), 1e-5 * (1.0 + MaxMagnitude(expected)));
    ASSERT_OK(cache_->Rewind(length));
  }

  TestModel model_;
  std::unique_ptr<CpuDecoder> decoder_;
  std::unique_ptr<KvCache> cache_;
  std::vector<int32_t> tokens_;
  std::vector<float> logits_;
};

TEST_F(DecoderErrorTest, ATokenOutsideTheVocabularyIsNamed) {
  ASSERT_OK(Forward(absl::MakeSpan(tokens_).first(9)));
  for (const int32_t bad : {-1, 320, INT32_MAX, INT32_MIN}) {
    std::vector<int32_t> tokens = {1, 2, 3, bad, 5};
    EXPECT_THAT(Forward(tokens),
                MatchesStatus(StatusCode::kInvalidArgument,
                              {"token at index 3", "0 to 319", "found " + std::to_string(bad)}));
    ExpectStillRight(9);
  }
}

TEST_F(DecoderErrorTest, TheNumberOfTokensIsBounded) {
  EXPECT_THAT(Forward({}), MatchesStatus(StatusCode::kInvalidArgument,
                                         {"number of tokens", "1 to 16", "found 0"}));
  EXPECT_THAT(
      Forward(absl::MakeSpan(tokens_).first(17)),
      MatchesStatus(StatusCode::kInvalidArgument, {"number of tokens", "1 to 16", "found 17"}));
  ExpectStillRight(0);
}

TEST_F(DecoderErrorTest, TheSizeOfTheOutputIsChecked) {
  const absl::Span<const int32_t> tokens = absl::MakeSpan(tokens_).first(3);
  const auto forward = [&](OutputRows rows, size_t size) {
    return decoder_->Forward({.tokens = tokens,
                              .cache = *cache_,
                              .rows = rows,
                              .output = absl::MakeSpan(logits_).first(size)});
  };
  EXPECT_THAT(forward(OutputRows::kNone, 1),
              MatchesStatus(StatusCode::kInvalidArgument, {"logits", "found 1"}));
  EXPECT_THAT(forward(OutputRows::kLast, 0),
              MatchesStatus(StatusCode::kInvalidArgument, {"320", "found 0"}));
  EXPECT_THAT(forward(OutputRows::kLast, 3 * vocab()),
              MatchesStatus(StatusCode::kInvalidArgument, {"found 960"}));
  EXPECT_THAT(forward(OutputRows::kAll, 3 * vocab() - 1),
              MatchesStatus(StatusCode::kInvalidArgument, {"found 959"}));
  std::vector<float> hidden(31);
  EXPECT_THAT(decoder_->Forward({.tokens = tokens.first(1),
                                 .cache = *cache_,
                                 .rows = OutputRows::kAll,
                                 .kind = OutputKind::kHidden,
                                 .output = absl::MakeSpan(hidden)}),
              MatchesStatus(StatusCode::kInvalidArgument, {"hidden", "32", "found 31"}));
  ExpectStillRight(0);
}

TEST_F(DecoderErrorTest, AFullContextIsAnErrorAndNothingIsLost) {
  ASSERT_OK(Forward(absl::MakeSpan(tokens_).first(16)));
  ASSERT_OK(Forward(absl::MakeSpan(tokens_).subspan(16, 16)));
  EXPECT_THAT(
      Forward(absl::MakeSpan(tokens_).first(9)),
      MatchesStatus(StatusCode::kResourceExhausted, {"9 positions needed", "8 of 40 left"}));
  ExpectStillRight(32);
  ASSERT_OK(Forward(absl::MakeSpan(tokens_).subspan(32, 8)));
  EXPECT_THAT(Forward(absl::MakeSpan(tokens_).first(1)),
              MatchesStatus(StatusCode::kResourceExhausted, {"0 of 40 left"}));
}

TEST_F(DecoderErrorTest, ACacheWithShorterChunksSaysSo) {
  const std::unique_ptr<KvCache> small = model_.MakeCache(40, 4);
  EXPECT_THAT(decoder_->Forward({.tokens = absl::MakeSpan(tokens_).first(5), .cache = *small}),
              MatchesStatus(StatusCode::kInvalidArgument, {"1 to 4", "found 5"}));
  EXPECT_OK(decoder_->Forward({.tokens = absl::MakeSpan(tokens_).first(4), .cache = *small}));
}

TEST_F(DecoderErrorTest, ACacheOfAnotherModelIsRefused) {
  ModelConfig other = TinyConfig();
  other.num_kv_heads = 4;
  absl::StatusOr<std::unique_ptr<CpuKvCache>> cache =
      CpuKvCache::Create(other, {.capacity = 40, .max_chunk = 16});
  ASSERT_OK(cache);
  EXPECT_THAT(decoder_->Forward({.tokens = {1}, .cache = **cache}),
              MatchesStatus(StatusCode::kInvalidArgument, {"another model"}));
}

TEST_F(DecoderErrorTest, ACacheOfAnotherBackendIsRefused) {
  class OtherCache final : public KvCache {
   public:
    OtherCache() : KvCache(CachePositions({.capacity = 8, .max_chunk = 8}, {})) {}
    absl::string_view StateFormat() const override { return "other"; }
    int64_t StateBytes() const override { return 0; }
    absl::Status WriteState(ByteSink) const override { return absl::OkStatus(); }
    absl::Status ReadState(ByteSource) override { return absl::OkStatus(); }
  };
  OtherCache other;
  EXPECT_THAT(decoder_->Forward({.tokens = {1}, .cache = other}),
              MatchesStatus(StatusCode::kInvalidArgument, {"a cache of the CPU"}));
  EXPECT_EQ(other.length(), 0);
  EXPECT_THAT(decoder_->CloneCache(other),
              MatchesStatus(StatusCode::kInvalidArgument, {"a cache of the CPU"}));
}

TEST_F(DecoderErrorTest, OptionsOutOfRangeAreRefused) {
  const auto create = [&](CpuDecoderOptions options) {
    return CpuDecoder::Create(model_.reader(), options).status();
  };
  EXPECT_THAT(create({.num_threads = 0}),
              MatchesStatus(StatusCode::kInvalidArgument, {"num_threads", "found 0"}));
  EXPECT_THAT(create({.num_threads = 100000}),
              MatchesStatus(StatusCode::kInvalidArgument, {"num_threads"}));
  EXPECT_THAT(create({.decode_threads = -1}),
              MatchesStatus(StatusCode::kInvalidArgument, {"decode_threads", "found -1"}));
  EXPECT_THAT(create({.decode_threads = 257}),
              MatchesStatus(StatusCode::kInvalidArgument, {"decode_threads", "found 257"}));
  EXPECT_THAT(create({.prefill_rows = 0}),
              MatchesStatus(StatusCode::kInvalidArgument, {"prefill_rows", "found 0"}));
  EXPECT_THAT(create({.prefill_rows = 1 << 20}),
              MatchesStatus(StatusCode::kInvalidArgument, {"prefill_rows"}));
  EXPECT_THAT(create({.decode_rows = -1}),
              MatchesStatus(StatusCode::kInvalidArgument, {"decode_rows", "found -1"}));
  EXPECT_THAT(CpuDecoder::EstimateMemory(model_.reader(), {.num_threads = -2}),
              MatchesStatus(StatusCode::kInvalidArgument, {"num_threads", "found -2"}));
}

// One row at a time is a valid way to prefill; the decode context then has all the work.
TEST_F(DecoderErrorTest, PrefillRowsMayBeFewerThanDecodeRows) {
  const std::unique_ptr<CpuDecoder> decoder =
      model_.MakeDecoder({.num_threads = 1, .prefill_rows = 1, .decode_rows = 4});
  EXPECT_THAT(decoder->Forward({.tokens = {1, 2}, .cache = *cache_}),
              MatchesStatus(StatusCode::kInvalidArgument, {"1 to 1", "found 2"}));
  const std::vector<float> expected = RunAll(*decoder_, *model_.MakeCache(40, 16), tokens_, 16);
  EXPECT_LE(MaxDifference(RunAll(*decoder, *cache_, tokens_, 1), expected),
            1e-5 * (1.0 + MaxMagnitude(expected)));
}

}  // namespace
}  // namespace inkling
