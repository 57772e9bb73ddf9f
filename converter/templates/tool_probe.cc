// See tool_probe.h.

#include "converter/templates/tool_probe.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace inkling {

JsonValue ProbeJson(absl::string_view text) {
  absl::StatusOr<JsonValue> value = ParseJson(text);  // the probes' JSON is JSON
  return value.ok() ? *std::move(value) : JsonValue();
}

TemplateTool ProbeTool(absl::string_view name, absl::string_view description,
                       absl::string_view parameters) {
  return {std::string(name), std::string(description), ProbeJson(parameters)};
}

TemplateTool FirstTool() {
  return ProbeTool(kFirstTool, "the first description.",
                   R"({"type": "object", "properties": {"first_key": {"type": "string",
                       "description": "the first key."}}, "required": ["first_key"]})");
}
TemplateTool SecondTool() {
  return ProbeTool(kSecondTool, "the second description.",
                   R"({"type": "object", "properties": {"second_key": {"type": "string",
                       "description": "the second key."}}, "required": ["second_key"]})");
}

TemplateCall FirstCall() {
  return {std::string(kFirstTool), ProbeJson(R"({"first_key": "the first value."})"),
          std::string(kFirstId)};
}
TemplateCall SecondCall() {
  return {std::string(kSecondTool), ProbeJson(R"({"second_key": "the second value."})"),
          std::string(kSecondId)};
}

TemplateMessage UserSays(absl::string_view text) {
  return {TemplateRole::kUser, std::string(text)};
}
TemplateMessage ModelSays(absl::string_view text) {
  return {TemplateRole::kModel, std::string(text)};
}
TemplateMessage SystemSays(absl::string_view text) {
  return {TemplateRole::kSystem, std::string(text)};
}
TemplateMessage ModelCalls(std::vector<TemplateCall> calls, absl::string_view text) {
  TemplateMessage message = ModelSays(text);
  message.calls = std::move(calls);
  return message;
}
TemplateMessage ToolAnswers(const TemplateCall& call, absl::string_view text) {
  TemplateMessage message = {TemplateRole::kTool, std::string(text)};
  message.tool_name = call.name;
  message.call_id = call.id;
  return message;
}

size_t Count(absl::string_view text, absl::string_view part) {
  const size_t at = text.find(part);
  if (at == absl::string_view::npos) return 0;
  return text.find(part, at + 1) == absl::string_view::npos ? 1 : 2;
}

absl::StatusOr<size_t> FindOnce(absl::string_view text, absl::string_view part) {
  if (Count(text, part) == 1) return text.find(part);
  return absl::NotFoundError(absl::StrCat("it doesn't write '", part.substr(0, 60),
                                          part.size() > 60 ? "...' " : "' ", "exactly once"));
}

size_t CommonPrefixLength(absl::string_view a, absl::string_view b) {
  const size_t end = std::min(a.size(), b.size());
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + end, b.begin()).first -
                             a.begin());
}

size_t CommonSuffixLength(absl::string_view a, absl::string_view b) {
  const size_t end = std::min(a.size(), b.size());
  return static_cast<size_t>(std::mismatch(a.rbegin(), a.rbegin() + end, b.rbegin()).first -
                             a.rbegin());
}

ListTexts SplitList(absl::string_view before, absl::string_view between, absl::string_view behind) {
  const size_t prefix = CommonSuffixLength(before, between);
  const absl::string_view rest = between.substr(0, between.size() - prefix);
  const size_t suffix = CommonPrefixLength(behind, rest);
  return {.begin = std::string(before.substr(0, before.size() - prefix)),
          .prefix = std::string(before.substr(before.size() - prefix)),
          .separator = std::string(rest.substr(suffix)),
          .suffix = std::string(behind.substr(0, suffix)),
          .end = std::string(behind.substr(suffix))};
}

ToolText WithFields(absl::string_view text) {
  ToolText parts;
  ToolTextPart part;
  for (char c : text) {
    switch (static_cast<ToolMark>(c)) {
      case ToolMark::kTools:
        part.field = ToolField::kTools;
        break;
      case ToolMark::kSystemText:
        part.field = ToolField::kSystemText;
        break;
      case ToolMark::kName:
        part.field = ToolField::kName;
        break;
      case ToolMark::kCallId:
        part.field = ToolField::kCallId;
        break;
      default:
        part.text.push_back(c);
        continue;
    }
    parts.push_back(std::exchange(part, {}));
  }
  if (!part.text.empty()) parts.push_back(std::move(part));
  return parts;
}

std::string Replaced(absl::string_view text, absl::string_view part, ToolMark mark) {
  return absl::StrReplaceAll(text, {{part, std::string(1, static_cast<char>(mark))}});
}

}  // namespace inkling
