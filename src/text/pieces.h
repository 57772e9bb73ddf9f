// Reading the pieces of a `TokenizerData`, and checking it before anything else trusts it.
//
// Everything in this room goes through these few functions, so that `CheckTokenizerData` is the one
// place that stands between a file's numbers and memory.

#ifndef INKLING_SRC_TEXT_PIECES_H_
#define INKLING_SRC_TEXT_PIECES_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

// Returns the number of pieces; 0 for empty data.
inline int32_t NumPieces(const TokenizerData& data) {
  return data.piece_offsets.empty() ? 0 : static_cast<int32_t>(data.piece_offsets.size() - 1);
}

// Returns the bytes of piece `id`, which is in [0, NumPieces), of checked data.
inline absl::string_view PieceBytes(const TokenizerData& data, int32_t id) {
  const size_t i = static_cast<size_t>(id);
  return absl::string_view(data.piece_bytes.data() + data.piece_offsets[i],
                           data.piece_offsets[i + 1] - data.piece_offsets[i]);
}

inline PieceType TypeOfPiece(const TokenizerData& data, int32_t id) {
  return static_cast<PieceType>(data.piece_types[static_cast<size_t>(id)]);
}

// Returns an error that names the first contradiction in `data`: sizes, offsets, types, ids, enums,
// pieces that aren't UTF-8. After OK, ids and offsets may be trusted.
absl::Status CheckTokenizerData(const TokenizerData& data);

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_PIECES_H_
