// The trie against a sorted map of the same strings.

#include "src/text/byte_trie.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace inkling {
namespace {

ByteTrie::Match LongestInMap(const std::map<std::string, int32_t>& strings,
                             const std::string& text) {
  for (size_t length = text.size(); length > 0; --length) {
    const auto found = strings.find(text.substr(0, length));
    if (found != strings.end()) return {found->second, length};
  }
  return {};
}

std::string RandomBytes(std::mt19937& random, size_t max_length, uint32_t alphabet) {
  std::string text;
  for (size_t length = 1 + random() % max_length; length > 0; --length) {
    text.push_back(static_cast<char>(random() % alphabet * 37));
  }
  return text;
}

TEST(ByteTrie, FindsTheLongestOfManyStrings) {
  std::mt19937 random(3);
  for (const uint32_t alphabet : {2u, 5u, 256u}) {
    std::map<std::string, int32_t> strings;
    std::vector<ByteTrie::Entry> entries;
    for (int i = 0; i < 3000; ++i) {
      const std::string text = RandomBytes(random, 6, alphabet);
      const auto [entry, is_new] = strings.insert_or_assign(text, i);
      entries.emplace_back(entry->first, i);  // a string that occurs twice has its last value
    }
    const ByteTrie trie(entries);
    for (int i = 0; i < 20000; ++i) {
      const std::string text = RandomBytes(random, 9, alphabet);
      const ByteTrie::Match found = trie.Longest(text);
      const ByteTrie::Match expected = LongestInMap(strings, text);
      ASSERT_EQ(found.value, expected.value) << text;
      ASSERT_EQ(found.length, expected.length) << text;
    }
  }
}

TEST(ByteTrie, EmptyOneFindsNothing) {
  const ByteTrie trie(std::vector<ByteTrie::Entry>{{"", 4}});
  EXPECT_TRUE(trie.empty());
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_FALSE(trie.CanBegin(static_cast<unsigned char>(byte)));
    EXPECT_EQ(trie.Step(ByteTrie::kRoot, static_cast<unsigned char>(byte)), ByteTrie::kNoNode);
  }
  EXPECT_EQ(trie.Longest("abc").value, -1);
}

TEST(ByteTrie, KeepsValuesUpToTheLargest) {
  const ByteTrie trie({{"a", 0}, {"ab", ByteTrie::kMaxValue}});
  EXPECT_EQ(trie.Longest("ab").value, ByteTrie::kMaxValue);
  EXPECT_EQ(trie.Longest("ac").value, 0);
  EXPECT_EQ(trie.Longest("ac").length, 1u);
  // Nothing goes on behind the end of a string.
  const uint32_t end = trie.Step(trie.Step(ByteTrie::kRoot, 'a'), 'b');
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(trie.Step(end, static_cast<unsigned char>(byte)), ByteTrie::kNoNode);
  }
}

}  // namespace
}  // namespace inkling
