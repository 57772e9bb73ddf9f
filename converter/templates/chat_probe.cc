// The variables that transformers gives to a template (see chat_probe.h).

#include "converter/templates/chat_probe.h"

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/text/json_value.h"
#include "src/text/tool_text.h"

namespace inkling {
namespace {

absl::string_view RoleName(TemplateRole role) {
  switch (role) {
    case TemplateRole::kSystem:
      return "system";
    case TemplateRole::kUser:
      return "user";
    case TemplateRole::kTool:
      return "tool";
    case TemplateRole::kModel:
      break;
  }
  return "assistant";
}

JinjaValue Content(absl::string_view text, ContentForm form) {
  if (form == ContentForm::kText) return JinjaValue::MakeText(text);
  return JinjaValue::MakeList({JinjaValue::MakeDict(
      {{"type", JinjaValue::MakeText("text")}, {"text", JinjaValue::MakeText(text)}})});
}

JinjaValue ValueOf(const JsonValue& json) {
  switch (json.kind) {
    case JsonKind::kNull:
      return JinjaValue::MakeNone();
    case JsonKind::kBool:
      return JinjaValue::MakeBool(json.boolean);
    case JsonKind::kString:
      return JinjaValue::MakeText(json.text);
    case JsonKind::kNumber: {
      int64_t integer = 0;
      double real = 0;
      if (absl::SimpleAtoi(json.text, &integer)) return JinjaValue::MakeInt(integer);
      (void)absl::SimpleAtod(json.text, &real);  // the probes' numbers are numbers
      return JinjaValue::MakeFloat(real);
    }
    case JsonKind::kArray: {
      JinjaValue::List items;
      for (const JsonValue& item : json.items) items.push_back(ValueOf(item));
      return JinjaValue::MakeList(std::move(items));
    }
    case JsonKind::kObject:
      break;
  }
  JinjaValue::Dict members;
  for (const auto& [name, member] : json.members) members.emplace_back(name, ValueOf(member));
  return JinjaValue::MakeDict(std::move(members));
}

// As OpenAI's clients and transformers name the members.
JinjaValue CallOf(const TemplateCall& call) {
  JinjaValue::Dict made;
  if (!call.id.empty()) made.emplace_back("id", JinjaValue::MakeText(call.id));
  made.emplace_back("type", JinjaValue::MakeText("function"));
  made.emplace_back("function", JinjaValue::MakeDict({{"name", JinjaValue::MakeText(call.name)},
                                                      {"arguments", ValueOf(call.arguments)}}));
  return JinjaValue::MakeDict(std::move(made));
}

JinjaValue MessageOf(const TemplateMessage& message, const ToolTemplateData& tools,
                     ContentForm form) {
  const absl::StatusOr<JsonValue> object = ObjectResult(tools, message);
  JinjaValue::Dict made = {
      {"role", JinjaValue::MakeText(RoleName(message.role))},
      {"content", object.ok() ? ValueOf(*object) : Content(message.text, form)}};
  if (!message.calls.empty()) {
    JinjaValue::List calls;
    for (const TemplateCall& call : message.calls) calls.push_back(CallOf(call));
    made.emplace_back("tool_calls", JinjaValue::MakeList(std::move(calls)));
  }
  if (!message.tool_name.empty()) {
    made.emplace_back("name", JinjaValue::MakeText(message.tool_name));
  }
  if (!message.call_id.empty()) {
    made.emplace_back("tool_call_id", JinjaValue::MakeText(message.call_id));
  }
  return JinjaValue::MakeDict(std::move(made));
}

}  // namespace

absl::StatusOr<std::string> ChatProbe::Render(const std::vector<TemplateMessage>& messages,
                                              GenerationPrompt generation_prompt,
                                              const std::vector<TemplateTool>& tools,
                                              const ToolTemplateData* data) const {
  const ToolTemplateData known = data == nullptr ? ToolTemplateData() : *data;
  JinjaValue::List list;
  for (const TemplateMessage& message : messages) list.push_back(MessageOf(message, known, form_));
  JinjaValue::List tool_list;
  for (const TemplateTool& tool : tools) tool_list.push_back(ValueOf(ToolAsJson(tool)));
  JinjaValue::Dict variables = {
      {"messages", JinjaValue::MakeList(std::move(list))},
      {"tools",
       tools.empty() ? JinjaValue::MakeNone() : JinjaValue::MakeList(std::move(tool_list))},
      {"documents", JinjaValue::MakeNone()},
      {"add_generation_prompt", JinjaValue::MakeBool(generation_prompt == GenerationPrompt::kAdd)}};
  for (const auto& [name, text] : tokens_.named) {
    variables.emplace_back(name, JinjaValue::MakeText(text));
  }
  return program_.Render(variables);
}

absl::StatusOr<std::vector<std::string>> ChatProbe::Around(
    const std::vector<TemplateMessage>& messages, GenerationPrompt generation_prompt,
    const std::vector<absl::string_view>& texts) const {
  ABSL_ASSIGN_OR_RETURN(const std::string rendered, Render(messages, generation_prompt));
  absl::string_view rest = rendered;
  std::vector<std::string> around;
  for (absl::string_view text : texts) {
    const size_t at = rest.find(text);
    if (at == absl::string_view::npos || rendered.find(text) != rendered.rfind(text)) {
      return absl::NotFoundError(absl::StrCat("it doesn't write '", text, "' exactly once"));
    }
    around.emplace_back(rest.substr(0, at));
    rest.remove_prefix(at + text.size());
  }
  around.emplace_back(rest);
  return around;
}

}  // namespace inkling
