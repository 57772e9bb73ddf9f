// Characters of the byte-level alphabet to bytes (see byte_alphabet.h).

#include "converter/tokenizer/byte_alphabet.h"

#include <cstddef>
#include <utility>

#include "src/text/utf8.h"

namespace inkling {

ByteAlphabet::ByteAlphabet() {
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    bytes_[printable ? byte : next++] = static_cast<uint8_t>(byte);
  }
}

int ByteAlphabet::ByteOf(uint32_t codepoint) const {
  const auto found = bytes_.find(codepoint);
  return found == bytes_.end() ? -1 : int{found->second};
}

bool ByteAlphabet::Translate(absl::string_view text, std::string& bytes) const {
  std::string translated;
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char character = DecodeUtf8(text.substr(pos));
    const int byte = ByteOf(character.codepoint);
    if (byte < 0) return false;
    translated.push_back(static_cast<char>(byte));
    pos += character.length;
  }
  bytes = std::move(translated);
  return true;
}

}  // namespace inkling
