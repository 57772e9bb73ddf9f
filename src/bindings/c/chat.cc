// Conversations of the C API.

#include "inkling/c/chat.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "inkling/llm_message.h"
#include "inkling/llm_session.h"
#include "src/bindings/c/handles.h"
#include "src/bindings/c/option_reading.h"

struct inkling_messages {
  std::vector<inkling::ChatMessage> messages;
};

namespace inkling::c_api {
namespace {

inkling_chat_options DefaultChatOptions() {
  inkling_chat_options options = {};
  options.struct_size = sizeof(options);
  options.tool_choice = static_cast<int32_t>(ChatOptions().tool_choice);
  options.parallel_tool_calls = ChatOptions().parallel_tool_calls ? 1 : 0;
  return options;
}

absl::StatusOr<ChatOptions> ChatOptionsOf(const inkling_chat_options* given) {
  ABSL_ASSIGN_OR_RETURN(const inkling_chat_options read,
                        ReadOptions(DefaultChatOptions(), given, "inkling_chat_options"));
  ABSL_RETURN_IF_ERROR(CheckArray(read.tools, read.num_tools, "tools"));
  ABSL_RETURN_IF_ERROR(CheckEnum(read.tool_choice, INKLING_TOOL_CHOICE_REQUIRED, "tool_choice"));
  ChatOptions options;
  options.assistant_prefix = std::string(View(read.assistant_prefix));
  for (size_t i = 0; i < read.num_tools; ++i) {
    const inkling_tool& tool = read.tools[i];
    options.tools.push_back({.name = std::string(View(tool.name)),
                             .description = std::string(View(tool.description)),
                             .parameters = std::string(View(tool.parameters))});
  }
  options.tool_choice = static_cast<ToolChoice>(read.tool_choice);
  options.parallel_tool_calls = read.parallel_tool_calls != 0;
  return options;
}

}  // namespace
}  // namespace inkling::c_api

using inkling::ChatMessage;
using inkling::ChatRole;
using inkling::c_api::ChatOptionsOf;
using inkling::c_api::Give;
using inkling::c_api::ToC;
using inkling::c_api::View;

inkling_messages* inkling_messages_create(void) { return new inkling_messages; }
void inkling_messages_release(inkling_messages* messages) { delete messages; }

inkling_status* inkling_messages_add(inkling_messages* messages, int32_t role,
                                     inkling_string text) {
  INKLING_C_REQUIRE(messages);
  const absl::Status known = inkling::c_api::CheckEnum(role, INKLING_ROLE_TOOL, "role");
  if (!known.ok()) return ToC(known);
  ChatMessage message;
  message.role = static_cast<ChatRole>(role);
  message.text = std::string(View(text));
  messages->messages.push_back(std::move(message));
  return nullptr;
}

inkling_status* inkling_messages_add_tool_call(inkling_messages* messages, inkling_string name,
                                               inkling_string arguments, inkling_string id) {
  INKLING_C_REQUIRE(messages);
  if (messages->messages.empty() || messages->messages.back().role != ChatRole::kAssistant) {
    return ToC(absl::FailedPreconditionError(
        "a tool call belongs to a message of the assistant; the last message is none"));
  }
  messages->messages.back().tool_calls.push_back(
      {std::string(View(name)), std::string(View(arguments)), std::string(View(id))});
  return nullptr;
}

inkling_status* inkling_messages_add_tool_result(inkling_messages* messages,
                                                 inkling_string tool_name,
                                                 inkling_string tool_call_id, inkling_string text) {
  INKLING_C_REQUIRE(messages);
  ChatMessage message;
  message.role = ChatRole::kTool;
  message.text = std::string(View(text));
  message.tool_name = std::string(View(tool_name));
  message.tool_call_id = std::string(View(tool_call_id));
  messages->messages.push_back(std::move(message));
  return nullptr;
}

size_t inkling_messages_size(const inkling_messages* messages) {
  return messages == nullptr ? 0 : messages->messages.size();
}

void inkling_chat_options_init(inkling_chat_options* options, size_t struct_size) {
  inkling::c_api::InitOptions(inkling::c_api::DefaultChatOptions(), options, struct_size);
}

inkling_status* inkling_session_chat_messages(inkling_session* session,
                                              const inkling_messages* messages,
                                              const inkling_chat_options* chat_options,
                                              const inkling_generate_options* options,
                                              inkling_text_callback callback, void* user_data,
                                              inkling_result** result) {
  if (result != nullptr) *result = nullptr;
  INKLING_C_REQUIRE(session);
  INKLING_C_REQUIRE(messages);
  const auto chat = ChatOptionsOf(chat_options);
  if (!chat.ok()) return ToC(chat.status());
  const auto read = inkling::c_api::GenerateOptionsOf(options);
  if (!read.ok()) return ToC(read.status());
  return Give(session->session->Chat(messages->messages, *chat, *read,
                                     inkling::c_api::TextCallbackOf{callback, user_data}),
              result);
}

inkling_status* inkling_session_render_prompt(const inkling_session* session,
                                              const inkling_messages* messages,
                                              const inkling_chat_options* chat_options,
                                              inkling_text** text, inkling_tokens** tokens,
                                              int32_t* num_reused_tokens) {
  if (text != nullptr) *text = nullptr;
  if (tokens != nullptr) *tokens = nullptr;
  if (num_reused_tokens != nullptr) *num_reused_tokens = 0;
  INKLING_C_REQUIRE(session);
  INKLING_C_REQUIRE(messages);
  const auto chat = ChatOptionsOf(chat_options);
  if (!chat.ok()) return ToC(chat.status());
  auto prompt = session->session->RenderPrompt(messages->messages, *chat);
  if (!prompt.ok()) return ToC(prompt.status());
  if (text != nullptr) *text = new inkling_text{std::move(prompt->text)};
  if (tokens != nullptr) *tokens = new inkling_tokens{std::move(prompt->tokens)};
  if (num_reused_tokens != nullptr) *num_reused_tokens = prompt->num_reused_tokens;
  return nullptr;
}
