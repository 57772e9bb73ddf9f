// --messages=FILE and --tools=FILE: a conversation, and functions that the model may call, as JSON.

#ifndef INKLING_EXAMPLES_PROGRAMS_MESSAGE_FILE_H_
#define INKLING_EXAMPLES_PROGRAMS_MESSAGE_FILE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "inkling/llm_message.h"

namespace inkling {

// Reads [{"role": "system" | "user" | "assistant" | "tool", "content": TEXT}, ...]; of the
// assistant also "tool_calls": [{"name": ..., "arguments": {...}, "id": ...}, ...], of a tool also
// "name" and "tool_call_id". OpenAI's spelling, {"type": "function", "function": {...}}, is read as
// well. Errors: NotFound; InvalidArgument that says which message is wrong.
absl::StatusOr<std::vector<ChatMessage>> ReadMessageFile(const std::string& path);

// Reads [{"name": ..., "description": ..., "parameters": JSON SCHEMA}, ...], or the same in
// OpenAI's spelling. Errors: as above.
absl::StatusOr<std::vector<ToolDefinition>> ReadToolFile(const std::string& path);

// Calls as such a list, one line each.
std::string ToolCallLines(const std::vector<ToolCall>& calls);

// What --tool-choice may be.
inline std::map<std::string, ToolChoice> ToolChoices() {
  return {{"auto", ToolChoice::kAuto},
          {"none", ToolChoice::kNone},
          {"required", ToolChoice::kRequired}};
}

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_MESSAGE_FILE_H_
