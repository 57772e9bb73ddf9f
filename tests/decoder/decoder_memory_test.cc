// Memory: weights packed once for both contexts, estimates that hold, and no allocation on the way
// of a token.
//
// Every malloc of the process is counted, XNNPACK's included, by replacing the C library's entry
// points; only glibc without a sanitizer can do that, elsewhere that one test is skipped.

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "src/compute/linear.h"
#include "src/decoder/cpu_decoder.h"
#include "src/decoder/kv_cache.h"
#include "src/decoder/layer_weights.h"
#include "src/format/element_type.h"
#include "tests/decoder/decoder_configs.h"
#include "tests/decoder/decoder_fixture.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INKLING_COUNTS_MALLOC 0
#elif defined(__GLIBC__)
#define INKLING_COUNTS_MALLOC 1
#else
#define INKLING_COUNTS_MALLOC 0
#endif

namespace {
std::atomic<bool> counting{false};
std::atomic<int64_t> num_allocations{0};
}  // namespace

#if INKLING_COUNTS_MALLOC
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

static void CountAllocation() {
  if (counting.load(std::memory_order_relaxed))
    num_allocations.fetch_add(1, std::memory_order_relaxed);
}
void* malloc(size_t size) {
  CountAllocation();
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  CountAllocation();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  CountAllocation();
  return __libc_realloc(memory, size);
}
void* memalign(size_t alignment, size_t size) {
  CountAllocation();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** memory, size_t alignment, size_t size) {
  *memory = memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
}
#endif

namespace inkling {
namespace {

constexpr CpuDecoderOptions kOptions = {.num_threads = 2, .prefill_rows = 32, .decode_rows = 4};

// Bytes of values and scales of everything that a matmul reads.
int64_t StoredMatrixBytes(const ModelReader& reader) {
  int64_t bytes = 0;
  for (const TensorView& view : reader.tensors()) {
    const bool head = view.info.role == TensorRole::kEmbedding && reader.config().tied_head;
    if (view.info.role == TensorRole::kLinear || view.info.role == TensorRole::kHead || head) {
      bytes += view.value_bytes + view.scale_bytes;
    }
  }
  return bytes;
}

ModelConfig WideConfig() {
  ModelConfig config = TinyConfig();
  config.hidden_dim = 256;
  config.feed_forward_dim = 768;
  return config;
}

TEST(DecoderMemoryTest, PackedBytesAreCountedOnceWithBothContextsAlive) {
  for (const TensorType type :
       {kF32Type, TensorType{ElementType::kInt8Channel, 0},
        TensorType{ElementType::kInt4Channel, 0}, TensorType{ElementType::kInt4Block, 32}}) {
    for (const bool tied : {false, true}) {
      SCOPED_TRACE(TensorTypeName(type));
      ModelConfig config = WideConfig();
      config.tied_head = tied;
      const TestModel model(config, type, type);
      ASSERT_TRUE(model.ok());
      const std::unique_ptr<CpuDecoder> decoder = model.MakeDecoder(kOptions);
      const int64_t stored = StoredMatrixBytes(model.reader());
      const int64_t packed = decoder->memory().packed_weight_bytes;
      // The same numbers, plus a sum or bias for each output and padding; far from two copies.
      EXPECT_GE(packed, stored);
      EXPECT_LE(packed, stored + stored / 4);
      // Seven matmuls a layer and the head, each found packed by the second context.
      EXPECT_EQ(NumWeightMatrices(model.reader()), 7 * config.num_layers + 1);
      EXPECT_EQ(decoder->packed_weights().num_hits(), NumWeightMatrices(model.reader()));
    }
  }
}

TEST(DecoderMemoryTest, TheEstimateIsAnUpperBoundAndNotFarOff) {
  for (const NamedConfig& named : FamilyConfigs()) {
    SCOPED_TRACE(named.name);
    ModelConfig config = named.config;
    config.hidden_dim = 256;
    config.feed_forward_dim = 512;
    const TestModel model(config, {ElementType::kInt8Channel, 0}, {ElementType::kInt8Channel, 0});
    ASSERT_TRUE(model.ok());
    ASSERT_OK_AND_ASSIGN(const DecoderMemory estimate,
                         CpuDecoder::EstimateMemory(model.reader(), kOptions));
    const DecoderMemory memory = model.MakeDecoder(kOptions)->memory();
    EXPECT_GE(estimate.packed_weight_bytes, memory.packed_weight_bytes);
    EXPECT_LE(estimate.packed_weight_bytes, memory.packed_weight_bytes * 3 / 2);
    EXPECT_EQ(estimate.scratch_bytes, memory.scratch_bytes);
    EXPECT_GT(memory.scratch_bytes, 0);
  }
}

TEST(DecoderMemoryTest, ForwardAllocatesNothing) {
#if !INKLING_COUNTS_MALLOC
  GTEST_SKIP() << "allocations can be counted with glibc and without sanitizers only";
#endif
  for (const NamedConfig& named : PropertyConfigs()) {
    for (const TensorType type : {kF32Type, TensorType{ElementType::kInt8Channel, 0}}) {
      SCOPED_TRACE(named.name);
      const TestModel model(named.config, type, type);
      ASSERT_TRUE(model.ok());
      const std::unique_ptr<CpuDecoder> decoder = model.MakeDecoder(kOptions);
      const std::unique_ptr<KvCache> cache = model.MakeCache(128, 32);
      const std::vector<int32_t> tokens = RandomTokens(128, model.config().vocab_size);
      std::vector<float> logits(static_cast<size_t>(model.config().vocab_size));
      const auto forward = [&](size_t first, size_t count) {
        return decoder
            ->Forward({.tokens = absl::MakeSpan(tokens).subspan(first, count),
                       .cache = *cache,
                       .rows = OutputRows::kLast,
                       .output = absl::MakeSpan(logits)})
            .ok();
      };
      // One Forward of each row count first: an operator may allocate when it meets a new one.
      ASSERT_TRUE(forward(0, 32));
      ASSERT_TRUE(forward(32, 1));
      num_allocations = 0;
      counting = true;
      bool ok = forward(33, 32);
      for (size_t i = 65; i < 80; ++i) ok = ok && forward(i, 1);
      counting = false;
      EXPECT_TRUE(ok);
      EXPECT_EQ(num_allocations, 0);
    }
  }
}

TEST(DecoderMemoryTest, TheCountingCounts) {
#if !INKLING_COUNTS_MALLOC
  GTEST_SKIP() << "allocations can be counted with glibc and without sanitizers only";
#endif
  num_allocations = 0;
  counting = true;
  const std::vector<float> floats(100);
  std::unique_ptr<void, decltype(&std::free)> block(std::malloc(10), &std::free);
  counting = false;
  EXPECT_GE(num_allocations, 2);
  EXPECT_EQ(floats.size(), 100u);
}

}  // namespace
}  // namespace inkling
