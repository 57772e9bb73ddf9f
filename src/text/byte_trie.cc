// Building and searching the trie (see byte_trie.h). Children of one node share a block of 256
// places. A node takes the first base that fits in one of the blocks that still have room, and a
// block that was tried in vain often enough is closed: building stays linear.

#include "src/text/byte_trie.h"

#include <algorithm>

namespace inkling {
namespace {

constexpr size_t kBlock = 256;
constexpr size_t kMaxOpenBlocks = 16;
constexpr int kMaxFailures = 16;

}  // namespace

class ByteTrieBuilder {
 public:
  ByteTrieBuilder(std::vector<ByteTrie::Entry> sorted, std::vector<ByteTrie::Unit>& units)
      : sorted_(std::move(sorted)), units_(units) {}

  // Sets all nodes; the strings are sorted, without duplicates and not empty.
  void Build();

 private:
  // The strings [begin, end), which share their first `depth` bytes, and the node of those.
  struct Range {
    size_t begin;
    size_t end;
    size_t depth;
    uint32_t node;
  };

  // A block with room: which places and which bases of it are taken.
  struct Block {
    uint32_t start;
    int failures = 0;
    std::array<bool, kBlock> taken{};
    std::array<bool, kBlock> bases{};
  };

  unsigned char ByteAt(size_t string, size_t depth) const {
    return static_cast<unsigned char>(sorted_[string].first[depth]);
  }
  uint32_t FindBase();
  bool Fits(const Block& block, uint32_t base) const;
  uint32_t Take(Block& block, uint32_t base) const;

  std::vector<ByteTrie::Entry> sorted_;
  std::vector<ByteTrie::Unit>& units_;
  std::vector<Block> open_;
  std::vector<unsigned char> labels_;  // of the node being placed
};

void ByteTrieBuilder::Build() {
  units_.assign(kBlock, {});  // the root at 0, and nothing else
  std::vector<Range> todo;
  if (!sorted_.empty()) todo.push_back({0, sorted_.size(), 0, ByteTrie::kRoot});
  while (!todo.empty()) {
    Range range = todo.back();
    todo.pop_back();
    if (sorted_[range.begin].first.size() == range.depth) {
      const uint32_t value = static_cast<uint32_t>(sorted_[range.begin].second) + 1;
      units_[range.node].tag |= value << 9;
      if (++range.begin == range.end) continue;
    }
    std::vector<size_t> begins;
    labels_.clear();
    for (size_t i = range.begin; i < range.end; ++i) {
      const unsigned char label = ByteAt(i, range.depth);
      if (!labels_.empty() && labels_.back() == label) continue;
      labels_.push_back(label);
      begins.push_back(i);
    }
    begins.push_back(range.end);
    const uint32_t base = FindBase();
    units_[range.node].base = base;
    for (size_t i = 0; i < labels_.size(); ++i) {
      const uint32_t child = base ^ labels_[i];
      units_[child].tag = ByteTrie::kOccupied | labels_[i];
      todo.push_back({begins[i], begins[i + 1], range.depth + 1, child});
    }
  }
}

// Returns a base for `labels_` and takes it and their places.
uint32_t ByteTrieBuilder::FindBase() {
  for (size_t i = 0; i < open_.size(); ++i) {
    for (size_t place = 0; place < kBlock; ++place) {
      const uint32_t base = static_cast<uint32_t>(place) ^ labels_[0];
      if (!open_[i].taken[place] && Fits(open_[i], base)) return Take(open_[i], base);
    }
    if (++open_[i].failures == kMaxFailures) {
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i--));
    }
  }
  if (open_.size() == kMaxOpenBlocks) open_.erase(open_.begin());
  open_.emplace_back();
  open_.back().start = static_cast<uint32_t>(units_.size());
  units_.resize(units_.size() + kBlock);
  return Take(open_.back(), 0);
}

bool ByteTrieBuilder::Fits(const Block& block, uint32_t base) const {
  return !block.bases[base] &&
         std::none_of(labels_.begin(), labels_.end(),
                      [&](unsigned char label) { return block.taken[base ^ label]; });
}

uint32_t ByteTrieBuilder::Take(Block& block, uint32_t base) const {
  block.bases[base] = true;
  for (unsigned char label : labels_) block.taken[base ^ label] = true;
  return block.start ^ base;
}

ByteTrie::ByteTrie(std::vector<Entry> entries) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.first < b.first; });
  std::vector<Entry> unique;
  unique.reserve(entries.size());
  for (const Entry& entry : entries) {
    if (entry.first.empty()) continue;
    first_[static_cast<unsigned char>(entry.first[0])] = true;
    if (!unique.empty() && unique.back().first == entry.first) unique.pop_back();
    unique.push_back(entry);
  }
  ByteTrieBuilder(std::move(unique), units_).Build();
}

ByteTrie::Match ByteTrie::Longest(absl::string_view text) const {
  Match match;
  uint32_t node = kRoot;
  for (size_t i = 0; i < text.size(); ++i) {
    node = Step(node, static_cast<unsigned char>(text[i]));
    if (node == kNoNode) break;
    if (ValueAt(node) >= 0) match = {ValueAt(node), i + 1};
  }
  return match;
}

}  // namespace inkling
