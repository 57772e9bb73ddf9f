// What happens to text before it is cut into pieces: ill-formed bytes, Unicode form, spaces.
//
// The tokenizer owns one and runs it on each segment between added tokens. The axes are data
// (`NormalizerData`); the order is fixed: Unicode form, extra spaces, prefix, escaping of spaces.

#ifndef INKLING_SRC_TEXT_NORMALIZER_H_
#define INKLING_SRC_TEXT_NORMALIZER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"
#include "src/text/byte_trie.h"
#include "src/text/charsmap.h"

namespace inkling {

// Whether a segment stands at the very beginning or behind something.
enum class TextPosition { kStart, kContinuation };

class Normalizer {
 public:
  // Makes a normaliser. Strings in `kept` are never changed by the Unicode form (SentencePiece's
  // rule for user-defined pieces). InvalidArgument if an axis has an unknown value or the table is
  // damaged.
  static absl::StatusOr<Normalizer> Create(const NormalizerData& data, ByteTrie kept);

  // Returns `text` with ill-formed UTF-8 replaced, or `text` itself if there is nothing to replace;
  // `storage` holds the copy that the result then points to. Where SentencePiece's table of
  // replacements is used as SentencePiece does (kCharsMap), `Normalize` repairs instead.
  absl::string_view Repair(absl::string_view text, std::string& storage) const;

  // Returns one segment of repaired text normalised, well-formed, in `storage` or `text` itself.
  // Thread-safe.
  absl::string_view Normalize(absl::string_view text, TextPosition position,
                              std::string& storage) const;

 private:
  Normalizer(const NormalizerData& data, ByteTrie kept) : data_(data), kept_(std::move(kept)) {}

  void FindPlainPairs();
  size_t PlainPrefix(absl::string_view text) const;
  std::string ApplyCharsMap(absl::string_view text) const;
  std::string ApplyClusterMap(absl::string_view text) const;
  bool WantsPrefix(absl::string_view text, TextPosition position) const;

  NormalizerData data_;
  ByteTrie kept_;
  std::optional<CharsMap> charsmap_;
  // [128] sets of 128 bits: before which ASCII characters an ASCII character stays as it is.
  std::array<std::array<uint64_t, 2>, 128> plain_pairs_{};
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_NORMALIZER_H_
