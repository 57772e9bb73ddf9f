// ContentHash against values that the program of another build of xxHash prints, and in pieces.

#include "src/format/content_hash.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace inkling {
namespace {

absl::Span<const std::byte> Bytes(absl::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// Byte i is 37 * i.
std::string Pattern(size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) text += static_cast<char>(37 * i);
  return text;
}

std::string HashOf(absl::string_view text) {
  ContentHash hash;
  hash.Add(Bytes(text));
  return HexDigits(hash.Digest());
}

// What `xxh128sum` of xxHash 0.8.1 prints for files with these bytes. XXH3 computes up to 16, 128
// and 240 bytes and anything longer in different ways, and the longest in blocks of 1024.
TEST(ContentHashTest, EqualsTheReference) {
  EXPECT_EQ(HashOf(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(HashOf("hello"), "b5e9c1ad071b3e7fc779cfaa5e523818");
  EXPECT_EQ(HashOf("The quick brown fox jumps over the lazy dog"),
            "ddd650205ca3e7fa24a1cc2e3a8a7651");
  const std::pair<size_t, const char*> vectors[] = {
      {1, "a6cd5e9392000f6ac44bdff4074eecdb"},     {4, "56ef8d1efcac674922790c3dd8e46ba9"},
      {9, "617662d3f10f7324542b7806fc157d71"},     {17, "5df8d3eeee946b25aed6840551d2a0ef"},
      {100, "3cf8d44c9d8993f88832c51ce4ad3fed"},   {129, "e136373cf1658c6462deb697300bb645"},
      {200, "f808725b8f7d3f45239b52c22195cbbb"},   {240, "7d91a794bb5664f2111edb7cf807acdc"},
      {241, "6a863f0fe3684fc68a70955e58ec2034"},   {256, "eb655818affe845da37fd471fbead12a"},
      {1000, "cbdf5b7da41adca6eb57edfe005b5ca3"},  {1024, "0124035e77df5e52f021d720339d4817"},
      {1025, "974f592160be4826043843ba9a525e29"},  {5000, "07ce670b8ac9701a8bc9a3f201747476"},
      {100000, "aa35c5e450562cbbba99d388c25955dd"}};
  for (const auto& [size, hash] : vectors) EXPECT_EQ(HashOf(Pattern(size)), hash) << size;
}

TEST(ContentHashTest, PiecesDontMatter) {
  const std::string text = Pattern(100);
  for (size_t first = 0; first <= 40; ++first) {
    for (size_t second = first; second <= 60; ++second) {
      ContentHash hash;
      hash.Add(Bytes(text).subspan(0, first));
      hash.Add(Bytes(text).subspan(first, second - first));
      hash.Add(Bytes(text).subspan(second));
      ASSERT_EQ(HexDigits(hash.Digest()), HashOf(text)) << first << " " << second;
    }
  }
}

// The stream keeps 256 bytes back, and changes its keys after every 1024.
TEST(ContentHashTest, LongPiecesDontMatter) {
  const std::string text = Pattern(3000);
  for (const size_t first : {0, 1, 239, 240, 241, 255, 256, 257, 1023, 1024, 1025, 2048, 2999}) {
    for (const size_t size : {0, 1, 255, 256, 257, 767, 1024}) {
      ContentHash hash;
      hash.Add(Bytes(text).subspan(0, first));
      hash.Add(Bytes(text).subspan(first, size));
      hash.Add(Bytes(text).subspan(std::min(first + size, text.size())));
      ASSERT_EQ(HexDigits(hash.Digest()), HashOf(text)) << first << " " << size;
    }
  }
}

TEST(ContentHashTest, ADigestIsOfWhatWasAddedSoFar) {
  const std::string text = Pattern(600);
  ContentHash hash;
  for (size_t size = 0; size <= text.size(); ++size) {
    ASSERT_EQ(HexDigits(hash.Digest()), HashOf(text.substr(0, size))) << size;
    hash.Add(Bytes(text).subspan(size, 1));
  }
}

TEST(ContentHashTest, EveryBitCounts) {
  const std::string text(50, 'x');
  for (size_t i = 0; i < text.size() * 8; ++i) {
    std::string other = text;
    other[i / 8] = static_cast<char>(other[i / 8] ^ (1 << (i % 8)));
    EXPECT_NE(HashOf(other), HashOf(text));
  }
  EXPECT_NE(HashOf(text), HashOf(text + '\0'));
}

}  // namespace
}  // namespace inkling
