// Scratch: one block of floats, cut into buffers that start on cache lines.

#include "src/decoder/scratch.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "kernels/attention.h"
#include "kernels/quantize.h"
#include "src/compute/matrix_slices.h"
#include "src/format/model_config.h"

namespace inkling {
namespace {

constexpr size_t kAlignment = 64;
constexpr int64_t kLineFloats = kAlignment / sizeof(float);

// Pieces of work that keep a few threads busy in decode; heads count first, parts of the context
// make up the rest.
constexpr int32_t kAttentionItems = 16;

int64_t RoundUpToLine(int64_t floats) {
  return (floats + kLineFloats - 1) / kLineFloats * kLineFloats;
}

// Floats of each buffer, all multiples of a cache line.
struct BufferSizes {
  int64_t hidden;   // residual
  int64_t block;    // block
  int64_t query;    // query
  int64_t key;      // key, value
  int64_t slice;    // gate or up of a slice of columns
  int64_t wide;     // query + key + value, or slices
  int64_t threads;  // attention_scratch
  int64_t partials;
  int64_t angles;  // one cosine or sine
  int64_t total;
};

BufferSizes MeasureBuffers(const ModelConfig& config, const ScratchSize& size) {
  const int64_t rows = size.max_rows;
  const int64_t num_threads = size.num_threads;
  BufferSizes sizes;
  sizes.hidden = RoundUpToLine(rows * config.hidden_dim);
  sizes.block = sizes.hidden * Int8RowsPerRow(size.residual);
  sizes.query = RoundUpToLine(rows * config.num_heads * config.head_dim);
  sizes.key = RoundUpToLine(rows * config.num_kv_heads * config.head_dim);
  sizes.slice =
      RoundUpToLine(rows * MatrixSlices(config.feed_forward_dim, config.hidden_dim).largest());
  sizes.wide = std::max(sizes.query + 2 * sizes.key, num_threads * 2 * sizes.slice);
  const size_t head_dim = static_cast<size_t>(config.head_dim);
  sizes.threads =
      num_threads * RoundUpToLine(static_cast<int64_t>(kernels::AttentionScratchFloats(head_dim)));
  const size_t group = static_cast<size_t>(config.num_heads / config.num_kv_heads);
  const size_t split_rows = static_cast<size_t>(std::min(size.max_rows, kMaxSplitRows));
  const size_t parts = static_cast<size_t>(config.num_kv_heads) * Scratch::MaxContextParts(config);
  sizes.partials = RoundUpToLine(
      static_cast<int64_t>(parts * kernels::AttentionPartialFloats(split_rows, group, head_dim)));
  sizes.angles = RoundUpToLine(rows * (config.rotary_dim / 2));
  sizes.total = sizes.hidden + sizes.block + sizes.wide + sizes.threads + sizes.partials +
                2 * sizes.angles * static_cast<int64_t>(config.rope_tables.size());
  return sizes;
}

// f32 rows, their int8 form with a line between rows, sums of its units with a line behind each,
// its parameters; ranges of `parts` parts.
int64_t ActivationBytes(int64_t rows, int64_t dim, size_t parts = 0,
                        ResidualQuantization residual = ResidualQuantization::kNone) {
  const int64_t int8_row = dim + int64_t{kAlignment} + dim / 8 + 8;
  return dim / 8 * 16 + rows * (dim * 4 + int8_row * Int8RowsPerRow(residual) +
                                static_cast<int64_t>(parts * sizeof(kernels::RowRange)));
}

// The feed-forward's inner rows are written in so many parts.
size_t InnerParts(const ModelConfig& config) {
  return MatrixSlices(config.feed_forward_dim, config.hidden_dim).size();
}

}  // namespace

size_t Scratch::MaxContextParts(const ModelConfig& config) {
  return static_cast<size_t>(std::max(1, kAttentionItems / config.num_kv_heads));
}

int64_t Scratch::Bytes(const ModelConfig& config, const ScratchSize& size) {
  const int64_t rows = size.max_rows;
  return MeasureBuffers(config, size).total * static_cast<int64_t>(sizeof(float)) +
         ActivationBytes(rows, config.hidden_dim) +
         ActivationBytes(rows, int64_t{config.num_heads} * config.head_dim, 0, size.residual) +
         ActivationBytes(rows, config.feed_forward_dim, InnerParts(config), size.residual);
}

absl::StatusOr<Scratch> Scratch::Create(const ModelConfig& config, const ScratchSize& size,
                                        const ScratchForms& forms) {
  const int32_t max_rows = size.max_rows;
  const int64_t query_dim = int64_t{config.num_heads} * config.head_dim;
  ABSL_ASSIGN_OR_RETURN(Activations normed,
                        Activations::Create(max_rows, config.hidden_dim, {.forms = forms.normed}));
  ABSL_ASSIGN_OR_RETURN(Activations attended,
                        Activations::Create(max_rows, query_dim,
                                            {.forms = forms.attended, .residual = size.residual}));
  ABSL_ASSIGN_OR_RETURN(Activations inner, Activations::Create(max_rows, config.feed_forward_dim,
                                                               {.forms = forms.inner,
                                                                .residual = size.residual,
                                                                .max_parts = InnerParts(config)}));
  Scratch scratch(std::move(normed), std::move(attended), std::move(inner));

  const BufferSizes sizes = MeasureBuffers(config, size);
  ABSL_ASSIGN_OR_RETURN(scratch.floats_,
                        AlignedArray<float>::CreateUnset(static_cast<size_t>(sizes.total)));

  float* next = scratch.floats_.data();
  const auto take = [&next](int64_t floats) { return std::exchange(next, next + floats); };
  scratch.residual = take(sizes.hidden);
  scratch.block = take(sizes.block);
  scratch.attention_scratch = take(sizes.threads);
  scratch.attention_scratch_floats = static_cast<size_t>(sizes.threads / size.num_threads);
  scratch.partials = take(sizes.partials);
  scratch.partial_floats =
      kernels::AttentionPartialFloats(static_cast<size_t>(std::min(max_rows, kMaxSplitRows)),
                                      static_cast<size_t>(config.num_heads / config.num_kv_heads),
                                      static_cast<size_t>(config.head_dim));
  for (size_t i = 0; i < config.rope_tables.size(); ++i) {
    scratch.rope.push_back({.cosine = take(sizes.angles), .sine = take(sizes.angles)});
  }
  scratch.slices = take(sizes.wide);
  scratch.slice_floats = static_cast<size_t>(sizes.slice);
  scratch.query = scratch.slices;
  scratch.key = scratch.query + sizes.query;
  scratch.value = scratch.key + sizes.key;
  return scratch;
}

}  // namespace inkling
