// GrammarMatcher: taking back, text that is forced, spaces that decoding drops, too many readings.

#include "src/structured/grammar_matcher.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "src/format/tokenizer_data.h"
#include "src/structured/ebnf.h"
#include "src/structured/regex.h"
#include "tests/structured/grammar_texts.h"

namespace inkling {
namespace {

std::shared_ptr<const CompiledGrammar> Compiled(absl::StatusOr<Grammar> grammar,
                                                std::shared_ptr<const TokenVocabulary> vocabulary) {
  EXPECT_TRUE(grammar.ok()) << grammar.status();
  if (!grammar.ok()) return nullptr;
  auto compiled = CompiledGrammar::Make(*std::move(grammar), std::move(vocabulary));
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return compiled.ok() ? *compiled : nullptr;
}

std::vector<int32_t> Allowed(GrammarMatcher& matcher, const TokenVocabulary& vocabulary) {
  std::vector<uint64_t> mask(vocabulary.mask_words(), ~uint64_t{0});
  matcher.Mask(absl::MakeSpan(mask));
  std::vector<int32_t> tokens;
  for (int32_t token = 0; token < vocabulary.vocab_size(); ++token) {
    if (HasBit(mask, token)) tokens.push_back(token);
  }
  return tokens;
}

constexpr const char* kGrammars[] = {
    R"(root ::= ("ab" | "abc" | "ca"){2,5} "!"?)",
    R"g(root ::= "(" root ")" root | "a"*)g",
    R"(root ::= [ab]{3,17} ("c" [a-c]{2})*)",
    R"(root ::= "same beginning" (" of one" | " of another" [ab]{1,30} "end"))",
};

TEST(GrammarMatcherTest, RewindIsAsIfItHadNotBeen) {
  for (const char* text : kGrammars) {
    std::mt19937 random(8);
    const auto compiled = Compiled(GrammarOfEbnf(text), ByteVocabulary());
    ASSERT_NE(compiled, nullptr);
    const TokenVocabulary& vocabulary = compiled->vocabulary();
    GrammarMatcher matcher(compiled, false);
    std::vector<std::vector<int32_t>> masks = {Allowed(matcher, vocabulary)};
    for (int step = 0; step < 300; ++step) {
      const std::vector<int32_t>& allowed = masks.back();
      if (allowed.empty() || (random() % 3 == 0 && masks.size() > 1)) {
        const size_t back = 1 + random() % (masks.size() - 1);
        matcher.Rewind(back);
        masks.resize(masks.size() - back);
        ASSERT_EQ(Allowed(matcher, vocabulary), masks.back());
        continue;
      }
      ASSERT_TRUE(matcher.Accept(allowed[random() % allowed.size()]));
      masks.push_back(Allowed(matcher, vocabulary));
      ASSERT_EQ(matcher.num_accepted(), masks.size() - 1);
    }
    matcher.Rewind(1000);  // more than there are
    EXPECT_EQ(matcher.num_accepted(), 0u);
    EXPECT_EQ(Allowed(matcher, vocabulary), masks.front());
  }
}

TEST(GrammarMatcherTest, WhatIsRefusedChangesNothing) {
  const auto compiled = Compiled(GrammarOfRegex("a{2,5}b"), ByteVocabulary());
  GrammarMatcher matcher(compiled, false);
  ASSERT_TRUE(matcher.Accept('a'));
  for (const int32_t token : {int32_t{'b'}, int32_t{'x'}, 0, -1, 256, 1 << 30}) {
    EXPECT_FALSE(matcher.Accept(token)) << token;
  }
  EXPECT_FALSE(matcher.AcceptText("abx"));
  EXPECT_FALSE(matcher.AcceptText(""));
  EXPECT_EQ(matcher.num_accepted(), 1u);
  EXPECT_TRUE(matcher.AcceptText("ab"));
  EXPECT_TRUE(matcher.is_complete());
  EXPECT_FALSE(matcher.can_continue());
}

TEST(GrammarMatcherTest, ForcedTextIsWhatNothingElseMayBe) {
  for (const char* text : kGrammars) {
    std::mt19937 random(9);
    const auto compiled = Compiled(GrammarOfEbnf(text), ByteVocabulary());
    ASSERT_NE(compiled, nullptr);
    for (int round = 0; round < 30; ++round) {
      GrammarMatcher matcher(compiled, false);
      for (int step = 0; step < 40; ++step) {
        const std::string forced = matcher.ForcedText(16);
        for (const char byte : forced) {
          ASSERT_FALSE(matcher.is_complete());
          const std::vector<int32_t> allowed = Allowed(matcher, compiled->vocabulary());
          ASSERT_EQ(allowed, std::vector<int32_t>{static_cast<uint8_t>(byte)});
          ASSERT_TRUE(matcher.Accept(allowed.front()));
        }
        const std::vector<int32_t> next = Allowed(matcher, compiled->vocabulary());
        if (next.empty()) break;
        EXPECT_TRUE(forced.size() == 16 || matcher.is_complete() || next.size() > 1);
        ASSERT_TRUE(matcher.Accept(next[random() % next.size()]));
      }
    }
  }
}

// Each of them begins another repetition, so that every length is a reading of its own.
TEST(GrammarMatcherTest, TooManyReadingsAreSaid) {
  const auto compiled = Compiled(GrammarOfRegex("a*(a{1,2000}b?)*c"), ByteVocabulary());
  ASSERT_NE(compiled, nullptr);
  GrammarMatcher matcher(compiled, false);
  int accepted = 0;
  while (!matcher.overflowed() && accepted < 5000 && matcher.Accept('a')) ++accepted;
  EXPECT_TRUE(matcher.overflowed());
  EXPECT_GT(accepted, 100);
}

// How each kind of vocabulary drops spaces at the beginning, and what the text is then.
TEST(GrammarMatcherTest, SpacesThatDecodingDropsCountForNothing) {
  const std::vector<std::string> pieces = {"a", " a", "  a", " ", "ab", " a b", "b", " \xC3\xA9"};
  for (const LeadingSpace leading :
       {LeadingSpace::kStripOne, LeadingSpace::kStripAllInFirstPiece}) {
    TokenizerData data;
    data.decoder.leading_space = leading;
    data.piece_offsets = {0};
    for (const std::string& piece : pieces) {
      data.piece_bytes += piece;
      data.piece_offsets.push_back(static_cast<uint32_t>(data.piece_bytes.size()));
      data.piece_types.push_back(static_cast<uint8_t>(PieceType::kNormal));
    }
    const auto vocabulary = TokenVocabulary::Make(data, static_cast<int32_t>(pieces.size()));
    for (const char* regex : {"[ a]*b?", "ab?", "a b", "[^b]{1,3}", ".*"}) {
      const auto compiled = Compiled(GrammarOfRegex(regex), vocabulary);
      ASSERT_NE(compiled, nullptr);
      GrammarMatcher matcher(compiled, /*drops_leading_space=*/true);
      const std::vector<int32_t> allowed = Allowed(matcher, *vocabulary);
      std::vector<int32_t> expected;
      for (int32_t token = 0; token < static_cast<int32_t>(pieces.size()); ++token) {
        std::string text = pieces[static_cast<size_t>(token)];
        if (text[0] == ' ' && leading == LeadingSpace::kStripOne) text.erase(0, 1);
        if (leading == LeadingSpace::kStripAllInFirstPiece) std::erase(text, ' ');
        GrammarMatcher plain(compiled, false);
        if (!text.empty() && plain.AcceptText(text)) expected.push_back(token);
      }
      EXPECT_EQ(allowed, expected) << regex;
    }
  }
}

}  // namespace
}  // namespace inkling
