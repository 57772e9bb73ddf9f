// Unigram segmentation: of all ways to cut text into pieces, the one with the highest sum of
// scores.
//
// The tokenizer uses it for vocabularies of that kind. Linear: at each character a walk down the
// trie of pieces. Unknown characters cost ten more than the worst piece, as in SentencePiece.

#ifndef INKLING_SRC_TEXT_UNIGRAM_H_
#define INKLING_SRC_TEXT_UNIGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"
#include "src/text/byte_trie.h"

namespace inkling {

class Unigram {
 public:
  // Makes the trie from checked `data`. Pieces with an id in `markup` never come out.
  Unigram(const TokenizerData& data, const absl::flat_hash_set<int32_t>& markup);

  // Appends the ids of one segment (well-formed UTF-8) to `ids`. Thread-safe.
  void Encode(absl::string_view text, std::vector<int32_t>& ids) const;

 private:
  void AppendUnknown(absl::string_view text, std::vector<int32_t>& ids) const;

  ByteTrie trie_;
  std::vector<float> scores_;         // [pieces]
  std::vector<bool> user_defined_;    // [pieces]
  std::vector<int32_t> byte_pieces_;  // [256], empty without byte fallback
  float lowest_score_ = 0;
  float highest_score_ = 0;
  int32_t unk_id_ = 0;
  bool fuse_unknown_ = false;
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_UNIGRAM_H_
