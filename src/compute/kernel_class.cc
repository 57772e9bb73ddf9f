// XnnpackKernelClass: which micro-kernels XNNPACK chose, learnt from what it does.
//
// XNNPACK's public headers don't tell. But how many bytes it packs a 1 x 1 int8 matrix into gives
// away the chosen kernel's tile (outputs x inputs at a time), and so whether a build or a CPU lacks
// the fast kernels. Only where two classes share a tile is the CPU asked as well.

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "src/compute/matmul_kernels.h"
#include "src/compute/packed_weights.h"

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || defined(_M_IX86)
#define INKLING_IS_X86 1
#include "cpuinfo.h"
#else
#define INKLING_IS_X86 0
#endif

namespace inkling {
namespace {

// Bytes that XNNPACK packs a 1 x 1 int8 matrix into; 0 if it can't.
int64_t PackedTileBytes() {
  constexpr int64_t kRoom = 65536;
  absl::StatusOr<std::unique_ptr<PackedWeights>> packed = PackedWeights::Create(kRoom);
  const MatmulKernel& kernel = MatmulKernelNamed("xnnpack");
  if (!packed.ok() || !kernel.runs_here()) return 0;
  const std::byte values[8] = {std::byte{1}};  // XNNPACK loads eight for one
  const float scale = 1.0f;
  MatrixRows matrix;
  matrix.type = {ElementType::kInt8Channel};
  matrix.rows = 1;
  matrix.columns = 1;
  matrix.output_stride = 1;
  matrix.values = values;
  matrix.scales = reinterpret_cast<const std::byte*>(&scale);
  return PackMatrix(kernel, matrix, "probe", **packed).ok() ? (*packed)->packed_bytes() : 0;
}

// True if `bytes` is the size of a tile of `outputs` x `inputs`: each output has its int8 inputs, a
// sum, a scale and a bias, and XNNPACK rounds up to 64 bytes at most.
bool IsTile(int64_t bytes, int64_t outputs, int64_t inputs) {
  const int64_t exact = outputs * (inputs + 12);
  return bytes >= exact && bytes < exact + 64;
}

#if INKLING_IS_X86

const char* ClassOfTile(int64_t bytes) {
  if (IsTile(bytes, 64, 4)) return "avx512amx";
  // Every compiler that takes C++20 also builds XNNPACK's AVX-512 kernels.
  if (IsTile(bytes, 16, 8)) return cpuinfo_has_x86_avx512vnni() ? "avx512vnni" : "avx512";
  if (IsTile(bytes, 8, 8)) {
#if defined(__clang__) && __clang_major__ < 15
    return "avx2";  // XNNPACK leaves out its AVX-VNNI kernels
#else
    return cpuinfo_has_x86_avxvnni() ? "avxvnni" : "avx2";
#endif
  }
  return cpuinfo_has_x86_sse4_1() ? "sse41" : "sse2";
}

#elif defined(__aarch64__) || defined(_M_ARM64) || defined(__arm__)

const char* ClassOfTile(int64_t bytes) {
  if (IsTile(bytes, 16, 8)) return "neoni8mm";
  if (IsTile(bytes, 16, 4)) return "neondot";
  if (IsTile(bytes, 8, 8)) return "neon";
  if (IsTile(bytes, 8, 4)) return "neondot";  // 32-bit Arm
  return "scalar";
}

#elif defined(__wasm__)

const char* ClassOfTile(int64_t bytes) {
  if (IsTile(bytes, 8, 8)) return "wasmrelaxedsimd";
  if (IsTile(bytes, 4, 8)) return "wasmsimd";
  return "scalar";
}

#else

const char* ClassOfTile(int64_t) { return "generic"; }

#endif

}  // namespace

const char* XnnpackKernelClass() {
  const int64_t bytes = PackedTileBytes();
  return bytes == 0 ? "none" : ClassOfTile(bytes);
}

}  // namespace inkling
