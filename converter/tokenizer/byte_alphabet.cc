// The alphabet as a table by character, made by the compiler.

#include "converter/tokenizer/byte_alphabet.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr uint32_t kNumCharacters = 0x100 + 68;  // 68 bytes aren't printable in Latin-1

constexpr std::array<int16_t, kNumCharacters> MakeTable() {
  std::array<int16_t, kNumCharacters> table = {};
  table.fill(-1);
  uint32_t next = 0x100;
  for (int16_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    table[printable ? static_cast<uint32_t>(byte) : next++] = byte;
  }
  return table;
}
constexpr std::array<int16_t, kNumCharacters> kByteOfCharacter = MakeTable();

}  // namespace

int ByteOfCharacter(uint32_t codepoint) {
  return codepoint < kNumCharacters ? kByteOfCharacter[codepoint] : -1;
}

bool BytesOfCharacters(absl::string_view text, std::string& bytes) {
  std::string translated;
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Char character = DecodeUtf8(text.substr(pos));
    const int byte = ByteOfCharacter(character.codepoint);
    if (byte < 0) return false;
    translated.push_back(static_cast<char>(byte));
    pos += character.length;
  }
  bytes = std::move(translated);
  return true;
}

}  // namespace inkling
