// The decoding machine (see piece_text.h). `held_` has two uses that never mix: for byte-level
// kinds an unfinished character, for the others a run of byte pieces.

#include "src/text/piece_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "src/text/pieces.h"
#include "src/text/utf8.h"

namespace inkling {

void PieceText::Emit(absl::string_view characters, std::string& text) {
  if (characters.empty()) return;
  if (at_start_ && table_->data->decoder.leading_space == LeadingSpace::kStripOne &&
      characters.front() == ' ') {
    characters.remove_prefix(1);
  }
  at_start_ = false;
  text.append(characters.data(), characters.size());
}

void PieceText::Feed(int32_t id, std::string& text) {
  const TokenizerData& data = *table_->data;
  const bool hidden = options_.special_tokens == SpecialTokenText::kHide &&
                      table_->special[static_cast<size_t>(id)];
  if (hidden) {
    // SentencePiece ends a run of bytes at a control piece; where runs count as a whole, and for
    // byte-level pieces, hidden tokens are as if they weren't there.
    if (data.decoder.byte_runs == ByteRunText::kReplaceEachByte) {
      EndRun(text);
      first_piece_ = false;
    }
    return;
  }
  const absl::string_view piece = PieceBytes(data, id);
  if (data.kind == TokenizerKind::kByteLevelBpe) {
    FeedBytes(piece, text);
  } else if (TypeOfPiece(data, id) == PieceType::kByte) {
    FeedRunByte(piece[0], text);
  } else if (id == data.unk_id) {
    EndRun(text);
    at_start_ = false;  // its text is what it is, spaces included
    Emit(data.decoder.unknown_text, text);
  } else {
    EndRun(text);
    FeedPiece(piece, text);
  }
  first_piece_ = false;
}

// Writes the characters that `bytes` completes; ill-formed parts become one U+FFFD each.
void PieceText::FeedBytes(absl::string_view bytes, std::string& text) {
  std::string joined;
  if (!held_.empty()) {
    joined = held_;
    joined.append(bytes.data(), bytes.size());
    bytes = joined;
    held_.clear();
  }
  while (!bytes.empty()) {
    const size_t good = WellFormedPrefix(bytes);
    Emit(bytes.substr(0, good), text);
    bytes.remove_prefix(good);
    if (bytes.empty()) return;
    const Utf8Char broken = DecodeUtf8(bytes);
    if (broken.truncated) {
      held_.assign(bytes.data(), bytes.size());
      return;
    }
    Emit(kReplacementText, text);
    bytes.remove_prefix(broken.length);
  }
}

void PieceText::FeedRunByte(char byte, std::string& text) {
  held_.push_back(byte);
  // A whole run is judged at its end; by SentencePiece's rule each character is certain when
  // complete.
  if (table_->data->decoder.byte_runs != ByteRunText::kReplaceEachByte) return;
  at_start_ = false;
  while (!held_.empty()) {
    const Utf8Char next = DecodeUtf8(held_);
    if (next.truncated) return;
    if (next.well_formed) {
      Emit(absl::string_view(held_).substr(0, next.length), text);
      held_.erase(0, next.length);
    } else {
      Emit(kReplacementText, text);
      held_.erase(0, 1);
    }
  }
}

void PieceText::EndRun(std::string& text) {
  if (held_.empty()) return;
  const std::string run = std::move(held_);
  held_.clear();
  const bool all = table_->data->decoder.byte_runs == ByteRunText::kReplaceWholeRun &&
                   WellFormedPrefix(run) == run.size();
  if (all) {
    Emit(run, text);
    return;
  }
  for (size_t i = 0; i < run.size(); ++i) Emit(kReplacementText, text);
}

void PieceText::FeedPiece(absl::string_view piece, std::string& text) {
  const DecoderData& decoder = table_->data->decoder;
  const bool drop_all = decoder.leading_space == LeadingSpace::kStripAllInFirstPiece &&
                        first_piece_ && options_.position == TextPosition::kStart;
  const absl::string_view space = decoder.unescape_spaces ? kEscapedSpaceText : " ";
  if (decoder.leading_space == LeadingSpace::kStripOnePerPiece && at_start_) {
    absl::string_view rest = piece;
    if (absl::StartsWith(rest, space)) rest.remove_prefix(space.size());
    piece = rest;
  }
  while (!piece.empty()) {
    const size_t run = std::min(piece.find(space), piece.size());
    Emit(piece.substr(0, run), text);
    piece.remove_prefix(run);
    if (piece.empty()) return;
    if (!drop_all) Emit(" ", text);
    piece.remove_prefix(space.size());
  }
}

void PieceText::Finish(std::string& text) {
  if (table_->data->kind == TokenizerKind::kByteLevelBpe) {
    if (!held_.empty()) Emit(kReplacementText, text);  // a truncated character is one subpart
    held_.clear();
    return;
  }
  EndRun(text);
}

}  // namespace inkling
