// Bounds of ToolTemplateData: what src/text may take for granted when it writes tools.

#include <initializer_list>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/format/tokenizer_bounds.h"
#include "src/format/tool_template_data.h"

namespace inkling {
namespace {

constexpr uint32_t kMaxIndent = 16;
constexpr uint32_t kMaxIdLength = 64;

using Fields = std::initializer_list<ToolField>;

// Every field of `text` is one of `allowed`, and none stands there twice.
absl::Status CheckFields(absl::string_view name, const ToolText& text, Fields allowed) {
  uint32_t seen = 0;
  for (const ToolTextPart& part : text) {
    const auto number = static_cast<uint32_t>(part.field);
    if (number > static_cast<uint32_t>(ToolField::kFields)) {
      return absl::UnimplementedError(absl::StrCat("prompt_template.tools.", name, ": field ",
                                                   number, " is not supported by this version"));
    }
    if (part.field == ToolField::kNone) continue;
    const uint32_t bit = uint32_t{1} << number;
    if (!absl::c_linear_search(allowed, part.field) || (seen & bit) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("prompt_template.tools.", name, ": field ", number,
                       (seen & bit) != 0 ? " stands there twice" : " has no place there"));
    }
    seen |= bit;
  }
  return absl::OkStatus();
}

absl::Status CheckHas(absl::string_view name, const ToolText& text, ToolField field,
                      bool expected) {
  const bool found =
      absl::c_any_of(text, [&](const ToolTextPart& part) { return part.field == field; });
  if (found == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("prompt_template.tools.", name, ": expected ",
                                                 expected ? "" : "no ", "field ",
                                                 static_cast<int>(field)));
}

absl::Status CheckCall(const ToolCallFormat& call) {
  if (call.syntax > ToolCallSyntax::kEscapedFields) {
    return absl::UnimplementedError(absl::StrCat("prompt_template.tools.call.syntax ",
                                                 static_cast<int>(call.syntax),
                                                 " is not supported by this version"));
  }
  if (call.syntax == ToolCallSyntax::kJson &&
      (call.name_key.empty() || call.arguments_key.empty() || call.name_key == call.arguments_key ||
       call.name_key == call.id_key || call.arguments_key == call.id_key)) {
    return absl::InvalidArgumentError(
        absl::StrCat("prompt_template.tools.call: expected keys that differ, found '",
                     call.name_key, "', '", call.arguments_key, "', '", call.id_key, "'"));
  }
  if (call.syntax == ToolCallSyntax::kEscapedFields && call.text_quote.empty()) {
    return absl::InvalidArgumentError("prompt_template.tools.call.text_quote: expected a text");
  }
  if (call.id_length > kMaxIdLength) {
    return absl::InvalidArgumentError(
        absl::StrCat("prompt_template.tools.call.id_length: expected at most ", kMaxIdLength,
                     ", found ", call.id_length));
  }
  return absl::OkStatus();
}

// The declarations stand in the turn that `placement` names, and nowhere else.
absl::Status CheckPlacement(const ToolTemplateData& tools) {
  if (tools.placement == ToolPlacement::kNone || tools.placement > ToolPlacement::kLastUserTurn) {
    return absl::UnimplementedError(absl::StrCat("prompt_template.tools.placement ",
                                                 static_cast<int>(tools.placement),
                                                 " is not supported by this version"));
  }
  const bool in_system = tools.placement == ToolPlacement::kSystemTurn;
  ABSL_RETURN_IF_ERROR(
      CheckHas("system", tools.system, ToolField::kTools, in_system && !tools.system.empty()));
  ABSL_RETURN_IF_ERROR(CheckHas("no_system", tools.no_system, ToolField::kTools, in_system));
  ABSL_RETURN_IF_ERROR(CheckHas("user", tools.user, ToolField::kTools, !in_system));
  return CheckHas("user_with_system", tools.user_with_system, ToolField::kTools,
                  !in_system && !tools.user_with_system.empty());
}

}  // namespace

absl::Status ValidateToolTemplateBounds(const ToolTemplateData& tools) {
  ABSL_RETURN_IF_ERROR(CheckCall(tools.call));
  if (tools.call.syntax == ToolCallSyntax::kNone) return absl::OkStatus();
  ABSL_RETURN_IF_ERROR(CheckPlacement(tools));
  const Fields system = {ToolField::kTools, ToolField::kSystemText};
  ABSL_RETURN_IF_ERROR(CheckFields("system", tools.system, system));
  ABSL_RETURN_IF_ERROR(CheckFields("no_system", tools.no_system, {ToolField::kTools}));
  ABSL_RETURN_IF_ERROR(CheckFields("user", tools.user, {ToolField::kTools}));
  ABSL_RETURN_IF_ERROR(CheckFields("user_with_system", tools.user_with_system, system));
  ABSL_RETURN_IF_ERROR(CheckFields(
      "declaration", tools.declaration,
      {ToolField::kTool, ToolField::kFunction, ToolField::kName, ToolField::kDescription,
       ToolField::kDescriptionJson, ToolField::kParameters, ToolField::kEscapedDeclaration}));
  if (tools.declaration.empty()) {
    return absl::InvalidArgumentError("prompt_template.tools.declaration: expected a text");
  }
  ABSL_RETURN_IF_ERROR(CheckFields("calls", tools.calls, {ToolField::kCalls}));
  ABSL_RETURN_IF_ERROR(CheckHas("calls", tools.calls, ToolField::kCalls, true));
  ABSL_RETURN_IF_ERROR(
      CheckFields("calls_with_text", tools.calls_with_text, {ToolField::kText, ToolField::kCalls}));
  ABSL_RETURN_IF_ERROR(CheckHas("calls_with_text", tools.calls_with_text, ToolField::kCalls, true));
  ABSL_RETURN_IF_ERROR(
      CheckFields("result", tools.result,
                  {ToolField::kName, ToolField::kText, ToolField::kTextJson, ToolField::kCallId}));
  ABSL_RETURN_IF_ERROR(CheckFields("object_result", tools.object_result,
                                   {ToolField::kName, ToolField::kFields, ToolField::kCallId}));
  if (!tools.object_result.empty() && tools.call.syntax != ToolCallSyntax::kEscapedFields) {
    return absl::InvalidArgumentError(
        "prompt_template.tools.object_result: expected none where calls are JSON");
  }
  if (tools.json_indent > kMaxIndent) {
    return absl::InvalidArgumentError(
        absl::StrCat("prompt_template.tools.json_indent: expected at most ", kMaxIndent, ", found ",
                     tools.json_indent));
  }
  return absl::OkStatus();
}

}  // namespace inkling
