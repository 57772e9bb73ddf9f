// Byte-pair encoding of words: the pair with the lowest rank is joined first, the leftmost of
// equals.
//
// The tokenizer makes one and calls `Encode` for every word. Exact like the plain algorithm, but
// short words are looked up among the words already encoded in the same call, long words are cut
// where no merge can reach across, and what is still long goes block by block (bpe_blocks.cc).

#ifndef INKLING_SRC_TEXT_BPE_H_
#define INKLING_SRC_TEXT_BPE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"
#include "src/text/merge_table.h"
#include "src/text/word_cache.h"

namespace inkling {

// The working memory of one call of Tokenizer::Encode, reused from word to word.
struct BpeScratch {
  // Symbols of a word that is still merged without a heap.
  static constexpr size_t kBlock = 512;

  explicit BpeScratch(size_t text_bytes) : cache(text_bytes) {}

  // One symbol of a word that is being merged; a doubly linked list by index.
  struct Symbol {
    int32_t id;
    uint32_t begin;  // byte in the word
    uint32_t previous;
    uint32_t next;
    uint32_t rank;  // of the pair with `next`
    int32_t result;
  };
  std::vector<Symbol> symbols;
  std::vector<uint64_t> heap;  // rank << 32 | index, the smallest at the front
  WordCache cache;
  std::string known;           // a word without its unknown characters
  bool after_unknown = false;  // the last id written stands for an unknown character
};

class Bpe {
 public:
  // Makes the tables from validated `data` (CheckTokenizerData), whose piece_bytes must outlive
  // this. Pieces with an id in `markup` never come out. InvalidArgument if a merge or the byte
  // fallback names what doesn't exist.
  static absl::StatusOr<Bpe> Create(const TokenizerData& data,
                                    const absl::flat_hash_set<int32_t>& markup);

  // Appends the ids of one word (well-formed UTF-8) to `ids`. Thread-safe with a scratch per
  // thread.
  void Encode(absl::string_view word, BpeScratch& scratch, std::vector<int32_t>& ids) const;

 private:
  Bpe() = default;

  void AddSymbols(const TokenizerData& data, const absl::flat_hash_set<int32_t>& markup);
  absl::Status AddBytePieces(const TokenizerData& data);
  absl::Status AddMerges(const TokenizerData& data, const absl::flat_hash_set<int32_t>& markup);
  int32_t SymbolOf(uint32_t codepoint) const;
  uint32_t UnitLength(absl::string_view text) const;
  uint32_t UnitCode(absl::string_view text, uint32_t length) const;

  absl::string_view WithoutUnknown(absl::string_view word, std::string& storage) const;
  void EncodeCached(absl::string_view word, WordCache::Extent extent, BpeScratch& scratch,
                    std::vector<int32_t>& ids) const;
  void EncodeUncached(absl::string_view word, WordCache::Extent extent, BpeScratch& scratch,
                      std::vector<int32_t>& ids) const;
  void EncodeBlocks(absl::string_view word, BpeScratch& scratch, std::vector<int32_t>& ids) const;
  void Merge(absl::string_view word, BpeScratch& scratch) const;
  void AppendIds(absl::string_view word, uint32_t end, BpeScratch& scratch,
                 std::vector<int32_t>& ids) const;
  void MergeShort(BpeScratch& scratch) const;
  void MergeGroups(BpeScratch& scratch) const;
  void MergeLong(BpeScratch& scratch) const;
  void FindPair(BpeScratch::Symbol& left, const BpeScratch::Symbol& right) const;
  void Join(BpeScratch::Symbol& left, BpeScratch& scratch) const;
  void AppendUnknown(absl::string_view character, BpeScratch& scratch,
                     std::vector<int32_t>& ids) const;

  bool bytes_ = false;  // symbols are bytes, not characters
  bool whole_words_first_ = false;
  bool byte_fallback_ = false;
  bool fuse_unknown_ = false;
  bool drops_unknown_ = false;  // neither unk_id nor bytes stand for unknown characters
  int32_t unk_id_ = -1;
  int32_t num_pieces_ = 0;
  MergeTable merges_;
  std::array<int32_t, 256> low_symbols_;            // bytes, or characters below 256; -1: none
  std::array<int32_t, 256> byte_pieces_;            // -1: none
  absl::flat_hash_map<uint32_t, int32_t> symbols_;  // characters from 256 on
  absl::flat_hash_map<absl::string_view, int32_t> whole_words_;
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_BPE_H_
