// A process that is forked in the middle of another thread's pass: the child has the decoder as
// that pass left it, and computes what it should.

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "src/decoder/cpu_decoder.h"
#include "src/decoder/kv_cache.h"
#include "src/format/element_type.h"
#include "tests/decoder/decoder_fixture.h"
#include "tests/testing/forked_child.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

constexpr int32_t kPrefillRows = 32;

// Wide enough that its matmuls are split over threads.
ModelConfig WideConfig() {
  ModelConfig config = TinyConfig();
  config.hidden_dim = 256;
  config.feed_forward_dim = 256;
  return config;
}

// Runs a pass on a thread of its own and holds it at the `number`-th question whether to stop.
class HeldPass {
 public:
  HeldPass(Decoder& decoder, KvCache& cache, absl::Span<const int32_t> tokens, int number)
      : logits_(static_cast<size_t>(decoder.config().vocab_size)) {
    thread_ = std::thread([this, &decoder, &cache, tokens, number] {
      int calls = 0;
      status_ = decoder.Forward({.tokens = tokens,
                                 .cache = cache,
                                 .rows = OutputRows::kLast,
                                 .output = absl::MakeSpan(logits_),
                                 .stop = [&] {
                                   if (++calls == number) {
                                     is_held_ = true;
                                     while (!is_over_) std::this_thread::yield();
                                   }
                                   return false;
                                 }});
      is_held_ = true;  // a pass with fewer questions
    });
    while (!is_held_) std::this_thread::yield();
  }

  std::vector<float> Finish() {
    is_over_ = true;
    thread_.join();
    EXPECT_OK(status_);
    return logits_;
  }

 private:
  std::vector<float> logits_;
  absl::Status status_;
  std::atomic<bool> is_held_{false};
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

void ForkPasses(TensorType type) {
  if (kForkedChildrenStartNoThreads) GTEST_SKIP() << kWhyTheyStartNone;
  const TestModel model(WideConfig(), type, {ElementType::kInt8Channel});
  ASSERT_TRUE(model.ok());
  const std::vector<int32_t> tokens = RandomTokens(kPrefillRows, model.config().vocab_size);
  const auto run = [&](Decoder& decoder, size_t chunk) {
    const std::unique_ptr<KvCache> cache = model.MakeCache(64, kPrefillRows);
    return RunAll(decoder, *cache, tokens, chunk);
  };
  for (const int32_t num_threads : {1, 2}) {
    std::unique_ptr<CpuDecoder> decoder = model.MakeDecoder(
        {.num_threads = num_threads, .prefill_rows = kPrefillRows, .decode_rows = 4});
    const std::vector<float> whole = run(*decoder, kPrefillRows);
    const std::vector<float> single = run(*decoder, 1);
    const size_t vocab = static_cast<size_t>(model.config().vocab_size);
    const std::vector<float> last(whole.end() - static_cast<std::ptrdiff_t>(vocab), whole.end());
    for (const size_t rows : {size_t{kPrefillRows}, size_t{20}}) {
      for (const int number : {1, 2, 7, 12, 25}) {
        const std::string what =
            absl::StrCat(num_threads, " threads, ", rows, " rows, held at question ", number);
        const std::unique_ptr<KvCache> cache = model.MakeCache(64, kPrefillRows);
        HeldPass held(*decoder, *cache, absl::MakeConstSpan(tokens).first(rows), number);
        EXPECT_EQ(InForkedChild([&] {
                    EXPECT_EQ(run(*decoder, kPrefillRows), whole) << what;
                    EXPECT_EQ(run(*decoder, 1), single) << what;
                    decoder.reset();
                  }),
                  "")
            << what;
        const std::vector<float> logits = held.Finish();
        if (rows == kPrefillRows) {
          EXPECT_EQ(logits, last) << what;
        }
      }
    }
    EXPECT_EQ(run(*decoder, kPrefillRows), whole);
  }
}

TEST(DecoderForkTest, InTheMiddleOfAPassOfF32) { ForkPasses({ElementType::kF32}); }
TEST(DecoderForkTest, InTheMiddleOfAPassOfInt8) { ForkPasses({ElementType::kInt8Channel}); }
TEST(DecoderForkTest, InTheMiddleOfAPassOfInt4) { ForkPasses({ElementType::kInt4Channel}); }
TEST(DecoderForkTest, InTheMiddleOfAPassOfBlocks) { ForkPasses({ElementType::kInt4Block, 32}); }

}  // namespace
}  // namespace inkling
