// Functions that the model may call (tools.md). The model's template must have a place for tools.
//
// usage: guide_tools MODEL.tflite

#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"

namespace {

// What the app does when the model calls: here, as if there were a thermometer in every city.
// [snippet run]
std::string RunTool(const inkling::ToolCall& call) {
  // call.arguments is the text of a JSON object that fits the function's parameters.
  std::cout << "call: " << call.name << " " << call.arguments << "\n";
  return R"({"celsius": 21})";
}
// [/snippet]

absl::Status Converse(inkling::LlmSession& session) {
  // [snippet declare]
  inkling::ToolDefinition temperature;
  temperature.name = "get_temperature";
  temperature.description = "The temperature in a city, now";
  temperature.parameters = R"({
    "type": "object",
    "properties": {
      "city": {"type": "string", "maxLength": 20, "description": "Its name in English"},
      "unit": {"enum": ["celsius", "fahrenheit"]}
    },
    "required": ["city", "unit"]
  })";
  inkling::ChatOptions chat;
  chat.tools = {temperature};
  chat.tool_choice = inkling::ToolChoice::kRequired;  // kAuto: text, or calls
  chat.parallel_tool_calls = false;                   // one call at a time
  // [/snippet]
  // [snippet loop]
  std::vector<inkling::ChatMessage> messages = {
      {inkling::ChatRole::kUser, "How warm is it in Kyoto?"}};
  while (true) {
    auto answer = session.Chat(messages, chat);
    if (!answer.ok()) return answer.status();
    if (answer->tool_calls.empty()) {
      std::cout << "answer: " << answer->text << "\n";
      return absl::OkStatus();
    }
    messages.push_back({inkling::ChatRole::kAssistant, answer->text, answer->tool_calls});
    for (const inkling::ToolCall& call : answer->tool_calls) {
      inkling::ChatMessage returned{inkling::ChatRole::kTool, RunTool(call)};
      returned.tool_name = call.name;
      returned.tool_call_id = call.id;
      messages.push_back(returned);
    }
    chat.tool_choice = inkling::ToolChoice::kNone;  // now it has what it asked for
  }
  // [/snippet]
}

absl::Status Run(const std::string& path) {
  auto model = inkling::LlmModel::Open(path);
  if (!model.ok()) return model.status();
  auto session = inkling::LlmSession::Create(*model);
  if (!session.ok()) return session.status();
  return Converse(**session);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: guide_tools MODEL.tflite\n", 2;
  const absl::Status status = Run(argv[1]);
  if (!status.ok()) return std::cerr << status << "\n", 1;
  return 0;
}
