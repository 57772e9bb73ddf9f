// Writes and reads rows of the key/value cache; see kv_store.h.
//
// A value row is contiguous in the cache; a key row is spread over its block with a stride of
// kKvBlock elements, so it is converted in a small buffer first and then scattered.
#include "kernels/kv_store.h"

#include "kernels/compiled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/kv_store.cc"
#include <algorithm>
#include <limits>
#include <type_traits>

#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "kernels/convert.h"
#include "kernels/vector_span-inl.h"

HWY_BEFORE_NAMESPACE();
namespace inkling {
namespace kernels {
namespace HWY_NAMESPACE {

// `factor` multiplies values that become int8; other elements need none.
HWY_INLINE void ConvertSpan(const float* from, float* to, size_t size, float /*factor*/) {
  std::copy(from, from + size, to);
}

HWY_INLINE void ConvertSpan(const float* from, uint16_t* to, size_t size, float /*factor*/) {
  const FloatTag d;
  const FloatVector limit = hn::Set(d, 65504.0f);
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector x = LoadLanes(d, from + i, lanes);
    const FloatVector over = hn::CopySign(limit, x);
    const FloatVector bounded = hn::IfThenElse(hn::Gt(hn::Abs(x), limit), over, x);
    StoreLanes(HalfTag<FloatTag>(), HalfFromFloat(d, bounded), to + i, lanes);
  });
}

HWY_INLINE void ConvertSpan(const float* from, int8_t* to, size_t size, float factor) {
  const FloatTag d;
  const FloatVector factor_v = hn::Set(d, factor);
  const FloatVector limit = hn::Set(d, 127.0f);
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector x = hn::Mul(LoadLanes(d, from + i, lanes), factor_v);
    // An infinity stays one; see ScaleOf.
    const FloatVector bounded = hn::Clamp(x, hn::Neg(limit), limit);
    StoreLanes(hn::Rebind<int8_t, FloatTag>(), QuantsFromFloat(d, bounded), to + i, lanes);
  });
}

// Scale of a row's int8 elements: 0 of zeros, NaN if one of the values is.
HWY_INLINE float ScaleOf(const float* row, size_t size) {
  const FloatTag d;
  // Near the largest finite number, and 127 times its scale is still one.
  const FloatVector limit = hn::Set(d, 3e38f);
  FloatVector largest = hn::Zero(d);
  FloatVector nan = hn::Zero(d);
  ForEachVector(d, size, [&](size_t i, auto lanes) HWY_ATTR {
    const FloatVector x = hn::Abs(LoadLanes(d, row + i, lanes));
    const FloatVector bounded = hn::IfThenElse(hn::Gt(x, limit), limit, x);
    largest = hn::IfThenElse(hn::Gt(bounded, largest), bounded, largest);
    nan = hn::Add(nan, hn::Mul(bounded, hn::Zero(d)));  // 0, or NaN for good
  });
  const float scale = hn::ReduceMax(d, largest) / 127.0f + hn::ReduceSum(d, nan);
  // Values so small that dividing by them overflows are as good as 0.
  return scale < std::numeric_limits<float>::min() ? 0.0f : scale;
}

// Writes the scale of an int8 row; returns the factor for its elements.
template <class Element>
HWY_INLINE float StoreScale(const KvLayout& layout, const float* row, void* cache, size_t slot) {
  if constexpr (std::is_same_v<Element, int8_t>) {
    const float scale = ScaleOf(row, layout.head_dim);
    KvScales(layout, cache)[slot] = scale;
    return scale > 0 ? 1.0f / scale : 0.0f;
  } else {
    return 1.0f;
  }
}

template <class Element>
HWY_INLINE void ScatterKey(const float* row, float factor, Element* column, size_t head_dim) {
  constexpr size_t kPiece = 128;  // elements converted at a time: 512 bytes of stack
  Element piece[kPiece];
  for (size_t begin = 0; begin < head_dim; begin += kPiece) {
    const size_t size = std::min(kPiece, head_dim - begin);
    ConvertSpan(row + begin, piece, size, factor);
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
      const float* key = args.key + r * args.key_row_stride + h * head_dim;
      const float* value = args.value + r * args.value_row_stride + h * head_dim;
      ScatterKey(key, StoreScale<Element>(args.layout, key, keys, slot), keys + block + lane,
                 head_dim);
      ConvertSpan(value, values + block + lane * head_dim, head_dim,
                  StoreScale<Element>(args.layout, value, values, slot));
    }
  }
}

void StoreRowsOfElement(const KvStoreArgs& args) {
  if (args.layout.element == KvElement::kF32) {
    StoreRows<float>(args);
  } else if (args.layout.element == KvElement::kF16) {
    StoreRows<uint16_t>(args);
  } else {
    StoreRows<int8_t>(args);
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

// Reads elements first, first + stride, ... of the cache into args.output; they are those of
// `slot`.
void LoadStrided(const KvLoadArgs& args, size_t slot, size_t first, size_t stride) {
  for (size_t i = 0; i < args.layout.head_dim; ++i) {
    const size_t index = first + i * stride;
    if (args.layout.element == KvElement::kF32) {
      args.output[i] = static_cast<const float*>(args.cache)[index];
    } else if (args.layout.element == KvElement::kInt8) {
      const float quant = static_cast<float>(static_cast<const int8_t*>(args.cache)[index]);
      args.output[i] = quant * KvScales(args.layout, args.cache)[slot];
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
  LoadStrided(args, slot, block + slot % kKvBlock, kKvBlock);
}

void LoadValue(const KvLoadArgs& args) {
  const size_t slot = static_cast<size_t>(args.position) % args.layout.ring_capacity;
  LoadStrided(args, slot, slot * args.layout.head_dim, 1);
}

}  // namespace inkling::kernels
#endif  // HWY_ONCE
