// Writes rows of K and V into the cache layout of kv_layout.h.
//
// Called by the decoder for each layer after rope, before attention reads the same positions. Rows
// are consecutive positions; a row overwrites whatever its ring slot held.
#ifndef INKLING_KERNELS_KV_STORE_H_
#define INKLING_KERNELS_KV_STORE_H_

#include <cstddef>
#include <cstdint>

#include "kernels/kv_layout.h"

namespace inkling::kernels {

struct KvStoreArgs {
  const float* key;         // [num_rows, num_kv_heads, head_dim]
  size_t key_row_stride;    // floats between rows; heads of a row are head_dim apart
  const float* value;       // [num_rows, num_kv_heads, head_dim]
  size_t value_row_stride;  // floats between rows; heads of a row are head_dim apart
  void* key_cache;          // kv head 0 of K, aligned to its element
  void* value_cache;        // kv head 0 of V, aligned to its element
  KvLayout layout;
  size_t num_kv_heads;
  int64_t first_position;  // absolute position of row 0, >= 0
  size_t num_rows;         // <= layout.ring_capacity
};

// Stores the rows at slots (first_position + r) % ring_capacity. f16 elements are rounded to
// nearest even and saturate at +-65504, so that one large value cannot turn later sums into NaN.
// int8 elements have a scale for each position and kv head, largest magnitude / 127; where a value
// is NaN the whole row becomes NaN.
// Safe to call from several threads on different rows or, with shifted pointers, different kv
// heads.
void StoreKeyValues(const KvStoreArgs& args);

// One cached row, read back as float32.
struct KvLoadArgs {
  const void* cache;  // K (or V) of one kv head
  KvLayout layout;
  int64_t position;  // absolute position, >= 0, still in the ring
  float* output;     // [head_dim], written
};

// Reads one position's key back. For tests, inspection and saving; not on the token path.
void LoadKey(const KvLoadArgs& args);

// Reads one position's value back. For tests, inspection and saving; not on the token path.
void LoadValue(const KvLoadArgs& args);

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_KV_STORE_H_
