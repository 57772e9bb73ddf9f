// A set of byte strings with a value each, for finding the longest one at a position of a text.
//
// The splitter of added tokens and the unigram segmenter walk it. Edges live in one open-addressing
// table keyed by (node, byte), so that building is linear and a step costs one probe in one cache
// line.

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
  // A string of the set and its value, at least 0. Where a string occurs twice, the last one
  // counts.
  using Entry = std::pair<absl::string_view, int32_t>;

  struct Match {
    int32_t value = -1;  // -1: nothing matches
    size_t length = 0;   // bytes
  };

  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNoNode = 0xFFFFFFFF;

  ByteTrie() : ByteTrie(std::vector<Entry>()) {}
  // Copies `entries`; empty strings are left out.
  explicit ByteTrie(const std::vector<Entry>& entries);

  bool empty() const { return values_.size() == 1; }

  // Returns whether some string begins with `byte`.
  bool CanBegin(unsigned char byte) const { return first_[byte]; }

  // Returns the node behind `node` and `byte`, or kNoNode.
  uint32_t Step(uint32_t node, unsigned char byte) const {
    const uint64_t key = static_cast<uint64_t>(node) << 8 | byte;
    for (size_t slot = Slot(key);; slot = (slot + 1) & mask_) {
      if (edges_[slot].key == key) return edges_[slot].target;
      if (edges_[slot].target == kNoNode) return kNoNode;
    }
  }

  // Returns the value of the string that ends in `node`, or -1.
  int32_t ValueAt(uint32_t node) const { return values_[node]; }

  // Returns the longest string of the set that `text` begins with.
  Match Longest(absl::string_view text) const;

 private:
  struct Edge {
    uint64_t key = ~uint64_t{0};
    uint32_t target = kNoNode;
  };

  size_t Slot(uint64_t key) const { return (key * 0x9E3779B97F4A7C15u >> 32) & mask_; }
  uint32_t StepOrAdd(uint32_t node, unsigned char byte);
  void Rehash(size_t num_slots);

  std::vector<Edge> edges_;
  size_t mask_ = 0;
  std::vector<int32_t> values_;  // [nodes]
  std::array<bool, 256> first_{};
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_BYTE_TRIE_H_
