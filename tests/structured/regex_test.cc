// Regular expressions against their definition, on random ones, and what is said about wrong ones.

#include "src/structured/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/structured/grammar_texts.h"

namespace inkling {
namespace {

std::shared_ptr<const CompiledGrammar> Compiled(const std::string& regex) {
  absl::StatusOr<Grammar> grammar = GrammarOfRegex(regex);
  EXPECT_TRUE(grammar.ok()) << regex << ": " << grammar.status();
  if (!grammar.ok()) return nullptr;
  auto compiled = CompiledGrammar::Make(*std::move(grammar), ByteVocabulary());
  EXPECT_TRUE(compiled.ok()) << regex << ": " << compiled.status();
  return compiled.ok() ? *compiled : nullptr;
}

// A regular expression over a, b and c, and where its texts can end, by its definition.
struct Part {
  enum Kind : uint8_t { kCharacter, kSequence, kChoice, kRepeat };
  Kind kind = kCharacter;
  std::string written;
  std::string characters = {};
  std::vector<Part> parts = {};
  size_t min = 0;
  size_t max = 0;

  // The ends of its texts that begin at one of `begins`.
  std::set<size_t> Ends(const std::string& text, const std::set<size_t>& begins) const {
    std::set<size_t> ends;
    if (kind == kCharacter) {
      for (size_t i : begins) {
        if (i < text.size() && characters.find(text[i]) != std::string::npos) ends.insert(i + 1);
      }
      return ends;
    }
    if (kind == kSequence) return parts[1].Ends(text, parts[0].Ends(text, begins));
    if (kind == kChoice) {
      ends = parts[0].Ends(text, begins);
      ends.merge(parts[1].Ends(text, begins));
      return ends;
    }
    std::set<size_t> now = begins;
    for (size_t times = 0; times <= max && times <= min + text.size(); ++times) {
      if (times >= min) ends.insert(now.begin(), now.end());
      now = parts[0].Ends(text, now);
    }
    return ends;
  }
};

Part RandomPart(std::mt19937& random, int size) {
  const auto pick = [&](unsigned n) { return random() % n; };
  if (size <= 1) {
    constexpr const char* kAtoms[][2] = {{"a", "a"},       {"b", "b"},     {"c", "c"},
                                         {".", "abc"},     {"[ab]", "ab"}, {"[^a]", "bc"},
                                         {"[a-c]", "abc"}, {"\\w", "abc"}};
    const auto& atom = kAtoms[pick(8)];
    return {.written = atom[0], .characters = atom[1]};
  }
  if (pick(5) == 1) {
    struct Quantifier {
      const char* written;
      size_t min, max;
    };
    constexpr Quantifier kQuantifiers[] = {{"*", 0, 99},    {"+", 1, 99},    {"?", 0, 1},
                                           {"{2}", 2, 2},   {"{1,}", 1, 99}, {"{0,2}", 0, 2},
                                           {"{2,5}", 2, 5}, {"*?", 0, 99},   {"{3,40}", 3, 40}};
    const Quantifier& quantifier = kQuantifiers[pick(9)];
    Part inner = RandomPart(random, size - 1);
    std::string written = "(?:" + inner.written + ")" + quantifier.written;
    return {Part::kRepeat, written, {}, {inner}, quantifier.min, quantifier.max};
  }
  const int left = 1 + static_cast<int>(pick(static_cast<unsigned>(size - 1)));
  Part first = RandomPart(random, left);
  Part second = RandomPart(random, size - left);
  if (pick(3) == 0) {
    std::string written = "(" + first.written + "|" + second.written + ")";
    return {Part::kChoice, written, {}, {first, second}};
  }
  std::string written = first.written + second.written;
  return {Part::kSequence, written, {}, {first, second}};
}

std::string RandomText(std::mt19937& random) {
  std::string text(random() % 9, 'a');
  for (char& c : text) c = static_cast<char>('a' + random() % 3);
  return text;
}

TEST(RegexTest, AllowsWhatTheDefinitionSays) {
  std::mt19937 random(1);
  size_t matched = 0;
  for (int round = 0; round < 1000; ++round) {
    const Part part = RandomPart(random, 1 + round % 11);
    const auto compiled = Compiled(part.written);
    ASSERT_NE(compiled, nullptr);
    for (int i = 0; i < 60; ++i) {
      const std::string text = RandomText(random);
      const bool expected = part.Ends(text, {0}).count(text.size()) > 0;
      matched += expected;
      EXPECT_EQ(Allows(compiled, text), expected) << part.written << " and \"" << text << "\"";
    }
  }
  EXPECT_GT(matched, 4000u);
}

struct Case {
  const char* regex;
  const char* text;
  bool allowed;
};

TEST(RegexTest, CharactersClassesAndCounts) {
  const Case cases[] = {
      {"", "", true},
      {"", "a", false},
      {R"(\d{3}-\d{4})", "555-0199", true},
      {R"(\d{3}-\d{4})", "555-019", false},
      {"[äöü]+", "äüö", true},
      {"[äöü]+", "ae", false},
      {"[^ä]", "ö", true},
      {"[^ä]", "ä", false},
      {".", "\xF0\x9F\x98\x80", true},
      {".", "\n", false},
      {".", "\xFF", false},
      {R"([\s\S])", "\n", true},
      {R"(\u00e4)", "ä", true},
      {R"(\u{1F600})", "\xF0\x9F\x98\x80", true},
      {R"(\x41\t)", "A\t", true},
      {R"(a\.b)", "a.b", true},
      {R"(a\.b)", "axb", false},
      {"(?<year>[0-9]{4})", "2026", true},
      {"^(yes|no)$", "no", true},
      {"a{1000}", "aa", false},
      {"[]a]", "a", false},
  };
  for (const Case& c : cases) {
    absl::StatusOr<Grammar> grammar = GrammarOfRegex(c.regex);
    if (!grammar.ok()) {
      EXPECT_FALSE(c.allowed) << c.regex << grammar.status();
      continue;
    }
    auto compiled = CompiledGrammar::Make(*std::move(grammar), ByteVocabulary());
    if (!compiled.ok()) {
      EXPECT_FALSE(c.allowed) << c.regex << compiled.status();
      continue;
    }
    EXPECT_EQ(Allows(*compiled, c.text), c.allowed) << c.regex << " and " << c.text;
  }
  EXPECT_TRUE(Allows(Compiled("a{20000}"), std::string(20000, 'a')));
  EXPECT_FALSE(Allows(Compiled("a{20000}"), std::string(19999, 'a')));
}

TEST(RegexTest, WhatIsWrongOrUnknownIsRefusedWithItsPlace) {
  for (const char* regex :
       {"(", ")", "a**", "[a", "a{3,2}", "*", "\\", "[b-a]", "a{99999999999}"}) {
    const auto grammar = GrammarOfRegex(regex);
    ASSERT_FALSE(grammar.ok()) << regex;
    EXPECT_EQ(grammar.status().code(), absl::StatusCode::kInvalidArgument) << grammar.status();
    EXPECT_THAT(grammar.status().message(), ::testing::HasSubstr("byte")) << regex;
  }
  for (const char* regex : {"(?=a)", "(?!a)", "(?<=a)b", R"((a)\1)", R"(\bword)", R"(\p{L})"}) {
    const auto grammar = GrammarOfRegex(regex);
    ASSERT_FALSE(grammar.ok()) << regex;
    EXPECT_EQ(grammar.status().code(), absl::StatusCode::kUnimplemented) << grammar.status();
    EXPECT_THAT(grammar.status().message(), ::testing::HasSubstr("byte")) << regex;
  }
}

}  // namespace
}  // namespace inkling
