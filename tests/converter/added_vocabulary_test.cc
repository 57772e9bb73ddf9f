// The rules by which tokens are added: ids, flags, and where they are looked for. What Hugging
// Face's tokenizers do on the same calls was tried with version 0.22.

#include "converter/tokenizer/added_vocabulary.h"

#include <string>

#include "gtest/gtest.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

TokenSpec Token(const std::string& content, bool special, bool normalized) {
  TokenSpec token;
  token.content = content;
  token.special = special;
  token.normalized = normalized;
  return token;
}

const Json kModel = {{"vocab", {{"a", 0}, {"b", 1}, {"c", 5}}}};

TEST(AddedVocabulary, GivesTheNextIdBehindVocabularyAndTokens) {
  AddedVocabulary added(kModel);
  added.Add(Token("b", false, false));
  added.Add(Token("x", false, false));
  added.Add(Token("y", true, false));
  EXPECT_EQ(added.Find("b"), 1);  // the vocabulary's own
  EXPECT_EQ(added.Find("x"), 3);  // behind three entries, whatever their ids are
  EXPECT_EQ(added.Find("y"), 4);
  EXPECT_EQ(added.Find("z"), -1);
  EXPECT_TRUE(added.Has("b"));
  EXPECT_FALSE(added.Has("a"));
  added.Add(Token("c", false, false));
  added.Add(Token("z", false, false));
  EXPECT_EQ(added.Find("z"), 6);  // behind the token that took id 5
}

TEST(AddedVocabulary, AddingAgainChangesFlags) {
  AddedVocabulary added(kModel);
  added.Add(Token("x", false, false));
  TokenSpec changed = Token("x", false, false);
  changed.rstrip = true;
  added.Add(changed);
  const Json list = added.ToJson();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["rstrip"], true);
  EXPECT_EQ(list[0]["id"], 3);
}

TEST(AddedVocabulary, WhatCameNormalizedAndNotIsLookedForInBothTexts) {
  AddedVocabulary added(kModel);
  added.Add(Token("x", false, false));
  added.Add(Token("x", false, true));
  EXPECT_EQ(added.ToJson().size(), 2u);
  added.Add(Token("x", true, false));
  const Json list = added.ToJson();
  ASSERT_EQ(list.size(), 1u);  // special tokens are looked for in the given text
  EXPECT_EQ(list[0]["special"], true);
  EXPECT_EQ(list[0]["normalized"], false);
}

TEST(AddedVocabulary, SpecialStaysSpecial) {
  AddedVocabulary added(kModel);
  added.Add(Token("x", true, false));
  added.Add(Token("x", false, false));
  EXPECT_EQ(added.ToJson()[0]["special"], true);
}

TEST(AddedVocabulary, ReadsListsOfPiecesToo) {
  AddedVocabulary added(
      Json{{"vocab", Json::array({Json::array({"<unk>", 0.0}), Json::array({"a", -1.5})})}});
  added.Add(Token("x", false, false));
  EXPECT_EQ(added.Find("a"), 1);
  EXPECT_EQ(added.Find("x"), 2);
}

TEST(ReadTokenSpec, ObjectsHaveTheDefaultsOfAddedToken) {
  EXPECT_TRUE(ReadTokenSpec(Json("x"), true).special);
  EXPECT_FALSE(ReadTokenSpec(Json("x"), true).normalized);
  EXPECT_TRUE(ReadTokenSpec({{"content", "x"}}, false).normalized);
  EXPECT_FALSE(ReadTokenSpec({{"content", "x"}, {"special", true}}, false).normalized);
  EXPECT_TRUE(
      ReadTokenSpec({{"content", "x"}, {"special", true}, {"normalized", true}}, false).normalized);
  EXPECT_TRUE(ReadTokenSpec(Json(5), true).content.empty());
}

}  // namespace
}  // namespace inkling
