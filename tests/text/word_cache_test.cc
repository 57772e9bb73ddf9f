// Keys of words: different words must have different keys, whatever their bytes are.

#include "src/text/word_cache.h"

#include <string>

#include "gtest/gtest.h"

namespace inkling {
namespace {

using Extent = WordCache::Extent;

TEST(WordCache, EveryByteAndTheLengthAreInTheKey) {
  for (size_t size = 1; size <= WordCache::kMaxWordBytes; ++size) {
    std::string word(size, '\0');
    const WordCache::Key zeros = WordCache::KeyOf(word, Extent::kWhole);
    for (char& c : word) {
      c = 1;
      EXPECT_FALSE(WordCache::KeyOf(word, Extent::kWhole) == zeros) << size;
      c = 0;
    }
    EXPECT_TRUE(WordCache::KeyOf(word, Extent::kWhole) == zeros);
    EXPECT_FALSE(WordCache::KeyOf(word, Extent::kPart) == zeros);
    for (size_t other = 1; other < size; ++other) {
      EXPECT_FALSE(WordCache::KeyOf(std::string(other, '\0'), Extent::kWhole) == zeros);
    }
  }
}

TEST(WordCache, FreshEntriesHoldNoWord) {
  WordCache cache(1 << 20);
  const WordCache::Key key = WordCache::KeyOf(std::string(1, '\0'), Extent::kWhole);
  ASSERT_TRUE(cache.Accepts("a"));
  EXPECT_FALSE(cache.EntryFor(key).key == key);
  EXPECT_FALSE(cache.Accepts(std::string(WordCache::kMaxWordBytes + 1, 'a')));
  EXPECT_FALSE(WordCache(100).Accepts("a"));  // a short text has no cache
}

}  // namespace
}  // namespace inkling
