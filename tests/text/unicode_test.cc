// UTF-8, classes of characters, and canonical composition.

#include "src/text/unicode.h"

#include <initializer_list>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

std::string Text(std::initializer_list<uint32_t> codepoints) {
  std::string text;
  for (uint32_t codepoint : codepoints) AppendUtf8(codepoint, text);
  return text;
}

TEST(Utf8, DecodesWhatItWrites) {
  for (uint32_t codepoint = 0; codepoint < 0x110000; codepoint += codepoint < 0x3000 ? 1 : 97) {
    if (codepoint >= 0xD800 && codepoint < 0xE000) continue;
    const std::string text = Text({codepoint});
    const Utf8Char character = DecodeUtf8(text);
    EXPECT_TRUE(character.well_formed);
    EXPECT_EQ(character.codepoint, codepoint);
    EXPECT_EQ(character.length, text.size());
    EXPECT_EQ(WellFormedPrefix(text), text.size());
    const Utf8Char cut =
        DecodeUtf8(absl::string_view(text).substr(0, text.size() - 1 + (text.size() == 1)));
    EXPECT_EQ(cut.truncated, text.size() > 1);
  }
}

TEST(Utf8, IllFormedSequencesAreMaximalSubparts) {
  struct Case {
    const char* bytes;
    uint32_t length;
  };
  for (const Case& bad : {Case{"\x80", 1}, Case{"\xC0\xAF", 1}, Case{"\xC3(", 1},
                          Case{"\xE2\x82(", 2}, Case{"\xED\xA0\x80", 1},
                          Case{"\xF4\x90\x80\x80", 1}, Case{"\xF0\x9F\x98(", 3}, Case{"\xFF", 1}}) {
    const Utf8Char character = DecodeUtf8(bad.bytes);
    EXPECT_FALSE(character.well_formed);
    EXPECT_EQ(character.length, bad.length) << bad.bytes;
    EXPECT_EQ(WellFormedPrefix(bad.bytes), 0u);
  }
}

TEST(CaseOf, TellsCapitalsFromSmallLetters) {
  for (uint32_t capital : std::initializer_list<uint32_t>{'A', 0xC9, 0x1C5, 0x391, 0x10400}) {
    EXPECT_EQ(CaseOf(capital), CaseClass::kCapital) << capital;
  }
  for (uint32_t small : std::initializer_list<uint32_t>{'z', 0xDF, 0x17F, 0x3B1, 0x10428}) {
    EXPECT_EQ(CaseOf(small), CaseClass::kSmall) << small;
  }
  for (uint32_t caseless : std::initializer_list<uint32_t>{0xAA, 0x2B0, 0x301, 0x903, 0x4E2D}) {
    EXPECT_EQ(CaseOf(caseless), CaseClass::kCaseless) << caseless;
  }
  for (uint32_t none : std::initializer_list<uint32_t>{'1', ' ', '!', 0x2160, 0x1F600, 0x10FFFF}) {
    EXPECT_EQ(CaseOf(none), CaseClass::kNone) << none;
  }
}

TEST(IsWordCharacter, IsWhatRegularExpressionsCallAWord) {
  const std::vector<uint32_t> kInside = {'a',    'Z',    '0',    '_',    0xE9,   0x301,  0x663,
                                         0x2160, 0x200D, 0x203F, 0x24B6, 0x4E00, 0x1F170};
  for (uint32_t inside : kInside) EXPECT_TRUE(IsWordCharacter(inside)) << inside;
  const std::vector<uint32_t> kOutside = {' ',  '-',    '.',    0xA0,   0xB2,
                                          0xBD, 0x2460, 0x2014, 0x20AC, 0x1F600};
  for (uint32_t outside : kOutside) EXPECT_FALSE(IsWordCharacter(outside)) << outside;
}

TEST(ClassOf, KnowsThePropertiesThatPatternsUse) {
  for (uint32_t letter : std::initializer_list<uint32_t>{'a', 'Z', 0xE9, 0x3B1, 0x4E2D, 0xAC00,
                                                         0x10400, 0x2F800, 0xAA}) {
    EXPECT_EQ(ClassOf(letter), CharClass::kLetter) << letter;
  }
  for (uint32_t number : std::initializer_list<uint32_t>{'0', '9', 0xB2, 0x663, 0x2167, 0x1D7D9}) {
    EXPECT_EQ(ClassOf(number), CharClass::kNumber) << number;
  }
  for (uint32_t punctuation : std::initializer_list<uint32_t>{'!', '_', 0xA7, 0x3002, 0xFF0C}) {
    EXPECT_EQ(ClassOf(punctuation), CharClass::kPunctuation) << punctuation;
  }
  for (uint32_t space :
       std::initializer_list<uint32_t>{' ', '\t', '\n', 0x85, 0xA0, 0x2003, 0x2028, 0x3000}) {
    EXPECT_EQ(ClassOf(space), CharClass::kSpace) << space;
  }
  for (uint32_t other :
       std::initializer_list<uint32_t>{0, 0x1C, 0x300, 0x200B, 0x1F600, 0x10FFFF, 0xE000}) {
    EXPECT_EQ(ClassOf(other), CharClass::kOther) << other;
  }
}

TEST(ComposeCanonically, ComposesReordersAndDecomposes) {
  EXPECT_EQ(ComposeCanonically(Text({'e', 0x301})), Text({0xE9}));
  EXPECT_EQ(ComposeCanonically(Text({0x212B})), Text({0xC5}));  // Angstrom sign: a singleton
  EXPECT_EQ(ComposeCanonically(Text({0x1E9B, 0x323})), Text({0x1E9B, 0x323}));
  EXPECT_EQ(ComposeCanonically(Text({'q', 0x307, 0x323})), Text({'q', 0x323, 0x307}));  // reordered
  EXPECT_EQ(ComposeCanonically(Text({'s', 0x307, 0x323})), Text({0x1E69}));
  EXPECT_EQ(ComposeCanonically(Text({0x1100, 0x1161, 0x11A8})), Text({0xAC01}));  // Hangul
  EXPECT_EQ(ComposeCanonically(Text({0x958})), Text({0x915, 0x93C}));  // excluded from composition
  EXPECT_EQ(ComposeCanonically(Text({0x1D15E})), Text({0x1D157, 0x1D165}));
  EXPECT_EQ(ComposeCanonically(Text({0x2F800})), Text({0x4E3D}));
  EXPECT_EQ(ComposeCanonically(Text({0xFA6C})), Text({0x242EE}));  // out of the basic plane
  EXPECT_EQ(ComposeCanonically(Text({0xFA6D, 0xFACF})), Text({0x8218, 0x2284A}));
  EXPECT_EQ(ComposeCanonically(Text({0x11131, 0x11127})), Text({0x1112E}));
  EXPECT_EQ(ComposeCanonically(Text({0x301, 'a'})), Text({0x301, 'a'}));
}

TEST(ComposeCanonically, WhatStandsBetweenStaysAndJoinsOnlyItsNeighbour) {
  EXPECT_EQ(ComposeCanonically(Text({'x', 'y', 'e', 0x301, 'z', 0x4E2D, 'o', 0x308, 0x304, '.'})),
            Text({'x', 'y', 0xE9, 'z', 0x4E2D, 0x22B, '.'}));
  EXPECT_EQ(ComposeCanonically(Text({'e', 'e', 0x301, 0x301, 'e'})), Text({'e', 0xE9, 0x301, 'e'}));
  EXPECT_EQ(ComposeCanonically(Text({0xE9, 0x323, 'e', 0xAC00, 0x11A8, 0x1100, 0x1161, 'a'})),
            Text({0x1EB9, 0x301, 'e', 0xAC01, 0xAC00, 'a'}));
  EXPECT_EQ(ComposeCanonically(Text({0x1100, 'a', 0x1161, 0x0344, 'b'})),
            Text({0x1100, 'a', 0x1161, 0x0308, 0x0301, 'b'}));
}

TEST(ComposeCanonically, IsStableAndAgreesWithTheQuickCheck) {
  for (uint32_t codepoint = 0xA0; codepoint < 0x30000; ++codepoint) {
    if (codepoint >= 0xD800 && codepoint < 0xE000) continue;
    const std::string text = Text({'a', codepoint});
    const std::string composed = ComposeCanonically(text);
    EXPECT_EQ(ComposeCanonically(composed), composed) << codepoint;
    if (IsSurelyComposed(text)) {
      EXPECT_EQ(composed, text) << codepoint;
    }
  }
}

TEST(ComposeCanonically, MillionMarksStayNearLinear) {
  std::string text = "a";
  for (int i = 0; i < 500000; ++i) AppendUtf8(i % 2 == 0 ? 0x301 : 0x323, text);
  EXPECT_LE(ComposeCanonically(text).size(), text.size() + 2);
}

}  // namespace
}  // namespace inkling
