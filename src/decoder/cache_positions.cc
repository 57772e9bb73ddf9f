// Which rows of a ring a rewind can still rely on is arithmetic over `highest_`, the most positions
// ever written.

#include "src/decoder/cache_positions.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

// The bound that ValidateModelConfig puts on a context; keeps every count below 2^58.
constexpr int32_t kMaxPositions = 1 << 24;

}  // namespace

absl::Status CheckCacheOptions(const CacheOptions& options) {
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

int32_t CachePositions::SlotsNeeded(int32_t window, const CacheOptions& options) {
  return window > 0 ? std::min(options.capacity, window + options.max_chunk) : options.capacity;
}

absl::Status CachePositions::Stage(int32_t num_rows) {
  if (num_rows < 1 || num_rows > max_chunk_) {
    return absl::InvalidArgumentError(
        absl::StrCat("kv cache: rows to stage: expected 1 to ", max_chunk_, ", found ", num_rows));
  }
  const int32_t room = capacity_ - length_;
  if (num_rows > room) {
    return absl::ResourceExhaustedError(absl::StrCat("kv cache: the context is full: ", num_rows,
                                                     " positions needed, ", room, " of ", capacity_,
                                                     " left"));
  }
  staged_ = num_rows;
  // From here on rows may be written, and a ring may lose what they overwrite even if they are then
  // dropped.
  highest_ = std::max(highest_, length_ + num_rows);
  return absl::OkStatus();
}

void CachePositions::Commit(int32_t num_rows) {
  length_ += std::clamp(num_rows, 0, staged_);
  staged_ = 0;
}

int32_t CachePositions::rewind_floor() const {
  int32_t floor = restored_floor_;
  for (const Ring& ring : rings_) {
    // The ring holds positions [highest - slots, highest); position p can be continued from if its
    // oldest visible key, p - window + 1, is among them (p itself is written anew).
    if (highest_ > ring.slots) floor = std::max(floor, highest_ - ring.slots + ring.window - 1);
  }
  return floor;
}

absl::Status CachePositions::Rewind(int32_t position) {
  const int32_t floor = rewind_floor();
  if (position != 0 && (position < floor || position > length_)) {
    return absl::OutOfRangeError(absl::StrCat("kv cache: rewind position: expected 0 or ", floor,
                                              " to ", length_, ", found ", position));
  }
  length_ = position;
  staged_ = 0;
  if (position == 0) highest_ = restored_floor_ = 0;
  return absl::OkStatus();
}

int32_t CachePositions::FirstHeld(const Ring& ring) const {
  if (ring.window == 0) return 0;
  return std::max(0, rewind_floor() - ring.window + 1);
}

absl::Status CachePositions::Restore(int32_t length, int32_t floor) {
  if (length < 0 || floor < 0 || floor > length) {
    return absl::InvalidArgumentError(
        absl::StrCat("kv cache: rewind floor: expected 0 to ", length, ", found ", floor));
  }
  if (length > capacity_) {
    return absl::InvalidArgumentError(
        absl::StrCat("kv cache: expected at most ", capacity_, " positions, found ", length));
  }
  length_ = highest_ = length;
  staged_ = 0;
  restored_floor_ = floor;
  return absl::OkStatus();
}

}  // namespace inkling
