// One character is one byte, so ids and merges stay; only what pieces are written in changes.

#include "converter/tokenizer/byte_characters.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "converter/tokenizer/byte_alphabet.h"
#include "src/text/pieces.h"

namespace inkling {
namespace {

absl::Status CheckForm(const TokenizerData& data) {
  const auto unsupported = [](absl::string_view what) {
    return absl::UnimplementedError(absl::StrCat("pieces of GPT-2's characters for bytes: ", what,
                                                 " is not supported beside them"));
  };
  if (data.kind != TokenizerKind::kCodepointBpe) return unsupported("a model that isn't BPE");
  if (data.byte_fallback) return unsupported("byte_fallback");
  if (data.normalizer.unicode_form != UnicodeForm::kNone) return unsupported("a normaliser");
  if (data.normalizer.space_prefix != SpacePrefix::kNone) return unsupported("add_dummy_prefix");
  for (const AddedToken& token : data.added_tokens) {
    if (token.match_normalized) return unsupported("a piece of type USER_DEFINED");
  }
  return absl::OkStatus();
}

// Writes the pieces anew; returns, for each id of a piece or a hidden character, whether text can
// contain it.
std::vector<bool> TranslatePieces(TokenizerData& data) {
  std::vector<bool> in_text;
  std::string bytes;
  std::vector<uint32_t> offsets = {0};
  for (int32_t id = 0; id < NumPieces(data); ++id) {
    const absl::string_view piece = PieceBytes(data, id);
    std::string translated(piece);
    const bool is_normal = TypeOfPiece(data, id) == PieceType::kNormal;
    in_text.push_back(is_normal && BytesOfCharacters(piece, translated));
    if (is_normal && !in_text.back()) {
      data.piece_types[static_cast<size_t>(id)] = static_cast<uint8_t>(PieceType::kUnused);
    }
    bytes += translated;
    offsets.push_back(static_cast<uint32_t>(bytes.size()));
  }
  data.piece_bytes = std::move(bytes);
  data.piece_offsets = std::move(offsets);
  for (uint32_t& codepoint : data.hidden_codepoints) {
    const int byte = ByteOfCharacter(codepoint);
    in_text.push_back(byte >= 0);
    // Merges of the others are taken out, and above all characters nothing looks them up.
    codepoint = byte >= 0 ? static_cast<uint32_t>(byte) : 0x10FFFF;
  }
  return in_text;
}

}  // namespace

absl::Status CharactersToBytes(TokenizerData& data) {
  ABSL_RETURN_IF_ERROR(CheckTokenizerData(data));
  ABSL_RETURN_IF_ERROR(CheckForm(data));
  const std::vector<bool> in_text = TranslatePieces(data);
  const auto has = [&in_text](int32_t id) { return in_text[static_cast<size_t>(id)]; };
  std::erase_if(data.merges, [&](const TokenizerMerge& merge) {
    return !has(merge.left) || !has(merge.right) || !has(merge.result);
  });
  data.kind = TokenizerKind::kByteLevelBpe;
  data.normalizer = NormalizerData();
  data.decoder = DecoderData();
  if (data.unk_id >= 0) {
    AddedToken token;
    token.id = data.unk_id;
    token.content = std::string(PieceBytes(data, data.unk_id));
    token.special = true;
    token.markup = true;
    data.added_tokens.push_back(std::move(token));
  }
  return absl::OkStatus();
}

}  // namespace inkling
