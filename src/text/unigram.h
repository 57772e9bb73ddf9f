// Unigram segmentation: of all ways to cut text into pieces, the one with the highest sum of
// scores.
//
// The tokenizer uses it for vocabularies of that kind. Linear: at each character a walk down the
// trie of pieces. Where no piece reaches across, the path so far is certain and its memory is used
// again. Unknown characters cost ten more than the worst piece, as in SentencePiece.
//
// Two tools publish such vocabularies, and equal sums are common, so their arithmetic counts:
// SentencePiece adds floats, Hugging Face's tokenizers doubles (TokenizerData::exact_scores).

#ifndef INKLING_SRC_TEXT_UNIGRAM_H_
#define INKLING_SRC_TEXT_UNIGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"
#include "src/text/byte_trie.h"

namespace inkling {

// The working memory of one call of Tokenizer::Encode.
struct UnigramScratch {
  // The best way found so far to reach a byte of the text; id -1: none.
  struct PathEnd {
    double score = 0;
    int32_t id = -1;
    uint32_t length = 0;
  };
  std::vector<PathEnd> ends;  // [bytes since the last certain place]; all of id -1 between segments
  std::vector<PathEnd> path;
  bool after_unknown = false;
};

class Unigram {
 public:
  // Makes the trie from checked `data`. Pieces with an id in `markup` never come out.
  Unigram(const TokenizerData& data, const absl::flat_hash_set<int32_t>& markup);

  // Appends the ids of one segment (well-formed UTF-8) to `ids`. Thread-safe with a
  // scratch per thread.
  void Encode(absl::string_view text, UnigramScratch& scratch, std::vector<int32_t>& ids) const;

 private:
  void AddPieces(const TokenizerData& data, const absl::flat_hash_set<int32_t>& markup,
                 double highest);
  double Sum(double score, double base) const;
  size_t Extend(absl::string_view text, size_t begin, size_t window, size_t furthest,
                UnigramScratch& scratch) const;
  void AppendPath(absl::string_view text, UnigramScratch& scratch, std::vector<int32_t>& ids) const;

  ByteTrie trie_;
  std::vector<double> scores_;        // [pieces]
  std::vector<int32_t> byte_pieces_;  // [256], empty without byte fallback
  size_t longest_piece_ = 0;          // bytes
  double unknown_score_ = 0;
  int32_t unk_id_ = 0;
  bool exact_ = false;  // sums are doubles
  bool fuse_unknown_ = false;
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_UNIGRAM_H_
