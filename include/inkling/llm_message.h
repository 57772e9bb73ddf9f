// Conversations as apps keep them: messages, functions that a model may call, and how an answer is
// asked for (LlmSession::Chat with a list of messages).

#ifndef INKLING_LLM_MESSAGE_H_
#define INKLING_LLM_MESSAGE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace inkling {

// Who speaks.
enum class ChatRole : uint8_t {
  kSystem = 0,     // an instruction; at most one, and the first message
  kUser = 1,       // a person
  kAssistant = 2,  // the model
  kTool = 3,       // the result of a function that the model called
};

// A call of a function, as the model wrote it.
struct ToolCall {
  std::string name = {};  // of the function
  // The text of a JSON object, in any spelling; the template has its own. Keys keep their order.
  std::string arguments = {};
  // May be empty, but some templates write it, and then want one (of so many characters).
  std::string id = {};
};

// One message of a conversation.
struct ChatMessage {
  ChatRole role = ChatRole::kUser;  // who says it
  // UTF-8. Special tokens in it are ordinary text. kTool: the result, often JSON; the template may
  // write it as it is, as a JSON string, or member by member where it is a JSON object.
  std::string text = {};
  // kAssistant: functions that it called. Some templates drop `text` beside calls.
  std::vector<ToolCall> tool_calls = {};
  // kTool: which function answered, and the id of the call; some templates write them.
  std::string tool_name = {};
  std::string tool_call_id = {};
};

// A function that the model may call.
struct ToolDefinition {
  std::string name = {};         // letters, digits and characters of _-.:/
  std::string description = {};  // for the model, in any language
  // JSON Schema of an object, as text: the function's parameters by name; empty: none. Calls have
  // no others, unless the schema says so by additionalProperties. What output_constraint.h lists is
  // enforced, and other keywords are an error; of templates that don't write calls as JSON, names,
  // types, required, items, enum, const and anyOf are.
  std::string parameters = {};
};

// What an answer may be where tools are given.
enum class ToolChoice : uint8_t {
  kAuto = 0,      // text, or calls
  kNone = 1,      // text; the model sees the tools all the same
  kRequired = 2,  // calls
};

// How an answer to a list of messages is asked for.
struct ChatOptions {
  // Written into the prompt as the model's template writes them. An error where it has no place for
  // them.
  std::vector<ToolDefinition> tools = {};
  ToolChoice tool_choice = ToolChoice::kAuto;
  // False: an answer has one call at most, also where the template allows several.
  bool parallel_tool_calls = true;
  // What the answer begins with, without the model's doing. It becomes a part of the session, and
  // of the message that the app adds to its list, but not of GenerateResult::text.
  std::string assistant_prefix = {};
};

// A list of messages as the model reads it (LlmSession::RenderPrompt).
struct RenderedPrompt {
  std::string text;               // with the template's special tokens written out
  std::vector<int32_t> tokens;    // what the session would have in front of the answer
  int32_t num_reused_tokens = 0;  // how many of them it has computed already
};

}  // namespace inkling

#endif  // INKLING_LLM_MESSAGE_H_
