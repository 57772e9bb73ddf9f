// Building and searching the trie (see byte_trie.h).

#include "src/text/byte_trie.h"

namespace inkling {

ByteTrie::ByteTrie(const std::vector<Entry>& entries) : values_(1, -1) {
  Rehash(16);
  for (const auto& [text, value] : entries) {
    if (text.empty()) continue;
    uint32_t node = kRoot;
    for (char c : text) node = StepOrAdd(node, static_cast<unsigned char>(c));
    values_[node] = value;
    first_[static_cast<unsigned char>(text[0])] = true;
  }
}

ByteTrie::Match ByteTrie::Longest(absl::string_view text) const {
  Match match;
  uint32_t node = kRoot;
  for (size_t i = 0; i < text.size(); ++i) {
    node = Step(node, static_cast<unsigned char>(text[i]));
    if (node == kNoNode) break;
    if (values_[node] >= 0) match = {values_[node], i + 1};
  }
  return match;
}

uint32_t ByteTrie::StepOrAdd(uint32_t node, unsigned char byte) {
  const uint32_t known = Step(node, byte);
  if (known != kNoNode) return known;
  if (values_.size() * 2 > edges_.size()) Rehash(edges_.size() * 2);
  const uint64_t key = static_cast<uint64_t>(node) << 8 | byte;
  size_t slot = Slot(key);
  while (edges_[slot].target != kNoNode) slot = (slot + 1) & mask_;
  edges_[slot] = {key, static_cast<uint32_t>(values_.size())};
  values_.push_back(-1);
  return edges_[slot].target;
}

void ByteTrie::Rehash(size_t num_slots) {
  std::vector<Edge> old(num_slots);
  old.swap(edges_);
  mask_ = num_slots - 1;
  for (const Edge& edge : old) {
    if (edge.target == kNoNode) continue;
    size_t slot = Slot(edge.key);
    while (edges_[slot].target != kNoNode) slot = (slot + 1) & mask_;
    edges_[slot] = edge;
  }
}

}  // namespace inkling
