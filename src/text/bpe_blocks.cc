// Long words, block by block (see bpe.h), which keeps them linear and in the nearest cache.
//
// Why this is exact: as long as no merge crosses a boundary, what is left and right of it merges as
// if it stood alone, because the first choice among all pairs is also the first among those of each
// side. So if a block has a boundary between two symbols, the part in front of it is certain unless
// a merge crosses the boundary once more text follows; and before that merge the two symbols at the
// boundary would have to become others than they are in the block. So a block that begins at the
// boundary and reaches further settles it: its first symbol has to end where it ended before.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "src/text/bpe.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr uint32_t kNone = 0xFFFFFFFF;
// What may still change when the text behind a block is known is nearly always within this.
constexpr size_t kOverlap = BpeScratch::kBlock / 8;  // symbols before merging

// Where a block begins, and what is needed to come back to it.
struct BlockStart {
  size_t begin = 0;
  size_t first_end = 0;  // where its first symbol has to end; 0: anywhere
  size_t symbols = BpeScratch::kBlock;
  size_t num_ids = 0;
  bool after_unknown = false;
};

// Returns the front of `text` with at most `count` bytes, or characters.
enum class Unit { kByte, kCharacter };

absl::string_view Front(absl::string_view text, size_t count, Unit unit) {
  if (text.size() <= count || unit == Unit::kByte) return text.substr(0, count);
  size_t pos = 0;
  while (pos < text.size() && count-- > 0) pos += DecodeUtf8(text.substr(pos)).length;
  return text.substr(0, pos);
}

}  // namespace

void Bpe::EncodeBlocks(absl::string_view word, BpeScratch& scratch,
                       std::vector<int32_t>& ids) const {
  const std::vector<BpeScratch::Symbol>& symbols = scratch.symbols;
  const Unit unit = bytes_ ? Unit::kByte : Unit::kCharacter;
  BlockStart now{0, 0, BpeScratch::kBlock, ids.size(), scratch.after_unknown};
  const BlockStart whole{0, 0, word.size(), ids.size(), scratch.after_unknown};
  BlockStart before = whole;
  while (true) {
    const absl::string_view block = Front(word.substr(now.begin), now.symbols, unit);
    const bool last = now.begin + block.size() == word.size();
    Merge(block, scratch);
    const size_t first_end =
        symbols[0].next == kNone ? block.size() : symbols[symbols[0].next].begin;
    if (now.first_end != 0 && now.begin + first_end != now.first_end) {
      // The block before was too short to know this boundary.
      now = before;
      now.symbols = std::min(now.symbols * 2, word.size());
      before = whole;
      ids.resize(now.num_ids);
      scratch.after_unknown = now.after_unknown;
      continue;
    }
    if (last) {
      AppendIds(block, kNone, scratch, ids);
      return;
    }
    uint32_t cut = 0;
    for (uint32_t i = 0; i != kNone && i + kOverlap <= symbols.size(); i = symbols[i].next) cut = i;
    if (cut == 0) {  // a symbol as long as the block
      now.symbols *= 2;
      continue;
    }
    AppendIds(block, symbols[cut].begin, scratch, ids);
    before = now;
    const uint32_t next = symbols[cut].next;
    now.first_end = now.begin + (next == kNone ? block.size() : symbols[next].begin);
    now.begin += symbols[cut].begin;
    now.symbols = BpeScratch::kBlock;
    now.num_ids = ids.size();
    now.after_unknown = scratch.after_unknown;
  }
}

}  // namespace inkling
