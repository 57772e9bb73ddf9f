// How fast weights are rounded when a checkpoint is converted (Google Benchmark): bytes of f32
// input per second on one thread, for each type and search of scales.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "src/format/element_type.h"
#include "src/format/quantization.h"

namespace inkling {
namespace {

constexpr int64_t kRows = 512;
constexpr int64_t kColumns = 2048;

void BM_QuantizeWeights(benchmark::State& state, TensorType type, ScaleSearch search) {
  std::mt19937 engine(1);
  std::normal_distribution<float> distribution(0.0f, 0.02f);
  std::vector<float> weights(static_cast<size_t>(kRows * kColumns));
  for (float& weight : weights) weight = distribution(engine);
  for (auto _ : state) {
    if (!QuantizeRows(weights, kRows, kColumns, type, search).ok()) {
      state.SkipWithError("QuantizeRows failed");
      break;
    }
  }
  state.SetBytesProcessed(state.iterations() * kRows * kColumns *
                          static_cast<int64_t>(sizeof(float)));
}

constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr TensorType kInt4 = {ElementType::kInt4Channel, 0};
constexpr TensorType kInt4Blocks = {ElementType::kInt4Block, 32};

BENCHMARK_CAPTURE(BM_QuantizeWeights, int8_largest, kInt8, ScaleSearch::kMaxAbs);
BENCHMARK_CAPTURE(BM_QuantizeWeights, int8_searched, kInt8, ScaleSearch::kSquaredError);
BENCHMARK_CAPTURE(BM_QuantizeWeights, int4_largest, kInt4, ScaleSearch::kMaxAbs);
BENCHMARK_CAPTURE(BM_QuantizeWeights, int4_searched, kInt4, ScaleSearch::kSquaredError);
BENCHMARK_CAPTURE(BM_QuantizeWeights, int4_32_largest, kInt4Blocks, ScaleSearch::kMaxAbs);
BENCHMARK_CAPTURE(BM_QuantizeWeights, int4_32_searched, kInt4Blocks, ScaleSearch::kSquaredError);

}  // namespace
}  // namespace inkling
