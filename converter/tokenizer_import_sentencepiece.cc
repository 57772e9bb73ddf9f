// Reads SentencePiece models: a protocol buffer with the pieces (field 1), the trainer's settings
// (2) and the normaliser's (3). Field numbers are those of sentencepiece_model.proto; only what
// changes the result is read, and what can't be followed exactly is refused by name.

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "converter/piece_list.h"
#include "converter/protobuf_wire.h"
#include "converter/sentencepiece_axes.h"
#include "converter/tokenizer_import.h"

namespace inkling {
namespace {

absl::Status Unsupported(absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat("tokenizer.model: ", what, " is not supported"));
}

// What the trainer's message says beyond the shared settings.
struct TrainerSpec {
  uint64_t model_type = 1;  // 1 unigram, 2 BPE, 3 word, 4 char
  bool whitespace_as_suffix = false;
  std::string bos_piece = "<s>";
  std::string eos_piece = "</s>";
  std::string pad_piece = "<pad>";
};

absl::Status ReadTrainer(absl::string_view message, TrainerSpec& spec,
                         SentencePieceSettings& settings) {
  ProtobufWire wire(message);
  while (wire.Next()) {
    const ProtobufWire::Field& field = wire.field();
    if (field.number == 3) spec.model_type = field.value;
    if (field.number == 24) spec.whitespace_as_suffix = field.value != 0;
    if (field.number == 35) settings.byte_fallback = field.value != 0;
    if (field.number == 44) settings.unknown_text = std::string(field.bytes);
    if (field.number == 46) spec.bos_piece = std::string(field.bytes);
    if (field.number == 47) spec.eos_piece = std::string(field.bytes);
    if (field.number == 48) spec.pad_piece = std::string(field.bytes);
  }
  return wire.status();
}

absl::Status ReadNormalizer(absl::string_view message, SentencePieceSettings& settings) {
  ProtobufWire wire(message);
  while (wire.Next()) {
    const ProtobufWire::Field& field = wire.field();
    if (field.number == 2) settings.charsmap = std::string(field.bytes);
    if (field.number == 3) settings.add_dummy_prefix = field.value != 0;
    if (field.number == 4) settings.remove_extra_whitespaces = field.value != 0;
    if (field.number == 5) settings.escape_whitespaces = field.value != 0;
  }
  return wire.status();
}

absl::Status CheckDenormalizer(absl::string_view message) {
  SentencePieceSettings settings;
  ABSL_RETURN_IF_ERROR(ReadNormalizer(message, settings));
  return settings.charsmap.empty() ? absl::OkStatus() : Unsupported("a denormaliser");
}

absl::Status ReadPiece(absl::string_view message, PieceList& pieces) {
  std::string text;
  float score = 0;
  uint64_t type = 1;
  ProtobufWire wire(message);
  while (wire.Next()) {
    const ProtobufWire::Field& field = wire.field();
    if (field.number == 1) text = std::string(field.bytes);
    if (field.number == 2) score = field.as_float();
    if (field.number == 3) type = field.value;
  }
  if (!wire.status().ok()) return wire.status();
  const int32_t id = pieces.size();
  if (type == static_cast<uint64_t>(PieceType::kUnused)) {
    return Unsupported("a piece of type UNUSED");
  }
  if (text.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("tokenizer.model: piece ", id, " is empty"));
  }
  absl::StatusOr<PieceList::Piece> piece = MakeSentencePiece(std::move(text), score, type);
  if (!piece.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer.model: piece ", id, " ", piece.status().message()));
  }
  return pieces.Set(id, *std::move(piece));
}

void FindIds(const PieceList& pieces, const TrainerSpec& trainer, TokenizerData& data) {
  for (int32_t id = 0; id < pieces.size(); ++id) {
    const PieceList::Piece& piece = pieces[id];
    if (piece.type != PieceType::kControl) continue;
    if (piece.bytes == trainer.bos_piece) data.bos_id = id;
    if (piece.bytes == trainer.eos_piece) data.eos_id = id;
    if (piece.bytes == trainer.pad_piece) data.pad_id = id;
  }
  if (data.eos_id >= 0) data.stop_ids.push_back(data.eos_id);
}

}  // namespace

absl::StatusOr<TokenizerData> ParseSentencePieceModel(absl::string_view bytes) {
  PieceList pieces;
  TrainerSpec trainer;
  SentencePieceSettings settings;
  ProtobufWire wire(bytes);
  while (wire.Next()) {
    const ProtobufWire::Field& field = wire.field();
    absl::Status status;
    if (field.number == 1 && field.is_bytes()) status = ReadPiece(field.bytes, pieces);
    if (field.number == 2 && field.is_bytes()) status = ReadTrainer(field.bytes, trainer, settings);
    if (field.number == 3 && field.is_bytes()) status = ReadNormalizer(field.bytes, settings);
    if (field.number == 5 && field.is_bytes()) status = CheckDenormalizer(field.bytes);
    if (!status.ok()) return status;
  }
  if (!wire.status().ok()) return wire.status();
  if (pieces.size() == 0) {
    return absl::InvalidArgumentError("tokenizer.model: no pieces; not a SentencePiece model?");
  }
  if (trainer.model_type != 1 && trainer.model_type != 2) {
    return Unsupported(absl::StrCat("model_type ", trainer.model_type));
  }
  if (trainer.whitespace_as_suffix) return Unsupported("treat_whitespace_as_suffix");
  if (trainer.model_type == 2) settings.kind = TokenizerKind::kCodepointBpe;
  absl::StatusOr<TokenizerData> data = MakeSentencePieceTokenizer(pieces, settings);
  if (data.ok()) FindIds(pieces, trainer, *data);
  return data;
}

}  // namespace inkling
