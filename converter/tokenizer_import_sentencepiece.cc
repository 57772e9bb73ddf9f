// Reads SentencePiece models: a protocol buffer with the pieces (field 1), the trainer's settings
// (2) and the normaliser's (3). Field numbers are those of sentencepiece_model.proto; only what
// changes the result is read, and what can't be followed exactly is refused by name.

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "converter/piece_list.h"
#include "converter/protobuf_wire.h"
#include "converter/tokenizer_import.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

absl::Status Unsupported(absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat("tokenizer.model: ", what, " is not supported"));
}

struct TrainerSpec {
  uint64_t model_type = 1;  // 1 unigram, 2 BPE, 3 word, 4 char
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  std::string unk_surface = " \xE2\x81\x87 ";
  std::string bos_piece = "<s>";
  std::string eos_piece = "</s>";
  std::string pad_piece = "<pad>";
};

struct NormalizerSpec {
  std::string charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

absl::Status ReadTrainer(absl::string_view message, TrainerSpec& spec) {
  ProtobufWire wire(message);
  while (wire.Next()) {
    const ProtobufWire::Field& field = wire.field();
    if (field.number == 3) spec.model_type = field.value;
    if (field.number == 24) spec.whitespace_as_suffix = field.value != 0;
    if (field.number == 35) spec.byte_fallback = field.value != 0;
    if (field.number == 44) spec.unk_surface = std::string(field.bytes);
    if (field.number == 46) spec.bos_piece = std::string(field.bytes);
    if (field.number == 47) spec.eos_piece = std::string(field.bytes);
    if (field.number == 48) spec.pad_piece = std::string(field.bytes);
  }
  return wire.status();
}

absl::Status ReadNormalizer(absl::string_view message, NormalizerSpec& spec) {
  ProtobufWire wire(message);
  while (wire.Next()) {
    const ProtobufWire::Field& field = wire.field();
    if (field.number == 2) spec.charsmap = std::string(field.bytes);
    if (field.number == 3) spec.add_dummy_prefix = field.value != 0;
    if (field.number == 4) spec.remove_extra_whitespaces = field.value != 0;
    if (field.number == 5) spec.escape_whitespaces = field.value != 0;
  }
  return wire.status();
}

absl::Status CheckDenormalizer(absl::string_view message) {
  NormalizerSpec spec;
  const absl::Status status = ReadNormalizer(message, spec);
  if (!status.ok()) return status;
  return spec.charsmap.empty() ? absl::OkStatus() : Unsupported("a denormaliser");
}

absl::Status ReadPiece(absl::string_view message, PieceList& pieces) {
  PieceList::Piece piece{"", PieceType::kNormal, 0};
  ProtobufWire wire(message);
  uint64_t type = 1;
  while (wire.Next()) {
    const ProtobufWire::Field& field = wire.field();
    if (field.number == 1) piece.bytes = std::string(field.bytes);
    if (field.number == 2) piece.score = field.as_float();
    if (field.number == 3) type = field.value;
  }
  if (!wire.status().ok()) return wire.status();
  const int32_t id = pieces.size();
  const bool has_score = piece.score == piece.score;
  if (type < 1 || type > 6 || piece.bytes.empty() || !has_score) {
    return absl::InvalidArgumentError(absl::StrCat("tokenizer.model: piece ", id, " has type ",
                                                   type, ", score ", piece.score, " and ",
                                                   piece.bytes.size(), " bytes"));
  }
  piece.type = static_cast<PieceType>(type);
  if (piece.type == PieceType::kUnused) return Unsupported("a piece of type UNUSED");
  if (piece.type == PieceType::kByte) {
    // Written "<0x0A>" in the model; here the byte itself.
    uint32_t byte = 0;
    const bool framed =
        piece.bytes.size() == 6 && piece.bytes.rfind("<0x", 0) == 0 && piece.bytes.back() == '>';
    if (!framed || !absl::SimpleHexAtoi(piece.bytes.substr(3, 2), &byte)) {
      return absl::InvalidArgumentError(
          absl::StrCat("tokenizer.model: byte piece ", id, " is '", piece.bytes, "'"));
    }
    piece.bytes = std::string(1, static_cast<char>(byte));
  } else if (WellFormedPrefix(piece.bytes) != piece.bytes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer.model: piece ", id, " is not well-formed UTF-8"));
  }
  return pieces.Set(id, std::move(piece));
}

void AddControlIds(const PieceList& pieces, const TrainerSpec& trainer, TokenizerData& data) {
  for (int32_t id = 0; id < pieces.size(); ++id) {
    const PieceList::Piece& piece = pieces[id];
    if (piece.type == PieceType::kUnknown) data.unk_id = id;
    if (piece.type == PieceType::kUserDefined && data.kind == TokenizerKind::kCodepointBpe) {
      AddedToken token;
      token.id = id;
      token.content = piece.bytes;
      token.match_normalized = true;
      data.added_tokens.push_back(std::move(token));
    }
    if (piece.type != PieceType::kControl) continue;
    AddedToken token;
    token.id = id;
    token.content = piece.bytes;
    token.special = true;
    token.markup = true;
    data.added_tokens.push_back(std::move(token));
    if (piece.bytes == trainer.bos_piece) data.bos_id = id;
    if (piece.bytes == trainer.eos_piece) data.eos_id = id;
    if (piece.bytes == trainer.pad_piece) data.pad_id = id;
  }
  if (data.eos_id >= 0) data.stop_ids.push_back(data.eos_id);
}

void SetNormalizer(const NormalizerSpec& spec, TokenizerData& data) {
  NormalizerData& normalizer = data.normalizer;
  normalizer.invalid_utf8 = InvalidUtf8::kReplaceEachByte;
  if (!spec.charsmap.empty()) {
    normalizer.unicode_form = UnicodeForm::kCharsMap;
    normalizer.charsmap = spec.charsmap;
  }
  normalizer.remove_extra_whitespaces = spec.remove_extra_whitespaces;
  normalizer.escape_spaces = spec.escape_whitespaces;
  normalizer.space_prefix = spec.add_dummy_prefix ? SpacePrefix::kFirstSegment : SpacePrefix::kNone;
  data.decoder.byte_runs = ByteRunText::kReplaceEachByte;
  data.decoder.unescape_spaces = true;
  data.decoder.leading_space = LeadingSpace::kKeep;
  if (spec.add_dummy_prefix) data.decoder.leading_space = LeadingSpace::kStripOne;
  if (spec.remove_extra_whitespaces) {
    data.decoder.leading_space = LeadingSpace::kStripOnePerPiece;
  }
}

}  // namespace

absl::StatusOr<TokenizerData> ParseSentencePieceModel(absl::string_view bytes) {
  PieceList pieces;
  TrainerSpec trainer;
  NormalizerSpec normalizer;
  ProtobufWire wire(bytes);
  while (wire.Next()) {
    const ProtobufWire::Field& field = wire.field();
    absl::Status status;
    if (field.number == 1 && field.is_bytes()) status = ReadPiece(field.bytes, pieces);
    if (field.number == 2 && field.is_bytes()) status = ReadTrainer(field.bytes, trainer);
    if (field.number == 3 && field.is_bytes()) status = ReadNormalizer(field.bytes, normalizer);
    if (field.number == 5 && field.is_bytes()) status = CheckDenormalizer(field.bytes);
    if (!status.ok()) return status;
  }
  if (!wire.status().ok()) return wire.status();
  if (pieces.size() == 0) {
    return absl::InvalidArgumentError("tokenizer.model: no pieces; not a SentencePiece model?");
  }
  TokenizerData data;
  if (trainer.model_type == 1) {
    data.kind = TokenizerKind::kUnigram;
  } else if (trainer.model_type == 2) {
    data.kind = TokenizerKind::kCodepointBpe;
  } else {
    return Unsupported(absl::StrCat("model_type ", trainer.model_type));
  }
  if (trainer.whitespace_as_suffix) return Unsupported("treat_whitespace_as_suffix");
  data.byte_fallback = trainer.byte_fallback;
  data.fuse_unknown = true;
  data.merge_priority = MergePriority::kResultScore;
  SetNormalizer(normalizer, data);
  data.decoder.unknown_text = trainer.unk_surface;
  AddControlIds(pieces, trainer, data);
  if (data.kind == TokenizerKind::kCodepointBpe) pieces.WriteScoreMerges(data);
  const absl::Status written = pieces.Write(data);
  if (!written.ok()) return written;
  return data;
}

}  // namespace inkling
