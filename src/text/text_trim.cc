// Trimming character by character from both ends (see text_trim.h).

#include "src/text/text_trim.h"

#include <cstddef>
#include <cstdint>

#include "src/text/unicode.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

bool IsTrimmed(uint32_t codepoint, TrimmedCharacters characters) {
  if (characters == TrimmedCharacters::kNewlines) return codepoint == '\n';
  return ClassOf(codepoint) == CharClass::kSpace || (codepoint >= 0x1C && codepoint <= 0x1F);
}

}  // namespace

absl::string_view Trim(absl::string_view text, TextTrim trim, TrimmedCharacters characters) {
  const bool both = trim == TextTrim::kBothEnds;
  while ((both || trim == TextTrim::kBegin) && !text.empty()) {
    const Utf8Char first = DecodeUtf8(text);
    if (!IsTrimmed(first.codepoint, characters)) break;
    text.remove_prefix(first.length);
  }
  while ((both || trim == TextTrim::kEnd) && !text.empty()) {
    const size_t begin = PreviousCharacter(text, text.size());
    if (!IsTrimmed(DecodeUtf8(text.substr(begin)).codepoint, characters)) break;
    text = text.substr(0, begin);
  }
  return text;
}

}  // namespace inkling
