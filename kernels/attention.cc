// Online-softmax attention over one kv head; see attention.h for the contract.
//
// Queries (rows x heads of the group) are taken in tiles of up to six, keys in spans of 64
// positions: score the span, update maximum and sum, then add the weighted values, all from the
// first cache level. Spans begin at multiples of 64 and every sum runs in the order of positions,
// whatever the tile, so a row's result does not depend on its neighbours: decode and prefill agree
// bit for bit.
#include "kernels/attention.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cc"
#include <algorithm>
#include <limits>
#include <type_traits>

#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/attention_matmul-inl.h"
#include "kernels/vector_math-inl.h"
#include "kernels/vector_span-inl.h"

// Types that every instruction set shares; the guard keeps re-inclusion from defining them twice.
#ifndef INKLING_KERNELS_ATTENTION_ONCE_
#define INKLING_KERNELS_ATTENTION_ONCE_
namespace inkling::kernels {

// Scores start below any finite score; finite, so that its difference to itself is 0 and not NaN.
inline constexpr float kLowestScore = -1e38f;

// Up to kMaxTileQueries queries that read the same keys together.
struct QueryTile {
  size_t first;                    // index into rows x group
  size_t count;                    // queries that exist; the kernel's width may be larger
  int64_t begin[kMaxTileQueries];  // keys [begin, end) of each query; empty beyond count
  int64_t end[kMaxTileQueries];
  int64_t tile_begin;  // union of the ranges
  int64_t tile_end;
  float slope[kMaxTileQueries];    // ALiBi slope, 0 where unused
  float max[kMaxTileQueries];      // running maximum of the scores
  float total[kMaxTileQueries];    // running sum of exp(score - max)
  float rescale[kMaxTileQueries];  // exp(old max - new max) of the current span
  float* packed_query;             // [head_dim][width], scaled
  float* scores;                   // [width][kSpan]
  float* sums;                     // [width][head_dim], running weighted sums of values
};

// Of a span's int8 keys and values, [kSpan]; null for other elements.
struct SpanScales {
  const float* keys;
  const float* values;
};

}  // namespace inkling::kernels
#endif  // INKLING_KERNELS_ATTENTION_ONCE_

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

HWY_INLINE const float* QueryAt(const AttentionArgs& args, size_t index) {
  return args.query + index / args.group_size * args.query_row_stride +
         index % args.group_size * args.query_head_stride;
}

// Fills the tile's ranges and its packed, scaled queries; those beyond `count` are zeros.
template <size_t kWidth>
HWY_INLINE void PrepareTile(const AttentionArgs& args, QueryTile& tile) {
  const size_t head_dim = args.layout.head_dim;
  tile.tile_begin = INT64_MAX;
  tile.tile_end = 0;
  for (size_t q = 0; q < kWidth; ++q) {
    tile.max[q] = kLowestScore;
    std::fill_n(tile.sums + q * head_dim, head_dim, 0.0f);
    if (q >= tile.count) {
      for (size_t i = 0; i < head_dim; ++i) tile.packed_query[i * kWidth + q] = 0;
      continue;
    }
    const size_t index = tile.first + q;
    const int64_t position = args.first_position + static_cast<int64_t>(index / args.group_size);
    const int64_t window_begin = args.window > 0 ? position - args.window + 1 : 0;
    tile.begin[q] = std::max(args.key_begin, window_begin);
    tile.end[q] = std::min(args.key_end, position + 1);
    if (tile.begin[q] < tile.end[q]) {
      tile.tile_begin = std::min(tile.tile_begin, tile.begin[q]);
      tile.tile_end = std::max(tile.tile_end, tile.end[q]);
    }
    if (args.alibi_slopes != nullptr) tile.slope[q] = args.alibi_slopes[index % args.group_size];
    const float* query = QueryAt(args, index);
    for (size_t i = 0; i < head_dim; ++i) {
      tile.packed_query[i * kWidth + q] = query[i] * args.scale;
    }
  }
}

HWY_INLINE BlockVector RoundToBf16(BlockTag d, BlockVector x) {
  return hn::BitCast(d, RoundedToBf16(d, x));
}

// Applies scales of keys, bias, soft cap and mask to a query's scores of the span, in that order,
// and returns their maximum. Scores of keys that the query does not see become -inf.
HWY_INLINE float FinishScores(const AttentionArgs& args, const QueryTile& tile, size_t q,
                              const float* key_scales, int64_t span_begin, size_t num_scores) {
  const BlockTag d;
  const auto lowest = hn::Set(d, kLowestScore);
  const auto minus_infinity = hn::Set(d, -std::numeric_limits<float>::infinity());
  const int64_t size = static_cast<int64_t>(num_scores);
  const int64_t begin = std::clamp<int64_t>(tile.begin[q] - span_begin, 0, size);
  const int64_t end = std::clamp<int64_t>(tile.end[q] - span_begin, 0, size);
  const auto begin_v = hn::Set(d, static_cast<float>(begin));
  const auto end_v = hn::Set(d, static_cast<float>(end));
  const float* slope = args.alibi_slopes == nullptr ? nullptr : &tile.slope[q];
  float* scores = tile.scores + q * kSpan;
  auto max = lowest;
  for (size_t i = 0; i < num_scores; i += hn::Lanes(d)) {
    auto score = hn::LoadU(d, scores + i);
    if (key_scales != nullptr) score = hn::Mul(score, hn::LoadU(d, key_scales + i));
    const auto offset = hn::Iota(d, static_cast<float>(i));
    if (slope != nullptr) {
      const auto key = hn::Iota(d, static_cast<float>(span_begin + static_cast<int64_t>(i)));
      const auto bias = hn::Mul(RoundToBf16(d, key), RoundToBf16(d, hn::Set(d, *slope)));
      score = hn::MulAdd(RoundToBf16(d, bias), hn::Set(d, args.scale), score);
    }
    if (args.soft_cap > 0) {
      const auto capped = Tanh(d, hn::Mul(score, hn::Set(d, 1.0f / args.soft_cap)));
      score = hn::Mul(capped, hn::Set(d, args.soft_cap));
    }
    // The mask comes last: a slot never written may hold anything, NaN included.
    const auto is_seen = hn::And(hn::Ge(offset, begin_v), hn::Lt(offset, end_v));
    score = hn::IfThenElse(is_seen, score, minus_infinity);
    hn::StoreU(score, d, scores + i);
    max = hn::IfThenElse(hn::Gt(score, max), score, max);
  }
  return hn::ReduceMax(d, max);
}

// Turns a query's scores into weights exp(score - max), times the scales of values, and moves its
// running maximum and sum on.
HWY_INLINE void WeighScores(const AttentionArgs& args, QueryTile& tile, size_t q, SpanScales scales,
                            int64_t span_begin, size_t num_scores) {
  const BlockTag d;
  const float span_max = FinishScores(args, tile, q, scales.keys, span_begin, num_scores);
  const float max = std::max(tile.max[q], span_max);
  const auto max_v = hn::Set(d, max);
  float* scores = tile.scores + q * kSpan;
  // Sums of a block are added up in the order of blocks: masked blocks then change no bit.
  float sum = 0;
  for (size_t block = 0; block < num_scores; block += kKvBlock) {
    auto block_sum = hn::Zero(d);
    for (size_t i = block; i < block + kKvBlock; i += hn::Lanes(d)) {
      const auto weight = Exp(d, hn::Sub(hn::LoadU(d, scores + i), max_v));
      const auto scaled =
          scales.values == nullptr ? weight : hn::Mul(weight, hn::LoadU(d, scales.values + i));
      hn::StoreU(scaled, d, scores + i);
      block_sum = hn::Add(block_sum, weight);
    }
    sum += hn::ReduceSum(d, block_sum);
  }
  const auto rescale = Exp(d, hn::Sub(hn::Set(d, tile.max[q]), max_v));
  tile.rescale[q] = hn::GetLane(rescale);
  tile.total[q] = tile.total[q] * tile.rescale[q] + sum;
  tile.max[q] = max;
}

template <class Element, size_t kWidth>
HWY_INLINE void AttendSpan(const AttentionArgs& args, QueryTile& tile, int64_t span_begin) {
  const size_t head_dim = args.layout.head_dim;
  const size_t num_ring_blocks = args.layout.ring_capacity / kKvBlock;
  const int64_t block_size = static_cast<int64_t>(kKvBlock);
  const int64_t begin = std::max(span_begin, tile.tile_begin);
  const int64_t end = std::min(span_begin + static_cast<int64_t>(kSpan), tile.tile_end);
  const int64_t first_block = begin / block_size;
  const size_t num_blocks = static_cast<size_t>((end - 1) / block_size - first_block) + 1;
  const int64_t scored_begin = first_block * block_size;

  const Element* keys[kSpanBlocks];
  const Element* values[kSpanBlocks];
  float key_scales[kSpan];
  float value_scales[kSpan];
  constexpr bool kHasScales = std::is_same_v<Element, int8_t>;
  for (size_t b = 0; b < num_blocks; ++b) {
    const size_t slot_block = (static_cast<size_t>(first_block) + b) % num_ring_blocks;
    const size_t offset = slot_block * kKvBlock * head_dim;
    keys[b] = static_cast<const Element*>(args.key_cache) + offset;
    values[b] = static_cast<const Element*>(args.value_cache) + offset;
    if constexpr (kHasScales) {
      const size_t slot = slot_block * kKvBlock;
      std::copy_n(KvScales(args.layout, args.key_cache) + slot, kKvBlock,
                  key_scales + b * kKvBlock);
      std::copy_n(KvScales(args.layout, args.value_cache) + slot, kKvBlock,
                  value_scales + b * kKvBlock);
    }
  }
  const SpanScales scales = kHasScales ? SpanScales{key_scales, value_scales} : SpanScales{};
  ScoreSpan<Element, kWidth>(tile.packed_query, head_dim, keys, num_blocks, tile.scores);
  for (size_t q = 0; q < kWidth; ++q) {
    WeighScores(args, tile, q, scales, scored_begin, num_blocks * kKvBlock);
  }
  const WeightedSpan span = {tile.scores, static_cast<size_t>(begin - scored_begin),
                             static_cast<size_t>(end - scored_begin)};
  AddWeightedValues<Element, kWidth>(span, values, head_dim, tile.rescale, tile.sums);
}

HWY_INLINE void WriteOutputs(const AttentionArgs& args, const QueryTile& tile) {
  const FloatTag d;
  const size_t head_dim = args.layout.head_dim;
  for (size_t q = 0; q < tile.count; ++q) {
    const size_t index = tile.first + q;
    float* output = args.output + index / args.group_size * args.output_row_stride +
                    index % args.group_size * args.output_head_stride;
    const float* sums = tile.sums + q * head_dim;
    // Not "total > 0": a NaN total must reach the output.
    const FloatVector factor = hn::Set(d, tile.total[q] == 0 ? 0.0f : 1.0f / tile.total[q]);
    ForEachVector(d, head_dim, [&](size_t i, auto lanes) HWY_ATTR {
      StoreLanes(d, hn::Mul(LoadLanes(d, sums + i, lanes), factor), output + i, lanes);
    });
  }
}

HWY_INLINE void WritePartials(const QueryTile& tile, size_t head_dim, float* partials) {
  for (size_t q = 0; q < tile.count; ++q) {
    float* record = partials + (tile.first + q) * (head_dim + 2);
    record[0] = tile.max[q];
    record[1] = tile.total[q];
    std::copy_n(tile.sums + q * head_dim, head_dim, record + 2);
  }
}

template <class Element, size_t kWidth>
HWY_NOINLINE void AttendTile(const AttentionArgs& args, size_t first, size_t count,
                             float* partials) {
  const size_t head_dim = args.layout.head_dim;
  QueryTile tile = {};
  tile.first = first;
  tile.count = count;
  tile.packed_query = args.scratch;
  tile.sums = args.scratch + kMaxTileQueries * head_dim;
  tile.scores = tile.sums + kMaxTileQueries * head_dim;
  PrepareTile<kWidth>(args, tile);
  if (tile.tile_begin < tile.tile_end) {
    const int64_t span = static_cast<int64_t>(kSpan);
    for (int64_t begin = tile.tile_begin / span * span; begin < tile.tile_end; begin += span) {
      AttendSpan<Element, kWidth>(args, tile, begin);
    }
  }
  if (partials == nullptr) {
    WriteOutputs(args, tile);
  } else {
    WritePartials(tile, head_dim, partials);
  }
}

template <class Element>
HWY_INLINE void AttendElements(const AttentionArgs& args, float* partials) {
  const size_t total = args.num_rows * args.group_size;
  if (total == 0) return;
  // Tiles of about equal size: 8 queries are better read as 4 + 4 than as 6 + 2.
  const size_t num_tiles = (total + kMaxTileQueries - 1) / kMaxTileQueries;
  const size_t tile_size = (total + num_tiles - 1) / num_tiles;
  for (size_t first = 0; first < total; first += tile_size) {
    const size_t count = std::min(tile_size, total - first);
    if (count == 1) {
      AttendTile<Element, 1>(args, first, count, partials);
    } else if (count == 2) {
      AttendTile<Element, 2>(args, first, count, partials);
    } else if (count <= 4) {
      AttendTile<Element, 4>(args, first, count, partials);
    } else {
      AttendTile<Element, kMaxTileQueries>(args, first, count, partials);
    }
  }
}

void AttendRows(const AttentionArgs& args, float* partials) {
  if (args.layout.element == KvElement::kF32) {
    AttendElements<float>(args, partials);
  } else if (args.layout.element == KvElement::kF16) {
    AttendElements<uint16_t>(args, partials);
  } else {
    AttendElements<int8_t>(args, partials);
  }
}

void CombineParts(const CombinePartialsArgs& args) {
  const FloatTag d;
  const hn::CappedTag<float, 1> d1;
  const size_t record_size = args.head_dim + 2;
  for (size_t index = 0; index < args.num_rows * args.group_size; ++index) {
    const float* records = args.partials + index * record_size;
    float* output = args.output + index / args.group_size * args.output_row_stride +
                    index % args.group_size * args.output_head_stride;
    float max = kLowestScore;
    for (size_t p = 0; p < args.num_parts; ++p) {
      max = std::max(max, records[p * args.part_stride]);
    }
    float total = 0;
    std::fill_n(output, args.head_dim, 0.0f);
    for (size_t p = 0; p < args.num_parts; ++p) {
      const float* record = records + p * args.part_stride;
      const float weight = hn::GetLane(Exp(d1, hn::Set(d1, record[0] - max)));
      total += weight * record[1];
      const FloatVector weight_v = hn::Set(d, weight);
      ForEachVector(d, args.head_dim, [&](size_t i, auto lanes) HWY_ATTR {
        const FloatVector sum = LoadLanes(d, output + i, lanes);
        const FloatVector part = LoadLanes(d, record + 2 + i, lanes);
        StoreLanes(d, hn::MulAdd(part, weight_v, sum), output + i, lanes);
      });
    }
    const FloatVector factor = hn::Set(d, total == 0 ? 0.0f : 1.0f / total);
    ForEachVector(d, args.head_dim, [&](size_t i, auto lanes) HWY_ATTR {
      StoreLanes(d, hn::Mul(LoadLanes(d, output + i, lanes), factor), output + i, lanes);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(AttendRows);
HWY_EXPORT(CombineParts);

size_t AttentionScratchFloats(size_t head_dim) { return kMaxTileQueries * (2 * head_dim + kSpan); }

void Attend(const AttentionArgs& args) { HWY_DYNAMIC_DISPATCH(AttendRows)(args, nullptr); }

void AttendPartial(const AttentionArgs& args, float* partials) {
  HWY_DYNAMIC_DISPATCH(AttendRows)(args, partials);
}

void CombinePartials(const CombinePartialsArgs& args) { HWY_DYNAMIC_DISPATCH(CombineParts)(args); }

}  // namespace inkling::kernels
#endif  // HWY_ONCE
