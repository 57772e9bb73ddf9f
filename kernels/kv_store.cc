// Writes and reads rows of the key/value cache; see kv_store.h.
//
// A value row is contiguous in the cache; a key row is spread over its block with a stride of
// kKvBlock elements, so it is converted in a small buffer first and then scattered.
#include "kernels/kv_store.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/kv_store.cc"
#include <algorithm>

#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/convert.h"
#include "kernels/vector_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

HWY_INLINE void ConvertSpan(const float* from, float* to, size_t size) {
  std::copy(from, from + size, to);
}

HWY_INLINE void ConvertSpan(const float* from, uint16_t* to, size_t size) {
  const FloatTag d;
  const FloatVector limit = hn::Set(d, 65504.0f);
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector x = LoadLanes(d, from + i, lanes);
    const FloatVector over = hn::CopySign(limit, x);
    const FloatVector bounded = hn::IfThenElse(hn::Gt(hn::Abs(x), limit), over, x);
    StoreLanes(HalfTag<FloatTag>(), HalfFromFloat(d, bounded), to + i, lanes);
  });
}

template <class Element>
HWY_INLINE void ScatterKey(const float* row, Element* column, size_t head_dim) {
  constexpr size_t kPiece = 128;  // elements converted at a time: 512 bytes of stack
  Element piece[kPiece];
  for (size_t begin = 0; begin < head_dim; begin += kPiece) {
    const size_t size = std::min(kPiece, head_dim - begin);
    ConvertSpan(row + begin, piece, size);
    for (size_t i = 0; i < size; ++i) column[(begin + i) * kKvBlock] = piece[i];
  }
}

template <class Element>
HWY_INLINE void StoreRows(const KvStoreArgs& args) {
  const size_t head_dim = args.layout.head_dim;
  const size_t head_stride = args.layout.kv_head_stride_bytes / sizeof(Element);
  for (size_t h = 0; h < args.num_kv_heads; ++h) {
    Element* keys = static_cast<Element*>(args.key_cache) + h * head_stride;
    Element* values = static_cast<Element*>(args.value_cache) + h * head_stride;
    for (size_t r = 0; r < args.num_rows; ++r) {
      const size_t slot =
          (static_cast<size_t>(args.first_position) + r) % args.layout.ring_capacity;
      const size_t block = slot / kKvBlock * kKvBlock * head_dim;
      const size_t lane = slot % kKvBlock;
      ScatterKey(args.key + r * args.key_row_stride + h * head_dim, keys + block + lane, head_dim);
      ConvertSpan(args.value + r * args.value_row_stride + h * head_dim,
                  values + block + lane * head_dim, head_dim);
    }
  }
}

void StoreRowsOfElement(const KvStoreArgs& args) {
  if (args.layout.element == KvElement::kF32) {
    StoreRows<float>(args);
  } else {
    StoreRows<uint16_t>(args);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kernels
}  // namespace inkling
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace inkling::kernels {

HWY_EXPORT(StoreRowsOfElement);

namespace {

// Reads elements first, first + stride, ... of the cache into args.output.
void LoadStrided(const KvLoadArgs& args, size_t first, size_t stride) {
  for (size_t i = 0; i < args.layout.head_dim; ++i) {
    const size_t index = first + i * stride;
    if (args.layout.element == KvElement::kF32) {
      args.output[i] = static_cast<const float*>(args.cache)[index];
    } else {
      F16ToF32(static_cast<const uint16_t*>(args.cache) + index, args.output + i, 1);
    }
  }
}

}  // namespace

void StoreKeyValues(const KvStoreArgs& args) { HWY_DYNAMIC_DISPATCH(StoreRowsOfElement)(args); }

void LoadKey(const KvLoadArgs& args) {
  const size_t slot = static_cast<size_t>(args.position) % args.layout.ring_capacity;
  const size_t block = slot / kKvBlock * kKvBlock * args.layout.head_dim;
  LoadStrided(args, block + slot % kKvBlock, kKvBlock);
}

void LoadValue(const KvLoadArgs& args) {
  const size_t slot = static_cast<size_t>(args.position) % args.layout.ring_capacity;
  LoadStrided(args, slot * args.layout.head_dim, 1);
}

}  // namespace inkling::kernels
#endif  // HWY_ONCE
