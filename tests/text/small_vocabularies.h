// Small vocabularies written by hand, for tests of src/text that need no files.

#ifndef INKLING_TESTS_TEXT_SMALL_VOCABULARIES_H_
#define INKLING_TESTS_TEXT_SMALL_VOCABULARIES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "src/format/tokenizer_data.h"

namespace inkling {

// Appends a piece and returns its id.
inline int32_t AddPiece(TokenizerData& data, const std::string& bytes, PieceType type,
                        float score = 0) {
  if (data.piece_offsets.empty()) data.piece_offsets.push_back(0);
  data.piece_bytes += bytes;
  data.piece_offsets.push_back(static_cast<uint32_t>(data.piece_bytes.size()));
  data.piece_types.push_back(static_cast<uint8_t>(type));
  data.piece_scores.push_back(score);
  return static_cast<int32_t>(data.piece_types.size()) - 1;
}

inline void AddToken(TokenizerData& data, int32_t id, const std::string& content, bool markup) {
  AddedToken token;
  token.id = id;
  token.content = content;
  token.special = markup;
  token.markup = markup;
  data.added_tokens.push_back(std::move(token));
}

// Byte-level BPE: the 256 bytes (id = byte), merges of the letters a to c in several depths, and
// the control tokens <s> and </s> at the end.
inline TokenizerData ByteLevelVocabulary() {
  TokenizerData data;
  data.kind = TokenizerKind::kByteLevelBpe;
  for (int byte = 0; byte < 256; ++byte) {
    AddPiece(data, std::string(1, static_cast<char>(byte)), PieceType::kNormal);
  }
  const auto merge = [&](int32_t left, int32_t right) {
    const auto text = [&](int32_t id) {
      const size_t i = static_cast<size_t>(id);
      return data.piece_bytes.substr(data.piece_offsets[i],
                                     data.piece_offsets[i + 1] - data.piece_offsets[i]);
    };
    const int32_t result = AddPiece(data, text(left) + text(right), PieceType::kNormal);
    data.merges.push_back({left, right, result});
    return result;
  };
  const int32_t ab = merge('a', 'b');
  const int32_t bc = merge('b', 'c');
  const int32_t aa = merge('a', 'a');
  const int32_t abab = merge(ab, ab);
  merge(aa, aa);
  merge(bc, ab);
  merge(' ', 'a');
  merge(abab, 'c');
  merge('c', aa);
  data.bos_id = AddPiece(data, "<s>", PieceType::kControl);
  data.eos_id = AddPiece(data, "</s>", PieceType::kControl);
  AddToken(data, data.bos_id, "<s>", true);
  AddToken(data, data.eos_id, "</s>", true);
  data.piece_scores.clear();
  data.word_splits = {{WordSplit::kSpacedWords, 0}};
  return data;
}

// Characters with byte fallback and escaped spaces: ids 0 <unk>, 1 <s>, 2 </s>, 3 to 258 bytes,
// then U+2581, a, b, U+2581 a, a b.
inline TokenizerData EscapedSpaceVocabulary() {
  TokenizerData data;
  data.kind = TokenizerKind::kCodepointBpe;
  data.unk_id = AddPiece(data, "<unk>", PieceType::kUnknown);
  data.bos_id = AddPiece(data, "<s>", PieceType::kControl);
  data.eos_id = AddPiece(data, "</s>", PieceType::kControl);
  for (int byte = 0; byte < 256; ++byte) {
    AddPiece(data, std::string(1, static_cast<char>(byte)), PieceType::kByte);
  }
  const std::string space = "\xE2\x96\x81";
  const int32_t space_id = AddPiece(data, space, PieceType::kNormal, -3);
  const int32_t a = AddPiece(data, "a", PieceType::kNormal, -4);
  const int32_t b = AddPiece(data, "b", PieceType::kNormal, -5);
  const int32_t space_a = AddPiece(data, space + "a", PieceType::kNormal, -1);
  const int32_t ab = AddPiece(data, "ab", PieceType::kNormal, -2);
  data.merges = {{space_id, a, space_a}, {a, b, ab}};
  data.merge_priority = MergePriority::kResultScore;
  data.byte_fallback = true;
  data.normalizer.escape_spaces = true;
  data.normalizer.space_prefix = SpacePrefix::kFirstSegment;
  data.decoder.byte_runs = ByteRunText::kReplaceEachByte;
  data.decoder.leading_space = LeadingSpace::kStripOne;
  data.decoder.unescape_spaces = true;
  data.decoder.unknown_text = "?";
  AddToken(data, data.bos_id, "<s>", true);
  AddToken(data, data.eos_id, "</s>", true);
  data.add_bos = true;
  return data;
}

}  // namespace inkling

#endif  // INKLING_TESTS_TEXT_SMALL_VOCABULARIES_H_
