// See chat_messages.h.

#include "src/session/chat_messages.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/text/json_text.h"
#include "src/text/json_value.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxTools = 1024;

absl::Status Invalid(absl::string_view where, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

// Templates write names between marks of their own, without escapes.
absl::Status CheckName(absl::string_view where, absl::string_view name) {
  const bool plain = absl::c_all_of(name, [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("_-.:/", static_cast<char>(c));
  });
  if (!name.empty() && name.size() <= kMaxNameBytes && plain) return absl::OkStatus();
  return Invalid(where, absl::StrCat("expected a name of 1 to ", kMaxNameBytes,
                                     " ASCII letters, digits and characters of _-.:/, found '",
                                     name.substr(0, kMaxNameBytes), "'"));
}

absl::Status CheckUtf8(absl::string_view where, absl::string_view text) {
  if (WellFormedPrefix(text) == text.size()) return absl::OkStatus();
  return Invalid(where,
                 absl::StrCat("expected UTF-8, found another byte at ", WellFormedPrefix(text)));
}

// Numbers are spelled as templates spell them.
absl::StatusOr<JsonValue> ObjectOf(absl::string_view where, absl::string_view text) {
  absl::StatusOr<JsonValue> value = ParseJson(text);
  if (!value.ok()) return Invalid(where, value.status().message());
  if (!value->is_object()) return Invalid(where, "expected a JSON object, found another value");
  const absl::Status spelled = SpellNumbersAsPython(*value);
  if (!spelled.ok()) return Invalid(where, spelled.message());
  return value;
}

absl::StatusOr<TemplateRole> RoleOf(absl::string_view where, ChatRole role) {
  switch (role) {
    case ChatRole::kSystem:
      return TemplateRole::kSystem;
    case ChatRole::kUser:
      return TemplateRole::kUser;
    case ChatRole::kAssistant:
      return TemplateRole::kModel;
    case ChatRole::kTool:
      return TemplateRole::kTool;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(where, ".role is ", static_cast<int>(role), "; expected 0 to 3"));
}

absl::StatusOr<TemplateMessage> MessageOf(const std::string& where, const ChatMessage& message) {
  TemplateMessage made;
  ABSL_ASSIGN_OR_RETURN(made.role, RoleOf(where, message.role));
  made.text = message.text;
  if (!message.tool_calls.empty() && message.role != ChatRole::kAssistant) {
    return Invalid(where + ".tool_calls", "only messages of the assistant have calls");
  }
  const bool names_tool = !message.tool_name.empty() || !message.tool_call_id.empty();
  if (names_tool && message.role != ChatRole::kTool) {
    return Invalid(where, "tool_name and tool_call_id belong to messages of tools");
  }
  for (size_t i = 0; i < message.tool_calls.size(); ++i) {
    const ToolCall& call = message.tool_calls[i];
    const std::string place = absl::StrCat(where, ".tool_calls[", i, "]");
    TemplateCall& converted = made.calls.emplace_back();
    ABSL_RETURN_IF_ERROR(CheckName(place + ".name", call.name));
    ABSL_RETURN_IF_ERROR(CheckUtf8(place + ".id", call.id));
    converted.name = call.name;
    converted.id = call.id;
    ABSL_ASSIGN_OR_RETURN(converted.arguments, ObjectOf(place + ".arguments", call.arguments));
  }
  if (!message.tool_name.empty()) {
    ABSL_RETURN_IF_ERROR(CheckName(where + ".tool_name", message.tool_name));
  }
  ABSL_RETURN_IF_ERROR(CheckUtf8(where + ".tool_call_id", message.tool_call_id));
  made.tool_name = message.tool_name;
  made.call_id = message.tool_call_id;
  return made;
}

}  // namespace

absl::StatusOr<std::vector<TemplateMessage>> TemplateMessages(
    absl::Span<const ChatMessage> messages) {
  std::vector<TemplateMessage> converted;
  for (size_t i = 0; i < messages.size(); ++i) {
    ABSL_ASSIGN_OR_RETURN(TemplateMessage message,
                          MessageOf(absl::StrCat("messages[", i, "]"), messages[i]));
    converted.push_back(std::move(message));
  }
  return converted;
}

absl::StatusOr<std::vector<TemplateTool>> TemplateTools(absl::Span<const ToolDefinition> tools) {
  if (tools.size() > kMaxTools) {
    return absl::InvalidArgumentError(
        absl::StrCat("tools: expected at most ", kMaxTools, ", found ", tools.size()));
  }
  std::vector<TemplateTool> converted;
  for (size_t i = 0; i < tools.size(); ++i) {
    const std::string where = absl::StrCat("tools[", i, "]");
    const ToolDefinition& tool = tools[i];
    ABSL_RETURN_IF_ERROR(CheckName(where + ".name", tool.name));
    ABSL_RETURN_IF_ERROR(CheckUtf8(where + ".description", tool.description));
    if (absl::c_any_of(converted, [&](const auto& one) { return one.name == tool.name; })) {
      return Invalid(where + ".name", absl::StrCat("two tools are called '", tool.name, "'"));
    }
    TemplateTool& made = converted.emplace_back();
    made.name = tool.name;
    made.description = tool.description;
    // A function without parameters.
    constexpr absl::string_view kNone = R"({"type": "object", "properties": {}})";
    ABSL_ASSIGN_OR_RETURN(
        made.parameters,
        ObjectOf(where + ".parameters", tool.parameters.empty() ? kNone : tool.parameters));
  }
  return converted;
}

}  // namespace inkling
