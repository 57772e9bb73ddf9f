// Every field is looked at: one that isn't known would be a part of the conversation that gets
// lost.

#include "examples/programs/message_file.h"

#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "examples/programs/text_file.h"
#include "inkling/llm_message.h"
#include "nlohmann/json.hpp"

namespace inkling {
namespace {

using json = nlohmann::ordered_json;  // a schema's properties keep their order

absl::Status CheckFields(const json& value, std::initializer_list<absl::string_view> known) {
  if (!value.is_object())
    return absl::InvalidArgumentError(absl::StrCat("expected an object, found ", value.dump()));
  for (const auto& [name, member] : value.items()) {
    if (!absl::c_linear_search(known, name))
      return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is unknown"));
  }
  return absl::OkStatus();
}

// A text field; stays as it is if there is none, or null.
absl::Status GetText(const json& value, const char* name, std::string& text) {
  const auto found = value.find(name);
  if (found == value.end() || found->is_null()) return absl::OkStatus();
  if (!found->is_string()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": expected a text, found ", found->dump()));
  }
  text = found->get<std::string>();
  return absl::OkStatus();
}

// What is called: `value` itself, or the function in it as OpenAI's API has it.
const json& FunctionOf(const json& value) {
  const auto function = value.find("function");
  return function == value.end() ? value : *function;
}

absl::StatusOr<ToolCall> ReadCall(const json& value) {
  ABSL_RETURN_IF_ERROR(
      CheckFields(value, {"name", "arguments", "id", "type", "function", "index"}));
  ToolCall call;
  ABSL_RETURN_IF_ERROR(GetText(value, "id", call.id));
  const json& function = FunctionOf(value);
  ABSL_RETURN_IF_ERROR(CheckFields(function, {"name", "arguments", "id"}));
  ABSL_RETURN_IF_ERROR(GetText(function, "name", call.name));
  const auto arguments = function.find("arguments");
  if (arguments == function.end() || call.name.empty())
    return absl::InvalidArgumentError("tool_calls: expected \"name\" and \"arguments\"");
  call.arguments = arguments->is_string() ? arguments->get<std::string>() : arguments->dump();
  return call;
}

absl::StatusOr<ChatRole> RoleOf(absl::string_view role) {
  if (role == "system") return ChatRole::kSystem;
  if (role == "user") return ChatRole::kUser;
  if (role == "assistant") return ChatRole::kAssistant;
  if (role == "tool") return ChatRole::kTool;
  return absl::InvalidArgumentError(
      absl::StrCat("role: expected system, user, assistant or tool, found \"", role, "\""));
}

absl::StatusOr<ChatMessage> ReadMessage(const json& value) {
  ABSL_RETURN_IF_ERROR(
      CheckFields(value, {"role", "content", "tool_calls", "name", "tool_call_id"}));
  ChatMessage message;
  std::string role;
  ABSL_RETURN_IF_ERROR(GetText(value, "role", role));
  ABSL_ASSIGN_OR_RETURN(message.role, RoleOf(role));
  ABSL_RETURN_IF_ERROR(GetText(value, "content", message.text));
  ABSL_RETURN_IF_ERROR(GetText(value, "name", message.tool_name));
  ABSL_RETURN_IF_ERROR(GetText(value, "tool_call_id", message.tool_call_id));
  const auto calls = value.find("tool_calls");
  const bool has_calls = calls != value.end() && !calls->is_null();
  if (has_calls && !calls->is_array())
    return absl::InvalidArgumentError("tool_calls: expected a list");
  if (has_calls) {
    for (const json& item : *calls) {
      ABSL_ASSIGN_OR_RETURN(ToolCall call, ReadCall(item));
      message.tool_calls.push_back(std::move(call));
    }
  }
  if (!value.contains("content") && message.tool_calls.empty())
    return absl::InvalidArgumentError("expected \"content\"");
  return message;
}

absl::StatusOr<ToolDefinition> ReadTool(const json& value) {
  ABSL_RETURN_IF_ERROR(
      CheckFields(value, {"type", "function", "name", "description", "parameters", "strict"}));
  const json& function = FunctionOf(value);
  ABSL_RETURN_IF_ERROR(CheckFields(function, {"name", "description", "parameters", "strict"}));
  ToolDefinition tool;
  ABSL_RETURN_IF_ERROR(GetText(function, "name", tool.name));
  ABSL_RETURN_IF_ERROR(GetText(function, "description", tool.description));
  if (tool.name.empty()) return absl::InvalidArgumentError("expected \"name\"");
  const auto parameters = function.find("parameters");
  if (parameters != function.end() && !parameters->is_null()) tool.parameters = parameters->dump();
  return tool;
}

// A file's JSON list, each item read by `read`; `item` names one in errors.
template <typename Item, typename Read>
absl::StatusOr<std::vector<Item>> ReadList(const std::string& path, absl::string_view item,
                                           Read read) {
  ABSL_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  const json list = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array())
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected a JSON list of ", item, "s"));
  std::vector<Item> items;
  for (size_t i = 0; i < list.size(); ++i) {
    absl::StatusOr<Item> made = read(list[i]);
    if (!made.ok()) {
      return absl::Status(made.status().code(),
                          absl::StrCat(path, ": ", item, " ", i, ": ", made.status().message()));
    }
    items.push_back(*std::move(made));
  }
  return items;
}

}  // namespace

absl::StatusOr<std::vector<ChatMessage>> ReadMessageFile(const std::string& path) {
  return ReadList<ChatMessage>(path, "message", ReadMessage);
}

absl::StatusOr<std::vector<ToolDefinition>> ReadToolFile(const std::string& path) {
  return ReadList<ToolDefinition>(path, "tool", ReadTool);
}

std::string ToolCallLines(const std::vector<ToolCall>& calls) {
  std::string lines;
  for (const ToolCall& call : calls) {
    json line = {{"name", call.name},
                 {"arguments", json::parse(call.arguments, nullptr, /*allow_exceptions=*/false)}};
    if (!call.id.empty()) line["id"] = call.id;
    absl::StrAppend(&lines, line.dump(), "\n");
  }
  return lines;
}

}  // namespace inkling
