// A set of byte strings with a value each, for finding the longest one at a position of a text.
//
// The splitter of added tokens and the unigram segmenter walk it. It is a double array: the child
// of a node for a byte is at (base of the node) xor byte, in one cache line, and says by its label
// whether it is that child. A node is named by its place, and no two nodes have the same base.

#ifndef INKLING_SRC_TEXT_BYTE_TRIE_H_
#define INKLING_SRC_TEXT_BYTE_TRIE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace inkling {

class ByteTrie {
 public:
  // A string of the set and its value, 0 to kMaxValue. Where a string occurs twice, the last one
  // counts.
  using Entry = std::pair<absl::string_view, int32_t>;

  struct Match {
    int32_t value = -1;  // -1: nothing matches
    size_t length = 0;   // bytes
  };

  static constexpr int32_t kMaxValue = (1 << 23) - 2;
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNoNode = 0xFFFFFFFF;

  ByteTrie() : ByteTrie(std::vector<Entry>()) {}
  // Copies `entries`; empty strings are left out.
  explicit ByteTrie(std::vector<Entry> entries);

  bool empty() const { return units_[kRoot].base == 0; }

  // Returns whether some string begins with `byte`.
  bool CanBegin(unsigned char byte) const { return first_[byte]; }

  // Returns the node behind `node` and `byte`, or kNoNode.
  uint32_t Step(uint32_t node, unsigned char byte) const {
    const uint32_t child = units_[node].base ^ byte;
    return (units_[child].tag & (kOccupied | 0xFF)) == (kOccupied | byte) ? child : kNoNode;
  }

  // Returns the value of the string that ends in `node`, or -1.
  int32_t ValueAt(uint32_t node) const { return static_cast<int32_t>(units_[node].tag >> 9) - 1; }

  // Returns the longest string of the set that `text` begins with.
  Match Longest(absl::string_view text) const;

 private:
  friend class ByteTrieBuilder;

  static constexpr uint32_t kOccupied = 0x100;

  struct Unit {
    uint32_t base = 0;  // of the children; 0: none, the block of the root has no children in it
    uint32_t tag = 0;   // 8 bits label, 1 bit kOccupied, 23 bits value + 1
  };

  std::vector<Unit> units_;  // whole blocks of 256
  std::array<bool, 256> first_{};
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_BYTE_TRIE_H_
