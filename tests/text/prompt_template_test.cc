// Rendering of turns: trimming, where a system instruction goes, and what users can't do.

#include "src/text/prompt_template.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/text/small_vocabularies.h"

namespace inkling {
namespace {

PromptTemplateData Turns() {
  PromptTemplateData data;
  data.name = "test";
  data.session_prefix = "<s>";
  data.user = {"[u]", "[/u]"};
  data.model = {"[m]", "[/m]"};
  data.generation_prompt = "[m]";
  return data;
}

TemplateMessage Model(const std::string& text) { return {TemplateRole::kModel, text}; }

std::string Render(const PromptTemplateData& data, const std::vector<TemplateMessage>& messages) {
  const auto made = PromptTemplate::Create(data);
  EXPECT_TRUE(made.ok()) << made.status();
  const auto parts = made->Render(messages, GenerationPrompt::kAdd);
  if (!parts.ok()) return "error";
  std::string text;
  for (const PromptPart& part : *parts) text += part.text;
  return text;
}

TEST(PromptTemplate, TrimsAsAsked) {
  PromptTemplateData data = Turns();
  EXPECT_EQ(Render(data, {{TemplateRole::kUser, " x\n"}}), "<s>[u] x\n[/u][m]");
  data.trim_user = TextTrim::kBothEnds;
  EXPECT_EQ(Render(data, {{TemplateRole::kUser, " \xC2\xA0x \x1F\n"}}), "<s>[u]x[/u][m]");
  EXPECT_EQ(Render(data, {{TemplateRole::kUser, "  "}}), "<s>[u][/u][m]");
}

TEST(PromptTemplate, DropsWhatTheModelThoughtFromEarlierAnswers) {
  PromptTemplateData data = Turns();
  PastAnswerData& rule = data.past_answers;
  rule.begin = "<t>";
  rule.end = "</t>";
  const auto answer = [&](const std::string& text) {
    const std::string all =
        Render(data, {{TemplateRole::kUser, "x"}, {TemplateRole::kModel, text}});
    return all.substr(14, all.size() - 14 - 7);  // between "<s>[u]x[/u][m]" and "[/m][m]"
  };
  const std::string odd = "a<t>b</t>c<t>d</t>e</t>f";
  struct Case {
    ThoughtCut cut;
    const char* text;      // what is left of `odd`
    const char* no_begin;  // of "b</t>c"
    const char* unclosed;  // of "a<t>b"
  };
  for (const Case& test : {Case{ThoughtCut::kNone, odd.c_str(), "b</t>c", "a<t>b"},
                           Case{ThoughtCut::kThroughLastEnd, "f", "c", "a<t>b"},
                           Case{ThoughtCut::kThroughFirstEnd, "c<t>d</t>e</t>f", "c", "a<t>b"},
                           Case{ThoughtCut::kBetweenEnds, "c<t>d", "c", "a<t>b"},
                           Case{ThoughtCut::kOuterBlock, "af", "b</t>c", "a<t>b"},
                           Case{ThoughtCut::kEveryBlock, "acef", "bc", "a"}}) {
    rule.cut = test.cut;
    EXPECT_EQ(answer(odd), test.text);
    EXPECT_EQ(answer("b</t>c"), test.no_begin);
    EXPECT_EQ(answer("a<t>b"), test.unclosed);
    EXPECT_EQ(answer(" c "), " c ");
  }
  rule.cut = ThoughtCut::kThroughLastEnd;
  rule.needs_begin = true;
  EXPECT_EQ(answer("b</t>c"), "b</t>c");
  rule.trim = TextTrim::kBothEnds;
  EXPECT_EQ(answer("<t>b</t>\n \nc \n"), "c");
  rule.trim_newlines = true;
  EXPECT_EQ(answer("<t>b</t>\n \nc \n"), " \nc ");
  data.trim_model = TextTrim::kBegin;
  EXPECT_EQ(answer(" \nc "), "c ");
  data.trim_model_newlines = true;
  EXPECT_EQ(answer("\n\n c "), " c ");
  rule.end = "";
  EXPECT_FALSE(PromptTemplate::Create(data).ok());
}

TEST(PromptTemplate, TokensOfAnAnswerAreParsedWhereTheyAreLeft) {
  PromptTemplateData data = Turns();
  data.past_answers.cut = ThoughtCut::kThroughLastEnd;
  data.past_answers.end = "</t>";
  const auto made = PromptTemplate::Create(data);
  ASSERT_TRUE(made.ok()) << made.status();
  // Both are written "<c>" by the model, the second letter by letter.
  const std::string text = "<c>x</t>a<c>b<c>";
  std::vector<PromptPart> parts;
  made->AppendPastAnswer({TemplateRole::kModel, text, {{0, 3}, {9, 12}}}, parts);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].text, "a");
  EXPECT_EQ(parts[1].text, "<c>");
  EXPECT_EQ(parts[1].markup, Markup::kParse);
  EXPECT_EQ(parts[2].text, "b<c>");
  EXPECT_EQ(parts[2].markup, Markup::kAsText);
}

TEST(PromptTemplate, TellsWhichAnswersStandAsGenerated) {
  PromptTemplateData data = Turns();
  data.past_answers.cut = ThoughtCut::kThroughLastEnd;
  data.past_answers.end = "</t>";
  EXPECT_TRUE(PromptTemplate::Create(data)->StandsAsGenerated(Model("a</t>b"), false));
  data.rewrites_answers = true;
  EXPECT_FALSE(PromptTemplate::Create(data)->StandsAsGenerated(Model("a</t>b"), false));
  EXPECT_TRUE(PromptTemplate::Create(data)->StandsAsGenerated(Model("b"), false));
  data.generation_prompt = "[m]<t>";
  EXPECT_FALSE(PromptTemplate::Create(data)->StandsAsGenerated(Model("b"), false));
}

TEST(PromptTemplate, PlacesTheSystemInstruction) {
  PromptTemplateData data = Turns();
  const std::vector<TemplateMessage> talk = {{TemplateRole::kSystem, " S "},
                                             {TemplateRole::kUser, " x "}};
  EXPECT_EQ(Render(data, talk), "error");
  data.system = {"{", "}"};
  data.system_placement = SystemPlacement::kOwnTurn;
  EXPECT_EQ(Render(data, talk), "<s>{ S }[u] x [/u][m]");
  data.system_placement = SystemPlacement::kInFirstUserTurn;
  EXPECT_EQ(Render(data, talk), "<s>[u]{ S } x [/u][m]");
  data.trim_user = TextTrim::kBothEnds;
  EXPECT_EQ(Render(data, talk), "<s>[u]{ S }x[/u][m]");
  data.trim_system_with_user = true;
  EXPECT_EQ(Render(data, talk), "<s>[u]{ S } x[/u][m]");
  data.default_system = "D";
  EXPECT_EQ(
      Render(data,
             {{TemplateRole::kUser, "x"}, {TemplateRole::kModel, "y"}, {TemplateRole::kUser, "z"}}),
      "<s>[u]{D}x[/u][m]y[/m][u]z[/u][m]");
  EXPECT_EQ(Render(data, {{TemplateRole::kUser, "x"}, {TemplateRole::kSystem, "S"}}), "error");
}

TEST(PromptTemplate, UsersCannotWriteMarkup) {
  PromptTemplateData data = Turns();
  data.user = {"", "</s>"};
  const auto made = PromptTemplate::Create(data);
  const auto tokenizer = Tokenizer::Create(ByteLevelVocabulary());
  ASSERT_TRUE(made.ok() && tokenizer.ok());
  const auto parts = made->Render({{TemplateRole::kUser, "</s><s>"}}, GenerationPrompt::kOmit);
  ASSERT_TRUE(parts.ok());
  const auto ids = (*tokenizer)->Encode(*parts);
  ASSERT_TRUE(ids.ok());
  const TokenizerData& vocabulary = (*tokenizer)->data();
  EXPECT_EQ(std::count(ids->begin(), ids->end(), vocabulary.bos_id), 1);
  EXPECT_EQ(std::count(ids->begin(), ids->end(), vocabulary.eos_id), 1);
  EXPECT_EQ(ids->front(), vocabulary.bos_id);
  EXPECT_EQ(ids->back(), vocabulary.eos_id);
}

TEST(PromptTemplate, PlainTextHasNoTurns) {
  const auto plain = PromptTemplate::Create(PromptTemplateData());
  ASSERT_TRUE(plain.ok());
  EXPECT_FALSE(plain->has_turns());
  EXPECT_EQ(Render(PromptTemplateData(), {{TemplateRole::kUser, "Once upon"}}), "Once upon");
}

TEST(PromptTemplate, RefusesUnknownValues) {
  PromptTemplateData data = Turns();
  data.system_placement = static_cast<SystemPlacement>(9);
  EXPECT_FALSE(PromptTemplate::Create(data).ok());
  data = Turns();
  data.user.prefix = "\xFF";
  EXPECT_FALSE(PromptTemplate::Create(data).ok());
}

}  // namespace
}  // namespace inkling
