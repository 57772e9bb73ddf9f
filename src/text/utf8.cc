// Reading and writing UTF-8 (see utf8.h). The only subtle part is the range of the second byte,
// which alone excludes overlong forms, surrogates and values above U+10FFFF.

#include "src/text/utf8.h"

namespace inkling {
namespace {

// The number of bytes a lead byte announces and the allowed range of the byte after it.
struct LeadByte {
  uint32_t length;
  unsigned char second_low;
  unsigned char second_high;
};

LeadByte ClassifyLead(unsigned char lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Utf8Char DecodeLongUtf8(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true, false};
  const LeadByte lead = ClassifyLead(first);
  if (lead.length == 0) return {kReplacementCharacter, 1, false, false};
  uint32_t codepoint = first & (0xFF >> (lead.length + 1));
  for (uint32_t i = 1; i < lead.length; ++i) {
    if (i >= text.size()) return {kReplacementCharacter, i, false, true};
    const unsigned char low = i == 1 ? lead.second_low : 0x80;
    const unsigned char high = i == 1 ? lead.second_high : 0xBF;
    if (byte(i) < low || byte(i) > high) return {kReplacementCharacter, i, false, false};
    codepoint = codepoint << 6 | (byte(i) & 0x3F);
  }
  return {codepoint, lead.length, true, false};
}

void AppendUtf8(uint32_t codepoint, std::string& text) {
  const auto push = [&](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (codepoint < 0x80) {
    push(codepoint);
  } else if (codepoint < 0x800) {
    push(0xC0 | codepoint >> 6);
    push(0x80 | (codepoint & 0x3F));
  } else if (codepoint < 0x10000) {
    push(0xE0 | codepoint >> 12);
    push(0x80 | (codepoint >> 6 & 0x3F));
    push(0x80 | (codepoint & 0x3F));
  } else {
    push(0xF0 | codepoint >> 18);
    push(0x80 | (codepoint >> 12 & 0x3F));
    push(0x80 | (codepoint >> 6 & 0x3F));
    push(0x80 | (codepoint & 0x3F));
  }
}

size_t WellFormedPrefix(absl::string_view text) {
  size_t pos = 0;
  while (true) {
    pos += AsciiPrefix(text.substr(pos));  // most text is mostly ASCII
    if (pos == text.size()) return pos;
    const Utf8Char character = DecodeUtf8(text.substr(pos));
    if (!character.well_formed) return pos;
    pos += character.length;
  }
}

}  // namespace inkling
