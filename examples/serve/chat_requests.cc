// Messages, tools and response formats of chat requests.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "examples/serve/api_error.h"
#include "examples/serve/generation_fields.h"
#include "examples/serve/json_fields.h"
#include "examples/serve/requests.h"
#include "inkling/llm_message.h"
#include "inkling/llm_model.h"
#include "inkling/llm_options.h"
#include "inkling/output_constraint.h"
#include "nlohmann/json.hpp"

namespace inkling::serve {
namespace {

using json = nlohmann::ordered_json;  // a schema's properties keep their order

// A message's content: a text, or a list of parts that are texts.
absl::Status ReadContent(JsonFields& fields, std::string& text) {
  const json* content = fields.Find("content");
  if (content == nullptr) return absl::OkStatus();
  if (content->is_string()) {
    text = content->get<std::string>();
    return absl::OkStatus();
  }
  if (!content->is_array())
    return BadField(fields.Path("content"), "expected a text or a list of parts");
  for (const json& part : *content) {
    const bool is_text = part.is_object() && part.contains("text") && part["text"].is_string();
    if (!is_text) {
      return BadField(fields.Path("content"),
                      absl::StrCat("expected parts of type \"text\", found ", part.dump()));
    }
    text += part["text"].get<std::string>();
  }
  return absl::OkStatus();
}

absl::Status ReadToolCalls(JsonFields& fields, std::vector<ToolCall>& calls) {
  const json* list = fields.Find("tool_calls");
  if (list == nullptr) return absl::OkStatus();
  if (!list->is_array()) return BadField(fields.Path("tool_calls"), "expected a list");
  for (size_t i = 0; i < list->size(); ++i) {
    const json& call = (*list)[i];
    if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) {
      return BadField(
          fields.Path("tool_calls"),
          absl::StrCat("expected {\"id\", \"type\", \"function\": {...}} at index ", i));
    }
    ToolCall read;
    ABSL_RETURN_IF_ERROR(JsonFields(call, fields.Path(absl::StrCat("tool_calls[", i, "]")))
                             .Get("id", read.id)
                             .Skip("type")
                             .Skip("index")
                             .Skip("function")
                             .Finish());
    ABSL_RETURN_IF_ERROR(
        JsonFields(call["function"], fields.Path(absl::StrCat("tool_calls[", i, "].function")))
            .Get("name", read.name)
            .Get("arguments", read.arguments)
            .Finish());
    calls.push_back(std::move(read));
  }
  return absl::OkStatus();
}

absl::StatusOr<ChatRole> RoleOf(const std::string& name, const std::string& path) {
  if (name == "system" || name == "developer") return ChatRole::kSystem;
  if (name == "user") return ChatRole::kUser;
  if (name == "assistant") return ChatRole::kAssistant;
  if (name == "tool") return ChatRole::kTool;
  return BadField(
      path,
      absl::StrCat("expected system, developer, user, assistant or tool, found \"", name, "\""));
}

absl::StatusOr<ChatMessage> ReadMessage(const json& json, const std::string& path) {
  if (!json.is_object()) return BadField(path, "expected an object");
  ChatMessage message;
  std::string role;
  JsonFields fields(json, path);
  fields.Get("role", role).Get("tool_call_id", message.tool_call_id).Get("name", message.tool_name);
  ABSL_RETURN_IF_ERROR(ReadContent(fields, message.text));
  ABSL_RETURN_IF_ERROR(ReadToolCalls(fields, message.tool_calls));
  ABSL_RETURN_IF_ERROR(fields.Skip("refusal").Skip("audio").Skip("annotations").Finish());
  ABSL_ASSIGN_OR_RETURN(message.role, RoleOf(role, fields.Path("role")));
  if (message.role != ChatRole::kTool) message.tool_name.clear();  // a participant's name
  return message;
}

// The name of the function that a result belongs to: clients give the id of the call alone.
void NameToolResults(std::vector<ChatMessage>& messages) {
  for (ChatMessage& result : messages) {
    if (result.role != ChatRole::kTool || !result.tool_name.empty()) continue;
    for (const ChatMessage& message : messages) {
      for (const ToolCall& call : message.tool_calls) {
        if (call.id == result.tool_call_id) result.tool_name = call.name;
      }
    }
  }
}

absl::Status ReadTools(JsonFields& fields, ChatOptions& chat) {
  const json* tools = fields.Find("tools");
  if (tools == nullptr) return absl::OkStatus();
  if (!tools->is_array()) return BadField("tools", "expected a list");
  for (size_t i = 0; i < tools->size(); ++i) {
    const json& tool = (*tools)[i];
    const std::string path = absl::StrCat("tools[", i, "].function");
    if (!tool.is_object() || !tool.contains("function") || !tool["function"].is_object())
      return BadField(path, "expected an object");
    ToolDefinition read;
    JsonFields function(tool["function"], path);
    function.Get("name", read.name).Get("description", read.description).Skip("strict");
    const json* parameters = function.Find("parameters");
    read.parameters =
        parameters == nullptr ? R"({"type": "object", "properties": {}})" : parameters->dump();
    ABSL_RETURN_IF_ERROR(function.Finish());
    chat.tools.push_back(std::move(read));
  }
  return absl::OkStatus();
}

absl::Status ReadToolChoice(JsonFields& fields, ChatOptions& chat) {
  fields.Get("parallel_tool_calls", chat.parallel_tool_calls);
  const json* choice = fields.Find("tool_choice");
  if (choice == nullptr) return absl::OkStatus();
  if (*choice == "auto") return absl::OkStatus();
  if (*choice == "none") {
    chat.tool_choice = ToolChoice::kNone;
  } else if (*choice == "required") {
    chat.tool_choice = ToolChoice::kRequired;
  } else if (choice->is_object() && choice->contains("function") &&
             (*choice)["function"].is_object() && (*choice)["function"].contains("name")) {
    // One function is required: the model sees it alone.
    chat.tool_choice = ToolChoice::kRequired;
    const json name = (*choice)["function"]["name"];
    std::erase_if(chat.tools, [&](const ToolDefinition& tool) { return name != tool.name; });
    if (chat.tools.empty())
      return BadField("tool_choice", absl::StrCat("tools has no function ", name.dump()));
  } else {
    return BadField("tool_choice", absl::StrCat("expected \"auto\", \"none\", \"required\" or a "
                                                "function, found ",
                                                choice->dump()));
  }
  return absl::OkStatus();
}

// The constraint that response_format asks for. Its name and description are for people.
absl::Status ReadResponseFormat(JsonFields& fields, const LlmModel& model,
                                GenerateOptions& options) {
  const json* format = fields.Find("response_format");
  if (format == nullptr) return absl::OkStatus();
  if (!format->is_object()) return BadField("response_format", "expected an object");
  const auto type = format->find("type");
  if (type == format->end()) return BadField("response_format.type", "is missing");
  if (*type == "text") return absl::OkStatus();
  std::string schema = R"({"type": "object"})";
  if (*type == "json_schema") {
    const auto given = format->find("json_schema");
    if (given == format->end() || !given->is_object() || !given->contains("schema"))
      return BadField("response_format.json_schema.schema", "is missing");
    schema = (*given)["schema"].dump();
  } else if (*type != "json_object") {
    return BadField("response_format.type",
                    absl::StrCat("expected \"text\", \"json_object\" or \"json_schema\", found ",
                                 type->dump()));
  }
  absl::StatusOr<std::shared_ptr<const OutputConstraint>> made =
      OutputConstraint::FromJsonSchema(model, schema);
  if (!made.ok()) return BadField("response_format", made.status().message());
  options.constraint = *std::move(made);
  return absl::OkStatus();
}

absl::Status ReadLogProbabilities(JsonFields& fields, GenerateOptions& options) {
  fields.Get("logprobs", options.return_log_probabilities)
      .Get("top_logprobs", options.num_top_log_probabilities);
  if (options.num_top_log_probabilities > 0 && !options.return_log_probabilities)
    return BadField("top_logprobs", "needs logprobs to be true");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ChatRequest> ReadChatRequest(const json& json, const LlmModel& model) {
  ChatRequest request;
  JsonFields fields(json);
  const nlohmann::ordered_json* messages = fields.Find("messages");
  if (messages == nullptr || !messages->is_array() || messages->empty())
    return BadField("messages", "expected a list of messages");
  for (size_t i = 0; i < messages->size(); ++i) {
    ABSL_ASSIGN_OR_RETURN(ChatMessage message,
                          ReadMessage((*messages)[i], absl::StrCat("messages[", i, "]")));
    request.messages.push_back(std::move(message));
  }
  NameToolResults(request.messages);
  GenerateOptions& options = request.generation.options;
  ABSL_RETURN_IF_ERROR(ReadGenerationFields(fields, request.generation));
  fields.Get("max_completion_tokens", options.max_new_tokens);
  ABSL_RETURN_IF_ERROR(ReadTools(fields, request.chat));
  ABSL_RETURN_IF_ERROR(ReadToolChoice(fields, request.chat));
  ABSL_RETURN_IF_ERROR(ReadResponseFormat(fields, model, options));
  ABSL_RETURN_IF_ERROR(ReadLogProbabilities(fields, options));
  ABSL_RETURN_IF_ERROR(fields.Finish());
  return request;
}

}  // namespace inkling::serve
