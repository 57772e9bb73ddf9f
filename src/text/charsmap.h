// The replacement table that SentencePiece models carry for their normalisation ("nmt_nfkc" and
// others).
//
// It is a double-array trie over UTF-8 strings, whose values are offsets of replacement strings.
// The normalizer asks it at each character; the longest match wins. The table comes from a file, so
// every index is checked: a damaged table is an error when it is opened, or simply doesn't match.

#ifndef INKLING_SRC_TEXT_CHARSMAP_H_
#define INKLING_SRC_TEXT_CHARSMAP_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace inkling {

class CharsMap {
 public:
  struct Replacement {
    size_t length = 0;       // bytes of the text that are replaced; 0: nothing matches
    absl::string_view text;  // what they become; points into this object
  };

  // Reads the table: u32 little-endian bytes of the trie, the trie (u32 units), NUL-ended strings.
  // InvalidArgument if the sizes contradict each other.
  static absl::StatusOr<CharsMap> Create(absl::string_view table);

  // Returns the replacement for the longest known string at the front of `text`. Thread-safe.
  Replacement Find(absl::string_view text) const { return Search(text, false); }

  // The same for the shortest one.
  Replacement FindShortest(absl::string_view text) const { return Search(text, true); }

  // Returns false only if `Find` finds nothing in any text that begins with `front`.
  bool MayConcern(absl::string_view front) const;

 private:
  CharsMap() = default;

  Replacement Search(absl::string_view text, bool shortest) const;

  std::vector<uint32_t> units_;
  std::string strings_;  // ends with NUL
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_CHARSMAP_H_
