// KvCache: keys and values of the positions a session has seen, in the layout of packed weights.
//
// K is `[kv_head][slot / 16][head_dim][16]` and V `[kv_head][slot / 16][16][head_dim]`, so that
// attention reads both like packed matrices and nothing is ever repacked. A layer with a sliding
// window keeps a ring of window + chunk rows. Rows are staged, then committed: an error or a cancel
// in between leaves the past exactly as it was. Not thread-safe.

#ifndef INKLING_SRC_DECODER_KV_CACHE_H_
#define INKLING_SRC_DECODER_KV_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/kv_layout.h"
#include "src/format/model_config.h"

namespace inkling {

using KvElement = kernels::KvElement;

class KvCache {
 public:
  struct Options {
    int32_t capacity = 0;   // positions
    int32_t max_chunk = 0;  // most rows staged at once
    KvElement element = KvElement::kF16;
  };

  // Reserves the whole capacity as address space; memory is used as rows arrive. Errors:
  // InvalidArgument, ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<KvCache>> Create(const ModelConfig& config,
                                                         const Options& options);
  // What Create would reserve, in bytes.
  static absl::StatusOr<int64_t> RequiredBytes(const ModelConfig& config, const Options& options);

  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  int32_t length() const { return length_; }  // committed positions
  int32_t capacity() const { return options_.capacity; }
  int32_t max_chunk() const { return options_.max_chunk; }
  KvElement element() const { return options_.element; }
  int64_t bytes() const;  // reserved

  // Makes room for positions [length, length + num_rows). Errors: ResourceExhausted if that passes
  // the capacity (says how many fit), InvalidArgument if num_rows > max_chunk.
  absl::Status Stage(int32_t num_rows);
  // Makes the first `num_rows` staged positions part of the past; the rest is dropped. num_rows <=
  // staged.
  void Commit(int32_t num_rows);
  // Drops what is staged.
  void Discard() { staged_ = 0; }

  // The lowest position that Rewind can go back to: 0 unless a windowed layer's ring has dropped
  // rows.
  int32_t rewind_floor() const;
  // Forgets positions >= `position`. Errors: OutOfRange outside [rewind_floor, length] unless
  // position == 0.
  absl::Status Rewind(int32_t position);

  // One layer's memory.
  struct LayerView {
    std::byte* keys;
    std::byte* values;
    int32_t ring;  // slots, a multiple of 16; position p lives in slot p % ring
  };
  LayerView layer(int32_t index);

  // InvalidArgument unless the cache's layers fit those of `config`.
  absl::Status CheckMadeFor(const ModelConfig& config) const;

 private:
  KvCache() = default;

  Options options_;
  int32_t length_ = 0;
  int32_t staged_ = 0;
  int32_t highest_ =
      0;  // most positions ever written since the last Rewind(0): what rings may have overwritten
  int32_t num_kv_heads_ = 0;
  int32_t head_dim_ = 0;
  std::vector<LayerView> layers_;
  std::vector<int32_t> windows_;  // [layers], 0 = all
  void* memory_ = nullptr;
  int64_t memory_bytes_ = 0;
};

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_KV_CACHE_H_
