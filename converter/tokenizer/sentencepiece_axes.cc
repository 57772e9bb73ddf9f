// SentencePiece's behaviour, axis by axis (see sentencepiece_axes.h).

#include "converter/tokenizer/sentencepiece_axes.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

void SetNormalizer(const SentencePieceSettings& settings, TokenizerData& data) {
  NormalizerData& normalizer = data.normalizer;
  normalizer.invalid_utf8 = InvalidUtf8::kReplaceEachByte;
  if (!settings.charsmap.empty()) {
    normalizer.unicode_form = UnicodeForm::kCharsMap;
    normalizer.charsmap = settings.charsmap;
  }
  normalizer.remove_extra_whitespaces = settings.remove_extra_whitespaces;
  normalizer.escape_spaces = settings.escape_whitespaces;
  normalizer.space_prefix =
      settings.add_dummy_prefix ? SpacePrefix::kFirstSegment : SpacePrefix::kNone;
  data.decoder.byte_runs = ByteRunText::kReplaceEachByte;
  data.decoder.unescape_spaces = true;
  data.decoder.leading_space = LeadingSpace::kKeep;
  if (settings.add_dummy_prefix) data.decoder.leading_space = LeadingSpace::kStripOne;
  if (settings.remove_extra_whitespaces) {
    data.decoder.leading_space = LeadingSpace::kStripOnePerPiece;
  }
  data.decoder.unknown_text = settings.unknown_text;
}

void AddTokens(const PieceList& pieces, TokenizerData& data) {
  for (int32_t id = 0; id < pieces.size(); ++id) {
    const PieceList::Piece& piece = pieces[id];
    AddedToken token;
    token.id = id;
    token.content = piece.bytes;
    if (piece.type == PieceType::kUnknown) {
      data.unk_id = id;
    } else if (piece.type == PieceType::kControl) {
      token.special = true;
      token.markup = true;
      data.added_tokens.push_back(std::move(token));
    } else if (piece.type == PieceType::kUserDefined && data.kind == TokenizerKind::kCodepointBpe) {
      token.match_normalized = true;
      data.added_tokens.push_back(std::move(token));
    }
  }
}

}  // namespace

absl::StatusOr<PieceList::Piece> MakeSentencePiece(std::string text, float score, uint64_t type) {
  constexpr uint64_t kLastType = static_cast<uint64_t>(PieceType::kByte);
  if (type < 1 || type > kLastType || score != score) {
    return absl::InvalidArgumentError(
        absl::StrCat("has type ", type, ", score ", score, " and ", text.size(), " bytes"));
  }
  PieceList::Piece piece{std::move(text), static_cast<PieceType>(type), score};
  if (piece.type == PieceType::kByte) {
    uint32_t byte = 0;
    const bool framed =
        piece.bytes.size() == 6 && piece.bytes.rfind("<0x", 0) == 0 && piece.bytes.back() == '>';
    if (!framed || !absl::SimpleHexAtoi(piece.bytes.substr(3, 2), &byte)) {
      return absl::InvalidArgumentError(
          absl::StrCat("stands for a byte and is '", piece.bytes, "'"));
    }
    piece.bytes = std::string(1, static_cast<char>(byte));
  } else if (WellFormedPrefix(piece.bytes) != piece.bytes.size()) {
    return absl::InvalidArgumentError("is not well-formed UTF-8");
  }
  return piece;
}

absl::StatusOr<TokenizerData> MakeSentencePieceTokenizer(const PieceList& pieces,
                                                         const SentencePieceSettings& settings) {
  TokenizerData data;
  data.kind = settings.kind;
  data.byte_fallback = settings.byte_fallback;
  data.fuse_unknown = true;
  data.merge_priority = MergePriority::kResultScore;
  SetNormalizer(settings, data);
  AddTokens(pieces, data);
  if (data.kind == TokenizerKind::kCodepointBpe) pieces.WriteScoreMerges(data);
  ABSL_RETURN_IF_ERROR(pieces.Write(data));
  return data;
}

}  // namespace inkling
