// CachePositions: which positions of a session a cache holds. The same for every backend.
//
// Rows are staged, then committed: an error or a cancel in between leaves the past exactly as it
// was. A layer with a sliding window keeps a ring of its latest rows, so the cache can't go back to
// where a ring has lost what the window sees. Pure arithmetic; the rows themselves are the
// backend's (KvCache). Not thread-safe.

#ifndef INKLING_SRC_DECODER_CACHE_POSITIONS_H_
#define INKLING_SRC_DECODER_CACHE_POSITIONS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace inkling {

// What keys and values are stored as.
enum class KvElement : uint8_t { kF16, kF32, kInt8 };

// What a session wants of a cache.
struct CacheOptions {
  int32_t capacity = 0;   // positions: the session's context length
  int32_t max_chunk = 0;  // most rows staged at once
  KvElement element = KvElement::kF16;
};

// InvalidArgument for an option out of range, naming it.
absl::Status CheckCacheOptions(const CacheOptions& options);

class CachePositions {
 public:
  // What one layer keeps: position p in slot p % slots, read by a window of positions (0: by all).
  struct Ring {
    int32_t slots;
    int32_t window;
  };

  // `options` are valid. Layers that keep no rows of positions need no ring.
  CachePositions(const CacheOptions& options, std::vector<Ring> rings)
      : capacity_(options.capacity), max_chunk_(options.max_chunk), rings_(std::move(rings)) {}

  // Slots that a layer with `window` needs: the keys of the first staged row and the whole chunk at
  // once.
  static int32_t SlotsNeeded(int32_t window, const CacheOptions& options);

  int32_t length() const { return length_; }  // committed positions
  int32_t capacity() const { return capacity_; }
  int32_t max_chunk() const { return max_chunk_; }
  const std::vector<Ring>& rings() const { return rings_; }

  // Makes room for positions [length, length + num_rows). Errors: ResourceExhausted if that passes
  // the capacity (says how many fit), InvalidArgument if num_rows > max_chunk.
  absl::Status Stage(int32_t num_rows);
  // Makes the first `num_rows` staged positions part of the past; the rest is dropped. num_rows <=
  // staged.
  void Commit(int32_t num_rows);
  // Drops what is staged.
  void Discard() { staged_ = 0; }

  // The lowest position above 0 from which every window still finds its rows; 0 unless a ring has
  // dropped some.
  int32_t rewind_floor() const;
  // Forgets positions >= `position`. Errors: OutOfRange outside [rewind_floor, length] unless
  // position == 0.
  absl::Status Rewind(int32_t position);

  // The first position whose row `ring` surely holds. Rows from there to length() are what a copy
  // needs: it has the same length and rewind floor.
  int32_t FirstHeld(const Ring& ring) const;
  // Makes empty positions those of a cache that holds `length` and can be rewound to `floor`; where
  // rings are smaller than that cache's, the floor is higher. Errors: InvalidArgument for a floor
  // outside [0, length] or a length above the capacity.
  absl::Status Restore(int32_t length, int32_t floor);

 private:
  int32_t capacity_;
  int32_t max_chunk_;
  std::vector<Ring> rings_;
  int32_t length_ = 0;
  int32_t staged_ = 0;
  // Most positions ever written since the last Rewind(0): what rings may have overwritten.
  int32_t highest_ = 0;
  int32_t restored_floor_ = 0;  // below it, rows were lost before Restore
};

}  // namespace inkling

#endif  // INKLING_SRC_DECODER_CACHE_POSITIONS_H_
