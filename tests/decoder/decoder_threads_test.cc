// The decoder's threads: which context runs on which, what they are bound to, and what is refused.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "src/compute/cpu_affinity.h"
#include "src/decoder/cpu_decoder.h"
#include "src/decoder/kv_cache.h"
#include "tests/decoder/decoder_configs.h"
#include "tests/decoder/decoder_fixture.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

class DecoderThreadsTest : public testing::Test {
 protected:
  DecoderThreadsTest() : model_(TinyConfig()) {}

  absl::Status Create(const CpuDecoderOptions& options) const {
    return CpuDecoder::Create(model_.reader(), options).status();
  }

  TestModel model_;
};

TEST_F(DecoderThreadsTest, ScratchHasRoomForEachContextsThreads) {
  const auto scratch = [&](int32_t threads, int32_t decode_threads) {
    const auto memory = CpuDecoder::EstimateMemory(
        model_.reader(), {.num_threads = threads, .decode_threads = decode_threads});
    EXPECT_OK(memory);
    const std::unique_ptr<CpuDecoder> decoder =
        model_.MakeDecoder({.num_threads = threads, .decode_threads = decode_threads});
    EXPECT_EQ(memory->scratch_bytes, decoder->memory().scratch_bytes);
    return memory->scratch_bytes;
  };
  EXPECT_EQ(scratch(4, 0), scratch(4, 4));
  EXPECT_LT(scratch(4, 1), scratch(4, 4));
  EXPECT_LT(scratch(1, 4), scratch(4, 4));
  EXPECT_EQ(scratch(4, 1) - scratch(1, 1), scratch(4, 4) - scratch(1, 4));
}

#if defined(__linux__)

TEST_F(DecoderThreadsTest, TheCallingThreadIsBoundWhileAPassRuns) {
  const std::vector<int32_t> before = AllowedCpus();
  const int32_t cpu = before.back();
  const std::unique_ptr<CpuDecoder> decoder =
      model_.MakeDecoder({.num_threads = 1, .cpus = {cpu}, .prefill_rows = 16, .decode_rows = 4});
  EXPECT_EQ(decoder->Describe().cpus, std::vector<int32_t>{cpu});
  const std::unique_ptr<KvCache> cache = model_.MakeCache(64, 16);
  for (const size_t rows : {16, 1, 16}) {
    const std::vector<int32_t> tokens = RandomTokens(rows, model_.config().vocab_size);
    const bool is_last = cache->length() == 17;
    std::vector<int32_t> inside;
    const absl::Status status =
        decoder->Forward({.tokens = tokens, .cache = *cache, .stop = [&] {
                            inside = AllowedCpus();
                            return is_last;  // a pass that ends early gives the mask back too
                          }});
    EXPECT_EQ(status.code(), is_last ? absl::StatusCode::kCancelled : absl::StatusCode::kOk);
    EXPECT_EQ(inside, std::vector<int32_t>{cpu});
    EXPECT_EQ(AllowedCpus(), before);
  }
}

TEST_F(DecoderThreadsTest, CpusThatDontFitAreRefused) {
  const std::vector<int32_t> cpus = {AllowedCpus().front()};
  const auto too_few = MatchesStatus(absl::StatusCode::kInvalidArgument, {"cpus", "3 threads"});
  for (const auto& [threads, decode_threads] : {std::pair{3, 0}, {1, 3}, {2, 3}, {3, 2}}) {
    const CpuDecoderOptions options = {
        .num_threads = threads, .decode_threads = decode_threads, .cpus = cpus};
    EXPECT_THAT(Create(options), too_few) << threads << " and " << decode_threads;
    EXPECT_THAT(CpuDecoder::EstimateMemory(model_.reader(), options), too_few);
  }
  const std::vector<int32_t> missing = {AllowedCpus().back() + 1};
  EXPECT_THAT(Create({.num_threads = 1, .cpus = missing}),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"cpus[0]", "found " + std::to_string(missing[0])}));
}

#endif

}  // namespace
}  // namespace inkling
