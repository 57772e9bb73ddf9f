// Word boundaries of each scanner, on the cases where the expressions they stand for are subtle.

#include "src/text/pretokenizer.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace inkling {
namespace {

using Words = std::vector<std::string>;

Words Split(const std::vector<WordSplitData>& stages, const std::string& text) {
  const auto pretokenizer = Pretokenizer::Create(stages);
  EXPECT_TRUE(pretokenizer.ok()) << pretokenizer.status();
  Words words;
  std::string joined;
  pretokenizer->Split(text, [&](absl::string_view word) {
    words.emplace_back(word);
    joined += std::string(word);
  });
  EXPECT_EQ(joined, text);
  return words;
}

const WordSplitData kSpaced = {WordSplit::kSpacedWords, 0};
const WordSplitData kPrefixed3 = {WordSplit::kPrefixedWords, 3};

TEST(Pretokenizer, SpacedWords) {
  EXPECT_EQ(Split({kSpaced}, "Hello, world"), (Words{"Hello", ",", " world"}));
  EXPECT_EQ(Split({kSpaced}, "I'll don't CAN'T"),
            (Words{"I", "'ll", " don", "'t", " CAN", "'", "T"}));
  EXPECT_EQ(Split({kSpaced}, "a  b"), (Words{"a", " ", " b"}));
  EXPECT_EQ(Split({kSpaced}, "a \n b  "), (Words{"a", " \n", " b", "  "}));
  EXPECT_EQ(Split({kSpaced}, "a\n\nb"), (Words{"a", "\n", "\n", "b"}));
  EXPECT_EQ(Split({kSpaced}, " 12345ab"), (Words{" 12345", "ab"}));
  EXPECT_EQ(Split({kSpaced}, "!'s 's"), (Words{"!'", "s", " '", "s"}));
  EXPECT_EQ(Split({kSpaced}, "\xC3\xA9t\xC3\xA9\xC2\xA0x"),
            (Words{"\xC3\xA9t\xC3\xA9", "\xC2\xA0", "x"}));
}

TEST(Pretokenizer, ASpaceGoesInFrontOfEveryWordSoFar) {
  const auto made =
      Pretokenizer::Create({{WordSplit::kDigits, 1}, {WordSplit::kSpaceInFront, 0}, kSpaced});
  ASSERT_TRUE(made.ok()) << made.status();
  Words words;
  made->Split("a1 2b", [&](absl::string_view word) { words.emplace_back(word); });
  EXPECT_EQ(words, (Words{" a", " 1", " ", " 2", " b"}));
}

TEST(Pretokenizer, PrefixedWords) {
  EXPECT_EQ(Split({kPrefixed3}, "Hello, world"), (Words{"Hello", ",", " world"}));
  EXPECT_EQ(Split({kPrefixed3}, "I'LL (x)"), (Words{"I", "'LL", " (", "x", ")"}));
  EXPECT_EQ(Split({kPrefixed3}, "(x\ty"), (Words{"(x", "\ty"}));
  EXPECT_EQ(Split({kPrefixed3}, "1234567 8"), (Words{"123", "456", "7", " ", "8"}));
  EXPECT_EQ(Split({{WordSplit::kPrefixedWords, 1}}, "123"), (Words{"1", "2", "3"}));
  EXPECT_EQ(Split({kPrefixed3}, "a;\n\n b"), (Words{"a", ";\n\n", " b"}));
  EXPECT_EQ(Split({kPrefixed3}, "a \n \n  b"), (Words{"a", " \n \n", " ", " b"}));
  EXPECT_EQ(Split({kPrefixed3}, "a\r\nb"), (Words{"a", "\r\n", "b"}));
  EXPECT_EQ(Split({kPrefixed3}, "a   "), (Words{"a", "   "}));
  EXPECT_EQ(Split({kPrefixed3}, "\nb"), (Words{"\n", "b"}));
  EXPECT_EQ(Split({kPrefixed3}, "x'\xC5\xBFy"), (Words{"x", "'\xC5\xBF", "y"}));
}

TEST(Pretokenizer, CasedWords) {
  const WordSplitData cased = {WordSplit::kCasedWords, 1};
  const WordSplitData contractions = {WordSplit::kCasedWordsAndContractions, 3};
  EXPECT_EQ(Split({cased}, "theHTTPServer Id"), (Words{"the", "HTTPServer", " Id"}));
  EXPECT_EQ(Split({cased}, "HTTP ok"), (Words{"HTTP", " ok"}));
  EXPECT_EQ(Split({cased}, "it's 123"), (Words{"it", "'s", " ", "1", "2", "3"}));
  EXPECT_EQ(Split({contractions}, "it's IT'LL 1234"), (Words{"it's", " IT'LL", " ", "123", "4"}));
  EXPECT_EQ(Split({contractions}, "a'\xC5\xBF'd"), (Words{"a'\xC5\xBF", "'d"}));
  EXPECT_EQ(Split({cased}, "!?/\n/\n\n x"), (Words{"!?/\n/\n\n", " x"}));
  EXPECT_EQ(Split({cased}, "a  \n b "), (Words{"a", "  \n", " b", " "}));
  // A mark or an ideograph may end the capitals, begin the small letters, or, a mark, stand in
  // front.
  const std::string mark = "\xCC\x81";
  const std::string ideograph = "\xE4\xB8\xAD";
  EXPECT_EQ(Split({cased}, "A" + mark + "BC b"), (Words{"A" + mark, "BC", " b"}));
  EXPECT_EQ(Split({cased}, ideograph + "Ab" + ideograph + "B"),
            (Words{ideograph + "Ab" + ideograph, "B"}));
  EXPECT_EQ(Split({cased}, mark + "AB"), (Words{mark, "AB"}));
  EXPECT_EQ(Split({cased}, mark + "ABc"), (Words{mark + "ABc"}));
  EXPECT_EQ(Split({cased}, "!" + mark + "!"), (Words{"!" + mark, "!"}));
}

TEST(Pretokenizer, DigitsAndPunctuation) {
  EXPECT_EQ(Split({{WordSplit::kDigits, 1}}, "ab12c"), (Words{"ab", "1", "2", "c"}));
  EXPECT_EQ(Split({{WordSplit::kDigits, 0}}, "ab12c"), (Words{"ab", "12", "c"}));
  // "½" is C2 BD, "н" D0 BD; "²³¹" are C2 B2, C2 B3, C2 B9.
  EXPECT_EQ(Split({{WordSplit::kByteDigits, 0}}, "a1½23н"), (Words{"a", "1", "\xC2",
                                                                   "\xBD"
                                                                   "23",
                                                                   "\xD0", "\xBD"}));
  EXPECT_EQ(Split({{WordSplit::kByteDigits, 1}}, "1½2"), (Words{"1", "\xC2", "\xBD", "2"}));
  EXPECT_EQ(Split({{WordSplit::kAsciiDigitRuns, 3}}, "a12345678"),
            (Words{"a", "123", "456", "78"}));
  EXPECT_EQ(Split({{WordSplit::kPunctuation, 0}}, "a,.b$ c"), (Words{"a", ",.", "b", "$", " c"}));
  EXPECT_EQ(Split({{WordSplit::kEachPunctuation, 0}}, "a,.b"), (Words{"a", ",", ".", "b"}));
  EXPECT_EQ(Split({{WordSplit::kEscapedSpaces, 0}},
                  "a\xE2\x96\x81\xE2\x96\x81"
                  "b"),
            (Words{"a", "\xE2\x96\x81",
                   "\xE2\x96\x81"
                   "b"}));
}

TEST(Pretokenizer, LaterStagesSeeOneWordAtATime) {
  // The spaces in front of the digits are the end of a word of the first stage.
  EXPECT_EQ(Split({{WordSplit::kDigits, 1}, kSpaced}, "a  12 b"),
            (Words{"a", "  ", "1", "2", " b"}));
  EXPECT_EQ(Split({}, "all of it"), Words{"all of it"});
  EXPECT_EQ(Split({kSpaced}, ""), Words{});
}

TEST(Pretokenizer, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(Pretokenizer::Create({{static_cast<WordSplit>(0), 0}}).ok());
  EXPECT_FALSE(Pretokenizer::Create({{WordSplit::kAsciiDigitRuns, 0}}).ok());
  EXPECT_FALSE(Pretokenizer::Create(std::vector<WordSplitData>(9, kSpaced)).ok());
}

}  // namespace
}  // namespace inkling
