// What a SentencePiece model (tokenizer.model) holds, before anything is made of it: a protocol
// buffer with the pieces (field 1), the trainer's settings (2) and the normaliser's (3).
//
// tokenizer_import_sentencepiece.cc makes what SentencePiece itself does of it,
// sentencepiece_tree.h what transformers' tokenizer classes do. Field numbers are those of
// sentencepiece_model.proto; only what changes a result is read.

#ifndef INKLING_CONVERTER_TOKENIZER_SENTENCEPIECE_FILE_H_
#define INKLING_CONVERTER_TOKENIZER_SENTENCEPIECE_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace inkling {

struct SentencePieceFile {
  struct Piece {
    std::string text;
    float score = 0;
    uint64_t type = 1;  // numbered as PieceType is
  };

  std::vector<Piece> pieces;

  // The trainer's message.
  uint64_t model_type = 1;  // 1 unigram, 2 BPE, 3 word, 4 char
  bool whitespace_as_suffix = false;
  bool byte_fallback = false;
  int32_t unk_id = 0;
  int32_t bos_id = 1;  // -1: none
  int32_t eos_id = 2;
  std::string unk_piece = "<unk>";
  std::string bos_piece = "<s>";
  std::string eos_piece = "</s>";
  std::string pad_piece = "<pad>";
  std::string unknown_text = " \xE2\x81\x87 ";

  // The normaliser's message.
  std::string charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;

  bool has_denormalizer = false;
};

// Errors: InvalidArgument for a damaged message, one without pieces, or an empty piece.
absl::StatusOr<SentencePieceFile> ReadSentencePieceFile(absl::string_view bytes);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_SENTENCEPIECE_FILE_H_
