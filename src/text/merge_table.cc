// Building the table of merges (see merge_table.h).

#include "src/text/merge_table.h"

namespace inkling {

MergeTable::MergeTable(size_t num_merges) : slots_(num_merges + num_merges / 2 + 16) {
  // About eight bits per merge: few boundaries are wrongly thought possible, and the bits still fit
  // into a second-level cache for the largest published vocabularies.
  int log2_bits = 12;
  while (log2_bits < 21 && (size_t{1} << log2_bits) < num_merges * 8) ++log2_bits;
  boundaries_.assign(size_t{1} << (log2_bits - 6), 0);
  boundary_shift_ = 64 - log2_bits;
  while (log2_bits < 22 && (size_t{1} << log2_bits) < num_merges * 8) ++log2_bits;
  pairs_.assign(size_t{1} << (log2_bits - 6), 0);
  pair_shift_ = 64 - log2_bits;
}

void MergeTable::Add(int32_t left, int32_t right, Merge merge, uint32_t last_of_left,
                     uint32_t first_of_right) {
  const uint64_t key = Key(left, right);
  size_t slot = Slot(key);
  while (slots_[slot].key != kEmpty) {
    if (slots_[slot].key == key) return;
    slot = slot + 1 == slots_.size() ? 0 : slot + 1;
  }
  slots_[slot] = {key, merge};
  const size_t pair_bit = PairBit(key);
  pairs_[pair_bit >> 6] |= uint64_t{1} << (pair_bit & 63);
  const size_t bit = BoundaryBit(last_of_left, first_of_right);
  boundaries_[bit >> 6] |= uint64_t{1} << (bit & 63);
}

}  // namespace inkling
