// Conversations with tools: answers that call, results, what is computed again, what is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "inkling/inkling.h"
#include "inkling/llm_message.h"
#include "inkling/llm_session.h"
#include "inkling/output_constraint.h"
#include "src/format/tool_template_data.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

using ::testing::HasSubstr;

ToolTemplateData ToolForm() {
  ToolTemplateData tools;
  tools.call.syntax = ToolCallSyntax::kJson;
  tools.call.prefix = "<call>";
  tools.call.suffix = "</call>";
  tools.call.separator = "\n";
  tools.call.name_key = "name";
  tools.call.arguments_key = "arguments";
  tools.placement = ToolPlacement::kSystemTurn;
  tools.declaration = {{"\n", ToolField::kFunction}};
  tools.system = {{"<turn>system\n", ToolField::kSystemText},
                  {"\nTools:", ToolField::kTools},
                  {"<end>\n", ToolField::kNone}};
  tools.no_system = {{"<turn>system\nTools:", ToolField::kTools}, {"<end>\n", ToolField::kNone}};
  tools.calls = {{"<turn>model\n", ToolField::kCalls}, {"<end>\n", ToolField::kNone}};
  tools.calls_with_text = {
      {"<turn>model\n", ToolField::kText}, {"", ToolField::kCalls}, {"<end>\n", ToolField::kNone}};
  tools.results_prefix = "<turn>tool\n";
  tools.result = {{"", ToolField::kText}};
  tools.results_separator = "\n";
  tools.results_suffix = "<end>\n";
  return tools;
}

class ToolChatTest : public SessionTest {
 protected:
  void SetUp() override {
    ModelConfig config = TinyConfig();
    config.context_length = 1024;
    ModelMetadata metadata = TinyMetadata(config);
    metadata.prompt_template.system = {"<turn>system\n", "<end>\n"};
    metadata.prompt_template.system_placement = SystemPlacement::kOwnTurn;
    metadata.prompt_template.tools = ToolForm();
    ModelOptions options;
    options.num_threads = 1;
    path_ = WriteModel("tools.tflite", metadata);
    auto model = LlmModel::Open(path_, options);
    ASSERT_OK(model);
    model_ = *std::move(model);
    options_ = GreedyOptions(300);
    options_.ignore_model_stop_tokens = false;
    options_.sampling.temperature = 1;
    chat_.tools = {{"add", "adds", R"({"type": "object", "properties": {"a": {"enum": [1, 22]}},
                                       "required": ["a"]})"}};
    chat_.tool_choice = ToolChoice::kRequired;
    chat_.parallel_tool_calls = false;
  }

  // A conversation up to the result of a call that the session made.
  std::vector<ChatMessage> CallAndResult(LlmSession& session) {
    std::vector<ChatMessage> messages = {{.text = "Add."}};
    const auto result = session.Chat(messages, chat_, options_, IgnoreText);
    EXPECT_OK(result);
    if (!result.ok()) return messages;
    EXPECT_EQ(result->tool_calls.size(), 1u);
    EXPECT_EQ(result->text, "");
    messages.push_back({.role = ChatRole::kAssistant, .tool_calls = result->tool_calls});
    messages.push_back({.role = ChatRole::kTool, .text = "23", .tool_name = "add"});
    return messages;
  }

  std::string path_;
  std::shared_ptr<const LlmModel> model_;
  GenerateOptions options_;
  ChatOptions chat_;
};

TEST_F(ToolChatTest, CallsAndResultsAreKeptInTheCache) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    options_.sampling.seed = seed;
    const auto session = NewSession(model_);
    const std::vector<ChatMessage> messages = CallAndResult(*session);
    const int32_t position = session->position();
    const auto prompt = session->RenderPrompt(messages, chat_);
    ASSERT_OK(prompt);
    EXPECT_THAT(prompt->text, HasSubstr("\nTools:\n{\"name\": \"add\", \"description\": \"adds\""));
    EXPECT_THAT(prompt->text, HasSubstr("<call>{\"name\": \"add\", \"arguments\": {\"a\": "));
    EXPECT_THAT(prompt->text, HasSubstr("}}</call><end>\n<turn>tool\n23<end>\n<turn>model\n"));
    // Nothing need have been computed behind the last token of the answer.
    EXPECT_GE(prompt->num_reused_tokens, position - 1);
    const auto fresh = NewSession(model_)->RenderPrompt(messages, chat_);
    ASSERT_OK(fresh);
    EXPECT_EQ(prompt->text, fresh->text);

    ChatOptions text = chat_;
    text.tool_choice = ToolChoice::kNone;
    const auto answer = session->Chat(messages, text, GreedyOptions(12), IgnoreText);
    ASSERT_OK(answer);
    EXPECT_GE(answer->num_reused_tokens, position - 1);
    EXPECT_TRUE(answer->tool_calls.empty());
    EXPECT_EQ(answer->tokens.size(), 12u);
  }
}

TEST_F(ToolChatTest, ForksAndFilesGoOnWithTheTools) {
  const auto session = NewSession(model_);
  const std::vector<ChatMessage> messages = CallAndResult(*session);
  const std::string file = path_ + ".session";
  ASSERT_OK(session->Save(file));
  SessionOptions session_options;
  session_options.kv_cache_type = KvCacheType::kFloat32;
  auto loaded = LlmSession::Load(model_, file, session_options);
  ASSERT_OK(loaded);
  auto fork = session->Fork();
  ASSERT_OK(fork);
  options_.sampling.seed = 5;
  const auto here = session->Chat(messages, chat_, options_, IgnoreText);
  ASSERT_OK(here);
  for (const auto& other : {&*loaded, &*fork}) {
    const auto there = (*other)->Chat(messages, chat_, options_, IgnoreText);
    ASSERT_OK(there);
    EXPECT_EQ(there->tokens, here->tokens);
    EXPECT_EQ(there->num_reused_tokens, here->num_reused_tokens);
    ASSERT_EQ(there->tool_calls.size(), 1u);
    EXPECT_EQ(there->tool_calls[0].arguments, here->tool_calls[0].arguments);
  }
}

TEST_F(ToolChatTest, WhatCantBeIsRefusedAndTheSessionStays) {
  const auto session = NewSession(model_);
  const std::vector<ChatMessage> messages = {{.text = "Add."}};
  const auto expect = [&](const ChatOptions& chat, const GenerateOptions& options,
                          absl::StatusCode code, const char* message) {
    const auto result = session->Chat(messages, chat, options, IgnoreText);
    EXPECT_EQ(result.status().code(), code) << result.status();
    EXPECT_THAT(result.status().message(), HasSubstr(message));
    EXPECT_EQ(session->position(), 0);
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  expect({.tool_choice = ToolChoice::kRequired}, options_, kInvalid, "there are no tools");
  expect({.tool_choice = static_cast<ToolChoice>(9)}, options_, kInvalid, "tool_choice is 9");
  ChatOptions chat = chat_;
  chat.assistant_prefix = "So";
  expect(chat, options_, kInvalid, "assistant_prefix");
  chat = chat_;
  chat.tools[0].parameters = "[]";
  expect(chat, options_, kInvalid, "tools[0].parameters");
  chat.tools[0].parameters = R"({"properties": {"x": {"if": {}}}})";
  expect(chat, options_, absl::StatusCode::kUnimplemented, "#/properties/x");
  auto constraint = OutputConstraint::FromRegex(*model_, "a");
  ASSERT_OK(constraint);
  GenerateOptions constrained = options_;
  constrained.constraint = *constraint;
  expect(chat_, constrained, kInvalid, "constraint and tools");
  CallAndResult(*session);
}

TEST_F(ToolChatTest, TheCApiCallsAndAnswers) {
  inkling_model* model = nullptr;
  inkling_session* session = nullptr;
  ASSERT_EQ(inkling_model_open(inkling_str(path_.c_str()), nullptr, &model), nullptr);
  ASSERT_EQ(inkling_session_create(model, nullptr, &session), nullptr);
  const inkling_tool tool = {inkling_str("add"), inkling_str("adds"),
                             inkling_str(chat_.tools[0].parameters.c_str())};
  INKLING_INIT(inkling_chat_options, chat);
  EXPECT_EQ(chat.parallel_tool_calls, 1);
  chat.tools = &tool;
  chat.num_tools = 1;
  chat.tool_choice = INKLING_TOOL_CHOICE_REQUIRED;
  inkling_messages* messages = inkling_messages_create();
  ASSERT_EQ(inkling_messages_add(messages, INKLING_ROLE_USER, inkling_str("Add.")), nullptr);
  inkling_status* early = inkling_messages_add_tool_call(messages, inkling_str("add"),
                                                         inkling_str("{}"), inkling_str(""));
  EXPECT_EQ(inkling_status_code(early), INKLING_FAILED_PRECONDITION);
  inkling_status_release(early);
  chat.parallel_tool_calls = 0;
  inkling_result* result = nullptr;
  ASSERT_EQ(
      inkling_session_chat_messages(session, messages, &chat, nullptr, nullptr, nullptr, &result),
      nullptr);
  ASSERT_EQ(inkling_result_num_tool_calls(result), 1u);
  EXPECT_STREQ(inkling_result_tool_call_name(result, 0).data, "add");
  EXPECT_THAT(inkling_result_tool_call_arguments(result, 0).data, HasSubstr("{\"a\": "));
  EXPECT_STREQ(inkling_result_tool_call_id(result, 0).data, "");
  EXPECT_STREQ(inkling_result_tool_call_name(result, 1).data, "");
  ASSERT_EQ(inkling_messages_add(messages, INKLING_ROLE_ASSISTANT, inkling_str("")), nullptr);
  ASSERT_EQ(inkling_messages_add_tool_call(messages, inkling_result_tool_call_name(result, 0),
                                           inkling_result_tool_call_arguments(result, 0),
                                           inkling_str("")),
            nullptr);
  ASSERT_EQ(inkling_messages_add_tool_result(messages, inkling_str("add"), inkling_str(""),
                                             inkling_str("23")),
            nullptr);
  EXPECT_EQ(inkling_messages_size(messages), 3u);
  inkling_text* text = nullptr;
  ASSERT_EQ(inkling_session_render_prompt(session, messages, &chat, &text, nullptr, nullptr),
            nullptr);
  EXPECT_THAT(inkling_text_get(text).data, HasSubstr("<turn>tool\n23<end>"));
  inkling_text_release(text);
  inkling_result_release(result);
  inkling_messages_release(messages);
  inkling_session_release(session);
  inkling_model_release(model);
}

}  // namespace
}  // namespace inkling
