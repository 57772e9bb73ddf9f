// Micro-benchmarks of the SIMD kernels at the shapes of common models (Google Benchmark).
//
// Run `kernels_benchmark --benchmark_filter=Attention` and compare bytes per second with the memory
// bandwidth of the machine: decode attention reads its cache once, so that is its limit. Prefill
// reports multiply-adds per second instead.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <vector>

#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/kv_store.h"
#include "kernels/norm.h"
#include "kernels/quantize.h"
#include "kernels/rope.h"
#include "kernels/softmax.h"

namespace inkling::kernels {
namespace {

std::vector<float> RandomValues(size_t size) {
  std::mt19937 engine(1);
  std::normal_distribution<float> distribution;
  std::vector<float> values(size);
  for (float& value : values) value = distribution(engine);
  return values;
}

// A filled cache of one kv head and queries for its last rows.
struct AttentionSetup {
  AttentionSetup(KvElement element, size_t head_dim, size_t group, size_t rows, size_t context)
      : num_rows(rows),
        group_size(group),
        layout{element, head_dim, RoundUpToKvBlock(context), 0},
        rows_in(RandomValues(context * head_dim)),
        query(RandomValues(rows * group * head_dim)),
        output(query.size()),
        scratch(AttentionScratchFloats(head_dim)) {
    layout.kv_head_stride_bytes = KvHeadBytes(layout);
    keys.resize(KvHeadBytes(layout));
    values.resize(KvHeadBytes(layout));
    StoreKeyValues({.key = rows_in.data(),
                    .key_row_stride = head_dim,
                    .value = rows_in.data(),
                    .value_row_stride = head_dim,
                    .key_cache = keys.data(),
                    .value_cache = values.data(),
                    .layout = layout,
                    .num_kv_heads = 1,
                    .first_position = 0,
                    .num_rows = context});
    first_position = static_cast<int64_t>(context - rows);
  }

  AttentionArgs Args() {
    const size_t head_dim = layout.head_dim;
    return {.query = query.data(),
            .query_row_stride = group_size * head_dim,
            .query_head_stride = head_dim,
            .num_rows = num_rows,
            .group_size = group_size,
            .key_cache = keys.data(),
            .value_cache = values.data(),
            .layout = layout,
            .first_position = first_position,
            .scale = 0.1f,
            .output = output.data(),
            .output_row_stride = group_size * head_dim,
            .output_head_stride = head_dim,
            .scratch = scratch.data()};
  }

  size_t num_rows, group_size;
  KvLayout layout;
  std::vector<float> rows_in, query, output, scratch;
  std::vector<uint8_t> keys, values;
  int64_t first_position = 0;
};

// Arguments: f16 (1) or f32 (0), head_dim, group_size, context.
void BM_AttentionDecode(benchmark::State& state) {
  const KvElement element = state.range(0) ? KvElement::kF16 : KvElement::kF32;
  AttentionSetup setup(element, static_cast<size_t>(state.range(1)),
                       static_cast<size_t>(state.range(2)), 1, static_cast<size_t>(state.range(3)));
  const AttentionArgs args = setup.Args();
  for (auto _ : state) Attend(args);
  state.SetBytesProcessed(state.iterations() * 2 * static_cast<int64_t>(setup.keys.size()));
}
BENCHMARK(BM_AttentionDecode)
    ->ArgNames({"f16", "head_dim", "group", "context"})
    ->Args({1, 64, 1, 2048})
    ->Args({1, 128, 1, 2048})
    ->Args({1, 128, 2, 2048})
    ->Args({1, 128, 4, 2048})
    ->Args({1, 256, 8, 2048})
    ->Args({0, 128, 1, 2048})
    ->Args({1, 128, 1, 32768});

// Arguments: f16 (1) or f32 (0), head_dim, group_size, context; 128 rows.
void BM_AttentionPrefill(benchmark::State& state) {
  const KvElement element = state.range(0) ? KvElement::kF16 : KvElement::kF32;
  AttentionSetup setup(element, static_cast<size_t>(state.range(1)),
                       static_cast<size_t>(state.range(2)), 128,
                       static_cast<size_t>(state.range(3)));
  const AttentionArgs args = setup.Args();
  for (auto _ : state) Attend(args);
  // Each row sees context - 127 + r keys; the mean is context - 63.5.
  const double multiply_adds = 128.0 * static_cast<double>(state.range(2)) *
                               (static_cast<double>(state.range(3)) - 63.5) * 2 *
                               static_cast<double>(state.range(1));
  state.counters["multiply_adds"] =
      benchmark::Counter(multiply_adds, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_AttentionPrefill)
    ->ArgNames({"f16", "head_dim", "group", "context"})
    ->Args({1, 64, 1, 1024})
    ->Args({1, 128, 4, 1024})
    ->Args({0, 128, 4, 1024});

// Argument: positions stored at once, 8 kv heads of 128.
void BM_StoreKeyValues(benchmark::State& state) {
  const size_t num_rows = static_cast<size_t>(state.range(0));
  KvLayout layout = {KvElement::kF16, 128, 2048, 0};
  layout.kv_head_stride_bytes = KvHeadBytes(layout);
  std::vector<uint8_t> keys(8 * KvHeadBytes(layout)), values(keys.size());
  const std::vector<float> rows = RandomValues(num_rows * 1024);
  int64_t position = 0;
  for (auto _ : state) {
    StoreKeyValues({.key = rows.data(),
                    .key_row_stride = 1024,
                    .value = rows.data(),
                    .value_row_stride = 1024,
                    .key_cache = keys.data(),
                    .value_cache = values.data(),
                    .layout = layout,
                    .num_kv_heads = 8,
                    .first_position = position,
                    .num_rows = num_rows});
    position += state.range(0);
  }
}
BENCHMARK(BM_StoreKeyValues)->Arg(1)->Arg(128);

constexpr size_t kDim = 2048;

void BM_RmsNorm(benchmark::State& state) {
  const std::vector<float> input = RandomValues(kDim), weight = RandomValues(kDim);
  std::vector<float> output(kDim);
  for (auto _ : state) {
    RmsNorm({.input = input.data(),
             .input_stride = kDim,
             .weight = weight.data(),
             .epsilon = 1e-6f,
             .output = output.data(),
             .output_stride = kDim,
             .num_rows = 1,
             .dim = kDim});
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kDim));
}
BENCHMARK(BM_RmsNorm);

// Argument: the activation's number.
void BM_ActivateGated(benchmark::State& state) {
  const std::vector<float> gate = RandomValues(kDim), up = RandomValues(kDim);
  std::vector<float> output(kDim);
  for (auto _ : state) {
    Activate({.activation = static_cast<Activation>(state.range(0)),
              .input = gate.data(),
              .input_stride = kDim,
              .multiplier = up.data(),
              .multiplier_stride = kDim,
              .output = output.data(),
              .output_stride = kDim,
              .num_rows = 1,
              .dim = kDim});
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kDim));
}
BENCHMARK(BM_ActivateGated)->DenseRange(0, 3);

constexpr size_t kRangeParts = 64;

// Arguments: rows, values of a row, whether their ranges are known, and whether residuals are
// wanted. 128 rows of 16384 come from the third cache level, the rest from the first two.
void BM_QuantizeRows(benchmark::State& state) {
  const size_t rows = static_cast<size_t>(state.range(0));
  const size_t dim = static_cast<size_t>(state.range(1));
  const bool with_residual = state.range(3) != 0;
  const std::vector<float> input = RandomValues(rows * dim);
  const size_t stride = dim + 64;
  std::vector<int8_t> output(2 * rows * stride);
  std::vector<QuantizationParams> params(2 * rows);
  const std::vector<RowRange> ranges(rows * kRangeParts, RowRange{-4.0f, 4.0f});
  for (auto _ : state) {
    QuantizeRows({.input = input.data(),
                  .input_stride = dim,
                  .output = output.data(),
                  .output_stride = stride,
                  .params = params.data(),
                  .num_rows = rows,
                  .dim = dim,
                  .with_residual = with_residual,
                  .ranges = state.range(2) != 0 ? ranges.data() : nullptr,
                  .num_parts = kRangeParts,
                  .range_stride = rows});
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(rows * dim));
}
BENCHMARK(BM_QuantizeRows)
    ->ArgNames({"rows", "dim", "ranges", "residual"})
    ->Args({1, 2048, 0, 0})
    ->Args({128, 2048, 0, 0})
    ->Args({4, 16384, 1, 0})
    ->Args({128, 16384, 1, 0})
    ->Args({4, 16384, 1, 1})
    ->Args({128, 16384, 1, 1});

void BM_ApplyRope(benchmark::State& state) {
  std::vector<float> heads = RandomValues(kDim);
  const std::vector<float> cosine(64, 1.0f), sine(64, 0.0f);
  for (auto _ : state) {
    ApplyRope({.heads = heads.data(),
               .row_stride = kDim,
               .head_stride = 128,
               .num_rows = 1,
               .num_heads = kDim / 128,
               .rotary_dim = 128,
               .cosine = cosine.data(),
               .sine = sine.data()});
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kDim));
}
BENCHMARK(BM_ApplyRope);

// Argument: vocabulary size.
void BM_Softmax(benchmark::State& state) {
  const size_t size = static_cast<size_t>(state.range(0));
  const std::vector<float> logits = RandomValues(size);
  std::vector<float> output(size);
  for (auto _ : state) Softmax(logits.data(), output.data(), size);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Softmax)->Arg(32000)->Arg(256000);

}  // namespace
}  // namespace inkling::kernels

BENCHMARK_MAIN();
