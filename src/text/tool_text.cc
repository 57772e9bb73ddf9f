// Texts around fields (see tool_text.h); the style without quotes is escaped_fields.cc's.

#include "src/text/tool_text.h"

#include <cstddef>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/text/escaped_fields.h"
#include "src/text/json_text.h"
#include "src/text/prompt_parts.h"
#include "src/text/text_trim.h"

namespace inkling {
namespace {

JsonValue JsonString(absl::string_view text) {
  JsonValue value;
  value.kind = JsonKind::kString;
  value.text = std::string(text);
  return value;
}

void AppendText(absl::string_view text, std::vector<PromptPart>& parts) {
  AppendPart(text, Markup::kAsText, parts);
}

void AppendMarkup(absl::string_view text, std::vector<PromptPart>& parts) {
  AppendPart(text, Markup::kParse, parts);
}

absl::Status AppendDeclaration(const ToolTemplateData& data, const TemplateTool& tool,
                               std::vector<PromptPart>& parts) {
  for (const ToolTextPart& part : data.declaration) {
    AppendMarkup(part.text, parts);
    switch (part.field) {
      case ToolField::kTool:
        AppendText(WriteJson(ToolAsJson(tool), data.json_indent), parts);
        break;
      case ToolField::kFunction:
        AppendText(WriteJson(FunctionAsJson(tool), data.json_indent), parts);
        break;
      case ToolField::kName:
        AppendText(tool.name, parts);
        break;
      case ToolField::kDescription:
        AppendText(tool.description, parts);
        break;
      case ToolField::kDescriptionJson:
        AppendText(QuoteJson(tool.description), parts);
        break;
      case ToolField::kParameters:
        AppendText(WriteJson(tool.parameters, data.json_indent), parts);
        break;
      case ToolField::kEscapedDeclaration:
        ABSL_RETURN_IF_ERROR(AppendEscapedDeclaration(data, tool, parts));
        break;
      default:
        break;  // a reader refuses others
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<JsonValue> ObjectResult(const ToolTemplateData& data,
                                       const TemplateMessage& message) {
  if (data.object_result.empty() || message.role != TemplateRole::kTool) {
    return absl::NotFoundError("no object");
  }
  ABSL_ASSIGN_OR_RETURN(JsonValue value, ParseJson(message.text));
  if (!value.is_object()) return absl::NotFoundError("no object");
  ABSL_RETURN_IF_ERROR(SpellNumbersAsPython(value));
  return value;
}

JsonValue FunctionAsJson(const TemplateTool& tool) {
  JsonValue function;
  function.kind = JsonKind::kObject;
  function.members = {{"name", JsonString(tool.name)},
                      {"description", JsonString(tool.description)},
                      {"parameters", tool.parameters}};
  return function;
}

JsonValue ToolAsJson(const TemplateTool& tool) {
  JsonValue whole;
  whole.kind = JsonKind::kObject;
  whole.members = {{"type", JsonString("function")}, {"function", FunctionAsJson(tool)}};
  return whole;
}

absl::Status AppendTools(const ToolTemplateData& data, absl::Span<const TemplateTool> tools,
                         std::vector<PromptPart>& parts) {
  for (size_t i = 0; i < tools.size(); ++i) {
    if (i > 0) AppendMarkup(data.declaration_separator, parts);
    ABSL_RETURN_IF_ERROR(AppendDeclaration(data, tools[i], parts));
  }
  return absl::OkStatus();
}

void AppendCalls(const ToolCallFormat& format, absl::Span<const TemplateCall> calls,
                 std::vector<PromptPart>& parts) {
  AppendMarkup(format.begin, parts);
  for (size_t i = 0; i < calls.size(); ++i) {
    const TemplateCall& call = calls[i];
    if (i > 0) AppendMarkup(format.separator, parts);
    AppendMarkup(format.prefix, parts);
    if (format.syntax == ToolCallSyntax::kJson) {
      const std::string id = format.id_key.empty() ? ""
                                                   : absl::StrCat(", ", QuoteJson(format.id_key),
                                                                  ": ", QuoteJson(call.id));
      AppendText(
          absl::StrCat("{", QuoteJson(format.name_key), ": ", QuoteJson(call.name), ", ",
                       QuoteJson(format.arguments_key), ": ", WriteJson(call.arguments), id, "}"),
          parts);
    } else {
      AppendText(call.name, parts);
      AppendEscapedFields(format, call.arguments, EscapedKeys::kPlain, parts);
    }
    AppendMarkup(format.suffix, parts);
  }
  AppendMarkup(format.end, parts);
}

void AppendResult(const ToolTemplateData& data, const TemplateMessage& result,
                  std::vector<PromptPart>& parts) {
  const absl::StatusOr<JsonValue> object = ObjectResult(data, result);
  const absl::string_view text =
      Trim(result.text, data.trim_result ? TextTrim::kBothEnds : TextTrim::kNothing);
  for (const ToolTextPart& part : object.ok() ? data.object_result : data.result) {
    AppendMarkup(part.text, parts);
    if (part.field == ToolField::kText) AppendText(text, parts);
    if (part.field == ToolField::kTextJson) AppendText(QuoteJson(text), parts);
    if (part.field == ToolField::kName) AppendText(result.tool_name, parts);
    if (part.field == ToolField::kCallId) AppendText(result.call_id, parts);
    if (part.field == ToolField::kFields && object.ok()) {
      AppendEscapedFields(data.call, *object, EscapedKeys::kPlain, parts);
    }
  }
}

std::vector<const std::string*> ToolTexts(const ToolTemplateData& data) {
  const ToolCallFormat& call = data.call;
  std::vector<const std::string*> texts = {&call.begin,
                                           &call.prefix,
                                           &call.suffix,
                                           &call.separator,
                                           &call.end,
                                           &call.name_key,
                                           &call.arguments_key,
                                           &call.id_key,
                                           &call.text_quote,
                                           &call.null_text,
                                           &data.results_prefix,
                                           &data.results_separator,
                                           &data.results_suffix,
                                           &data.declaration_separator};
  for (const ToolText* parts :
       {&data.declaration, &data.system, &data.no_system, &data.user, &data.user_with_system,
        &data.calls, &data.calls_with_text, &data.result, &data.object_result}) {
    for (const ToolTextPart& part : *parts) texts.push_back(&part.text);
  }
  return texts;
}

}  // namespace inkling
