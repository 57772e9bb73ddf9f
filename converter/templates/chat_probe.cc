// The variables that transformers gives to a template (see chat_probe.h).

#include "converter/templates/chat_probe.h"

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

absl::string_view RoleName(TemplateRole role) {
  switch (role) {
    case TemplateRole::kSystem:
      return "system";
    case TemplateRole::kUser:
      return "user";
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

}  // namespace

absl::StatusOr<std::string> ChatProbe::Render(const std::vector<TemplateMessage>& messages,
                                              GenerationPrompt generation_prompt) const {
  JinjaValue::List list;
  for (const TemplateMessage& message : messages) {
    list.push_back(JinjaValue::MakeDict({{"role", JinjaValue::MakeText(RoleName(message.role))},
                                         {"content", Content(message.text, form_)}}));
  }
  JinjaValue::Dict variables = {
      {"messages", JinjaValue::MakeList(std::move(list))},
      {"tools", JinjaValue::MakeNone()},
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
