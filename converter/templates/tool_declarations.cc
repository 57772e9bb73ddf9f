// Forms are tried, the largest part of a declaration first (see tool_declarations.h).

#include "converter/templates/tool_declarations.h"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "converter/templates/tool_probe.h"
#include "src/text/json_text.h"
#include "src/text/prompt_parts.h"
#include "src/text/tool_text.h"

namespace inkling {
namespace {

constexpr uint32_t kIndents[] = {0, 4, 2};

// A declaration in the text, and its parts.
struct Unit {
  size_t begin = 0;
  size_t end = 0;
  ToolText parts;
};

// All of `tool` as one field.
std::optional<Unit> FindField(absl::string_view rendered, const TemplateTool& tool, ToolField field,
                              const DeclarationForm& form) {
  ToolTemplateData data;
  data.declaration = {{"", field}};
  data.json_indent = form.json_indent;
  data.call.text_quote = form.text_quote;
  std::vector<PromptPart> parts;
  if (!AppendTools(data, {&tool, 1}, parts).ok()) return std::nullopt;
  const std::string text = JoinedText(parts);
  if (Count(rendered, text) != 1) return std::nullopt;
  const size_t at = rendered.find(text);
  return Unit{at, at + text.size(), data.declaration};
}

// Name, description and parameters, in this order, with texts between them.
std::optional<Unit> FindPieces(absl::string_view rendered, const TemplateTool& tool,
                               const DeclarationForm& form) {
  const std::string parameters = WriteJson(tool.parameters, form.json_indent);
  if (Count(rendered, tool.name) != 1 || Count(rendered, tool.description) != 1 ||
      Count(rendered, parameters) != 1) {
    return std::nullopt;
  }
  const size_t name = rendered.find(tool.name);
  const size_t name_end = name + tool.name.size();
  const size_t description = rendered.find(tool.description);
  const size_t description_end = description + tool.description.size();
  const size_t at = rendered.find(parameters);
  if (description < name_end || at < description_end) return std::nullopt;
  const std::string between(rendered.substr(name_end, description - name_end));
  const std::string behind(rendered.substr(description_end, at - description_end));
  return Unit{name,
              at + parameters.size(),
              {{"", ToolField::kName},
               {between, ToolField::kDescription},
               {behind, ToolField::kParameters}}};
}

// The mark around texts of a declaration without JSON's quotes.
std::string TextQuote(absl::string_view rendered) {
  constexpr size_t kMaxQuote = 40;
  const TemplateTool tool = FirstTool();
  const std::string head = absl::StrCat(tool.name, "{description:");
  const size_t at = rendered.find(head);
  if (at == absl::string_view::npos) return "";
  const absl::string_view behind = rendered.substr(at + head.size());
  const size_t end = behind.find(tool.description);
  return end > kMaxQuote ? "" : std::string(behind.substr(0, end));
}

// `form` with what stands around `first` and `second`.
bool Complete(absl::string_view rendered, const std::optional<Unit>& first,
              const std::optional<Unit>& second, DeclarationForm& form) {
  if (!first.has_value() || !second.has_value() || second->begin < first->end) return false;
  const ListTexts list = SplitList(rendered.substr(0, first->begin),
                                   rendered.substr(first->end, second->begin - first->end),
                                   rendered.substr(second->end));
  form.declaration = first->parts;
  form.declaration.front().text = list.prefix;
  if (!list.suffix.empty()) form.declaration.push_back({list.suffix, ToolField::kNone});
  form.separator = list.separator;
  return true;
}

}  // namespace

std::vector<DeclarationForm> FindDeclarationForms(absl::string_view rendered) {
  const TemplateTool tools[] = {FirstTool(), SecondTool()};
  const std::string text_quote = TextQuote(rendered);
  std::vector<DeclarationForm> found;
  DeclarationForm form;
  for (ToolField field : {ToolField::kTool, ToolField::kFunction}) {
    for (uint32_t indent : kIndents) {
      form.json_indent = indent;
      if (Complete(rendered, FindField(rendered, tools[0], field, form),
                   FindField(rendered, tools[1], field, form), form)) {
        found.push_back(form);
      }
    }
  }
  for (uint32_t indent : kIndents) {
    form.json_indent = indent;
    if (Complete(rendered, FindPieces(rendered, tools[0], form),
                 FindPieces(rendered, tools[1], form), form)) {
      found.push_back(form);
    }
  }
  form = {};
  form.text_quote = text_quote;
  constexpr ToolField kEscaped = ToolField::kEscapedDeclaration;
  if (!text_quote.empty() && Complete(rendered, FindField(rendered, tools[0], kEscaped, form),
                                      FindField(rendered, tools[1], kEscaped, form), form)) {
    found.push_back(form);
  }
  return found;
}

bool QuoteDescriptions(ToolText& declaration) {
  for (size_t i = 0; i + 1 < declaration.size(); ++i) {
    if (declaration[i].field != ToolField::kDescription) continue;
    std::string& before = declaration[i].text;
    std::string& behind = declaration[i + 1].text;
    if (!absl::EndsWith(before, "\"") || !absl::StartsWith(behind, "\"")) return false;
    before.pop_back();
    behind.erase(0, 1);
    declaration[i].field = ToolField::kDescriptionJson;
    return true;
  }
  return false;
}

}  // namespace inkling
