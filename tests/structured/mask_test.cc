// Masks against the plain truth: a token is allowed exactly if its bytes, one by one, fit. Walks of
// random tokens through grammars of every front end, over a vocabulary made to be awkward: tokens
// that end one part and begin the next, parts of characters, long runs.

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "src/structured/compiled_grammar.h"
#include "src/structured/grammar_matcher.h"
#include "src/structured/json_schema.h"
#include "src/structured/regex.h"

namespace inkling {
namespace {

void AddCharacters(std::mt19937& engine, std::vector<std::string>& texts) {
  // Characters of all lengths, at the edges of what classes hold, whole, cut and ill-formed.
  const char* characters[] = {"a",
                              "b",
                              "f",
                              "Z",
                              "7",
                              "_",
                              " ",
                              "\"",
                              "\\",
                              "\n",
                              "\t",
                              "\x01",
                              "\xC2\xA0",
                              "\xC3\xA9",
                              "\xE0\xA4\x85",
                              "\xE1\x9A\x80",
                              "\xE2\x80\x99",
                              "\xE2\x80\xA8",
                              "\xE2\x81\x9F",
                              "\xE2\x82\xAC",
                              "\xE3\x80\x80",
                              "\xE3\x81\x82",
                              "\xE4\xB8\xAD",
                              "\xED\x9E\x9D",
                              "\xEF\xBB\xBF",
                              "\xF0\x9F\x98\x80",
                              "\xF4\x8F\xBF\xBF",
                              "\xC3",
                              "\xE2\x80",
                              "\xE3",
                              "\xF0\x9F",
                              "\x80",
                              "\x98",
                              "\xED\xA0",
                              "\xF5",
                              "\xC0"};
  for (int i = 0; i < 1200; ++i) {
    std::string text;
    const uint32_t kinds = engine() % 3 == 0 ? 36 : 27;  // mostly whole ones
    for (uint32_t n = 1 + engine() % 5; n > 0; --n) text += characters[engine() % kinds];
    texts.push_back(text);
  }
}

std::shared_ptr<const TokenVocabulary> AwkwardVocabulary() {
  std::vector<std::string> texts;
  for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
  for (const char* text : {"{\"",       "\":",
                           "\": ",      "\", \"",
                           "\"}",       "}, {",
                           "[1",        "], ",
                           "aa",        "aaa",
                           "aaaa",      "aaaaaaaa",
                           "ab",        "ba",
                           "abc",       "a\"",
                           "aa\"",      "aa\"}",
                           "aa\", \"b", "12",
                           "123",       "0.",
                           "1.5",       ".5",
                           "-1",        "true",
                           "false",     "null",
                           "tru",       "e}",
                           "l, ",       "\\n",
                           "\\u00",     "\\\"",
                           "\xC3",      "\xC3\xA9",
                           "\xE2\x82",  "\xE2\x82\xAC\"",
                           "\"a\": ",   "\"b\": [",
                           "]]",        "}}",
                           "[[",        "\"]",
                           "@a",        "a@",
                           "a.b",       ".aa",
                           ", \"c\": ", "-0",
                           "00",        "e1",
                           "E+",        "aab",
                           "baab",      " ",
                           "  ",        "\n",
                           "}",         "{}",
                           "[]"}) {
    texts.emplace_back(text);
  }
  std::mt19937 engine(7);
  const std::string letters = "ab\"\\{}[]:, 01.-e";
  for (int i = 0; i < 400; ++i) {
    std::string text;
    for (uint32_t n = 2 + engine() % 4; n > 0; --n) text += letters[engine() % letters.size()];
    texts.push_back(text);
  }
  AddCharacters(engine, texts);
  texts.emplace_back();  // a token without text
  return TokenVocabulary::Make(std::move(texts));
}

absl::StatusOr<Grammar> GrammarOf(absl::string_view source) {
  if (source[0] == '{') return GrammarOfJsonSchema(source, JsonSpacing::kOne);
  Grammar grammar;
  grammar.root = grammar.AddRule("root");
  absl::StatusOr<ExprId> root =
      ParseRegex(source, RegexMatch::kWhole, grammar,
                 [&](const CodepointSet& set) { return Utf8Character(set, grammar); });
  if (!root.ok()) return root.status();
  grammar.Define(grammar.root, *root);
  return grammar;
}

class MaskTest : public testing::TestWithParam<const char*> {};

TEST_P(MaskTest, AllowsWhatFitsByteForByte) {
  const std::shared_ptr<const TokenVocabulary> vocabulary = AwkwardVocabulary();
  absl::StatusOr<Grammar> grammar = GrammarOf(GetParam());
  ASSERT_TRUE(grammar.ok()) << grammar.status();
  const auto compiled = CompiledGrammar::Make(*std::move(grammar), vocabulary);
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  std::vector<uint64_t> mask(vocabulary->mask_words());
  for (uint32_t seed = 0; seed < 6; ++seed) {
    std::mt19937 engine(seed);
    GrammarMatcher matcher(*compiled, false);
    std::string text;
    for (int step = 0; step < 40 && matcher.can_continue(); ++step) {
      matcher.Mask(absl::MakeSpan(mask));
      std::vector<int32_t> allowed;
      for (int32_t token = 0; token < vocabulary->vocab_size(); ++token) {
        const bool fits = matcher.Accept(token);
        if (fits) matcher.Rewind(1);
        ASSERT_EQ(HasBit(mask, token), fits)
            << "token '" << vocabulary->text(token) << "' behind '" << text << "'";
        if (fits) allowed.push_back(token);
      }
      ASSERT_FALSE(allowed.empty()) << "nothing may follow '" << text << "'";
      const int32_t chosen = allowed[engine() % allowed.size()];
      ASSERT_TRUE(matcher.Accept(chosen));
      absl::StrAppend(&text, vocabulary->text(chosen));
    }
    EXPECT_FALSE(matcher.overflowed());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Grammars, MaskTest,
    testing::Values(
        ".*", "\\S{1,40} \\W*", "[^\\u20ac]*x", "(.*a){3}", "\\w+( [^\\s\"]+)*",
        "(\\w{2,5}|.{3,9})+", "[\\u0080-\\u{10FFFF} a-z]{0,30}", "([^,]*,){3}", "(a[^b]*b){3,40}",
        "a{2,40}b", "(a{1,30}b){2,30}", "[ab]{3,50}[a0]{2}", "(a|ab)(c|bcd)?.{0,30}", "a*",
        "(a?b?){0,40}", "[a-z]{1,30}@[a-z]{1,30}(\\.[a-z]{2,3}){1,2}",
        "((a{1,9}|b){1,9}[01]){1,30}", "\\d{1,3}(,\\d{3})*(\\.\\d+)?", "[\\u00e9\\u20ac]{1,30}",
        R"({})", R"({"type": "string", "maxLength": 3})",
        R"({"type": "string", "minLength": 5, "maxLength": 30})",
        R"({"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}, "b":
            {"type": "array", "items": {"type": "integer"}, "maxItems": 40}, "c": {}},
            "required": ["b"], "additionalProperties": false})",
        R"({"type": "array", "minItems": 2, "maxItems": 30, "items": {"type": "array", "minItems": 1,
            "items": {"type": ["boolean", "null"]}, "maxItems": 30}})",
        R"({"type": "array", "items": {"type": "string", "maxLength": 30}, "maxItems": 30})",
        R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"a":
            {"$ref": "#/$defs/node"}, "b": {"enum": ["a", "ab", 1.5, null]}}, "required": ["b"]}}})",
        R"({"type": "integer", "minimum": -12, "maximum": 1234})",
        R"({"type": "number", "exclusiveMinimum": -0.5, "maximum": 12.25})",
        R"({"type": "object", "properties": {"aa": {"type": "null"}}, "additionalProperties":
            {"type": "boolean"}})",
        R"({"type": "string", "pattern": "^a[ab]{2,30}$", "maxLength": 9})"));

}  // namespace
}  // namespace inkling
