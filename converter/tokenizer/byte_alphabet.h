// ByteAlphabet: the characters that byte-level vocabularies write bytes in.
//
// Source: GPT-2's encoder.py (bytes_to_unicode). Printable Latin-1 characters stand for themselves,
// the other bytes follow from U+0100 on in order.

#ifndef INKLING_CONVERTER_TOKENIZER_BYTE_ALPHABET_H_
#define INKLING_CONVERTER_TOKENIZER_BYTE_ALPHABET_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace inkling {

class ByteAlphabet {
 public:
  ByteAlphabet();

  // The byte that a character stands for; -1 for one outside.
  int ByteOf(uint32_t codepoint) const;

  // Sets `bytes` to those that `text` stands for. False, and `bytes` as it was, if a character lies
  // outside.
  bool Translate(absl::string_view text, std::string& bytes) const;

 private:
  absl::flat_hash_map<uint32_t, uint8_t> bytes_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_BYTE_ALPHABET_H_
