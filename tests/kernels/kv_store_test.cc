// Rows written to the cache layout and read back, on every instruction set.
#include "kernels/kv_store.h"

#include <algorithm>
#include <cmath>

#include "kernels/convert.h"
#include "tests/kernels/kernel_testing.h"

namespace inkling::kernels {
namespace {

class KvStoreTest : public PerTargetTest {};

KvLayout LayoutOf(KvElement element, size_t head_dim, size_t ring, size_t extra_bytes = 0) {
  KvLayout layout = {element, head_dim, ring, 0};
  layout.kv_head_stride_bytes = KvHeadBytes(layout) + extra_bytes;
  return layout;
}

struct Cache {
  Cache(const KvLayout& layout, size_t num_kv_heads)
      : layout(layout),
        keys(layout.kv_head_stride_bytes * num_kv_heads, 0xEE),
        values(layout.kv_head_stride_bytes * num_kv_heads, 0xEE) {}
  KvLayout layout;
  std::vector<uint8_t> keys, values;
};

float RoundTrip(KvElement element, float value) {
  if (element == KvElement::kF32) return value;
  uint16_t half;
  F32ToF16(&value, &half, 1);
  F16ToF32(&half, &value, 1);
  return value;
}

float ElementAt(const std::vector<uint8_t>& bytes, const KvLayout& layout, size_t head,
                size_t index) {
  const uint8_t* from = bytes.data() + head * layout.kv_head_stride_bytes;
  if (layout.element == KvElement::kF32) return reinterpret_cast<const float*>(from)[index];
  float value;
  F16ToF32(reinterpret_cast<const uint16_t*>(from) + index, &value, 1);
  return value;
}

void Store(Cache& cache, const std::vector<float>& keys, const std::vector<float>& values,
           size_t num_kv_heads, int64_t first_position, size_t num_rows) {
  const size_t row = num_kv_heads * cache.layout.head_dim;
  StoreKeyValues({.key = keys.data(),
                  .key_row_stride = row + 1,
                  .value = values.data(),
                  .value_row_stride = row + 2,
                  .key_cache = cache.keys.data(),
                  .value_cache = cache.values.data(),
                  .layout = cache.layout,
                  .num_kv_heads = num_kv_heads,
                  .first_position = first_position,
                  .num_rows = num_rows});
}

TEST_P(KvStoreTest, WritesTheDocumentedLayoutAcrossTheRing) {
  const size_t num_kv_heads = 3, num_rows = 21, ring = 48;
  const int64_t first = 40;  // wraps at 48
  for (KvElement element : {KvElement::kF16, KvElement::kF32}) {
    for (size_t head_dim : {1, 5, 8, 24, 33, 64, 128, 200}) {
      Cache cache(LayoutOf(element, head_dim, ring, 8), num_kv_heads);
      const size_t row = num_kv_heads * head_dim;
      const std::vector<float> keys = RandomValues(num_rows * (row + 1), 1);
      const std::vector<float> values = RandomValues(num_rows * (row + 2), 2);
      Store(cache, keys, values, num_kv_heads, first, num_rows);
      for (size_t r = 0; r < num_rows; ++r) {
        const size_t slot = (40 + r) % ring;
        for (size_t h = 0; h < num_kv_heads; ++h) {
          for (size_t i = 0; i < head_dim; ++i) {
            const size_t key_at = (slot / 16 * head_dim + i) * 16 + slot % 16;
            const size_t value_at = slot * head_dim + i;
            ASSERT_EQ(ElementAt(cache.keys, cache.layout, h, key_at),
                      RoundTrip(element, keys[r * (row + 1) + h * head_dim + i]));
            ASSERT_EQ(ElementAt(cache.values, cache.layout, h, value_at),
                      RoundTrip(element, values[r * (row + 2) + h * head_dim + i]));
          }
        }
      }
      // 21 of 48 slots were written, in each head, and nothing else.
      size_t untouched = 0;
      for (uint8_t byte : cache.values) untouched += byte == 0xEE;
      EXPECT_GE(untouched, num_kv_heads * (27 * head_dim * KvElementBytes(element) + 8));
    }
  }
}

TEST_P(KvStoreTest, LoadReadsBackWhatWasStored) {
  const size_t head_dim = 20;
  Cache cache(LayoutOf(KvElement::kF32, head_dim, 32), 1);
  const std::vector<float> keys = RandomValues(30 * 21, 3), values = RandomValues(30 * 22, 4);
  Store(cache, keys, values, 1, 100, 30);
  for (size_t r = 0; r < 30; ++r) {
    std::vector<float> key(head_dim), value(head_dim);
    KvLoadArgs args = {.cache = cache.keys.data(),
                       .layout = cache.layout,
                       .position = static_cast<int64_t>(100 + r),
                       .output = key.data()};
    LoadKey(args);
    args.cache = cache.values.data();
    args.output = value.data();
    LoadValue(args);
    EXPECT_EQ(key, std::vector<float>(&keys[r * 21], &keys[r * 21] + head_dim));
    EXPECT_EQ(value, std::vector<float>(&values[r * 22], &values[r * 22] + head_dim));
  }
}

TEST_P(KvStoreTest, OneByOneEqualsAllAtOnce) {
  const size_t head_dim = 40, row = 80;
  Cache at_once(LayoutOf(KvElement::kF16, head_dim, 64), 2), one_by_one = at_once;
  const std::vector<float> keys = RandomValues(50 * (row + 1), 5);
  const std::vector<float> values = RandomValues(50 * (row + 2), 6);
  Store(at_once, keys, values, 2, 7, 50);
  for (size_t r = 0; r < 50; ++r) {
    const std::vector<float> key(&keys[r * (row + 1)], &keys[r * (row + 1)] + row);
    const std::vector<float> value(&values[r * (row + 2)], &values[r * (row + 2)] + row);
    Store(one_by_one, key, value, 2, static_cast<int64_t>(7 + r), 1);
  }
  EXPECT_EQ(at_once.keys, one_by_one.keys);
  EXPECT_EQ(at_once.values, one_by_one.values);
}

TEST_P(KvStoreTest, HalfElementsSaturate) {
  const size_t head_dim = 19;
  Cache cache(LayoutOf(KvElement::kF16, head_dim, 16), 1);
  std::vector<float> row(head_dim + 2, 1e9f);
  row[3] = -1e9f;
  row[4] = kInfinity;
  row[5] = kNan;
  Store(cache, row, row, 1, 0, 1);
  EXPECT_EQ(ElementAt(cache.values, cache.layout, 0, 0), 65504.0f);
  EXPECT_EQ(ElementAt(cache.values, cache.layout, 0, 3), -65504.0f);
  EXPECT_EQ(ElementAt(cache.values, cache.layout, 0, 4), 65504.0f);
  EXPECT_TRUE(std::isnan(ElementAt(cache.values, cache.layout, 0, 5)));
  EXPECT_EQ(ElementAt(cache.keys, cache.layout, 0, 18 * 16), 65504.0f);
}

TEST_P(KvStoreTest, Int8RowsHaveScalesOfTheirOwn) {
  const size_t num_kv_heads = 2, num_rows = 21, ring = 48;
  for (size_t head_dim : {1, 5, 8, 24, 33, 64, 200}) {
    Cache cache(LayoutOf(KvElement::kInt8, head_dim, ring, 16), num_kv_heads);
    const size_t row = num_kv_heads * head_dim;
    std::vector<float> keys = RandomValues(num_rows * (row + 1), 1);
    const std::vector<float> values = RandomValues(num_rows * (row + 2), 2);
    std::fill_n(&keys[3 * (row + 1)], head_dim, 0.0f);
    for (size_t i = 0; i < head_dim; ++i) keys[4 * (row + 1) + i] *= 1e6f;
    Store(cache, keys, values, num_kv_heads, 40, num_rows);  // wraps at 48
    for (size_t r = 0; r < num_rows; ++r) {
      for (size_t h = 0; h < num_kv_heads; ++h) {
        const float* key = &keys[r * (row + 1) + h * head_dim];
        float largest = 0;
        for (size_t i = 0; i < head_dim; ++i) largest = std::max(largest, std::abs(key[i]));
        std::vector<float> loaded(head_dim);
        LoadKey({.cache = cache.keys.data() + h * cache.layout.kv_head_stride_bytes,
                 .layout = cache.layout,
                 .position = static_cast<int64_t>(40 + r),
                 .output = loaded.data()});
        for (size_t i = 0; i < head_dim; ++i) {
          ASSERT_NEAR(loaded[i], key[i], 0.501f * largest / 127) << "row " << r << ", dim " << i;
        }
      }
    }
    // 27 of 48 slots, in each head, and the gap behind it are as they were: elements and scales.
    size_t untouched = 0;
    for (uint8_t byte : cache.values) untouched += byte == 0xEE;
    EXPECT_GE(untouched, num_kv_heads * (27 * (head_dim + sizeof(float)) + 16));
  }
}

TEST_P(KvStoreTest, Int8KeepsWhatIsNoNumber) {
  const size_t head_dim = 19;
  Cache cache(LayoutOf(KvElement::kInt8, head_dim, 16), 1);
  std::vector<float> value(head_dim);
  const auto stored = [&](const std::vector<float>& row) {
    Store(cache, row, row, 1, 0, 1);
    LoadValue({cache.values.data(), cache.layout, 0, value.data()});
    return value;
  };
  std::vector<float> row(head_dim + 2, 1.0f);
  row[5] = kNan;
  for (float x : stored(row)) EXPECT_TRUE(std::isnan(x));
  row[5] = -kInfinity;  // becomes the largest finite number, beside which the rest is nothing
  EXPECT_LT(stored(row)[5], -2.9e38f);
  EXPECT_TRUE(std::isfinite(value[5]));
  EXPECT_EQ(value[4], 0.0f);
  std::fill(row.begin(), row.end(), 1e-40f);
  EXPECT_EQ(stored(row), std::vector<float>(head_dim, 0.0f));
}

INKLING_FOR_EACH_TARGET(KvStoreTest);

}  // namespace
}  // namespace inkling::kernels
