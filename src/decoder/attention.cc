// Attention in three steps: matmuls of the new rows; norm, rotation and storing of each row tile
// while it is warm; then the kernel over (kv head, row tile) for many rows or (kv head, part of the
// context) for few.
//
// How work is cut depends on the model and the positions, never on the number of threads, so
// results don't either.

#include "src/decoder/attention.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "kernels/attention.h"
#include "kernels/kv_layout.h"
#include "kernels/kv_store.h"
#include "kernels/norm.h"
#include "kernels/rope.h"
#include "src/decoder/forward_pass.h"
#include "src/decoder/layer_weights.h"
#include "src/format/model_config.h"

namespace inkling {
namespace {

// Rows of one attention call: loads of K and V are shared by them.
constexpr size_t kQueryTileRows = 16;
// Keys that make a part of the context worth its own call and its share of combining.
constexpr int64_t kMinPartKeys = 256;

kernels::KvLayout LayoutOf(const ForwardPass& pass, const CpuKvCache::LayerView& view) {
  kernels::KvLayout layout;
  layout.element = pass.cache.element();
  layout.head_dim = static_cast<size_t>(pass.config.head_dim);
  layout.ring_capacity = static_cast<size_t>(view.ring);
  layout.kv_head_stride_bytes = kernels::KvHeadBytes(layout);
  return layout;
}

// Normalises each of `num_heads` heads of rows [num_rows, num_heads, head_dim] in place.
void NormalizeHeads(const ModelConfig& config, const float* weight, float* heads, size_t num_heads,
                    size_t num_rows) {
  const size_t head_dim = static_cast<size_t>(config.head_dim);
  const auto normalize = [&](float* first, size_t stride, size_t count, const float* head_weight) {
    if (config.query_key_norm_kind == NormKind::kRms) {
      kernels::RmsNorm({.input = first,
                        .input_stride = stride,
                        .weight = head_weight,
                        .epsilon = config.norm_epsilon,
                        .output = first,
                        .output_stride = stride,
                        .num_rows = count,
                        .dim = head_dim});
    } else {
      kernels::LayerNorm({.input = first,
                          .input_stride = stride,
                          .weight = head_weight,
                          .bias = nullptr,
                          .epsilon = config.norm_epsilon,
                          .output = first,
                          .output_stride = stride,
                          .num_rows = count,
                          .dim = head_dim});
    }
  };
  switch (config.query_key_norm) {
    case QueryKeyNorm::kNone:
      return;
    case QueryKeyNorm::kShared:
      return normalize(heads, head_dim, num_rows * num_heads, weight);
    case QueryKeyNorm::kPerHead:
      for (size_t head = 0; head < num_heads; ++head) {
        normalize(heads + head * head_dim, num_heads * head_dim, num_rows,
                  weight + head * head_dim);
      }
      return;
  }
}

// Rotates rows [first, first + num_rows) of `heads` ([rows, num_heads, head_dim]) by the layer's
// table, if it has one.
void RotateHeads(const ForwardPass& pass, int32_t layer_index, float* heads, size_t num_heads,
                 size_t first, size_t num_rows) {
  const int32_t table = pass.config.layers[static_cast<size_t>(layer_index)].rope_table;
  if (pass.config.position != PositionKind::kRotary || table < 0) return;
  const RopeRows& rope = pass.scratch.rope[static_cast<size_t>(table)];
  const size_t head_dim = static_cast<size_t>(pass.config.head_dim);
  const size_t pairs = static_cast<size_t>(pass.config.rotary_dim / 2);
  kernels::ApplyRope({.heads = heads + first * num_heads * head_dim,
                      .row_stride = num_heads * head_dim,
                      .head_stride = head_dim,
                      .num_rows = num_rows,
                      .num_heads = num_heads,
                      .rotary_dim = 2 * pairs,
                      .cosine = rope.cosine + first * pairs,
                      .sine = rope.sine + first * pairs});
}

// Norms and rotates q and k of the new rows and stores k and v in the cache.
void PrepareRows(const AttentionWeights& weights, int32_t layer_index, ForwardPass& pass) {
  const ModelConfig& config = pass.config;
  const Scratch& s = pass.scratch;
  const size_t head_dim = static_cast<size_t>(config.head_dim);
  const size_t num_heads = static_cast<size_t>(config.num_heads);
  const size_t num_kv_heads = static_cast<size_t>(config.num_kv_heads);
  const CpuKvCache::LayerView view = pass.cache.layer(layer_index);
  const kernels::KvLayout layout = LayoutOf(pass, view);
  ForEachRowTile(pass.pool, pass.num_rows, [&](size_t first, size_t count) {
    float* query = s.query + first * num_heads * head_dim;
    float* key = s.key + first * num_kv_heads * head_dim;
    NormalizeHeads(config, weights.query_norm, query, num_heads, count);
    NormalizeHeads(config, weights.key_norm, key, num_kv_heads, count);
    RotateHeads(pass, layer_index, s.query, num_heads, first, count);
    RotateHeads(pass, layer_index, s.key, num_kv_heads, first, count);
    kernels::StoreKeyValues({.key = key,
                             .key_row_stride = num_kv_heads * head_dim,
                             .value = s.value + first * num_kv_heads * head_dim,
                             .value_row_stride = num_kv_heads * head_dim,
                             .key_cache = view.keys,
                             .value_cache = view.values,
                             .layout = layout,
                             .num_kv_heads = num_kv_heads,
                             .first_position = pass.first_position + static_cast<int64_t>(first),
                             .num_rows = count});
  });
}

// Calls body(item, thread scratch) for every item in [0, count), on all threads; items are taken in
// order, so the heaviest should come first.
void ForEachItem(ForwardPass& pass, size_t count, absl::FunctionRef<void(size_t, float*)> body) {
  const Scratch& s = pass.scratch;
  pass.pool.ForEachItem(count, count, [&](size_t item, size_t worker) {
    body(item, s.attention_scratch + worker * s.attention_scratch_floats);
  });
}

// The kernel's arguments for one kv head and rows [first, first + num_rows), over all their keys.
// `attended` has the rows that attention writes.
kernels::AttentionArgs HeadArgs(const ForwardPass& pass, int32_t layer_index, size_t kv_head,
                                size_t first, size_t num_rows, float* attended) {
  const ModelConfig& config = pass.config;
  const CpuKvCache::LayerView view = pass.cache.layer(layer_index);
  const kernels::KvLayout layout = LayoutOf(pass, view);
  const size_t head_dim = layout.head_dim;
  const size_t row_stride = static_cast<size_t>(config.num_heads) * head_dim;
  const size_t group = static_cast<size_t>(config.num_heads / config.num_kv_heads);
  const size_t offset = first * row_stride + kv_head * group * head_dim;
  kernels::AttentionArgs args = {};
  args.query = pass.scratch.query + offset;
  args.query_row_stride = row_stride;
  args.query_head_stride = head_dim;
  args.num_rows = num_rows;
  args.group_size = group;
  args.key_cache = view.keys + kv_head * layout.kv_head_stride_bytes;
  args.value_cache = view.values + kv_head * layout.kv_head_stride_bytes;
  args.layout = layout;
  args.first_position = pass.first_position + static_cast<int64_t>(first);
  args.window = config.layers[static_cast<size_t>(layer_index)].window;
  args.key_end = args.first_position + static_cast<int64_t>(num_rows);
  args.scale = config.attention_scale;
  args.soft_cap = config.attention_soft_cap;
  args.alibi_slopes = config.position == PositionKind::kAlibi
                          ? config.alibi_slopes.data() + kv_head * group
                          : nullptr;
  args.output = attended + offset;
  args.output_row_stride = row_stride;
  args.output_head_stride = head_dim;
  return args;
}

// Few rows and a long context: threads share one head's keys.
void AttendByParts(ForwardPass& pass, int32_t layer_index, int64_t key_begin, int64_t part_keys,
                   size_t num_parts, float* attended) {
  const Scratch& s = pass.scratch;
  const size_t num_kv_heads = static_cast<size_t>(pass.config.num_kv_heads);
  ForEachItem(pass, num_kv_heads * num_parts, [&](size_t item, float* scratch) {
    const size_t part = item % num_parts;
    kernels::AttentionArgs args =
        HeadArgs(pass, layer_index, item / num_parts, 0, pass.num_rows, attended);
    args.key_begin = key_begin + static_cast<int64_t>(part) * part_keys;
    args.key_end = std::min(args.key_end, args.key_begin + part_keys);
    args.scratch = scratch;
    kernels::AttendPartial(args, s.partials + item * s.partial_floats);
  });
  for (size_t kv_head = 0; kv_head < num_kv_heads; ++kv_head) {
    const kernels::AttentionArgs args =
        HeadArgs(pass, layer_index, kv_head, 0, pass.num_rows, attended);
    kernels::CombinePartials({.partials = s.partials + kv_head * num_parts * s.partial_floats,
                              .part_stride = s.partial_floats,
                              .num_parts = num_parts,
                              .num_rows = pass.num_rows,
                              .group_size = args.group_size,
                              .head_dim = args.layout.head_dim,
                              .output = args.output,
                              .output_row_stride = args.output_row_stride,
                              .output_head_stride = args.output_head_stride});
  }
}

// Writes softmax(q k^T) v of all rows and heads to scratch.attended.
void AttendRows(ForwardPass& pass, int32_t layer_index) {
  float* attended = pass.scratch.attended.BeginRows();
  const int64_t window = pass.config.layers[static_cast<size_t>(layer_index)].window;
  const int64_t key_end = pass.first_position + static_cast<int64_t>(pass.num_rows);
  int64_t key_begin = window > 0 ? std::max<int64_t>(0, pass.first_position - window + 1) : 0;
  key_begin -= key_begin % static_cast<int64_t>(kernels::kKvBlock);
  if (pass.num_rows <= static_cast<size_t>(kMaxSplitRows)) {
    // Parts begin at multiples of a length that only the session decides, so that a row gives the
    // same bits alone and among others (draft tokens depend on that).
    const int64_t max_parts = static_cast<int64_t>(Scratch::MaxContextParts(pass.config));
    const int64_t share = (pass.cache.capacity() + max_parts - 1) / max_parts;
    const int64_t part_keys = static_cast<int64_t>(
        kernels::RoundUpToKvBlock(static_cast<size_t>(std::max(share, kMinPartKeys))));
    const int64_t first_part = key_begin / part_keys;
    const int64_t num_parts = (key_end - 1) / part_keys - first_part + 1;
    if (num_parts > 1) {
      return AttendByParts(pass, layer_index, first_part * part_keys, part_keys,
                           static_cast<size_t>(num_parts), attended);
    }
  }
  const size_t num_kv_heads = static_cast<size_t>(pass.config.num_kv_heads);
  const size_t num_tiles = (pass.num_rows + kQueryTileRows - 1) / kQueryTileRows;
  const size_t first_tile = (pass.num_rows - pass.kept_rows) / kQueryTileRows;
  ForEachItem(pass, num_kv_heads * (num_tiles - first_tile), [&](size_t item, float* scratch) {
    const size_t tile = num_tiles - 1 - item / num_kv_heads;  // the last rows see the most keys
    const size_t first = tile * kQueryTileRows;
    kernels::AttentionArgs args =
        HeadArgs(pass, layer_index, item % num_kv_heads, first,
                 std::min(kQueryTileRows, pass.num_rows - first), attended);
    args.scratch = scratch;
    kernels::Attend(args);
  });
}

// Makes the kept rows the pass's only ones.
void DropOtherRows(ForwardPass& pass) {
  if (pass.kept_rows == pass.num_rows) return;
  Scratch& s = pass.scratch;
  const size_t first = pass.num_rows - pass.kept_rows;
  const auto move = [&](float* rows, int64_t dim) {
    const size_t width = static_cast<size_t>(dim);
    std::memmove(rows, rows + first * width, pass.kept_rows * width * sizeof(float));
  };
  move(s.residual, pass.config.hidden_dim);
  move(s.normed.BeginRows(), s.normed.dim());
  move(s.attended.BeginRows(), s.attended.dim());
  pass.first_position += static_cast<int64_t>(first);
  pass.num_rows = pass.kept_rows;
}

// Adds what adapters say of q, k and v.
void AddToQueryKeyValue(int32_t layer_index, ForwardPass& pass) {
  const Scratch& s = pass.scratch;
  const auto head_dim = static_cast<size_t>(pass.config.head_dim);
  const size_t query_dim = static_cast<size_t>(pass.config.num_heads) * head_dim;
  const size_t key_dim = static_cast<size_t>(pass.config.num_kv_heads) * head_dim;
  const LowRankUpdate update =
      AdapterUpdate(pass, layer_index,
                    {AdapterTarget::kQuery, AdapterTarget::kKey, AdapterTarget::kValue}, s.normed);
  update.AddAll(AdapterTarget::kQuery, s.query, query_dim);
  update.AddAll(AdapterTarget::kKey, s.key, key_dim);
  update.AddAll(AdapterTarget::kValue, s.value, key_dim);
}

}  // namespace

absl::Status RunAttention(AttentionWeights& weights, int32_t layer_index, ForwardPass& pass) {
  Scratch& s = pass.scratch;
  ABSL_RETURN_IF_ERROR(
      RunMatmuls({{&weights.query, s.query}, {&weights.key, s.key}, {&weights.value, s.value}},
                 s.normed, pass));
  if (!pass.adapters.empty()) AddToQueryKeyValue(layer_index, pass);
  EndStep(pass.timer, DecoderStep::kQueryKeyValue);
  PrepareRows(weights, layer_index, pass);
  EndStep(pass.timer, DecoderStep::kRotateAndStore);
  if (pass.num_rows > 1) {
    ABSL_RETURN_IF_ERROR(CheckStop(pass));
  }
  if (pass.kept_rows > 0) AttendRows(pass, layer_index);
  DropOtherRows(pass);
  EndStep(pass.timer, DecoderStep::kAttention);
  ABSL_RETURN_IF_ERROR(RunMatmuls({{&weights.output, s.block}}, s.attended, pass));
  if (!pass.adapters.empty()) {
    AdapterUpdate(pass, layer_index, {AdapterTarget::kOutput}, s.attended)
        .AddAll(AdapterTarget::kOutput, s.block, static_cast<size_t>(pass.config.hidden_dim));
  }
  EndStep(pass.timer, DecoderStep::kAttentionOutput);
  return absl::OkStatus();
}

}  // namespace inkling
