// What makes a tokenizer of SentencePiece's pieces and settings, whatever file they came from.
//
// The readers of tokenizer.model and of GGUF files share it.

#ifndef INKLING_CONVERTER_TOKENIZER_SENTENCEPIECE_AXES_H_
#define INKLING_CONVERTER_TOKENIZER_SENTENCEPIECE_AXES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "converter/tokenizer/piece_list.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

// Settings of a model, with the defaults that its format gives them.
struct SentencePieceSettings {
  TokenizerKind kind = TokenizerKind::kUnigram;
  bool byte_fallback = false;
  std::string unknown_text = " \xE2\x81\x87 ";
  std::string charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

// A piece as such files have it: text, with bytes written "<0x0A>", and a type numbered as
// PieceType is. Errors: InvalidArgument for a type out of range, a byte piece of another form, text
// that isn't UTF-8, a score that is no number.
absl::StatusOr<PieceList::Piece> MakeSentencePiece(std::string text, float score, uint64_t type);

// Control pieces become markup, user-defined pieces of BPE vocabularies added tokens. Ids other
// than unk_id are left to the caller.
absl::StatusOr<TokenizerData> MakeSentencePieceTokenizer(const PieceList& pieces,
                                                         const SentencePieceSettings& settings);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_SENTENCEPIECE_AXES_H_
