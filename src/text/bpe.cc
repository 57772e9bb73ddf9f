// The merging itself (see bpe.h). A word is a linked list of symbols, each with the rank of its
// pair with the next one. Short words look for the lowest rank among the lowest of each 16; longer
// ones keep a heap of (rank, index), where an entry counts only if the symbol's rank is still the
// same.

#include "src/text/bpe.h"

#include <algorithm>
#include <functional>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr uint32_t kNone = 0xFFFFFFFF;
constexpr uint32_t kGroup = 16;
constexpr int kIndexBits = 9;
static_assert(BpeScratch::kBlock == 1 << kIndexBits);
constexpr uint32_t kNoKey = 0xFFFFFFFF << kIndexBits;  // that of any rank is lower (kMaxMerges)

// Returns the lowest (rank, index) of symbols [begin, end) as rank << 9 | index. Two chains without
// branches: which is the lowest can't be predicted.
uint32_t LowestKey(const std::vector<BpeScratch::Symbol>& symbols, uint32_t begin, uint32_t end) {
  uint32_t even = kNoKey;
  uint32_t odd = kNoKey;
  uint32_t i = begin;
  for (; i + 1 < end; i += 2) {
    even = std::min(even, symbols[i].rank << kIndexBits | i);
    odd = std::min(odd, symbols[i + 1].rank << kIndexBits | (i + 1));
  }
  if (i < end) even = std::min(even, symbols[i].rank << kIndexBits | i);
  return std::min(even, odd);
}

}  // namespace

uint32_t Bpe::UnitLength(absl::string_view text) const {
  return bytes_ ? 1 : DecodeUtf8(text).length;
}

uint32_t Bpe::UnitCode(absl::string_view text, uint32_t length) const {
  return length == 1 ? static_cast<unsigned char>(text[0]) : DecodeUtf8(text).codepoint;
}

int32_t Bpe::SymbolOf(uint32_t codepoint) const {
  if (codepoint < 256) return low_symbols_[codepoint];
  const auto found = symbols_.find(codepoint);
  return found == symbols_.end() ? -1 : found->second;
}

// Unknown characters that nothing stands for vanish before the merges, which then join what stood
// around them.
absl::string_view Bpe::WithoutUnknown(absl::string_view word, std::string& storage) const {
  storage.clear();
  for (size_t pos = 0; pos < word.size();) {
    const absl::string_view rest = word.substr(pos);
    const uint32_t length = UnitLength(rest);
    if (SymbolOf(UnitCode(rest, length)) >= 0) storage.append(rest.data(), length);
    pos += length;
  }
  return storage;
}

void Bpe::Encode(absl::string_view word, BpeScratch& scratch, std::vector<int32_t>& ids) const {
  scratch.after_unknown = false;
  if (drops_unknown_) word = WithoutUnknown(word, scratch.known);
  if ((bytes_ || whole_words_first_) && word.size() <= WordCache::kMaxWordBytes) {
    EncodeCached(word, WordCache::Extent::kWhole, scratch, ids);
    return;
  }
  if (whole_words_first_) {
    const auto whole = whole_words_.find(word);
    if (whole != whole_words_.end()) {
      ids.push_back(whole->second);
      return;
    }
  }
  // Cut where no merge reaches across: what is left and right of it can't influence each other.
  const WordCache::Extent extent =
      whole_words_first_ ? WordCache::Extent::kPart : WordCache::Extent::kWhole;
  size_t begin = 0;
  size_t pos = 0;
  uint32_t last = 0;
  while (pos < word.size()) {
    const absl::string_view rest = word.substr(pos);
    const uint32_t length = UnitLength(rest);
    const uint32_t code = UnitCode(rest, length);
    if (pos > begin && !merges_.MayJoin(last, code)) {
      EncodeCached(word.substr(begin, pos - begin), extent, scratch, ids);
      begin = pos;
    }
    last = code;
    pos += length;
  }
  if (begin < word.size()) EncodeCached(word.substr(begin), extent, scratch, ids);
}

void Bpe::EncodeCached(absl::string_view word, WordCache::Extent extent, BpeScratch& scratch,
                       std::vector<int32_t>& ids) const {
  if (!scratch.cache.Accepts(word)) {
    EncodeUncached(word, extent, scratch, ids);
    return;
  }
  const WordCache::Key key = WordCache::KeyOf(word, extent);
  WordCache::Entry& entry = scratch.cache.EntryFor(key);
  const size_t first = ids.size();
  if (entry.key == key) {
    ids.resize(first + entry.num_ids);
    std::copy_n(ids.begin() + entry.first_id, entry.num_ids,
                ids.begin() + static_cast<std::ptrdiff_t>(first));
    scratch.after_unknown = false;
    return;
  }
  const bool after_unknown = scratch.after_unknown;
  scratch.after_unknown = false;
  EncodeUncached(word, extent, scratch, ids);
  // What fusing of unknown characters may change depends on the neighbours: not for the cache.
  if (fuse_unknown_ && std::find(ids.begin() + static_cast<std::ptrdiff_t>(first), ids.end(),
                                 unk_id_) != ids.end()) {
    if (after_unknown && ids[first] == unk_id_) {
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(first));
    }
    return;
  }
  entry = {key, static_cast<uint32_t>(first), static_cast<uint32_t>(ids.size() - first)};
}

void Bpe::EncodeUncached(absl::string_view word, WordCache::Extent extent, BpeScratch& scratch,
                         std::vector<int32_t>& ids) const {
  if (word.size() > BpeScratch::kBlock) {
    EncodeBlocks(word, scratch, ids);
    return;
  }
  if (whole_words_first_ && extent == WordCache::Extent::kWhole) {
    const auto whole = whole_words_.find(word);
    if (whole != whole_words_.end()) {
      ids.push_back(whole->second);
      return;
    }
  }
  Merge(word, scratch);
  AppendIds(word, kNone, scratch, ids);
}

// Sets the rank and the result of the pair of two neighbours.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void Bpe::FindPair(BpeScratch::Symbol& left,
                                                       const BpeScratch::Symbol& right) const {
  MergeTable::Merge merge;
  if (left.id >= 0 && right.id >= 0) merge = merges_.Find(left.id, right.id);
  left.rank = merge.rank;
  left.result = merge.result;
}

// Leaves in `scratch` the symbols that the word merges to.
void Bpe::Merge(absl::string_view word, BpeScratch& scratch) const {
  std::vector<BpeScratch::Symbol>& symbols = scratch.symbols;
  symbols.clear();
  for (size_t pos = 0; pos < word.size();) {
    const uint32_t length = UnitLength(word.substr(pos));
    const int32_t id = SymbolOf(UnitCode(word.substr(pos), length));
    const uint32_t index = static_cast<uint32_t>(symbols.size());
    symbols.push_back(
        {id, static_cast<uint32_t>(pos), index - 1, index + 1, MergeTable::kNoMerge, -1});
    pos += length;
  }
  symbols.back().next = kNone;
  symbols.front().previous = kNone;
  for (uint32_t i = 0; i + 1 < symbols.size(); ++i) FindPair(symbols[i], symbols[i + 1]);
  if (symbols.size() <= 2 * kGroup) {
    MergeShort(scratch);
  } else if (symbols.size() <= BpeScratch::kBlock) {
    MergeGroups(scratch);
  } else {
    MergeLong(scratch);
  }
}

// Appends the ids of the symbols that begin before byte `end` of `word`.
void Bpe::AppendIds(absl::string_view word, uint32_t end, BpeScratch& scratch,
                    std::vector<int32_t>& ids) const {
  const std::vector<BpeScratch::Symbol>& symbols = scratch.symbols;
  for (uint32_t i = 0; i != kNone && symbols[i].begin < end; i = symbols[i].next) {
    const BpeScratch::Symbol& symbol = symbols[i];
    if (symbol.id >= 0 && symbol.id < num_pieces_) {
      ids.push_back(symbol.id);
      scratch.after_unknown = false;
      continue;
    }
    const size_t next = symbol.next == kNone ? word.size() : symbols[symbol.next].begin;
    AppendUnknown(word.substr(symbol.begin, next - symbol.begin), scratch, ids);
  }
}

// Joins a symbol with its next one; the pairs with both neighbours change.
void Bpe::Join(BpeScratch::Symbol& left, BpeScratch& scratch) const {
  std::vector<BpeScratch::Symbol>& symbols = scratch.symbols;
  BpeScratch::Symbol& right = symbols[left.next];
  right.rank = MergeTable::kNoMerge;
  left.id = left.result;
  left.rank = MergeTable::kNoMerge;
  left.next = right.next;
  if (left.next != kNone) {
    symbols[left.next].previous = right.previous;
    FindPair(left, symbols[left.next]);
  }
  if (left.previous != kNone) FindPair(symbols[left.previous], left);
}

void Bpe::MergeShort(BpeScratch& scratch) const {
  std::vector<BpeScratch::Symbol>& symbols = scratch.symbols;
  const uint32_t size = static_cast<uint32_t>(symbols.size());
  while (true) {
    const uint32_t best = LowestKey(symbols, 0, size);
    if (best >= kNoKey) return;
    Join(symbols[best & ~kNoKey], scratch);
  }
}

// As MergeShort, but with the lowest key of each 16 symbols kept.
void Bpe::MergeGroups(BpeScratch& scratch) const {
  std::vector<BpeScratch::Symbol>& symbols = scratch.symbols;
  const uint32_t size = static_cast<uint32_t>(symbols.size());
  const uint32_t num_groups = (size + kGroup - 1) / kGroup;
  std::array<uint32_t, BpeScratch::kBlock / kGroup> lowest;
  const auto search = [&](uint32_t group) {
    lowest[group] = LowestKey(symbols, group * kGroup, std::min(size, (group + 1) * kGroup));
  };
  const auto rank_changed = [&](uint32_t i) {
    uint32_t& kept = lowest[i / kGroup];
    const uint32_t key = symbols[i].rank << kIndexBits | i;
    if (key <= kept) {
      kept = key;
    } else if (kept < kNoKey && (kept & ~kNoKey) == i) {
      search(i / kGroup);  // it was the lowest
    }
  };
  for (uint32_t group = 0; group < num_groups; ++group) search(group);
  while (true) {
    const uint32_t best = *std::min_element(lowest.begin(), lowest.begin() + num_groups);
    if (best >= kNoKey) return;
    BpeScratch::Symbol& left = symbols[best & ~kNoKey];
    const uint32_t joined = left.next;
    Join(left, scratch);
    rank_changed(best & ~kNoKey);
    rank_changed(joined);
    if (left.previous != kNone) rank_changed(left.previous);
  }
}

void Bpe::MergeLong(BpeScratch& scratch) const {
  std::vector<BpeScratch::Symbol>& symbols = scratch.symbols;
  std::vector<uint64_t>& heap = scratch.heap;
  const auto entry = [&](uint32_t i) { return static_cast<uint64_t>(symbols[i].rank) << 32 | i; };
  heap.clear();
  for (uint32_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i].rank != MergeTable::kNoMerge) heap.push_back(entry(i));
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto push = [&](uint32_t i) {
    if (i == kNone || symbols[i].rank == MergeTable::kNoMerge) return;
    heap.push_back(entry(i));
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const uint64_t top = heap.back();
    heap.pop_back();
    const uint32_t index = static_cast<uint32_t>(top);
    if (symbols[index].rank != top >> 32) continue;  // joined or changed since
    Join(symbols[index], scratch);
    push(symbols[index].previous);
    push(index);
  }
}

void Bpe::AppendUnknown(absl::string_view character, BpeScratch& scratch,
                        std::vector<int32_t>& ids) const {
  const auto byte_piece = [&](char c) { return byte_pieces_[static_cast<unsigned char>(c)]; };
  if (byte_fallback_ &&
      std::all_of(character.begin(), character.end(), [&](char c) { return byte_piece(c) >= 0; })) {
    for (char c : character) ids.push_back(byte_piece(c));
    scratch.after_unknown = false;
    return;
  }
  if (unk_id_ < 0 || (fuse_unknown_ && scratch.after_unknown)) return;
  ids.push_back(unk_id_);
  scratch.after_unknown = true;
}

}  // namespace inkling
