// ContentHash against published values of MurmurHash3_x64_128, and in pieces.

#include "src/format/content_hash.h"

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace inkling {
namespace {

absl::Span<const std::byte> Bytes(absl::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string HashOf(absl::string_view text) {
  ContentHash hash;
  hash.Add(Bytes(text));
  return HexDigits(hash.Digest());
}

// The reference prints each 64-bit half as a number; the digest has them byte by byte, lowest
// first.
std::string AsNumbers(const std::string& hex) {
  std::string numbers;
  for (int half = 0; half < 2; ++half) {
    for (int byte = 7; byte >= 0; --byte) numbers += hex.substr(half * 16 + byte * 2, 2);
  }
  return numbers;
}

TEST(ContentHashTest, EqualsTheReference) {
  EXPECT_EQ(AsNumbers(HashOf("")), "00000000000000000000000000000000");
  EXPECT_EQ(AsNumbers(HashOf("hello")), "cbd8a7b341bd9b025b1e906a48ae1d19");
  EXPECT_EQ(AsNumbers(HashOf("The quick brown fox jumps over the lazy dog")),
            "e34bbc7bbc071b6c7a433ca9c49a9347");
}

TEST(ContentHashTest, PiecesDontMatter) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += static_cast<char>(i * 37);
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
