// Finds added tokens ("<|end|>", runs of spaces, ...) in text, before anything else happens to it.
//
// The tokenizer has one for the text as given and one for normalised text. Tokens that are markup
// are found only inside the ranges that the caller declared to be markup: text of users stays text.

#ifndef INKLING_SRC_TEXT_ADDED_TOKEN_SPLITTER_H_
#define INKLING_SRC_TEXT_ADDED_TOKEN_SPLITTER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/format/tokenizer_data.h"
#include "src/text/byte_trie.h"

namespace inkling {

// Bytes [begin, end) of a text.
struct TextRange {
  size_t begin = 0;
  size_t end = 0;
};

class AddedTokenSplitter {
 public:
  struct Found {
    int32_t id = -1;  // -1: no more tokens
    TextRange token;  // what was found, without the white space that it swallows
    // With it; empty if the token before swallowed all of it: then it doesn't count.
    TextRange covers;
  };

  AddedTokenSplitter() = default;
  explicit AddedTokenSplitter(std::vector<AddedToken> tokens);

  bool empty() const { return trie_.empty(); }

  // Returns the first (then longest) token of `text` at or behind `from`; white space before
  // `floor` is not swallowed again. A single_word token beside a word character doesn't count, nor
  // does what lies inside it. `markup` is sorted and without overlaps. Thread-safe.
  Found Next(absl::string_view text, size_t from, size_t floor,
             absl::Span<const TextRange> markup) const;

 private:
  std::vector<AddedToken> tokens_;
  ByteTrie trie_;  // values are indices into tokens_
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_ADDED_TOKEN_SPLITTER_H_
