// Tools in chat templates: learned from what the templates write, rendered as transformers renders
// them (tests/golden/chat_templates/golden_tools.json), and refused with a reason where they can't
// be.

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "converter/templates/chat_template.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "src/text/date_text.h"
#include "src/text/json_text.h"
#include "src/text/prompt_parts.h"
#include "src/text/prompt_template.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using Json = nlohmann::ordered_json;

const char kFolder[] = INKLING_TEST_DATA_DIR "/golden/chat_templates/";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

JsonValue ValueOf(const Json& json) {
  absl::StatusOr<JsonValue> value = ParseJson(json.dump());
  EXPECT_OK(value);
  if (!value.ok()) return {};
  EXPECT_OK(SpellNumbersAsPython(*value));
  return *value;
}

TemplateTool ToolOf(const Json& json) {
  const Json& function = json["function"];
  return {function["name"], function["description"], ValueOf(function["parameters"])};
}

TemplateMessage MessageOf(const Json& json) {
  TemplateMessage message;
  const std::string role = json["role"];
  message.role = role == "user"     ? TemplateRole::kUser
                 : role == "system" ? TemplateRole::kSystem
                 : role == "tool"   ? TemplateRole::kTool
                                    : TemplateRole::kModel;
  message.text = json["content"];
  message.tool_name = json.value("name", "");
  message.call_id = json.value("tool_call_id", "");
  if (!json.contains("tool_calls")) return message;
  for (const Json& call : json["tool_calls"]) {
    message.calls.push_back(
        {call["function"]["name"], ValueOf(call["function"]["arguments"]), call["id"]});
  }
  return message;
}

PromptTemplateData Learned(const std::string& source, const Json& named) {
  TemplateTokens tokens;
  for (const auto& item : named.items()) {
    tokens.named.emplace_back(item.key(), item.value().get<std::string>());
  }
  tokens.added = {"<|im_start|>",    "<|im_end|>",
                  "<|eot_id|>",      "</s>",
                  "<end_of_turn>",   "<start_function_response>",
                  "<start_of_turn>", "[TOOL_CALLS]"};
  return RecognizeChatTemplate(source, tokens);
}

// A template, and how it writes calls.
struct Known {
  const char* file;
  ToolCallFormat call;
  ToolPlacement placement;
};

ToolCallFormat Json2(const char* begin, const char* prefix, const char* suffix,
                     const char* separator, const char* end, const char* arguments) {
  ToolCallFormat call;
  call.syntax = ToolCallSyntax::kJson;
  call.begin = begin;
  call.prefix = prefix;
  call.suffix = suffix;
  call.separator = separator;
  call.end = end;
  call.name_key = "name";
  call.arguments_key = arguments;
  return call;
}

ToolCallFormat TaggedJson() {
  return Json2("", "<tool_call>\n", "\n</tool_call>", "\n", "", "arguments");
}
ToolCallFormat BareJson() {
  ToolCallFormat call = Json2("", "", "", "", "", "parameters");
  call.one_call = true;
  return call;
}
ToolCallFormat ListedJson() {
  ToolCallFormat call = Json2("[TOOL_CALLS] [", "", "", ", ", "]", "arguments");
  call.id_key = "id";
  call.id_length = 9;
  return call;
}
ToolCallFormat EscapedFields() {
  ToolCallFormat call;
  call.syntax = ToolCallSyntax::kEscapedFields;
  call.prefix = "<start_function_call>call:";
  call.suffix = "<end_function_call>";
  call.text_quote = "<escape>";
  call.null_text = "None";
  return call;
}

std::vector<Known> KnownTemplates() {
  return {{"hermes", TaggedJson(), ToolPlacement::kSystemTurn},
          {"qwen25", TaggedJson(), ToolPlacement::kSystemTurn},
          {"qwen3", TaggedJson(), ToolPlacement::kSystemTurn},
          {"llama31", BareJson(), ToolPlacement::kFirstUserTurn},
          {"llama32", BareJson(), ToolPlacement::kFirstUserTurn},
          {"mistral_v3", ListedJson(), ToolPlacement::kLastUserTurn},
          {"function_gemma", EscapedFields(), ToolPlacement::kSystemTurn}};
}

class ToolTemplate : public testing::TestWithParam<Known> {
 protected:
  void SetUp() override {
    golden_ = Json::parse(ReadFile(std::string(kFolder) + "golden_tools.json"), nullptr, false);
    ASSERT_TRUE(golden_.is_object());
    expected_ = golden_["templates"][GetParam().file];
    data_ =
        Learned(ReadFile(std::string(kFolder) + GetParam().file + ".jinja"), expected_["tokens"]);
  }

  Json golden_;
  Json expected_;
  PromptTemplateData data_;
};

TEST_P(ToolTemplate, RendersAsTransformersDoes) {
  ASSERT_OK_AND_ASSIGN(const PromptTemplate made, PromptTemplate::Create(data_));
  ASSERT_OK_AND_ASSIGN(const CivilDate date, ParseDate(golden_["date"].get<std::string>()));
  const PromptTemplate dated = made.OnDate(date);
  ASSERT_GE(expected_["cases"].size(), 20u);
  for (const Json& item : expected_["cases"]) {
    std::vector<TemplateTool> tools;
    for (int index : item["tools"]) tools.push_back(ToolOf(golden_["tools"][index]));
    std::vector<TemplateMessage> messages;
    for (const Json& message : item["messages"]) messages.push_back(MessageOf(message));
    const auto parts = dated.Render(messages, GenerationPrompt::kAdd, tools);
    if (item["text"].is_null()) {
      EXPECT_FALSE(parts.ok()) << item["messages"].dump();
      continue;
    }
    ASSERT_OK(parts) << item["messages"].dump();
    EXPECT_EQ(JoinedText(*parts), item["text"].get<std::string>());
  }
}

TEST_P(ToolTemplate, SaysHowCallsAreWritten) {
  const ToolCallFormat& found = data_.tools.call;
  const ToolCallFormat& call = GetParam().call;
  EXPECT_TRUE(absl::StrContains(data_.note, "it writes tools, and so do sessions")) << data_.note;
  EXPECT_EQ(found.syntax, call.syntax);
  EXPECT_EQ(found.begin, call.begin);
  EXPECT_EQ(found.prefix, call.prefix);
  EXPECT_EQ(found.suffix, call.suffix);
  EXPECT_EQ(found.separator, call.separator);
  EXPECT_EQ(found.end, call.end);
  EXPECT_EQ(found.name_key, call.name_key);
  EXPECT_EQ(found.arguments_key, call.arguments_key);
  EXPECT_EQ(found.id_key, call.id_key);
  EXPECT_EQ(found.id_length, call.id_length);
  EXPECT_EQ(found.text_quote, call.text_quote);
  EXPECT_EQ(found.null_text, call.null_text);
  EXPECT_EQ(found.one_call, call.one_call);
  EXPECT_EQ(data_.tools.placement, GetParam().placement);
}

// The model's own text between the parts that are markup is never parsed for tokens.
TEST_P(ToolTemplate, TextOfAppsIsNoMarkup) {
  ASSERT_OK_AND_ASSIGN(const PromptTemplate made, PromptTemplate::Create(data_));
  const std::string odd = "<|im_end|></s><escape>[TOOL_CALLS]";
  TemplateTool tool = {"f", odd, ValueOf(Json::parse(R"({"type": "object", "properties": {}})"))};
  TemplateMessage call = {TemplateRole::kModel, ""};
  call.calls = {{"f", ValueOf(Json{{"key", odd}}), "123456789"}};
  TemplateMessage result = {TemplateRole::kTool, odd};
  result.tool_name = "f";
  result.call_id = "123456789";
  ASSERT_OK_AND_ASSIGN(const auto parts, made.Render({{TemplateRole::kUser, odd}, call, result},
                                                     GenerationPrompt::kAdd, {{tool}}));
  int count = 0;
  for (const PromptPart& part : parts) {
    count += absl::StrContains(part.text, odd) ? 1 : 0;
    EXPECT_TRUE(part.markup == Markup::kAsText || !absl::StrContains(part.text, odd)) << part.text;
  }
  EXPECT_GE(count, 4);
}

INSTANTIATE_TEST_SUITE_P(All, ToolTemplate, testing::ValuesIn(KnownTemplates()),
                         [](const auto& info) { return std::string(info.param.file); });

// A turn, with what else a template writes where there are tools, calls and results.
std::string Template(const std::string& with_tools, const std::string& calls,
                     const std::string& results) {
  return absl::StrCat("{% if tools %}", with_tools,
                      "{% endif %}{% for m in messages %}{% if m.role == 'tool' %}", results,
                      "{% elif m.tool_calls %}<a>", calls,
                      "</a>\n{% else %}<{{ m.role[0] }}>{{ m.content }}</{{ m.role[0] }}>\n"
                      "{% endif %}{% endfor %}{% if add_generation_prompt %}<a>{% endif %}");
}

const char kDeclarations[] = "{% for t in tools %}[{{ t|tojson }}]{% endfor %}\n";
const char kCalls[] =
    "{% for c in m.tool_calls %}({\"n\": \"{{ c.function.name }}\", \"a\": "
    "{{ c.function.arguments|tojson }}}){% endfor %}";
const char kResults[] = "<t>{{ m.content }}</t>\n";

TEST(ToolTemplates, OwnFormsAreLearnedToo) {
  const PromptTemplateData data =
      Learned(Template(kDeclarations, kCalls, kResults), Json::object());
  EXPECT_EQ(data.tools.call.syntax, ToolCallSyntax::kJson) << data.note;
  EXPECT_EQ(data.tools.call.name_key, "n");
  EXPECT_EQ(data.tools.call.prefix, "(");
  EXPECT_EQ(data.tools.call.suffix, ")");
  EXPECT_EQ(data.tools.declaration.front().text, "[");
}

// What isn't learned leaves the turns as they are, and the note says why.
TEST(ToolTemplates, WhatIsNotUnderstoodIsNotUsed) {
  struct Case {
    std::string source;
    const char* note;
  };
  const Case cases[] = {
      {ReadFile(std::string(kFolder) + "smollm3.jinja"), "declarations in a way of its own"},
      {Template(
           "{% for t in tools %}{{ t.function.name }}: {{ t.function.parameters }}{% endfor %}",
           kCalls, kResults),
       "declarations in a way of its own"},
      {Template(kDeclarations, "", kResults), "doesn't write calls"},
      {Template(kDeclarations, "{{ m.tool_calls[0].function.name }}()", kResults),
       "calls in a way of its own"},
      {Template(kDeclarations, kCalls, ""), "drops"},
      {Template(kDeclarations, kCalls, "<t>{{ m.content[:20] }}</t>\n"), "where the rules give"},
      {Template("{% for t in tools %}[{{ t|tojson }}]{% endfor %}{{ tools|length }}", kCalls,
                kResults),
       "where the rules give"},
      {Template(kDeclarations + std::string("{{ raise_exception('no') if tools|length > 2 }}"),
                kCalls, kResults),
       "it refuses some conversations"},
  };
  for (const Case& test : cases) {
    const PromptTemplateData data = Learned(test.source, Json::object());
    EXPECT_FALSE(data.name.empty()) << data.note;
    EXPECT_EQ(data.tools.call.syntax, ToolCallSyntax::kNone);
    EXPECT_TRUE(absl::StrContains(data.note, "how it writes tools isn't understood")) << data.note;
    EXPECT_TRUE(absl::StrContains(data.note, test.note)) << data.note;
  }
}

}  // namespace
}  // namespace inkling
