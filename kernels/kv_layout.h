// The memory layout of one layer's key/value cache, shared by kv_store.h and attention.h.
//
// The cache is stored the way a matmul wants its weights, so attention never repacks it.
// With B = kKvBlock positions to a block and slot = position % ring_capacity:
//   K: [kv_head][slot / B][head_dim][B]     a query row times a block is B running sums
//   V: [kv_head][slot / B][B][head_dim]     a row of weights times a block is head_dim sums
// int8 elements are quantised values from -127 to 127; behind those of a kv head stand its scales,
// f32 [slot].
#ifndef INKLING_KERNELS_KV_LAYOUT_H_
#define INKLING_KERNELS_KV_LAYOUT_H_

#include <cstddef>
#include <cstdint>

namespace inkling::kernels {

// Positions in a block: 16 halfs are one 32-byte load, and 16 floats one cache line.
inline constexpr size_t kKvBlock = 16;

enum class KvElement : uint8_t { kF16, kF32, kInt8 };

// Returns the bytes of one cache element.
constexpr size_t KvElementBytes(KvElement element) {
  return element == KvElement::kF32 ? 4 : element == KvElement::kF16 ? 2 : 1;
}

// Returns the bytes of one position's key (or value) in one kv head, with its scale.
constexpr size_t KvSlotBytes(KvElement element, size_t head_dim) {
  return head_dim * KvElementBytes(element) + (element == KvElement::kInt8 ? sizeof(float) : 0);
}

struct KvLayout {
  KvElement element = KvElement::kF16;
  size_t head_dim = 0;
  // Slots of the ring, a multiple of kKvBlock. A layer that sees everything has at least as many
  // slots as the context; one with a window needs window + rows of the largest Forward - 1.
  size_t ring_capacity = 0;
  // Bytes between the K (or V) of two kv heads; at least KvHeadBytes(*this), which is the dense
  // one.
  size_t kv_head_stride_bytes = 0;
};

// Returns the bytes that K (or V) of one kv head occupies.
constexpr size_t KvHeadBytes(const KvLayout& layout) {
  return layout.ring_capacity * KvSlotBytes(layout.element, layout.head_dim);
}

// The scales of a kv head's int8 elements, [slot]. `cache`: K (or V) of the kv head.
inline float* KvScales(const KvLayout& layout, void* cache) {
  return reinterpret_cast<float*>(static_cast<int8_t*>(cache) +
                                  layout.ring_capacity * layout.head_dim);
}
inline const float* KvScales(const KvLayout& layout, const void* cache) {
  return reinterpret_cast<const float*>(static_cast<const int8_t*>(cache) +
                                        layout.ring_capacity * layout.head_dim);
}

// Rounds a number of positions up to whole blocks: the smallest valid ring_capacity.
constexpr size_t RoundUpToKvBlock(size_t num_positions) {
  return (num_positions + kKvBlock - 1) / kKvBlock * kKvBlock;
}

}  // namespace inkling::kernels

#endif  // INKLING_KERNELS_KV_LAYOUT_H_
