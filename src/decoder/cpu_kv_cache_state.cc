// CpuKvCache as a stream of bytes, and its clones.
//
// The stream: i32 length, i32 rewind floor; then for each layer the keys and the values, for each
// of them the kv heads, and for each head its elements and, of int8 ones, its scales. Each of those
// is a row of blocks of 16 positions, as in memory (kernels/kv_layout.h), little-endian, from the
// block of the first position that the layer holds to that of the last. Places of other positions
// in these two blocks are 0, so that nothing that was rewound gets out.
//
// Since rings are made of whole blocks, position p is lane p % 16 of its block in a ring of any
// size: so a stream fits each.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kernels/kv_layout.h"
#include "src/compute/brief_threads.h"
#include "src/decoder/cpu_kv_cache.h"
#include "src/format/byte_stream.h"
#include "src/format/mapped_pages.h"

namespace inkling {
namespace {

// A clone of less is made faster than a thread.
constexpr int64_t kWorthThreads = int64_t{4} << 20;
// More than these don't copy faster.
constexpr int32_t kMostCopyingThreads = 4;
constexpr int64_t kBlock = static_cast<int64_t>(kernels::kKvBlock);

// What is stored for one kv head of one layer: a ring of blocks, each made of `groups` times 16
// lanes, one lane for each position.
struct Plane {
  std::byte* memory;
  int64_t ring_blocks;
  size_t groups;
  size_t lane_bytes;

  size_t block_bytes() const { return groups * kernels::kKvBlock * lane_bytes; }
  std::byte* block(int64_t index) const {
    return memory + static_cast<size_t>(index % ring_blocks) * block_bytes();
  }
};

// Positions [begin, end) of a session.
struct Range {
  int64_t begin;
  int64_t end;

  int64_t first_block() const { return begin / kBlock; }
  int64_t end_block() const { return (end + kBlock - 1) / kBlock; }
  bool HasWhole(int64_t block) const {
    return block * kBlock >= begin && (block + 1) * kBlock <= end;
  }
};

// How many blocks from `block` on are whole in `range` and one piece of memory in a ring.
int64_t WholeBlocks(Range range, int64_t block, int64_t ring_blocks) {
  if (!range.HasWhole(block)) return 0;
  return std::min(range.end / kBlock - block, ring_blocks - block % ring_blocks);
}

// The memory of `whole` blocks from `block` on, which are about to be written.
absl::Span<std::byte> FreshBlocks(const Plane& plane, int64_t block, int64_t whole) {
  constexpr size_t kWorthACall = size_t{64} << 10;
  const size_t bytes = static_cast<size_t>(whole) * plane.block_bytes();
  if (bytes >= kWorthACall) PopulatePages(plane.block(block), bytes);
  return {plane.block(block), bytes};
}

// Copies the lanes of `block` that lie in `range`.
void CopyLanes(const Plane& plane, Range range, int64_t block, const std::byte* from,
               std::byte* to) {
  const int64_t begin = std::max(range.begin - block * kBlock, int64_t{0});
  const int64_t end = std::min(range.end - block * kBlock, kBlock);
  if (begin >= end) return;
  const size_t offset = static_cast<size_t>(begin) * plane.lane_bytes;
  const size_t bytes = static_cast<size_t>(end - begin) * plane.lane_bytes;
  for (size_t group = 0; group < plane.groups; ++group) {
    const size_t start = group * kernels::kKvBlock * plane.lane_bytes + offset;
    std::memcpy(to + start, from + start, bytes);
  }
}

absl::Status WritePlane(const Plane& plane, Range range, std::vector<std::byte>& partial,
                        ByteSink sink) {
  for (int64_t block = range.first_block(); block < range.end_block();) {
    const int64_t whole = WholeBlocks(range, block, plane.ring_blocks);
    if (whole > 0) {
      ABSL_RETURN_IF_ERROR(
          sink({plane.block(block), static_cast<size_t>(whole) * plane.block_bytes()}));
      block += whole;
      continue;
    }
    partial.assign(plane.block_bytes(), std::byte{0});
    CopyLanes(plane, range, block, plane.block(block), partial.data());
    ABSL_RETURN_IF_ERROR(sink(partial));
    ++block;
  }
  return absl::OkStatus();
}

// Of the positions in `written`, keeps those in `held`.
absl::Status ReadPlane(const Plane& plane, Range written, Range held,
                       std::vector<std::byte>& partial, ByteSource source) {
  for (int64_t block = written.first_block(); block < written.end_block();) {
    const int64_t whole = WholeBlocks(held, block, plane.ring_blocks);
    if (whole > 0) {
      ABSL_RETURN_IF_ERROR(source(FreshBlocks(plane, block, whole)));
      block += whole;
      continue;
    }
    partial.resize(plane.block_bytes());
    ABSL_RETURN_IF_ERROR(source(absl::MakeSpan(partial)));
    CopyLanes(plane, held, block, partial.data(), plane.block(block));
    ++block;
  }
  return absl::OkStatus();
}

// Between rings of one size.
void CopyPlane(const Plane& from, const Plane& to, Range range) {
  for (int64_t block = range.first_block(); block < range.end_block();) {
    const int64_t whole = WholeBlocks(range, block, from.ring_blocks);
    if (whole > 0) {
      const absl::Span<std::byte> blocks = FreshBlocks(to, block, whole);
      std::memcpy(blocks.data(), from.block(block), blocks.size());
      block += whole;
      continue;
    }
    CopyLanes(from, range, block, from.block(block), to.block(block));
    ++block;
  }
}

// The planes of a layer, in the stream's order.
std::vector<Plane> PlanesOf(const CpuKvCache::LayerView& layer, kernels::KvElement element,
                            size_t num_kv_heads, size_t head_dim) {
  const kernels::KvLayout layout = {
      .element = element, .head_dim = head_dim, .ring_capacity = static_cast<size_t>(layer.ring)};
  const size_t element_bytes = kernels::KvElementBytes(element);
  const int64_t ring_blocks = layer.ring / kBlock;
  std::vector<Plane> planes;
  for (std::byte* memory : {layer.keys, layer.values}) {
    for (size_t head = 0; head < num_kv_heads; ++head, memory += kernels::KvHeadBytes(layout)) {
      // A key's elements are 16 lanes apart, a value's lie together.
      const size_t groups = memory < layer.values ? head_dim : 1;
      planes.push_back({memory, ring_blocks, groups, head_dim / groups * element_bytes});
      if (element != kernels::KvElement::kInt8) continue;
      std::byte* scales = reinterpret_cast<std::byte*>(kernels::KvScales(layout, memory));
      planes.push_back({scales, ring_blocks, 1, sizeof(float)});
    }
  }
  return planes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CpuKvCache>> CpuKvCache::CreateEmpty() const {
  CachePositions none = positions();
  ABSL_RETURN_IF_ERROR(none.Rewind(0));
  std::unique_ptr<CpuKvCache> empty = absl::WrapUnique(new CpuKvCache(std::move(none)));
  empty->element_ = element_;
  empty->num_kv_heads_ = num_kv_heads_;
  empty->head_dim_ = head_dim_;
  ABSL_RETURN_IF_ERROR(empty->Reserve());
  return empty;
}

absl::StatusOr<std::unique_ptr<CpuKvCache>> CpuKvCache::Clone(int32_t num_threads) const {
  ABSL_ASSIGN_OR_RETURN(std::unique_ptr<CpuKvCache> clone, CreateEmpty());
  ABSL_RETURN_IF_ERROR(clone->positions().Restore(length(), positions().rewind_floor()));
  if (StateBytes() < kWorthThreads) num_threads = 1;
  RunOnBriefThreads(layers_.size(), std::min(num_threads, kMostCopyingThreads), [&](size_t i) {
    const Range range = {positions().FirstHeld(positions().rings()[i]), length()};
    const std::vector<Plane> from = PlanesOf(layers_[i], element_, num_kv_heads_, head_dim_);
    const std::vector<Plane> to = PlanesOf(clone->layers_[i], element_, num_kv_heads_, head_dim_);
    for (size_t plane = 0; plane < from.size(); ++plane) CopyPlane(from[plane], to[plane], range);
  });
  return clone;
}

absl::string_view CpuKvCache::StateFormat() const {
  switch (element_) {
    case kernels::KvElement::kF16:
      return "blocks of 16, f16";
    case kernels::KvElement::kF32:
      return "blocks of 16, f32";
    case kernels::KvElement::kInt8:
      return "blocks of 16, int8";
  }
  return "";
}

int64_t CpuKvCache::StateBytes() const {
  int64_t bytes = 2 * sizeof(int32_t);
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Range range = {positions().FirstHeld(positions().rings()[i]), length()};
    for (const Plane& plane : PlanesOf(layers_[i], element_, num_kv_heads_, head_dim_)) {
      const int64_t blocks = std::max<int64_t>(range.end_block() - range.first_block(), 0);
      bytes += blocks * static_cast<int64_t>(plane.block_bytes());
    }
  }
  return bytes;
}

absl::Status CpuKvCache::WriteState(ByteSink sink) const {
  const std::array<int32_t, 2> head = {length(), positions().rewind_floor()};
  ABSL_RETURN_IF_ERROR(
      sink(absl::MakeConstSpan(reinterpret_cast<const std::byte*>(head.data()), sizeof(head))));
  std::vector<std::byte> partial;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Range range = {positions().FirstHeld(positions().rings()[i]), length()};
    for (const Plane& plane : PlanesOf(layers_[i], element_, num_kv_heads_, head_dim_)) {
      ABSL_RETURN_IF_ERROR(WritePlane(plane, range, partial, sink));
    }
  }
  return absl::OkStatus();
}

absl::Status CpuKvCache::ReadState(ByteSource source) {
  std::array<int32_t, 2> head;
  ABSL_RETURN_IF_ERROR(source({reinterpret_cast<std::byte*>(head.data()), sizeof(head)}));
  const auto [written_length, written_floor] = head;
  ABSL_RETURN_IF_ERROR(positions().Restore(written_length, written_floor));
  std::vector<std::byte> partial;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const CachePositions::Ring& ring = positions().rings()[i];
    const int32_t first = ring.window == 0 ? 0 : std::max(0, written_floor - ring.window + 1);
    const Range written = {first, length()};
    const Range held = {positions().FirstHeld(ring), length()};
    for (const Plane& plane : PlanesOf(layers_[i], element_, num_kv_heads_, head_dim_)) {
      ABSL_RETURN_IF_ERROR(ReadPlane(plane, written, held, partial, source));
    }
  }
  return absl::OkStatus();
}

}  // namespace inkling
