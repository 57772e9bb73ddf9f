// The two matmuls of attention over a span of cached positions: scores and weighted values.
//
// Included by attention.cc, once per instruction set. Both keep their accumulators in registers for
// a tile of kWidth queries, so that one load of K or V serves all of them; the template constants
// below are chosen so that accumulators, loads and a broadcast fit the registers. Sums always run
// in ascending order of head dim (scores) or position (values), for every width.
#if defined(INKLING_KERNELS_ATTENTION_MATMUL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef INKLING_KERNELS_ATTENTION_MATMUL_INL_H_
#undef INKLING_KERNELS_ATTENTION_MATMUL_INL_H_
#else
#define INKLING_KERNELS_ATTENTION_MATMUL_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/half_vector-inl.h"
#include "kernels/kv_layout.h"
#include "kernels/vector_span-inl.h"

#ifndef INKLING_KERNELS_ATTENTION_MATMUL_ONCE_
#define INKLING_KERNELS_ATTENTION_MATMUL_ONCE_
namespace inkling::kernels {

inline constexpr size_t kMaxTileQueries = 6;
inline constexpr size_t kSpanBlocks = 4;
inline constexpr size_t kSpan = kSpanBlocks * kKvBlock;  // 64: K and V of a span at f16 and
                                                         // head_dim 128 are 32 KiB, one L1

struct WeightedSpan {
  const float* weights;  // [width][kSpan]
  size_t begin;          // positions [begin, end) of the span that count
  size_t end;
};

}  // namespace inkling::kernels
#endif  // INKLING_KERNELS_ATTENTION_MATMUL_ONCE_

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A vector of at most a block's positions.
using BlockTag = hn::CappedTag<float, kKvBlock>;
using BlockVector = hn::Vec<BlockTag>;
inline constexpr size_t kBlockLanes = HWY_MAX_LANES_D(BlockTag);
inline constexpr size_t kBlockVectors = kKvBlock / kBlockLanes;

HWY_INLINE BlockVector LoadBlock(BlockTag d, const float* from) { return hn::LoadU(d, from); }

HWY_INLINE BlockVector LoadBlock(BlockTag d, const uint16_t* from) {
  return FloatFromHalf(d, hn::LoadU(HalfTag<BlockTag>(), from));
}

HWY_INLINE BlockVector LoadBlock(BlockTag d, const int8_t* from) {
  return FloatFromQuants(d, hn::LoadU(hn::Rebind<int8_t, BlockTag>(), from));
}

// One dim of kWidth queries, each in all lanes. NEON multiplies by a lane as well as by a vector,
// so there two vectors of queries do for six, which leaves registers for the accumulators.
template <size_t kWidth>
HWY_INLINE void BroadcastQueries(BlockTag d, const float* from, BlockVector* queries) {
#if HWY_TARGET & HWY_ALL_NEON
  if constexpr (kWidth >= 4) {
    const BlockVector first = hn::LoadU(d, from);
    const BlockVector last = hn::LoadU(d, from + kWidth - 4);
    queries[0] = hn::Broadcast<0>(first);
    queries[1] = hn::Broadcast<1>(first);
    queries[kWidth - 4] = hn::Broadcast<0>(last);
    queries[kWidth - 3] = hn::Broadcast<1>(last);
    queries[kWidth - 2] = hn::Broadcast<2>(last);
    queries[kWidth - 1] = hn::Broadcast<3>(last);
    return;
  }
#endif
  HWY_UNROLL(8)
  for (size_t q = 0; q < kWidth; ++q) queries[q] = hn::Set(d, from[q]);
}

// Scores kWidth queries against kBlocks blocks of keys at once. With few queries several blocks run
// side by side, because one chain of dependent additions per vector would wait for its own latency.
template <class Element, size_t kWidth, size_t kBlocks>
HWY_INLINE void ScoreBlocks(const float* HWY_RESTRICT packed_query, size_t head_dim,
                            const Element* const* keys, float* HWY_RESTRICT scores) {
  const BlockTag d;
  BlockVector sums[kWidth * kBlocks * kBlockVectors];
  HWY_UNROLL(64)
  for (size_t s = 0; s < kWidth * kBlocks * kBlockVectors; ++s) sums[s] = hn::Zero(d);
  for (size_t i = 0; i < head_dim; ++i) {
    BlockVector key[kBlocks * kBlockVectors];
    HWY_UNROLL(16)
    for (size_t k = 0; k < kBlocks * kBlockVectors; ++k) {
      key[k] =
          LoadBlock(d, keys[k / kBlockVectors] + i * kKvBlock + k % kBlockVectors * kBlockLanes);
    }
    BlockVector queries[kWidth];
    BroadcastQueries<kWidth>(d, packed_query + i * kWidth, queries);
    HWY_UNROLL(8)
    for (size_t q = 0; q < kWidth; ++q) {
      HWY_UNROLL(16)
      for (size_t k = 0; k < kBlocks * kBlockVectors; ++k) {
        BlockVector& sum = sums[q * kBlocks * kBlockVectors + k];
        sum = hn::MulAdd(queries[q], key[k], sum);
      }
    }
  }
  HWY_UNROLL(8)
  for (size_t q = 0; q < kWidth; ++q) {
    HWY_UNROLL(16)
    for (size_t k = 0; k < kBlocks * kBlockVectors; ++k) {
      hn::StoreU(sums[q * kBlocks * kBlockVectors + k], d, scores + q * kSpan + k * kBlockLanes);
    }
  }
}

// Writes scores[q][position] = query[q] . key[position] for all positions of num_blocks blocks,
// those never written included.
template <class Element, size_t kWidth>
HWY_INLINE void ScoreSpan(const float* packed_query, size_t head_dim, const Element* const* keys,
                          size_t num_blocks, float* scores) {
  constexpr size_t kBlocks = kWidth == 1 ? 4 : kWidth == 2 ? 2 : 1;
  size_t b = 0;
  for (; b + kBlocks <= num_blocks; b += kBlocks) {
    ScoreBlocks<Element, kWidth, kBlocks>(packed_query, head_dim, keys + b, scores + b * kKvBlock);
  }
  for (; b < num_blocks; ++b) {
    ScoreBlocks<Element, kWidth, 1>(packed_query, head_dim, keys + b, scores + b * kKvBlock);
  }
}

// Adds one position's values, of kVectors vectors of dims, times each query's weight: lane kLane of
// `weights` or, below 0, all of its lanes.
template <size_t kWidth, size_t kVectors, int kLane, class Element, class Lanes>
HWY_INLINE void AddWeightedRow(const FloatVector* weights, const Element* row, Lanes lanes,
                               FloatVector* sum) {
  const FloatTag d;
  FloatVector value[kVectors];
  HWY_UNROLL(8)
  for (size_t v = 0; v < kVectors; ++v) {
    value[v] = LoadAsFloat(d, row + v * HWY_MAX_LANES_D(FloatTag), lanes);
  }
  HWY_UNROLL(8)
  for (size_t q = 0; q < kWidth; ++q) {
    FloatVector weight = weights[q];
    if constexpr (kLane >= 0) weight = hn::Broadcast<kLane>(weight);
    HWY_UNROLL(8)
    for (size_t v = 0; v < kVectors; ++v) {
      sum[q * kVectors + v] = hn::MulAdd(weight, value[v], sum[q * kVectors + v]);
    }
  }
}

// Adds the span's weighted values to kVectors vectors of head dims, starting at dim `first`. NEON
// multiplies by a lane as well as by a vector, so there a vector of weights is read for four
// positions at once.
template <class Element, size_t kWidth, size_t kVectors, class Lanes>
HWY_INLINE void AddWeightedDims(const WeightedSpan& span, const Element* const* values,
                                size_t head_dim, size_t first, Lanes lanes, const float* rescale,
                                float* HWY_RESTRICT sums) {
  const FloatTag d;
  constexpr size_t kLanes = HWY_MAX_LANES_D(FloatTag);
  FloatVector sum[kWidth * kVectors];
  HWY_UNROLL(16)
  for (size_t s = 0; s < kWidth * kVectors; ++s) {
    const float* from = sums + s / kVectors * head_dim + first + s % kVectors * kLanes;
    sum[s] = hn::Mul(LoadLanes(d, from, lanes), hn::Set(d, rescale[s / kVectors]));
  }
  for (size_t position = span.begin; position < span.end;) {
    const size_t block = position / kKvBlock;
    const size_t block_end = std::min(span.end, (block + 1) * kKvBlock);
    const Element* row = values[block] + position % kKvBlock * head_dim + first;
    FloatVector weights[kWidth];
#if HWY_TARGET & HWY_ALL_NEON
    for (; position + kLanes <= block_end; position += kLanes, row += kLanes * head_dim) {
      HWY_UNROLL(8)
      for (size_t q = 0; q < kWidth; ++q) {
        weights[q] = hn::LoadU(d, span.weights + q * kSpan + position);
      }
      AddWeightedRow<kWidth, kVectors, 0>(weights, row, lanes, sum);
      AddWeightedRow<kWidth, kVectors, 1>(weights, row + head_dim, lanes, sum);
      AddWeightedRow<kWidth, kVectors, 2>(weights, row + 2 * head_dim, lanes, sum);
      AddWeightedRow<kWidth, kVectors, 3>(weights, row + 3 * head_dim, lanes, sum);
    }
#endif
    for (; position < block_end; ++position, row += head_dim) {
      HWY_UNROLL(8)
      for (size_t q = 0; q < kWidth; ++q) {
        weights[q] = hn::Set(d, span.weights[q * kSpan + position]);
      }
      AddWeightedRow<kWidth, kVectors, -1>(weights, row, lanes, sum);
    }
  }
  HWY_UNROLL(16)
  for (size_t s = 0; s < kWidth * kVectors; ++s) {
    float* to = sums + s / kVectors * head_dim + first + s % kVectors * kLanes;
    StoreLanes(d, sum[s], to, lanes);
  }
}

// Updates sums[q] = sums[q] * rescale[q] + weights[q] . values for the span's counted positions.
// Values of other positions are not read, so memory never written cannot reach a sum.
template <class Element, size_t kWidth>
HWY_INLINE void AddWeightedValues(const WeightedSpan& span, const Element* const* values,
                                  size_t head_dim, const float* rescale, float* sums) {
  // Eight accumulators keep two multiply-add units busy; more than twelve leave no room for loads.
  constexpr size_t kVectors = kWidth == 1 ? 8 : kWidth == 2 ? 4 : 2;
  constexpr size_t kLanes = HWY_MAX_LANES_D(FloatTag);
  size_t i = 0;
  for (; i + kVectors * kLanes <= head_dim; i += kVectors * kLanes) {
    AddWeightedDims<Element, kWidth, kVectors>(span, values, head_dim, i, AllLanes(), rescale,
                                               sums);
  }
  for (; i + kLanes <= head_dim; i += kLanes) {
    AddWeightedDims<Element, kWidth, 1>(span, values, head_dim, i, AllLanes(), rescale, sums);
  }
  if (i < head_dim) {
    const FirstLanes rest = {head_dim - i};
    AddWeightedDims<Element, kWidth, 1>(span, values, head_dim, i, rest, rescale, sums);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#endif  // INKLING_KERNELS_ATTENTION_MATMUL_INL_H_
