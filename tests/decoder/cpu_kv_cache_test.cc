// CpuKvCache: the arithmetic of staging, committing, rings and rewinds, and every refusal.

#include "src/decoder/cpu_kv_cache.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using ::absl::StatusCode;

ModelConfig WindowConfig(int32_t window) {
  ModelConfig config = TinyConfig();
  config.layers[0].window = window;
  return config;
}

std::unique_ptr<CpuKvCache> MakeCache(const ModelConfig& config, int32_t capacity,
                                      int32_t max_chunk) {
  absl::StatusOr<std::unique_ptr<CpuKvCache>> cache = CpuKvCache::Create(
      config, {.capacity = capacity, .max_chunk = max_chunk, .element = KvElement::kF32});
  EXPECT_OK(cache);
  return cache.ok() ? *std::move(cache) : nullptr;
}

void Add(KvCache& cache, int32_t rows) {
  ASSERT_OK(cache.positions().Stage(rows));
  cache.positions().Commit(rows);
}

TEST(CpuKvCacheTest, RefusesOptionsOutOfRange) {
  const ModelConfig config = TinyConfig();
  EXPECT_THAT(
      CpuKvCache::Create(config, {.capacity = 0, .max_chunk = 1}),
      MatchesStatus(StatusCode::kInvalidArgument, {"capacity", "expected 1 to", "found 0"}));
  EXPECT_THAT(CpuKvCache::Create(config, {.capacity = INT32_MAX, .max_chunk = 1}),
              MatchesStatus(StatusCode::kInvalidArgument, {"capacity", "found 2147483647"}));
  EXPECT_THAT(CpuKvCache::Create(config, {.capacity = 16, .max_chunk = -3}),
              MatchesStatus(StatusCode::kInvalidArgument, {"max_chunk", "found -3"}));
  EXPECT_THAT(CpuKvCache::Create(
                  config, {.capacity = 16, .max_chunk = 1, .element = static_cast<KvElement>(9)}),
              MatchesStatus(StatusCode::kInvalidArgument, {"element", "found 9"}));
}

TEST(CpuKvCacheTest, RefusesMoreMemoryThanTheMachineCanMap) {
  ModelConfig config = TinyConfig();
  config.num_heads = config.num_kv_heads = 4096;
  config.head_dim = 256;
  config.num_layers = 1024;
  config.layers.assign(1024, LayerConfig{});
  EXPECT_THAT(CpuKvCache::Create(config, {.capacity = 1 << 24, .max_chunk = 1}),
              MatchesStatus(StatusCode::kResourceExhausted, {"cannot reserve"}));
}

TEST(CpuKvCacheTest, BytesAreThoseOfTheRings) {
  // 2 layers x (K and V) x 2 kv heads x head_dim 8 x slots x bytes.
  const ModelConfig config = TinyConfig();
  const int64_t per_slot = 2 * 2 * 8;
  EXPECT_EQ(CpuKvCache::RequiredBytes(
                config, {.capacity = 100, .max_chunk = 16, .element = KvElement::kF32})
                .value(),
            2 * 112 * per_slot * 4);
  EXPECT_EQ(CpuKvCache::RequiredBytes(
                config, {.capacity = 100, .max_chunk = 16, .element = KvElement::kF16})
                .value(),
            2 * 112 * per_slot * 2);
  // And a scale of 4 bytes for each 8 elements.
  EXPECT_EQ(CpuKvCache::RequiredBytes(
                config, {.capacity = 100, .max_chunk = 16, .element = KvElement::kInt8})
                .value(),
            2 * 112 * (per_slot + per_slot / 8 * 4));
  // A window of 20 with chunks of 16 needs 36 slots, in blocks of 16: 48.
  EXPECT_EQ(CpuKvCache::RequiredBytes(
                WindowConfig(20), {.capacity = 100, .max_chunk = 16, .element = KvElement::kF32})
                .value(),
            (48 + 112) * per_slot * 4);
  std::unique_ptr<CpuKvCache> cache = MakeCache(WindowConfig(20), 100, 16);
  EXPECT_EQ(cache->bytes(), (48 + 112) * per_slot * 4);
  EXPECT_EQ(cache->layer(0).ring, 48);
  EXPECT_EQ(cache->layer(1).ring, 112);
}

TEST(CpuKvCacheTest, LayersDoNotOverlapAndAreAllWritable) {
  std::unique_ptr<CpuKvCache> cache = MakeCache(WindowConfig(20), 100, 16);
  std::vector<std::byte*> starts;
  for (int32_t i = 0; i < 2; ++i) {
    const CpuKvCache::LayerView view = cache->layer(i);
    const size_t bytes = static_cast<size_t>(view.ring) * 2 * 8 * 4;
    std::memset(view.keys, 10 + i, bytes);
    std::memset(view.values, 20 + i, bytes);
  }
  for (int32_t i = 0; i < 2; ++i) {
    const CpuKvCache::LayerView view = cache->layer(i);
    const size_t bytes = static_cast<size_t>(view.ring) * 2 * 8 * 4;
    EXPECT_EQ(std::set<std::byte>(view.keys, view.keys + bytes),
              std::set<std::byte>{std::byte(10 + i)});
    EXPECT_EQ(std::set<std::byte>(view.values, view.values + bytes),
              std::set<std::byte>{std::byte(20 + i)});
    EXPECT_EQ(reinterpret_cast<uintptr_t>(view.keys) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(view.values) % 64, 0u);
  }
}

TEST(CpuKvCacheTest, CommitMakesStagedRowsPartOfThePast) {
  std::unique_ptr<CpuKvCache> cache = MakeCache(TinyConfig(), 32, 8);
  EXPECT_EQ(cache->length(), 0);
  ASSERT_OK(cache->positions().Stage(5));
  EXPECT_EQ(cache->length(), 0);
  cache->positions().Commit(3);
  EXPECT_EQ(cache->length(), 3);
  cache->positions().Commit(2);  // nothing is staged any more
  EXPECT_EQ(cache->length(), 3);
  ASSERT_OK(cache->positions().Stage(4));
  cache->positions().Discard();
  cache->positions().Commit(4);
  EXPECT_EQ(cache->length(), 3);
  ASSERT_OK(cache->positions().Stage(2));
  cache->positions().Commit(100);  // no more than was staged
  EXPECT_EQ(cache->length(), 5);
}

TEST(CpuKvCacheTest, StageSaysWhatFits) {
  std::unique_ptr<CpuKvCache> cache = MakeCache(TinyConfig(), 10, 8);
  Add(*cache, 7);
  EXPECT_THAT(cache->positions().Stage(0),
              MatchesStatus(StatusCode::kInvalidArgument, {"expected 1 to 8", "found 0"}));
  EXPECT_THAT(cache->positions().Stage(9),
              MatchesStatus(StatusCode::kInvalidArgument, {"expected 1 to 8", "found 9"}));
  EXPECT_THAT(cache->positions().Stage(4), MatchesStatus(StatusCode::kResourceExhausted,
                                                         {"4 positions needed", "3 of 10 left"}));
  EXPECT_EQ(cache->length(), 7);
  Add(*cache, 3);
  EXPECT_THAT(cache->positions().Stage(1),
              MatchesStatus(StatusCode::kResourceExhausted, {"0 of 10 left"}));
}

TEST(CpuKvCacheTest, WithoutWindowsEveryPositionCanBeRewoundTo) {
  std::unique_ptr<CpuKvCache> cache = MakeCache(TinyConfig(), 100, 16);
  for (int i = 0; i < 6; ++i) Add(*cache, 16);
  EXPECT_EQ(cache->positions().rewind_floor(), 0);
  EXPECT_THAT(cache->Rewind(97), MatchesStatus(StatusCode::kOutOfRange, {"0 to 96", "found 97"}));
  EXPECT_THAT(cache->Rewind(-1), MatchesStatus(StatusCode::kOutOfRange, {"found -1"}));
  EXPECT_EQ(cache->length(), 96);
  ASSERT_OK(cache->Rewind(96));
  ASSERT_OK(cache->Rewind(1));
  EXPECT_EQ(cache->length(), 1);
  ASSERT_OK(cache->Rewind(0));
  EXPECT_EQ(cache->length(), 0);
}

TEST(CpuKvCacheTest, RewindFloorIsWhereTheWindowIsStillInTheRing) {
  std::unique_ptr<CpuKvCache> cache = MakeCache(WindowConfig(20), 200, 16);  // ring 48
  for (int i = 0; i < 3; ++i) Add(*cache, 16);
  EXPECT_EQ(cache->positions().rewind_floor(), 0);  // 48 rows fill the ring and overwrite nothing
  Add(*cache, 1);
  // Position 0 is gone. From position p the oldest key seen is p - 19, which must be 1 or more.
  EXPECT_EQ(cache->positions().rewind_floor(), 20);
  EXPECT_THAT(cache->Rewind(19),
              MatchesStatus(StatusCode::kOutOfRange, {"expected 0 or 20 to 49", "found 19"}));
  ASSERT_OK(cache->Rewind(20));
  // What was overwritten stays lost, however far back the length goes.
  EXPECT_EQ(cache->positions().rewind_floor(), 20);
  Add(*cache, 16);
  EXPECT_EQ(cache->length(), 36);
  EXPECT_EQ(cache->positions().rewind_floor(), 20);
  ASSERT_OK(cache->Rewind(0));
  EXPECT_EQ(cache->positions().rewind_floor(), 0);
}

TEST(CpuKvCacheTest, DroppedRowsCountAsWritten) {
  std::unique_ptr<CpuKvCache> cache = MakeCache(WindowConfig(20), 200, 16);  // ring 48
  for (int i = 0; i < 3; ++i) Add(*cache, 16);
  ASSERT_OK(cache->positions().Stage(16));
  cache->positions().Discard();
  EXPECT_EQ(cache->length(), 48);
  EXPECT_EQ(cache->positions().rewind_floor(), 64 - 48 + 19);
}

TEST(CpuKvCacheTest, TheFloorNeverPassesTheLength) {
  for (const int32_t window : {1, 2, 15, 16, 17, 40}) {
    std::unique_ptr<CpuKvCache> cache = MakeCache(WindowConfig(window), 400, 16);
    uint32_t state = 1;
    while (cache->capacity() - cache->length() >= 16) {
      state = state * 1664525u + 1013904223u;
      const int32_t rows = 1 + static_cast<int32_t>(state >> 16) % 16;
      ASSERT_OK(cache->positions().Stage(rows));
      (state & 0x100u) != 0 ? cache->positions().Discard() : cache->positions().Commit(rows);
      ASSERT_LE(cache->positions().rewind_floor(), cache->length()) << "window " << window;
      ASSERT_OK(cache->Rewind(cache->length()));
    }
  }
}

TEST(CpuKvCacheTest, KnowsWhichModelsItFits) {
  std::unique_ptr<CpuKvCache> cache = MakeCache(TinyConfig(), 32, 8);
  EXPECT_OK(cache->CheckMadeFor(TinyConfig()));
  ModelConfig other = TinyConfig();
  other.head_dim = 16;
  EXPECT_THAT(cache->CheckMadeFor(other),
              MatchesStatus(StatusCode::kInvalidArgument, {"another model", "x 16"}));
  EXPECT_THAT(cache->CheckMadeFor(WindowConfig(4)),
              MatchesStatus(StatusCode::kInvalidArgument, {"windows"}));
  other = TinyConfig();
  other.layers.push_back({});
  other.num_layers = 3;
  EXPECT_THAT(cache->CheckMadeFor(other),
              MatchesStatus(StatusCode::kInvalidArgument, {"3 layers", "found 2"}));
}

}  // namespace
}  // namespace inkling
