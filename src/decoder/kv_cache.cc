// KvCache: one anonymous mapping, cut into a ring of keys and a ring of values for each layer.
//
// The mapping is reserved without being touched, so a long context costs memory only as far as it
// is filled. Which ring rows a rewind can still rely on is arithmetic over `highest_`, the most
// positions ever written.

#include "src/decoder/kv_cache.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>

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

// The bound that ValidateModelConfig puts on a context; keeps every count below 2^58.
constexpr int32_t kMaxPositions = 1 << 24;
// Layers start on cache lines, so that no two of them share one.
constexpr int64_t kLayerAlignment = 64;

absl::Status CheckOptions(const KvCache::Options& options) {
  if (options.capacity < 1 || options.capacity > kMaxPositions) {
    return absl::InvalidArgumentError(absl::StrCat("kv cache: capacity: expected 1 to ",
                                                   kMaxPositions, ", found ", options.capacity));
  }
  if (options.max_chunk < 1 || options.max_chunk > kMaxPositions) {
    return absl::InvalidArgumentError(absl::StrCat("kv cache: max_chunk: expected 1 to ",
                                                   kMaxPositions, ", found ", options.max_chunk));
  }
  if (options.element != KvElement::kF16 && options.element != KvElement::kF32 &&
      options.element != KvElement::kInt8) {
    return absl::InvalidArgumentError(
        absl::StrCat("kv cache: element: expected kF16, kF32 or kInt8, found ",
                     static_cast<int>(options.element)));
  }
  return absl::OkStatus();
}

// Slots of a layer's ring. A window's ring must hold the keys of the first staged row and the whole
// chunk at once; one more row than that is never needed.
int32_t RingSlots(const LayerConfig& layer, const KvCache::Options& options) {
  int32_t rows = options.capacity;
  if (layer.window > 0) rows = std::min(rows, layer.window + options.max_chunk);
  return static_cast<int32_t>(kernels::RoundUpToKvBlock(static_cast<size_t>(rows)));
}

// Bytes of the keys (or of the values) of one layer.
int64_t RingBytes(const ModelConfig& config, int32_t ring, KvElement element) {
  const size_t slot = kernels::KvSlotBytes(element, static_cast<size_t>(config.head_dim));
  const int64_t bytes = int64_t{ring} * config.num_kv_heads * static_cast<int64_t>(slot);
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

absl::StatusOr<int64_t> KvCache::RequiredBytes(const ModelConfig& config, const Options& options) {
  ABSL_RETURN_IF_ERROR(CheckOptions(options));
  int64_t bytes = 0;
  for (const LayerConfig& layer : config.layers) {
    bytes += 2 * RingBytes(config, RingSlots(layer, options), options.element);
  }
  return bytes;
}

absl::StatusOr<std::unique_ptr<KvCache>> KvCache::Create(const ModelConfig& config,
                                                         const Options& options) {
  ABSL_ASSIGN_OR_RETURN(const int64_t bytes, RequiredBytes(config, options));
  std::unique_ptr<KvCache> cache = absl::WrapUnique(new KvCache());
  cache->options_ = options;
  cache->num_kv_heads_ = config.num_kv_heads;
  cache->head_dim_ = config.head_dim;
  cache->memory_ = ReserveMemory(bytes);
  if (cache->memory_ == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("kv cache: cannot reserve ", bytes, " bytes for ", options.capacity,
                     " positions in ", config.num_layers, " layers"));
  }
  cache->memory_bytes_ = bytes;
  std::byte* next = static_cast<std::byte*>(cache->memory_);
  for (const LayerConfig& layer : config.layers) {
    const int32_t ring = RingSlots(layer, options);
    const int64_t ring_bytes = RingBytes(config, ring, options.element);
    cache->layers_.push_back({.keys = next, .values = next + ring_bytes, .ring = ring});
    cache->windows_.push_back(layer.window);
    next += 2 * ring_bytes;
  }
  return cache;
}

KvCache::~KvCache() { FreeMemory(memory_, memory_bytes_); }

int64_t KvCache::bytes() const { return memory_bytes_; }

absl::Status KvCache::CheckMadeFor(const ModelConfig& config) const {
  const bool same =
      num_kv_heads_ == config.num_kv_heads && head_dim_ == config.head_dim &&
      std::equal(windows_.begin(), windows_.end(), config.layers.begin(), config.layers.end(),
                 [](int32_t window, const LayerConfig& layer) { return window == layer.window; });
  if (same) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "kv cache: made for another model: expected ", config.num_layers, " layers of ",
      config.num_kv_heads, " heads x ", config.head_dim, " with this model's windows, found ",
      windows_.size(), " layers of ", num_kv_heads_, " x ", head_dim_));
}

absl::Status KvCache::Stage(int32_t num_rows) {
  if (num_rows < 1 || num_rows > options_.max_chunk) {
    return absl::InvalidArgumentError(absl::StrCat("kv cache: rows to stage: expected 1 to ",
                                                   options_.max_chunk, ", found ", num_rows));
  }
  const int32_t room = options_.capacity - length_;
  if (num_rows > room) {
    return absl::ResourceExhaustedError(absl::StrCat("kv cache: the context is full: ", num_rows,
                                                     " positions needed, ", room, " of ",
                                                     options_.capacity, " left"));
  }
  staged_ = num_rows;
  // From here on rows may be written, and a ring may lose what they overwrite even if they are then
  // dropped.
  highest_ = std::max(highest_, length_ + num_rows);
  return absl::OkStatus();
}

void KvCache::Commit(int32_t num_rows) {
  length_ += std::clamp(num_rows, 0, staged_);
  staged_ = 0;
}

int32_t KvCache::rewind_floor() const {
  int32_t floor = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    // The ring holds positions [highest - ring, highest); position p can be continued from if its
    // oldest visible key, p - window + 1, is among them (p itself is written anew).
    if (highest_ > layers_[i].ring)
      floor = std::max(floor, highest_ - layers_[i].ring + windows_[i] - 1);
  }
  return floor;
}

absl::Status KvCache::Rewind(int32_t position) {
  const int32_t floor = rewind_floor();
  if (position != 0 && (position < floor || position > length_)) {
    return absl::OutOfRangeError(absl::StrCat("kv cache: rewind position: expected 0 or ", floor,
                                              " to ", length_, ", found ", position));
  }
  length_ = position;
  staged_ = 0;
  if (position == 0) highest_ = 0;
  return absl::OkStatus();
}

KvCache::LayerView KvCache::layer(int32_t index) { return layers_[static_cast<size_t>(index)]; }

}  // namespace inkling
