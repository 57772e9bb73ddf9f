// Remembers where in the output of the current call a short word was encoded already.
//
// Natural text repeats its words, so most of them cost one look-up and a copy of a few ids. The
// cache belongs to one call of Tokenizer::Encode: no locks, no growth, and nothing of a user's text
// survives.

#ifndef INKLING_SRC_TEXT_WORD_CACHE_H_
#define INKLING_SRC_TEXT_WORD_CACHE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/strings/string_view.h"

namespace inkling {

class WordCache {
 public:
  static constexpr size_t kMaxWordBytes = 23;

  // A word's bytes (padded with zeros, the length in the last byte) and where its ids are.
  struct Entry {
    uint64_t key[3] = {0, 0, 0};  // all zero: empty (a word has at least one byte of length)
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

  // Returns the entry that `word` shares with others, and fills `key` with the word's.
  Entry& EntryFor(absl::string_view word, uint64_t (&key)[3]) {
    char bytes[24] = {};
    std::memcpy(bytes, word.data(), word.size());
    bytes[23] = static_cast<char>(word.size());
    std::memcpy(key, bytes, sizeof(key));
    uint64_t hash = key[0] * 0x9E3779B97F4A7C15u;
    hash = (hash ^ (hash >> 29) ^ key[1]) * 0xBF58476D1CE4E5B9u;
    hash = (hash ^ (hash >> 32) ^ key[2]) * 0x94D049BB133111EBu;
    return entries_[(hash >> 40) & (entries_.size() - 1)];
  }

  static bool Holds(const Entry& entry, const uint64_t (&key)[3]) {
    return entry.key[0] == key[0] && entry.key[1] == key[1] && entry.key[2] == key[2];
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_WORD_CACHE_H_
