// CpuKvCache: one anonymous mapping, cut into a ring of keys and a ring of values for each layer.
//
// The mapping is reserved without being touched, so a long context costs memory only as far as it
// is filled.

#include "src/decoder/cpu_kv_cache.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "kernels/kv_layout.h"
#include "src/format/model_config.h"

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#define INKLING_HAS_MMAP 1
#else
#define INKLING_HAS_MMAP 0
#endif

namespace inkling {
namespace {

// Layers start on cache lines, so that no two of them share one.
constexpr int64_t kLayerAlignment = 64;

kernels::KvElement KernelElement(KvElement element) {
  if (element == KvElement::kF32) return kernels::KvElement::kF32;
  return element == KvElement::kF16 ? kernels::KvElement::kF16 : kernels::KvElement::kInt8;
}

// Slots of a layer's ring, in whole blocks.
int32_t RingSlots(const LayerConfig& layer, const CacheOptions& options) {
  const int32_t rows = CachePositions::SlotsNeeded(layer.window, options);
  return static_cast<int32_t>(kernels::RoundUpToKvBlock(static_cast<size_t>(rows)));
}

// Bytes of the keys (or of the values) of one layer.
int64_t RingBytes(int32_t ring, int32_t num_kv_heads, int32_t head_dim,
                  kernels::KvElement element) {
  const size_t slot = kernels::KvSlotBytes(element, static_cast<size_t>(head_dim));
  const int64_t bytes = int64_t{ring} * num_kv_heads * static_cast<int64_t>(slot);
  return (bytes + kLayerAlignment - 1) / kLayerAlignment * kLayerAlignment;
}

// Zeroed memory that becomes resident as it is touched, or null.
void* ReserveMemory(int64_t bytes) {
  if (static_cast<uint64_t>(bytes) > std::numeric_limits<size_t>::max()) return nullptr;
#if INKLING_HAS_MMAP
  int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef MAP_NORESERVE
  flags |= MAP_NORESERVE;
#endif
  void* memory = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, flags, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
#else
  return std::calloc(static_cast<size_t>(bytes), 1);
#endif
}

void FreeMemory(void* memory, int64_t bytes) {
  if (memory == nullptr) return;
#if INKLING_HAS_MMAP
  munmap(memory, static_cast<size_t>(bytes));
#else
  static_cast<void>(bytes);
  std::free(memory);
#endif
}

}  // namespace

absl::StatusOr<int64_t> CpuKvCache::RequiredBytes(const ModelConfig& config,
                                                  const CacheOptions& options) {
  ABSL_RETURN_IF_ERROR(CheckCacheOptions(options));
  int64_t bytes = 0;
  for (const LayerConfig& layer : config.layers) {
    bytes += 2 * RingBytes(RingSlots(layer, options), config.num_kv_heads, config.head_dim,
                           KernelElement(options.element));
  }
  return bytes;
}

absl::StatusOr<std::unique_ptr<CpuKvCache>> CpuKvCache::Create(const ModelConfig& config,
                                                               const CacheOptions& options) {
  ABSL_RETURN_IF_ERROR(CheckCacheOptions(options));
  std::vector<CachePositions::Ring> rings;
  for (const LayerConfig& layer : config.layers) {
    rings.push_back({.slots = RingSlots(layer, options), .window = layer.window});
  }
  std::unique_ptr<CpuKvCache> cache =
      absl::WrapUnique(new CpuKvCache(CachePositions(options, std::move(rings))));
  cache->element_ = KernelElement(options.element);
  cache->num_kv_heads_ = config.num_kv_heads;
  cache->head_dim_ = config.head_dim;
  ABSL_RETURN_IF_ERROR(cache->Reserve());
  return cache;
}

absl::Status CpuKvCache::Reserve() {
  const std::vector<CachePositions::Ring>& rings = positions().rings();
  const auto ring_bytes = [this](const CachePositions::Ring& ring) {
    return RingBytes(ring.slots, num_kv_heads_, head_dim_, element_);
  };
  int64_t bytes = 0;
  for (const CachePositions::Ring& ring : rings) bytes += 2 * ring_bytes(ring);
  memory_ = static_cast<std::byte*>(ReserveMemory(bytes));
  if (memory_ == nullptr) {
    return absl::ResourceExhaustedError(absl::StrCat("kv cache: cannot reserve ", bytes,
                                                     " bytes for ", capacity(), " positions in ",
                                                     rings.size(), " layers"));
  }
  memory_bytes_ = bytes;
  std::byte* next = memory_;
  for (const CachePositions::Ring& ring : rings) {
    layers_.push_back({.keys = next, .values = next + ring_bytes(ring), .ring = ring.slots});
    next += 2 * ring_bytes(ring);
  }
  return absl::OkStatus();
}

CpuKvCache::~CpuKvCache() { FreeMemory(memory_, memory_bytes_); }

absl::Status CpuKvCache::CheckMadeFor(const ModelConfig& config) {
  const std::vector<CachePositions::Ring>& rings = positions().rings();
  const bool same =
      num_kv_heads_ == config.num_kv_heads && head_dim_ == config.head_dim &&
      std::equal(rings.begin(), rings.end(), config.layers.begin(), config.layers.end(),
                 [](const CachePositions::Ring& ring, const LayerConfig& layer) {
                   return ring.window == layer.window;
                 });
  if (same) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "kv cache: made for another model: expected ", config.num_layers, " layers of ",
      config.num_kv_heads, " heads x ", config.head_dim, " with this model's windows, found ",
      rings.size(), " layers of ", num_kv_heads_, " x ", head_dim_));
}

}  // namespace inkling
