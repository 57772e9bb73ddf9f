// Grammars in EBNF: what they allow, and what is said about wrong ones.

#include "src/structured/ebnf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/structured/grammar_texts.h"

namespace inkling {
namespace {

std::shared_ptr<const CompiledGrammar> Compiled(const std::string& text) {
  absl::StatusOr<Grammar> grammar = GrammarOfEbnf(text);
  EXPECT_TRUE(grammar.ok()) << grammar.status();
  if (!grammar.ok()) return nullptr;
  auto compiled = CompiledGrammar::Make(*std::move(grammar), ByteVocabulary());
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return compiled.ok() ? *compiled : nullptr;
}

TEST(EbnfTest, RulesClassesAndQuantifiers) {
  const auto compiled = Compiled(R"g(# a list of words and numbers
root  ::= "[" (item ("," item)*)? "]"
item  ::= word | number{2,3}   # which follow each other
word  ::= [a-zä_] [^ ,\]\n]*
number ::= "\x30" | [1-9]
)g");
  for (const char* text : {"[]", "[a]", "[ä1,00,123]", "[_]", "[a-b,99]"})
    EXPECT_TRUE(Allows(compiled, text)) << text;
  for (const char* text : {"", "[", "[,]", "[1]", "[1234]", "[a b]", "[a,]", "[A]"})
    EXPECT_FALSE(Allows(compiled, text)) << text;
}

TEST(EbnfTest, RecursionNestsAsDeepAsTheTextGoes) {
  const auto compiled = Compiled("root ::= \"(\" root \")\" root | \"\"");
  EXPECT_TRUE(Allows(compiled, ""));
  EXPECT_TRUE(Allows(compiled, "()(())()"));
  EXPECT_TRUE(Allows(compiled, std::string(300, '(') + std::string(300, ')')));
  EXPECT_FALSE(Allows(compiled, "(()"));
  EXPECT_FALSE(Allows(compiled, "())"));
}

TEST(EbnfTest, RulesGoOnOverLinesAndAnyCharacterIsOneCharacter) {
  const auto compiled = Compiled("root ::= \"a\"\n  | \"b\"\n  tail\ntail ::= . .\n");
  EXPECT_TRUE(Allows(compiled, "a"));
  EXPECT_TRUE(Allows(compiled, "b\n\xC3\xA4"));
  EXPECT_FALSE(Allows(compiled, "b\xC3\xA4"));
}

struct Refused {
  const char* text;
  const char* what;
};

TEST(EbnfTest, WhatIsWrongIsSaidWithItsLine) {
  const Refused cases[] = {
      {"", "no rule root"},
      {"rot ::= \"a\"", "no rule root"},
      {"root ::= other", "no rule other"},
      {"root ::= \"a\"\nroot ::= \"b\"", "line 2: the rule root is there twice"},
      {"root ::= \"a", "line 1: a text isn't closed"},
      {"root ::= [a", "line 1: a class isn't closed"},
      {"root ::= [b-a]", "line 1: a range"},
      {"root ::= \"a\"\n\n  ( \"b\"", "line 3: expected a closing parenthesis"},
      {"root ::= \"a\"{3,2}", "line 1: expected {n}"},
      {"root ::= \"a\"{99999999}", "repetitions above"},
      {"root ::= \"\\q\"", "\\q is no escape"},
      {"root ::= \"\\", "line 1"},
      {"root = \"a\"", "line 1: expected a rule"},
      {"root ::= )", "line 1"},
      {"root ::= \"\xFF\"", "UTF-8"},
  };
  for (const Refused& c : cases) {
    const auto grammar = GrammarOfEbnf(c.text);
    ASSERT_FALSE(grammar.ok()) << c.text;
    EXPECT_EQ(grammar.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(grammar.status().message(), ::testing::HasSubstr(c.what)) << c.text;
  }
  const auto deep = GrammarOfEbnf("root ::= " + std::string(10000, '(') + "\"a\"");
  ASSERT_FALSE(deep.ok());
  EXPECT_THAT(deep.status().message(), ::testing::HasSubstr("nested"));
}

TEST(EbnfTest, ARuleThatBeginsWithItselfIsAnError) {
  for (const char* text :
       {"root ::= root \"a\" | \"b\"", "root ::= list\nlist ::= \"a\"? root | \"b\""}) {
    absl::StatusOr<Grammar> grammar = GrammarOfEbnf(text);
    ASSERT_TRUE(grammar.ok()) << grammar.status();
    const auto compiled = CompiledGrammar::Make(*std::move(grammar), ByteVocabulary());
    ASSERT_FALSE(compiled.ok()) << text;
    EXPECT_EQ(compiled.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(compiled.status().message(), ::testing::HasSubstr("root")) << text;
  }
}

}  // namespace
}  // namespace inkling
