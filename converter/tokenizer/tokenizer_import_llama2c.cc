// Reads llama2.c's tokenizer.bin: int32 length of the longest piece, then for each piece a float32
// score, an int32 length and the bytes. The pieces are a SentencePiece BPE vocabulary with spaces
// written as spaces, bytes as "<0x0A>" at ids 3 to 258, and the beginning and end of sequence at 1
// and 2.

#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "converter/tokenizer/piece_list.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr int32_t kUnknownId = 0, kBeginId = 1, kEndId = 2, kFirstByteId = 3, kFirstTextId = 259;
constexpr uint32_t kMaxPieceBytes = 1 << 16;

absl::Status Damaged(absl::string_view what, size_t offset) {
  return absl::InvalidArgumentError(absl::StrCat("tokenizer.bin: ", what, " at byte ", offset));
}

uint32_t ReadLittleEndian(absl::string_view bytes, size_t offset) {
  uint32_t value = 0;
  for (size_t i = 4; i > 0; --i) {
    value = value << 8 | static_cast<unsigned char>(bytes[offset + i - 1]);
  }
  return value;
}

PieceList::Piece MakePiece(int32_t id, absl::string_view bytes, float score) {
  if (id == kUnknownId) return {"<unk>", PieceType::kUnknown, score};
  if (id == kBeginId) return {"<s>", PieceType::kControl, score};
  if (id == kEndId) return {"</s>", PieceType::kControl, score};
  if (id < kFirstTextId) {
    return {std::string(1, static_cast<char>(id - kFirstByteId)), PieceType::kByte, score};
  }
  return {absl::StrReplaceAll(bytes, {{" ", kEscapedSpaceText}}), PieceType::kNormal, score};
}

}  // namespace

absl::StatusOr<TokenizerData> ParseLlama2cTokenizer(absl::string_view bytes) {
  if (bytes.size() < 4) return Damaged("the header is missing", 0);
  PieceList pieces;
  size_t offset = 4;
  while (offset < bytes.size()) {
    if (bytes.size() - offset < 8) return Damaged("an unfinished piece", offset);
    const uint32_t score_bits = ReadLittleEndian(bytes, offset);
    const uint32_t length = ReadLittleEndian(bytes, offset + 4);
    float score;
    std::memcpy(&score, &score_bits, sizeof(score));
    if (score != score) return Damaged("a score that is not a number", offset);
    offset += 8;
    if (length > kMaxPieceBytes || length > bytes.size() - offset) {
      return Damaged(absl::StrCat("a piece of ", length, " bytes"), offset);
    }
    const int32_t id = pieces.size();
    const absl::string_view piece = bytes.substr(offset, length);
    if (id >= kFirstTextId && WellFormedPrefix(piece) != piece.size()) {
      return Damaged("a piece that is not well-formed UTF-8", offset);
    }
    ABSL_RETURN_IF_ERROR(pieces.Set(id, MakePiece(id, piece, score)));
    offset += length;
  }
  if (pieces.size() < kFirstTextId) {
    return Damaged(
        absl::StrCat("only ", pieces.size(), " pieces, expected at least ", kFirstTextId), offset);
  }
  TokenizerData data;
  data.kind = TokenizerKind::kCodepointBpe;
  data.byte_fallback = true;
  data.fuse_unknown = true;
  data.merge_priority = MergePriority::kResultScore;
  data.normalizer.invalid_utf8 = InvalidUtf8::kReplaceEachByte;
  data.normalizer.escape_spaces = true;
  data.normalizer.space_prefix = SpacePrefix::kFirstSegment;
  data.decoder.byte_runs = ByteRunText::kReplaceEachByte;
  data.decoder.unescape_spaces = true;
  data.decoder.leading_space = LeadingSpace::kStripOne;
  data.decoder.unknown_text = " \xE2\x81\x87 ";
  data.unk_id = kUnknownId;
  data.bos_id = kBeginId;
  data.eos_id = kEndId;
  data.stop_ids = {kBeginId, kEndId};  // llama2.c ends at either
  data.add_bos = true;
  for (int32_t id : {kBeginId, kEndId}) {
    AddedToken token;
    token.id = id;
    token.content = pieces[id].bytes;
    token.special = true;
    token.markup = true;
    data.added_tokens.push_back(std::move(token));
  }
  pieces.WriteScoreMerges(data);
  ABSL_RETURN_IF_ERROR(pieces.Write(data));
  return data;
}

}  // namespace inkling
