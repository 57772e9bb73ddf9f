// The merges of a byte-pair encoding: which two symbols join, in which order, to what.
//
// One flat open-addressing table with everything a look-up needs in 16 bytes, so that a look-up is
// one cache line. It also knows between which characters no merge can ever reach across: there a
// long text is cut into short independent ones, which is what keeps encoding linear in practice.

#ifndef INKLING_SRC_TEXT_MERGE_TABLE_H_
#define INKLING_SRC_TEXT_MERGE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/prefetch.h"

namespace inkling {

class MergeTable {
 public:
  static constexpr uint32_t kNoMerge = 0xFFFFFFFF;

  // The answer to a look-up: kNoMerge if the two don't join; lower ranks are done first.
  struct Merge {
    uint32_t rank = kNoMerge;
    int32_t result = -1;
  };

  // Makes an empty table for at most `num_merges` merges.
  explicit MergeTable(size_t num_merges = 0);

  // Adds a merge of symbols (ids, at least 0); of two merges of the same pair the first one counts.
  // `last_of_left` and `first_of_right` are the characters that meet.
  void Add(int32_t left, int32_t right, Merge merge, uint32_t last_of_left,
           uint32_t first_of_right);

  // Returns what `left` and `right` join to. Ids below 0 never join.
  Merge Find(int32_t left, int32_t right) const {
    const uint64_t key = Key(left, right);
    const size_t home = Slot(key);
    absl::PrefetchToLocalCache(&slots_[home]);  // while the bit is waited for
    const size_t bit = PairBit(key);
    if ((pairs_[bit >> 6] >> (bit & 63) & 1) == 0) return {};
    for (size_t slot = home;; slot = slot + 1 == slots_.size() ? 0 : slot + 1) {
      if (slots_[slot].key == key) return slots_[slot].merge;
      if (slots_[slot].key == kEmpty) return {};
    }
  }

  // Returns false only if no merge ever joins across a boundary between these two characters.
  bool MayJoin(uint32_t last_of_left, uint32_t first_of_right) const {
    const size_t bit = BoundaryBit(last_of_left, first_of_right);
    return (boundaries_[bit >> 6] >> (bit & 63) & 1) != 0;
  }

 private:
  struct Entry {
    uint64_t key = kEmpty;
    Merge merge;
  };

  // Not the key of any pair: ids are at least 0.
  static constexpr uint64_t kEmpty = 0xFFFFFFFF00000000u;

  static uint64_t Key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  // Maps a hash to [0, slots) without a division and without rounding the table up to a power of
  // two.
  size_t Slot(uint64_t key) const {
    const uint64_t hash = key * 0x9E3779B97F4A7C15u >> 32;
    return static_cast<size_t>(hash * slots_.size() >> 32);
  }
  size_t PairBit(uint64_t key) const {
    return static_cast<size_t>((key ^ key >> 32) * 0xD6E8FEB86659FD93u >> pair_shift_);
  }
  size_t BoundaryBit(uint32_t left, uint32_t right) const {
    const uint64_t hash = (static_cast<uint64_t>(left) << 21 ^ right) * 0x9E3779B97F4A7C15u;
    return static_cast<size_t>(hash >> boundary_shift_);
  }

  std::vector<Entry> slots_;
  // Bits of pairs that have a merge, and a few others. Most pairs have none, and the bits stay in
  // the second-level cache where the slots don't.
  std::vector<uint64_t> pairs_;
  int pair_shift_ = 0;
  std::vector<uint64_t> boundaries_;  // bits; a collision only costs a cut
  int boundary_shift_ = 0;
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_MERGE_TABLE_H_
