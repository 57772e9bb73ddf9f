// What a pass costs more because it runs in somebody else's process: the default floating-point
// environment, and the look whether the process was forked.

#include <cstdint>

#include "benchmark/benchmark.h"
#include "src/compute/float_environment.h"
#include "src/compute/process_stamp.h"

namespace inkling {
namespace {

void BM_DefaultFloats(benchmark::State& state) {
  for (auto _ : state) {
    const DefaultFloats floats;
  }
}
BENCHMARK(BM_DefaultFloats);

void BM_ProcessStamp(benchmark::State& state) {
  ProcessStamp stamp;
  for (auto _ : state) benchmark::DoNotOptimize(stamp.Current());
}
BENCHMARK(BM_ProcessStamp);

}  // namespace
}  // namespace inkling

BENCHMARK_MAIN();
