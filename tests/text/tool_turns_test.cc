// Turns with tools, as data says: where declarations stand, what stays open, what is refused.

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/text/json_text.h"
#include "src/text/prompt_parts.h"
#include "src/text/prompt_template.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using ::testing::HasSubstr;

PromptTemplateData Turns() {
  PromptTemplateData data;
  data.name = "test";
  data.session_prefix = "<s>";
  data.user = {"[u]", "[/u]"};
  data.model = {"[m]", "[/m]"};
  data.generation_prompt = "[m]";
  data.system = {"[s]", "[/s]"};
  data.system_placement = SystemPlacement::kOwnTurn;
  ToolTemplateData& tools = data.tools;
  tools.call.syntax = ToolCallSyntax::kJson;
  tools.call.prefix = "<c>";
  tools.call.suffix = "</c>";
  tools.call.separator = ",";
  tools.call.name_key = "name";
  tools.call.arguments_key = "arguments";
  tools.placement = ToolPlacement::kSystemTurn;
  tools.declaration = {{"<d>", ToolField::kName}, {"</d>"}};
  tools.system = {{"[s]", ToolField::kSystemText}, {"|", ToolField::kTools}, {"[/s]"}};
  tools.no_system = {{"[s]", ToolField::kTools}, {"[/s]"}};
  tools.calls = {{"[m]", ToolField::kCalls}, {"[/m]"}};
  tools.calls_with_text = {{"[m]", ToolField::kText}, {"+", ToolField::kCalls}, {"[/m]"}};
  tools.results_prefix = "[r]";
  tools.results_suffix = "[/r]";
  tools.results_separator = ";";
  tools.result = {{"", ToolField::kText}};
  return data;
}

JsonValue Object(const std::string& json) {
  auto value = ParseJson(json);
  EXPECT_OK(value);
  return value.ok() ? *value : JsonValue();
}

TemplateTool Tool(const std::string& name) { return {name, "d", Object("{}")}; }
TemplateMessage User(const std::string& text) { return {TemplateRole::kUser, text}; }
TemplateMessage System(const std::string& text) { return {TemplateRole::kSystem, text}; }
TemplateMessage Model(const std::string& text) { return {TemplateRole::kModel, text}; }
TemplateMessage Result(const std::string& text) { return {TemplateRole::kTool, text}; }
TemplateMessage Call(const std::string& text, int count = 1) {
  TemplateMessage message = Model(text);
  for (int i = 0; i < count; ++i) message.calls.push_back({"f", Object("{\"a\":1}"), ""});
  return message;
}

std::string Render(const PromptTemplateData& data, const std::vector<TemplateMessage>& messages,
                   const std::vector<TemplateTool>& tools = {}) {
  const auto made = PromptTemplate::Create(data);
  EXPECT_OK(made);
  const auto parts = made->Render(messages, GenerationPrompt::kAdd, tools);
  return parts.ok() ? JoinedText(*parts) : std::string(parts.status().message());
}

const char kCall[] = "<c>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</c>";

TEST(ToolTurns, DeclarationsStandWhereTheDataSays) {
  PromptTemplateData data = Turns();
  const std::vector<TemplateTool> tools = {Tool("f"), Tool("g")};
  EXPECT_EQ(Render(data, {User("a")}, tools), "<s>[s]<d>f</d><d>g</d>[/s][u]a[/u][m]");
  EXPECT_EQ(Render(data, {System("b"), User("a")}, tools),
            "<s>[s]b|<d>f</d><d>g</d>[/s][u]a[/u][m]");
  EXPECT_EQ(Render(data, {User("a")}), "<s>[u]a[/u][m]");
  data.tools.declaration_separator = ";";
  data.tools.system = {{"[s]", ToolField::kSystemText}, {"[/s]"}};
  data.tools.no_system = {};
  data.tools.user = {{"[t]", ToolField::kTools}, {"[u]"}};
  data.tools.placement = ToolPlacement::kFirstUserTurn;
  const std::vector<TemplateMessage> talk = {User("a"), Model("b"), User("c")};
  EXPECT_EQ(Render(data, talk, tools), "<s>[t]<d>f</d>;<d>g</d>[u]a[/u][m]b[/m][u]c[/u][m]");
  data.tools.placement = ToolPlacement::kLastUserTurn;
  EXPECT_EQ(Render(data, talk, tools), "<s>[u]a[/u][m]b[/m][t]<d>f</d>;<d>g</d>[u]c[/u][m]");
}

TEST(ToolTurns, CallsAndResultsStandInTheirTurns) {
  const PromptTemplateData data = Turns();
  EXPECT_EQ(Render(data, {User("a"), Call(""), Result("r")}),
            std::string("<s>[u]a[/u][m]") + kCall + "[/m][r]r[/r][m]");
  EXPECT_EQ(Render(data, {User("a"), Call("t", 2), Result("r"), Result("q")}),
            std::string("<s>[u]a[/u][m]t+") + kCall + "," + kCall + "[/m][r]r;q[/r][m]");
}

TEST(ToolTurns, AnOpenTurnGoesOn) {
  PromptTemplateData data = Turns();
  data.tools.results_stay_in_turn = true;
  data.tools.calls.pop_back();
  data.tools.calls_with_text.pop_back();
  EXPECT_EQ(Render(data, {User("a"), Call(""), Result("r")}),
            std::string("<s>[u]a[/u][m]") + kCall + "[r]r[/r]");
  EXPECT_EQ(
      Render(data,
             {User("a"), Call(""), Result("r"), Call(""), Result("q"), Model("b"), User("c")}),
      std::string("<s>[u]a[/u][m]") + kCall + "[r]r[/r]" + kCall + "[r]q[/r]b[/m][u]c[/u][m]");
}

TEST(ToolTurns, ASystemTextMayMoveToTheLastTurn) {
  PromptTemplateData data = Turns();
  data.system_placement = SystemPlacement::kInLastUserTurn;
  data.system = {"", "\n"};
  EXPECT_EQ(Render(data, {System("s"), User("a")}), "<s>[u]s\na[/u][m]");
  EXPECT_EQ(Render(data, {System("s"), User("a"), Model("b"), User("c")}),
            "<s>[u]a[/u][m]b[/m][u]s\nc[/u][m]");
  EXPECT_EQ(Render(data, {System("s"), User("a"), Call(""), Result("r")}),
            std::string("<s>[u]a[/u][m]") + kCall + "[/m][r]r[/r][m]");
}

TEST(ToolTurns, RecentThoughtsMayStay) {
  PromptTemplateData data = Turns();
  data.past_answers = {ThoughtCut::kThroughLastEnd, "<t>", "</t>"};
  const std::vector<TemplateMessage> talk = {User("a"), Call("<t>x</t>y"), Result("r")};
  EXPECT_THAT(Render(data, talk), HasSubstr("[m]y+<c>"));
  data.tools.keeps_recent_thoughts = true;
  EXPECT_THAT(Render(data, talk), HasSubstr("[m]<t>x</t>y+<c>"));
  EXPECT_THAT(Render(data, {User("a"), Call("<t>\n</t>y"), Result("r")}), HasSubstr("[m]y+<c>"));
  EXPECT_THAT(Render(data, {User("a"), Call("<t>x</t>"), Result("r")}),
              HasSubstr("[m]<t>x</t><c>"));
  EXPECT_THAT(Render(data, {User("a"), Call("<t>x</t>"), Result("r"), Model("b"), User("c")}),
              HasSubstr("[m]<c>"));
}

TEST(ToolTurns, WhatHasNoFormIsRefused) {
  PromptTemplateData data = Turns();
  EXPECT_THAT(Render(data, {User("a"), Result("r")}), HasSubstr("messages[1]: a tool's result"));
  EXPECT_THAT(Render(data, {User("a"), Call(""), Result("r"), Result("q")}),
              HasSubstr("messages[3]: a tool's result"));
  data.tools.calls_need_results = data.tools.results_need_answer = true;
  EXPECT_THAT(Render(data, {User("a"), Call(""), User("b")}), HasSubstr("the results"));
  EXPECT_THAT(Render(data, {User("a"), Call(""), Result("r"), User("b")}),
              HasSubstr("the model's answer"));
  data.tools.call.one_call = true;
  EXPECT_THAT(Render(data, {User("a"), Call("", 2), Result("r")}), HasSubstr("one call"));
  data.tools.placement = ToolPlacement::kFirstUserTurn;
  EXPECT_THAT(Render(data, {Model("a"), User("b")}, {Tool("f")}), HasSubstr("messages[0]"));
  data.tools = {};
  data.note = "why";
  EXPECT_THAT(Render(data, {User("a")}, {Tool("f")}), HasSubstr("no place for tools (why)"));
  EXPECT_THAT(Render(data, {User("a"), Call("")}), HasSubstr("no place for calls"));
}

TEST(ToolTurns, WhatFollowsAnAnswerEndsItsTurn) {
  const auto made = PromptTemplate::Create(Turns());
  ASSERT_OK(made);
  const std::vector<TemplateMessage> said = {Result("r")};
  ASSERT_OK_AND_ASSIGN(const WrittenPrompt written,
                       made->Write({.messages = said, .before = TextBefore::kCalls}));
  EXPECT_EQ(JoinedText(written.parts), "[/m][r]r[/r][m]");
  ASSERT_OK_AND_ASSIGN(const std::string text, made->GeneratedText(Call("t")));
  EXPECT_EQ(text, std::string("t+") + kCall);
}

TEST(ToolTurns, AnswersAreFoundInTheText) {
  const auto made = PromptTemplate::Create(Turns());
  ASSERT_OK(made);
  const std::vector<TemplateMessage> talk = {User("a"), Call("t"), Result("r"), Model("b"),
                                             User("c")};
  ASSERT_OK_AND_ASSIGN(const WrittenPrompt written, made->Write({.messages = talk}));
  const std::string text = JoinedText(written.parts);
  ASSERT_EQ(written.answers.size(), 2u);
  const auto& [call, answer] = std::pair(written.answers[0], written.answers[1]);
  EXPECT_EQ(text.substr(call.begin, call.end - call.begin), std::string("t+") + kCall);
  EXPECT_EQ(text.substr(answer.begin, answer.end - answer.begin), "b");
  EXPECT_EQ(JoinedText(FirstParts(written.parts, answer.begin)), text.substr(0, answer.begin));
}

}  // namespace
}  // namespace inkling
