// CpuKvCache: keys and values in the layout of packed weights.
//
// K is `[kv_head][slot / 16][head_dim][16]` and V `[kv_head][slot / 16][16][head_dim]`, so that
// attention reads both like packed matrices and nothing is ever repacked. A layer with a sliding
// window keeps a ring of window + chunk rows.

#ifndef INKLING_SRC_DECODER_CPU_KV_CACHE_H_
#define INKLING_SRC_DECODER_CPU_KV_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kernels/kv_layout.h"
#include "src/decoder/kv_cache.h"
#include "src/format/model_config.h"

namespace inkling {

class CpuKvCache final : public KvCache {
 public:
  // Reserves the whole capacity as address space; memory is used as rows arrive. Errors:
  // InvalidArgument, ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<CpuKvCache>> Create(const ModelConfig& config,
                                                            const CacheOptions& options);
  // What Create would reserve, in bytes.
  static absl::StatusOr<int64_t> RequiredBytes(const ModelConfig& config,
                                               const CacheOptions& options);

  ~CpuKvCache() override;

  // An empty cache of the same size. Errors: ResourceExhausted.
  absl::StatusOr<std::unique_ptr<CpuKvCache>> CreateEmpty() const;
  // A cache of the same size that holds the same, copied by at most `num_threads` threads. Errors:
  // ResourceExhausted.
  absl::StatusOr<std::unique_ptr<CpuKvCache>> Clone(int32_t num_threads) const;

  // The rows lie in blocks of 16 positions, whatever the ring, so streams are copies of memory: the
  // same for every CPU, capacity and chunk. cpu_kv_cache_state.cc has the order.
  absl::string_view StateFormat() const override;
  int64_t StateBytes() const override;
  absl::Status WriteState(ByteSink sink) const override;
  absl::Status ReadState(ByteSource source) override;

  kernels::KvElement element() const { return element_; }
  int64_t bytes() const { return memory_bytes_; }  // reserved

  // One layer's memory.
  struct LayerView {
    std::byte* keys;
    std::byte* values;
    int32_t ring;  // slots, a multiple of 16; position p lives in slot p % ring
  };
  LayerView layer(int32_t index) const { return layers_[static_cast<size_t>(index)]; }

  // InvalidArgument unless the cache's layers fit those of `config`.
  absl::Status CheckMadeFor(const ModelConfig& config);

 private:
  explicit CpuKvCache(CachePositions positions) : KvCache(std::move(positions)) {}
  // Reserves memory for the rings of the positions.
  absl::Status Reserve();

  kernels::KvElement element_ = kernels::KvElement::kF16;
  int32_t num_kv_heads_ = 0;
  int32_t head_dim_ = 0;
  std::vector<LayerView> layers_;
  std::byte* memory_ = nullptr;
  int64_t memory_bytes_ = 0;
};

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_CPU_KV_CACHE_H_
