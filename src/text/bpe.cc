// The merging itself (see bpe.h). A word is a linked list of symbols, each with the rank of its
// pair with the next one. Short words look for the lowest rank by scanning; long ones keep a heap
// of (rank, index), where an entry counts only if the symbol's rank is still the same.

#include "src/text/bpe.h"

#include <algorithm>
#include <functional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr uint32_t kNone = 0xFFFFFFFF;
// Up to here scanning all ranks for the lowest is faster than a heap.
constexpr size_t kShortWord = 32;

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

void Bpe::Encode(absl::string_view word, BpeScratch& scratch, std::vector<int32_t>& ids) const {
  scratch.after_unknown = false;
  if (whole_words_first_) {
    const auto whole = whole_words_.find(word);
    if (whole != whole_words_.end()) {
      ids.push_back(whole->second);
      return;
    }
  }
  if (bytes_ && word.size() <= WordCache::kMaxWordBytes) {
    EncodeCached(word, scratch, ids);
    return;
  }
  // Cut where no merge reaches across: what is left and right of it can't influence each other.
  size_t begin = 0;
  size_t pos = 0;
  uint32_t last = 0;
  while (pos < word.size()) {
    const absl::string_view rest = word.substr(pos);
    const uint32_t length = UnitLength(rest);
    const uint32_t code = UnitCode(rest, length);
    if (pos > begin && !merges_.MayJoin(last, code)) {
      EncodeCached(word.substr(begin, pos - begin), scratch, ids);
      begin = pos;
    }
    last = code;
    pos += length;
  }
  if (begin < word.size()) EncodeCached(word.substr(begin), scratch, ids);
}

void Bpe::EncodeCached(absl::string_view word, BpeScratch& scratch,
                       std::vector<int32_t>& ids) const {
  if (!scratch.cache.Accepts(word)) {
    Merge(word, scratch, ids);
    return;
  }
  uint64_t key[3];
  WordCache::Entry& entry = scratch.cache.EntryFor(word, key);
  if (WordCache::Holds(entry, key)) {
    for (uint32_t i = 0; i < entry.num_ids; ++i) ids.push_back(ids[entry.first_id + i]);
    scratch.after_unknown = false;
    return;
  }
  const size_t first = ids.size();
  const bool after_unknown = scratch.after_unknown;
  scratch.after_unknown = false;
  Merge(word, scratch, ids);
  // What fusing of unknown characters may change depends on the neighbours: not for the cache.
  if (fuse_unknown_ && std::find(ids.begin() + static_cast<std::ptrdiff_t>(first), ids.end(),
                                 unk_id_) != ids.end()) {
    if (after_unknown && ids[first] == unk_id_) {
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(first));
    }
    return;
  }
  std::copy(std::begin(key), std::end(key), std::begin(entry.key));
  entry.first_id = static_cast<uint32_t>(first);
  entry.num_ids = static_cast<uint32_t>(ids.size() - first);
}

void Bpe::Merge(absl::string_view word, BpeScratch& scratch, std::vector<int32_t>& ids) const {
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
  for (size_t i = 0; i + 1 < symbols.size(); ++i) {
    if (symbols[i].id < 0 || symbols[i + 1].id < 0) continue;
    const MergeTable::Merge merge = merges_.Find(symbols[i].id, symbols[i + 1].id);
    symbols[i].rank = merge.rank;
    symbols[i].result = merge.result;
  }
  if (symbols.size() <= kShortWord) {
    MergeShort(scratch);
  } else {
    MergeLong(scratch);
  }
  for (uint32_t i = 0; i != kNone; i = symbols[i].next) {
    const BpeScratch::Symbol& symbol = symbols[i];
    if (symbol.id >= 0 && symbol.id < num_pieces_) {
      ids.push_back(symbol.id);
      scratch.after_unknown = false;
      continue;
    }
    const size_t end = symbol.next == kNone ? word.size() : symbols[symbol.next].begin;
    AppendUnknown(word.substr(symbol.begin, end - symbol.begin), scratch, ids);
  }
}

// Joins a symbol with its next one; returns the index of the symbol before it, whose pair changed
// too.
uint32_t Bpe::Join(uint32_t index, BpeScratch& scratch) const {
  std::vector<BpeScratch::Symbol>& symbols = scratch.symbols;
  BpeScratch::Symbol& left = symbols[index];
  BpeScratch::Symbol& right = symbols[left.next];
  left.id = left.result;
  left.next = right.next;
  right.rank = MergeTable::kNoMerge;
  left.rank = MergeTable::kNoMerge;
  if (left.next != kNone) {
    symbols[left.next].previous = index;
    const int32_t next_id = symbols[left.next].id;
    if (next_id >= 0) {
      const MergeTable::Merge merge = merges_.Find(left.id, next_id);
      left.rank = merge.rank;
      left.result = merge.result;
    }
  }
  if (left.previous != kNone) {
    BpeScratch::Symbol& before = symbols[left.previous];
    if (before.id >= 0) {
      const MergeTable::Merge merge = merges_.Find(before.id, left.id);
      before.rank = merge.rank;
      before.result = merge.result;
    }
  }
  return left.previous;
}

void Bpe::MergeShort(BpeScratch& scratch) const {
  const std::vector<BpeScratch::Symbol>& symbols = scratch.symbols;
  while (true) {
    uint32_t best = 0;
    uint32_t best_rank = MergeTable::kNoMerge;
    for (uint32_t i = 0; i != kNone; i = symbols[i].next) {
      if (symbols[i].rank < best_rank) {
        best_rank = symbols[i].rank;
        best = i;
      }
    }
    if (best_rank == MergeTable::kNoMerge) return;
    Join(best, scratch);
  }
}

void Bpe::MergeLong(BpeScratch& scratch) const {
  const std::vector<BpeScratch::Symbol>& symbols = scratch.symbols;
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
    const uint32_t before = Join(index, scratch);
    push(before);
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
