// Reading and writing UTF-8, one character at a time.
//
// Used by every file of this room. Ill-formed input never fails: it decodes as U+FFFD with the
// length of the ill-formed part, so that each caller can follow its own rule for replacements.

#ifndef INKLING_SRC_TEXT_UTF8_H_
#define INKLING_SRC_TEXT_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace inkling {

inline constexpr uint32_t kReplacementCharacter = 0xFFFD;
inline constexpr absl::string_view kReplacementText = "\xEF\xBF\xBD";
// U+2581, what a space is written as inside pieces of vocabularies that escape spaces.
inline constexpr absl::string_view kEscapedSpaceText = "\xE2\x96\x81";

// One decoded character.
struct Utf8Char {
  uint32_t codepoint;  // kReplacementCharacter if not well-formed
  uint32_t length;     // bytes; of an ill-formed sequence, its maximal subpart (at least 1)
  bool well_formed;
  bool truncated;  // not well-formed, but more bytes could complete it
};

// Decodes the multi-byte (or ill-formed) character at the front of `text`, which isn't empty.
Utf8Char DecodeLongUtf8(absl::string_view text);

// Decodes the character at the front of `text`, which isn't empty.
inline Utf8Char DecodeUtf8(absl::string_view text) {
  const unsigned char first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1, true, false};
  // Most of what isn't ASCII: two bytes, or three without the restricted second byte of E0 and ED.
  const auto tail = [&](size_t i) { return static_cast<unsigned char>(text[i]) ^ 0x80u; };
  if (first >= 0xC2 && first <= 0xDF && text.size() >= 2 && tail(1) < 0x40) {
    return {(first & 0x1Fu) << 6 | tail(1), 2, true, false};
  }
  if (first >= 0xE1 && first <= 0xEF && first != 0xED && text.size() >= 3 && tail(1) < 0x40 &&
      tail(2) < 0x40) {
    return {(first & 0x0Fu) << 12 | tail(1) << 6 | tail(2), 3, true, false};
  }
  return DecodeLongUtf8(text);
}

// Returns how many bytes at the front of `text` are ASCII.
inline size_t AsciiPrefix(absl::string_view text) {
  size_t pos = 0;
  for (uint64_t word; pos + sizeof(word) <= text.size(); pos += sizeof(word)) {
    std::memcpy(&word, text.data() + pos, sizeof(word));
    if ((word & 0x8080808080808080u) != 0) break;
  }
  while (pos < text.size() && static_cast<unsigned char>(text[pos]) < 0x80) ++pos;
  return pos;
}

// Appends `codepoint`, a Unicode scalar value, to `text`.
void AppendUtf8(uint32_t codepoint, std::string& text);

// Returns how many bytes at the front of `text` are well-formed.
size_t WellFormedPrefix(absl::string_view text);

// Returns the start of the character that ends at `end`; `text` is well-formed, `end` isn't 0.
inline size_t PreviousCharacter(absl::string_view text, size_t end) {
  size_t start = end - 1;
  while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
  return start;
}

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_UTF8_H_
