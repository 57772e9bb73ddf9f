// Remembers where in the output of the current call a short word was encoded already.
//
// Natural text repeats its words, so most of them cost one look-up and a copy of a few ids. The
// cache belongs to one call of Tokenizer::Encode: no locks, no growth, and nothing of a user's text
// survives.

#ifndef INKLING_SRC_TEXT_WORD_CACHE_H_
#define INKLING_SRC_TEXT_WORD_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/strings/string_view.h"

namespace inkling {

class WordCache {
 public:
  static constexpr size_t kMaxWordBytes = 24;

  // Whether a word stood between two cuts of the pre-tokenizer, or is a part of such a word: where
  // whole words are looked up first, their ids may differ.
  enum class Extent : uint16_t { kWhole = 0, kPart = 0x100 };

  // What tells words apart: together with the length, three overlapping loads have all bytes.
  struct Key {
    uint64_t bytes[3];
    uint16_t length_and_extent;  // never 0

    bool operator==(const Key& other) const {
      return bytes[0] == other.bytes[0] && bytes[1] == other.bytes[1] &&
             bytes[2] == other.bytes[2] && length_and_extent == other.length_and_extent;
    }
  };

  // A word and where its ids are; length_and_extent 0: empty.
  struct Entry {
    Key key = {{0, 0, 0}, 0};
    uint32_t first_id = 0;
    uint32_t num_ids = 0;
  };

  // Makes a cache fit for a text of this size: none at all for a short one.
  explicit WordCache(size_t text_bytes) {
    if (text_bytes < 512) return;
    size_t slots = 256;
    while (slots < 8192 && slots * 64 < text_bytes) slots *= 2;
    entries_.resize(slots);
  }

  bool Accepts(absl::string_view word) const {
    return !entries_.empty() && word.size() <= kMaxWordBytes;
  }

  // Returns the key of an accepted word, which isn't empty.
  static Key KeyOf(absl::string_view word, Extent extent) {
    const size_t size = word.size();
    Key key = {{0, 0, 0}, static_cast<uint16_t>(size | static_cast<uint16_t>(extent))};
    if (size >= 8) {
      key.bytes[0] = Load<uint64_t>(word, 0);
      key.bytes[1] = Load<uint64_t>(word, size - 8);
      if (size > 16) key.bytes[2] = Load<uint64_t>(word, 8);
    } else if (size >= 4) {
      key.bytes[0] = Load<uint32_t>(word, 0);
      key.bytes[1] = Load<uint32_t>(word, size - 4);
    } else {
      key.bytes[0] = Load<uint8_t>(word, 0);
      key.bytes[1] =
          static_cast<uint64_t>(Load<uint8_t>(word, size / 2)) << 8 | Load<uint8_t>(word, size - 1);
    }
    return key;
  }

  // Returns the entry that words with this key share with others.
  Entry& EntryFor(const Key& key) {
    uint64_t hash = (key.bytes[0] ^ key.length_and_extent) * 0x9E3779B97F4A7C15u;
    hash = (hash ^ (hash >> 29) ^ key.bytes[1]) * 0xBF58476D1CE4E5B9u;
    hash = (hash ^ (hash >> 32) ^ key.bytes[2]) * 0x94D049BB133111EBu;
    return entries_[(hash >> 40) & (entries_.size() - 1)];
  }

 private:
  template <typename Number>
  static Number Load(absl::string_view word, size_t pos) {
    Number number;
    std::memcpy(&number, word.data() + pos, sizeof(number));
    return number;
  }

  std::vector<Entry> entries_;
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_WORD_CACHE_H_
