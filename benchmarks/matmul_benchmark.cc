// Matmuls of every kernel of the list that runs on this machine, with each type that it supports.
//
// Run `matmul_benchmark --benchmark_filter=blocks`. One row reads all weights once, so its bytes
// per second compare with the memory bandwidth; many rows report multiply-adds per second. One
// thread.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/compute/activations.h"
#include "src/compute/dequantized_matmul.h"
#include "src/compute/linear.h"
#include "src/compute/matmul_kernels.h"
#include "src/compute/packed_weights.h"
#include "src/compute/thread_pool.h"
#include "src/format/element_type.h"

namespace inkling {
namespace {

constexpr int64_t kInputs = 2048;
constexpr int64_t kOutputs = 2048;

constexpr TensorType kTypes[] = {{ElementType::kF32},
                                 {ElementType::kInt8Channel},
                                 {ElementType::kInt4Channel},
                                 {ElementType::kInt4Block, 32},
                                 {ElementType::kInt4Block, 128}};

// A weight of bytes that mean anything, with scales of about 1.
struct Weight {
  explicit Weight(TensorType type)
      : values(static_cast<size_t>(*ValueBytes(type, kOutputs, kInputs)), std::byte{0x3b}),
        scales(static_cast<size_t>(*ScaleBytes(type, kOutputs, kInputs)), std::byte{0x3f}) {
    view.info = {"w", TensorRole::kLinear, /*layer=*/0, kOutputs, kInputs, /*is_vector=*/false};
    view.type = type;
    view.values = values.data();
    view.value_bytes = static_cast<int64_t>(values.size());
    view.scales = scales.empty() ? nullptr : scales.data();
    view.scale_bytes = static_cast<int64_t>(scales.size());
  }

  std::vector<std::byte> values;
  std::vector<std::byte> scales;
  TensorView view;
};

// The kernel alone, or behind the one that packs for it.
absl::StatusOr<Linear> MakeLinear(const MatmulKernel& kernel, const TensorView& weight,
                                  PackedWeights& packed, DequantizedMatmul& floats) {
  const MatmulKernel* const only = &kernel;
  if (kernel.packs) return Linear::Create(weight, nullptr, packed, {.kernels = {&only, 1}});
  return Linear::Create(weight, nullptr, packed, {.dequantized_matmul = &floats});
}

void RunKernel(benchmark::State& state, const MatmulKernel& kernel, TensorType type) {
  const int64_t rows = state.range(0);
  const Weight weight(type);
  const auto pool = ThreadPool::Create(1);
  const auto packed = PackedWeights::Create(int64_t{64} << 20);
  const auto floats = DequantizedMatmul::Create(MatmulInput::kFloat, 1);
  absl::StatusOr<Linear> linear = MakeLinear(kernel, weight.view, **packed, **floats);
  if (!linear.ok()) return state.SkipWithError(std::string(linear.status().message()).c_str());
  const RowForm form = linear->input_form().rows;
  absl::StatusOr<Activations> input = Activations::Create(rows, kInputs, {.forms = {&form, 1}});
  std::fill_n(input->BeginRows(), rows * kInputs, 0.5f);
  std::vector<float> output(static_cast<size_t>(rows * kOutputs));
  for (auto _ : state) {
    const absl::Status status = linear->Run(*input, rows, output.data(), **pool);
    if (!status.ok()) return state.SkipWithError(std::string(status.message()).c_str());
  }
  state.SetBytesProcessed(state.iterations() * (*packed)->packed_bytes());
  state.counters["multiply_adds"] =
      benchmark::Counter(static_cast<double>(rows * kInputs * kOutputs),
                         benchmark::Counter::kIsIterationInvariantRate);
}

void RegisterKernels() {
  for (const MatmulKernel* kernel : MatmulKernels()) {
    for (const TensorType type : kTypes) {
      if (!kernel->runs_here() || !kernel->supports(type, kInputs)) continue;
      const std::string name = absl::StrCat(kernel->name, "/", TensorTypeName(type));
      auto* registered = benchmark::RegisterBenchmark(
          name.c_str(), [=](benchmark::State& state) { RunKernel(state, *kernel, type); });
      if (kernel->packs) registered->Arg(1);  // the others never multiply so few rows
      registered->Arg(128);
    }
  }
}

}  // namespace
}  // namespace inkling

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  inkling::RegisterKernels();
  benchmark::RunSpecifiedBenchmarks();
}
