// Turns ids back into text, one id at a time, without ever splitting a character.
//
// `Tokenizer::Decode` and `StreamDecoder` are the same machine fed differently, so that what is
// streamed is what decoding the whole gives, by construction.

#ifndef INKLING_SRC_TEXT_PIECE_TEXT_H_
#define INKLING_SRC_TEXT_PIECE_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"
#include "src/text/normalizer.h"

namespace inkling {

// Whether decoding shows special tokens (end of turn, ...) as text.
enum class SpecialTokenText { kHide, kShow };

struct DecodeOptions {
  SpecialTokenText special_tokens = SpecialTokenText::kHide;
  // kStart drops the space that the vocabulary puts in front of every text; kContinuation keeps it,
  // as is right for text that follows other text (the answer to a prompt).
  TextPosition position = TextPosition::kStart;
};

// What decoding must know of each piece; made once by the tokenizer.
struct PieceTextTable {
  const TokenizerData* data = nullptr;
  std::vector<bool> special;  // [pieces]
};

class PieceText {
 public:
  // `table` must outlive this.
  PieceText(const PieceTextTable* table, DecodeOptions options)
      : table_(table), options_(options), at_start_(options.position == TextPosition::kStart) {}

  // Appends to `text` what became certain by `id`, which must be a piece's.
  void Feed(int32_t id, std::string& text);

  // Appends what was held back; incomplete characters become U+FFFD.
  void Finish(std::string& text);

 private:
  void FeedBytes(absl::string_view bytes, std::string& text);
  void FeedRunByte(char byte, std::string& text);
  void FeedPiece(absl::string_view piece, std::string& text);
  void EndRun(std::string& text);
  void Emit(absl::string_view characters, std::string& text);

  const PieceTextTable* table_;
  DecodeOptions options_;
  std::string held_;  // bytes that may still become a character
  bool at_start_;     // nothing was written yet and leading spaces still count
  bool first_piece_ = true;
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_PIECE_TEXT_H_
