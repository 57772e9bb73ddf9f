// Building the tables of byte-pair encoding from a vocabulary (see bpe.h).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/text/bpe.h"
#include "src/text/pieces.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

// The characters (or bytes) at both ends of what an id stands for.
struct Ends {
  uint32_t first = 0;
  uint32_t last = 0;
};

Ends EndsOf(const TokenizerData& data, int32_t id) {
  const int32_t num_pieces = NumPieces(data);
  if (id >= num_pieces) {
    const uint32_t codepoint = data.hidden_codepoints[static_cast<size_t>(id - num_pieces)];
    return {codepoint, codepoint};
  }
  const absl::string_view piece = PieceBytes(data, id);
  if (piece.empty()) return {};
  if (data.kind == TokenizerKind::kByteLevelBpe) {
    return {static_cast<unsigned char>(piece.front()), static_cast<unsigned char>(piece.back())};
  }
  return {DecodeUtf8(piece).codepoint,
          DecodeUtf8(piece.substr(PreviousCharacter(piece, piece.size()))).codepoint};
}

}  // namespace

absl::StatusOr<Bpe> Bpe::Create(const TokenizerData& data,
                                const absl::flat_hash_set<int32_t>& markup) {
  Bpe bpe;
  bpe.bytes_ = data.kind == TokenizerKind::kByteLevelBpe;
  bpe.whole_words_first_ = data.whole_words_first;
  bpe.byte_fallback_ = data.byte_fallback;
  bpe.fuse_unknown_ = data.fuse_unknown;
  bpe.unk_id_ = data.unk_id;
  bpe.num_pieces_ = NumPieces(data);
  bpe.AddSymbols(data, markup);
  const bool has_all_bytes =
      bpe.bytes_ && std::all_of(bpe.low_symbols_.begin(), bpe.low_symbols_.end(),
                                [](int32_t id) { return id >= 0; });
  bpe.drops_unknown_ = data.unk_id < 0 && !data.byte_fallback && !has_all_bytes;
  ABSL_RETURN_IF_ERROR(bpe.AddBytePieces(data));
  ABSL_RETURN_IF_ERROR(bpe.AddMerges(data, markup));
  return bpe;
}

void Bpe::AddSymbols(const TokenizerData& data, const absl::flat_hash_set<int32_t>& markup) {
  low_symbols_.fill(-1);
  const auto add = [&](uint32_t code, int32_t id) {
    if (code < 256) {
      if (low_symbols_[code] < 0) low_symbols_[code] = id;
    } else {
      symbols_.try_emplace(code, id);
    }
  };
  for (int32_t id = 0; id < num_pieces_; ++id) {
    const PieceType type = TypeOfPiece(data, id);
    const bool from_text =
        type == PieceType::kNormal || (type == PieceType::kUserDefined && !bytes_);
    const absl::string_view piece = PieceBytes(data, id);
    if (!from_text || piece.empty() || markup.contains(id)) continue;
    if (whole_words_first_) whole_words_.try_emplace(piece, id);
    if (UnitLength(piece) == piece.size()) {
      add(UnitCode(piece, static_cast<uint32_t>(piece.size())), id);
    }
  }
  for (size_t i = 0; i < data.hidden_codepoints.size(); ++i) {
    add(data.hidden_codepoints[i], num_pieces_ + static_cast<int32_t>(i));
  }
}

absl::Status Bpe::AddBytePieces(const TokenizerData& data) {
  byte_pieces_.fill(-1);
  if (!byte_fallback_) return absl::OkStatus();
  for (int32_t id = 0; id < num_pieces_; ++id) {
    const absl::string_view piece = PieceBytes(data, id);
    if (TypeOfPiece(data, id) == PieceType::kByte && piece.size() == 1) {
      byte_pieces_[static_cast<unsigned char>(piece[0])] = id;
    }
  }
  // A vocabulary may lack some bytes (then characters with them are unknown), but not all.
  if (std::any_of(byte_pieces_.begin(), byte_pieces_.end(), [](int32_t id) { return id >= 0; })) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("tokenizer: byte_fallback is set, but no piece is a byte");
}

absl::Status Bpe::AddMerges(const TokenizerData& data, const absl::flat_hash_set<int32_t>& markup) {
  merges_ = MergeTable(data.merges.size());
  uint32_t rank = 0;
  const bool by_score = data.merge_priority == MergePriority::kResultScore;
  for (size_t i = 0; i < data.merges.size(); ++i) {
    const TokenizerMerge& merge = data.merges[i];
    if (i > 0) {
      const auto score = [&](size_t j) {
        return data.piece_scores[static_cast<size_t>(data.merges[j].result)];
      };
      if (by_score && score(i) > score(i - 1)) {
        return absl::InvalidArgumentError(
            absl::StrCat("tokenizer: merges aren't sorted by score: merge ", i, " has ", score(i),
                         " after ", score(i - 1)));
      }
      if (!by_score || score(i) < score(i - 1)) ++rank;
    }
    if (markup.contains(merge.result)) continue;
    merges_.Add(merge.left, merge.right, {rank, merge.result}, EndsOf(data, merge.left).last,
                EndsOf(data, merge.right).first);
  }
  return absl::OkStatus();
}

}  // namespace inkling
