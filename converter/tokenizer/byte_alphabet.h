// The characters that byte-level vocabularies write bytes in.
//
// Source: GPT-2's encoder.py (bytes_to_unicode). Printable Latin-1 characters stand for themselves,
// the other bytes follow from U+0100 on in order.

#ifndef INKLING_CONVERTER_TOKENIZER_BYTE_ALPHABET_H_
#define INKLING_CONVERTER_TOKENIZER_BYTE_ALPHABET_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace inkling {

// The byte that a character of the alphabet stands for; -1 for any other character.
int ByteOfCharacter(uint32_t codepoint);

// Sets `bytes` to those that the characters of `text` stand for. False, and `bytes` as it was, if
// one isn't of the alphabet.
bool BytesOfCharacters(absl::string_view text, std::string& bytes);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_BYTE_ALPHABET_H_
