// Walking the messages of a SentencePiece model (see sentencepiece_file.h).

#include "converter/tokenizer/sentencepiece_file.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "converter/files/protobuf_wire.h"

namespace inkling {
namespace {

absl::Status ReadTrainer(absl::string_view message, SentencePieceFile& file) {
  ProtobufWire wire(message);
  while (wire.Next()) {
    const ProtobufWire::Field& field = wire.field();
    if (field.number == 3) file.model_type = field.value;
    if (field.number == 24) file.whitespace_as_suffix = field.value != 0;
    if (field.number == 35) file.byte_fallback = field.value != 0;
    if (field.number == 40) file.unk_id = static_cast<int32_t>(field.value);
    if (field.number == 41) file.bos_id = static_cast<int32_t>(field.value);
    if (field.number == 42) file.eos_id = static_cast<int32_t>(field.value);
    if (field.number == 44) file.unknown_text = std::string(field.bytes);
    if (field.number == 45) file.unk_piece = std::string(field.bytes);
    if (field.number == 46) file.bos_piece = std::string(field.bytes);
    if (field.number == 47) file.eos_piece = std::string(field.bytes);
    if (field.number == 48) file.pad_piece = std::string(field.bytes);
  }
  return wire.status();
}

absl::Status ReadNormalizer(absl::string_view message, SentencePieceFile& file) {
  ProtobufWire wire(message);
  while (wire.Next()) {
    const ProtobufWire::Field& field = wire.field();
    if (field.number == 2) file.charsmap = std::string(field.bytes);
    if (field.number == 3) file.add_dummy_prefix = field.value != 0;
    if (field.number == 4) file.remove_extra_whitespaces = field.value != 0;
    if (field.number == 5) file.escape_whitespaces = field.value != 0;
  }
  return wire.status();
}

absl::Status ReadDenormalizer(absl::string_view message, SentencePieceFile& file) {
  SentencePieceFile settings;
  ABSL_RETURN_IF_ERROR(ReadNormalizer(message, settings));
  file.has_denormalizer = !settings.charsmap.empty();
  return absl::OkStatus();
}

absl::Status ReadPiece(absl::string_view message, SentencePieceFile& file) {
  SentencePieceFile::Piece piece;
  ProtobufWire wire(message);
  while (wire.Next()) {
    const ProtobufWire::Field& field = wire.field();
    if (field.number == 1) piece.text = std::string(field.bytes);
    if (field.number == 2) piece.score = field.as_float();
    if (field.number == 3) piece.type = field.value;
  }
  ABSL_RETURN_IF_ERROR(wire.status());
  if (piece.text.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer.model: piece ", file.pieces.size(), " is empty"));
  }
  file.pieces.push_back(std::move(piece));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SentencePieceFile> ReadSentencePieceFile(absl::string_view bytes) {
  SentencePieceFile file;
  ProtobufWire wire(bytes);
  while (wire.Next()) {
    const ProtobufWire::Field& field = wire.field();
    absl::Status status;
    if (field.number == 1 && field.is_bytes()) status = ReadPiece(field.bytes, file);
    if (field.number == 2 && field.is_bytes()) status = ReadTrainer(field.bytes, file);
    if (field.number == 3 && field.is_bytes()) status = ReadNormalizer(field.bytes, file);
    if (field.number == 5 && field.is_bytes()) status = ReadDenormalizer(field.bytes, file);
    ABSL_RETURN_IF_ERROR(status);
  }
  ABSL_RETURN_IF_ERROR(wire.status());
  if (file.pieces.empty()) {
    return absl::InvalidArgumentError("tokenizer.model: no pieces; not a SentencePiece model?");
  }
  return file;
}

}  // namespace inkling
