// Builds the pieces of a TokenizerData while a vocabulary is read, and the merges that follow from
// scores.
//
// The readers of tokenizer.json, tokenizer.model and tokenizer.bin use it. Ids may come in any
// order; holes become unused pieces.

#ifndef INKLING_CONVERTER_TOKENIZER_PIECE_LIST_H_
#define INKLING_CONVERTER_TOKENIZER_PIECE_LIST_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

class PieceList {
 public:
  struct Piece {
    std::string bytes;
    PieceType type = PieceType::kUnused;
    float score = 0;
  };

  // More than eight times the largest published vocabulary.
  static constexpr int64_t kMaxPieces = int64_t{1} << 22;

  // Sets piece `id`, making room for it. InvalidArgument if the id is out of range or taken.
  absl::Status Set(int64_t id, Piece piece);

  bool Has(int64_t id) const {
    return id >= 0 && id < static_cast<int64_t>(pieces_.size()) && taken_[static_cast<size_t>(id)];
  }
  int32_t size() const { return static_cast<int32_t>(pieces_.size()); }
  Piece& operator[](int32_t id) { return pieces_[static_cast<size_t>(id)]; }
  const Piece& operator[](int32_t id) const { return pieces_[static_cast<size_t>(id)]; }

  // Writes pieces, types and scores into `data`. InvalidArgument if they have more than 4 GiB.
  absl::Status Write(TokenizerData& data) const;

  // Appends to `data` every pair of normal pieces or single characters whose concatenation is a
  // normal piece, in order of falling score: the merges that a vocabulary with scores implies.
  void WriteScoreMerges(TokenizerData& data) const;

 private:
  std::vector<Piece> pieces_;
  std::vector<bool> taken_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_PIECE_LIST_H_
