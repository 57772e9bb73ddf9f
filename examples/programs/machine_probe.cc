// Both loops are built for every instruction set and the best is taken at run time, as kernels/
// does.

#include "examples/programs/machine_probe.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/compute/address_space.h"
#include "src/compute/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "examples/programs/machine_probe.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A tile of 3 x 4 multiplications, `rounds` times over operands that lie in the first cache: [16
// vectors] each. Twelve accumulators are more than latency times throughput of any CPU and fewer
// than it has registers; different operands keep the compiler from computing one multiplication for
// two. Returns how many multiply-adds that were.
int64_t MultiplyAdd(int64_t rounds, const uint8_t* left, const int8_t* right, int32_t* sink) {
  const hn::ScalableTag<int32_t> d32;
  const hn::Repartition<uint8_t, decltype(d32)> du8;
  const hn::Repartition<int8_t, decltype(d32)> di8;
  const size_t lanes = hn::Lanes(du8);
  auto s0 = hn::Zero(d32), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0;
  auto s6 = s0, s7 = s0, s8 = s0, s9 = s0, s10 = s0, s11 = s0;
  for (int64_t i = 0; i < rounds; ++i) {
    const size_t first = static_cast<size_t>(i) % 12;
    const auto a0 = hn::LoadU(du8, left + first * lanes);
    const auto a1 = hn::LoadU(du8, left + (first + 1) * lanes);
    const auto a2 = hn::LoadU(du8, left + (first + 2) * lanes);
    const auto b0 = hn::LoadU(di8, right + first * lanes);
    const auto b1 = hn::LoadU(di8, right + (first + 1) * lanes);
    const auto b2 = hn::LoadU(di8, right + (first + 2) * lanes);
    const auto b3 = hn::LoadU(di8, right + (first + 3) * lanes);
    s0 = hn::SumOfMulQuadAccumulate(d32, a0, b0, s0);
    s1 = hn::SumOfMulQuadAccumulate(d32, a0, b1, s1);
    s2 = hn::SumOfMulQuadAccumulate(d32, a0, b2, s2);
    s3 = hn::SumOfMulQuadAccumulate(d32, a0, b3, s3);
    s4 = hn::SumOfMulQuadAccumulate(d32, a1, b0, s4);
    s5 = hn::SumOfMulQuadAccumulate(d32, a1, b1, s5);
    s6 = hn::SumOfMulQuadAccumulate(d32, a1, b2, s6);
    s7 = hn::SumOfMulQuadAccumulate(d32, a1, b3, s7);
    s8 = hn::SumOfMulQuadAccumulate(d32, a2, b0, s8);
    s9 = hn::SumOfMulQuadAccumulate(d32, a2, b1, s9);
    s10 = hn::SumOfMulQuadAccumulate(d32, a2, b2, s10);
    s11 = hn::SumOfMulQuadAccumulate(d32, a2, b3, s11);
  }
  const auto sum = hn::Add(
      hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(hn::Add(s4, s5), hn::Add(s6, s7))),
      hn::Add(hn::Add(s8, s9), hn::Add(s10, s11)));
  *sink = hn::ReduceSum(d32, sum);
  return rounds * 12 * static_cast<int64_t>(lanes);
}

// Reads `size` bytes, a multiple of 8 vectors, and leaves a sum of them in `sink`.
void Read(const uint8_t* bytes, size_t size, uint8_t* sink) {
  const hn::ScalableTag<uint8_t> d;
  const size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  for (size_t i = 0; i + 4 * lanes <= size; i += 4 * lanes) {
    s0 = hn::Xor(s0, hn::LoadU(d, bytes + i));
    s1 = hn::Xor(s1, hn::LoadU(d, bytes + i + lanes));
    s2 = hn::Xor(s2, hn::LoadU(d, bytes + i + 2 * lanes));
    s3 = hn::Xor(s3, hn::LoadU(d, bytes + i + 3 * lanes));
  }
  *sink = hn::GetLane(hn::Xor(hn::Xor(s0, s1), hn::Xor(s2, s3)));
}

}  // namespace HWY_NAMESPACE
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling {
namespace {

HWY_EXPORT(MultiplyAdd);
HWY_EXPORT(Read);

using Clock = std::chrono::steady_clock;

// 15 of the longest vectors that any target has; HWY_MAX_BYTES here is that of the oldest.
constexpr size_t kOperandBytes = 16 * 256;
constexpr int64_t kRounds = 200000;          // a few milliseconds on one thread
constexpr size_t kBufferBytes = 512u << 20;  // larger than the last cache of any server
constexpr size_t kPieceBytes = 1u << 20;     // what a thread reads before it asks for more
constexpr int kComputeRepetitions = 20;
constexpr int kReadRepetitions = 4;

double Seconds(absl::FunctionRef<void()> work) {
  const Clock::time_point begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double ProbeMultiplyAdds(ThreadPool& pool) {
  const ThreadPoolLock lock = pool.Lock();
  const size_t threads = static_cast<size_t>(pool.num_threads());
  alignas(64) uint8_t left[kOperandBytes];
  alignas(64) int8_t right[kOperandBytes];
  for (size_t i = 0; i < kOperandBytes; ++i) {
    left[i] = static_cast<uint8_t>(i % 5);
    right[i] = static_cast<int8_t>(i % 3);
  }
  double best = 0;
  for (int i = 0; i < kComputeRepetitions; ++i) {
    std::atomic<int64_t> done{0};
    const double seconds = Seconds([&] {
      pool.ParallelFor(threads, [&](size_t) {
        int32_t sink = 0;
        done += HWY_DYNAMIC_DISPATCH(MultiplyAdd)(kRounds, left, right, &sink);
      });
    });
    best = std::max(best, static_cast<double>(done) / seconds);
  }
  return best;
}

double ProbeReads(ThreadPool& pool, const uint8_t* buffer) {
  const ThreadPoolLock lock = pool.Lock();
  double best = 0;
  for (int i = 0; i < kReadRepetitions; ++i) {
    const double seconds = Seconds([&] {
      pool.ParallelFor(kBufferBytes / kPieceBytes, [&](size_t piece) {
        uint8_t sink = 0;
        HWY_DYNAMIC_DISPATCH(Read)(buffer + piece * kPieceBytes, kPieceBytes, &sink);
      });
    });
    best = std::max(best, static_cast<double>(kBufferBytes) / seconds);
  }
  return best;
}

}  // namespace

absl::StatusOr<MachineLimits> ProbeMachine(int32_t num_threads, int32_t decode_threads,
                                           absl::Span<const int32_t> cpus) {
  absl::StatusOr<std::unique_ptr<ThreadPool>> pool = ThreadPool::Create(num_threads, cpus);
  if (!pool.ok()) return pool.status();
  absl::StatusOr<std::unique_ptr<ThreadPool>> decode_pool =
      ThreadPool::Create(decode_threads, cpus);
  if (!decode_pool.ok()) return decode_pool.status();
  // Memory as packed weights have it, with huge pages.
  absl::StatusOr<AddressSpace> memory = AddressSpace::Reserve(kBufferBytes);
  if (!memory.ok()) return memory.status();
  absl::Status status = memory->Commit(kBufferBytes);
  if (!status.ok()) return status;
  auto* buffer = reinterpret_cast<uint8_t*>(memory->data());
  std::memset(buffer, 1, kBufferBytes);
  return MachineLimits{.multiply_adds_per_second = ProbeMultiplyAdds(**pool),
                       .bytes_read_per_second = ProbeReads(**decode_pool, buffer)};
}

}  // namespace inkling
#endif  // HWY_ONCE
