// SentencePiece models as SentencePiece itself uses them. What can't be followed exactly is refused
// by name.

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "converter/tokenizer/piece_list.h"
#include "converter/tokenizer/sentencepiece_axes.h"
#include "converter/tokenizer/sentencepiece_file.h"
#include "converter/tokenizer/tokenizer_import.h"

namespace inkling {
namespace {

absl::Status Unsupported(absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat("tokenizer.model: ", what, " is not supported"));
}

absl::Status AddPiece(const SentencePieceFile::Piece& piece, PieceList& pieces) {
  const int32_t id = pieces.size();
  if (piece.type == static_cast<uint64_t>(PieceType::kUnused)) {
    return Unsupported("a piece of type UNUSED");
  }
  absl::StatusOr<PieceList::Piece> made = MakeSentencePiece(piece.text, piece.score, piece.type);
  if (!made.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer.model: piece ", id, " ", made.status().message()));
  }
  return pieces.Set(id, *std::move(made));
}

void FindIds(const PieceList& pieces, const SentencePieceFile& file, TokenizerData& data) {
  for (int32_t id = 0; id < pieces.size(); ++id) {
    const PieceList::Piece& piece = pieces[id];
    if (piece.type != PieceType::kControl) continue;
    if (piece.bytes == file.bos_piece) data.bos_id = id;
    if (piece.bytes == file.eos_piece) data.eos_id = id;
    if (piece.bytes == file.pad_piece) data.pad_id = id;
  }
  if (data.eos_id >= 0) data.stop_ids.push_back(data.eos_id);
}

}  // namespace

absl::StatusOr<TokenizerData> ParseSentencePieceModel(absl::string_view bytes) {
  ABSL_ASSIGN_OR_RETURN(SentencePieceFile file, ReadSentencePieceFile(bytes));
  PieceList pieces;
  for (const SentencePieceFile::Piece& piece : file.pieces) {
    ABSL_RETURN_IF_ERROR(AddPiece(piece, pieces));
  }
  if (file.model_type != 1 && file.model_type != 2) {
    return Unsupported(absl::StrCat("model_type ", file.model_type));
  }
  if (file.whitespace_as_suffix) return Unsupported("treat_whitespace_as_suffix");
  if (file.has_denormalizer) return Unsupported("a denormaliser");
  SentencePieceSettings settings;
  if (file.model_type == 2) settings.kind = TokenizerKind::kCodepointBpe;
  settings.byte_fallback = file.byte_fallback;
  settings.unknown_text = file.unknown_text;
  settings.charsmap = file.charsmap;
  settings.add_dummy_prefix = file.add_dummy_prefix;
  settings.remove_extra_whitespaces = file.remove_extra_whitespaces;
  settings.escape_whitespaces = file.escape_whitespaces;
  absl::StatusOr<TokenizerData> data = MakeSentencePieceTokenizer(pieces, settings);
  if (data.ok()) FindIds(pieces, file, *data);
  return data;
}

}  // namespace inkling
