// Sessions with tools: before every answer they have the tokens of the whole conversation as the
// checkpoint's own program writes it, and what the model generated isn't computed again.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "inkling/llm_message.h"
#include "nlohmann/json.hpp"
#include "src/session/chat_messages.h"
#include "src/text/prompt_template.h"
#include "tests/converter/template_session.h"

namespace inkling {
namespace {

const char kSchema[] = R"({"type":"object","properties":{"city":{"type":"string",
    "description":"a place"}},"required":["city"]})";

class ToolSession : public TemplateSession {
 protected:
  void SetUp() override {
    options_.tools = {{"weather", "Tells \"it\".", kSchema}, {"ping", "Answers.", ""}};
  }

  static ChatMessage User(std::string text) { return {ChatRole::kUser, std::move(text)}; }
  static ChatMessage Called(std::string text, std::vector<ToolCall> calls) {
    return {ChatRole::kAssistant, std::move(text), std::move(calls)};
  }
  static ToolCall Weather(const std::string& city) {
    return {"weather", absl::StrCat("{\"city\":\"", city, "\"}"), "callid001"};
  }
  static ChatMessage Result(std::string text) {
    ChatMessage message = {ChatRole::kTool, std::move(text)};
    message.tool_name = "weather";
    message.tool_call_id = "callid001";
    return message;
  }

  // What the model writes to say `message`.
  std::string Generated(const ChatMessage& message) {
    auto made = PromptTemplate::Create(metadata_.prompt_template);
    EXPECT_OK(made);
    auto messages = TemplateMessages({message});
    EXPECT_OK(messages);
    auto text = made->GeneratedText((*messages)[0]);
    EXPECT_OK(text);
    return *text;
  }

  // Lets the model say `message` in answer to the list, and adds it.
  GenerateResult Say(const ChatMessage& message) {
    auto ids = tokenizer_->Encode(
        Generated(message), {.markup = Markup::kParse, .position = TextPosition::kContinuation});
    EXPECT_OK(ids);
    CheckPrompt();
    GenerateOptions options = GreedyOptions(static_cast<int32_t>(ids->size()));
    auto next = std::make_shared<size_t>(0);
    const std::vector<int32_t> said = *ids;
    options.logits_processor = [said, next](absl::Span<const int32_t>, absl::Span<float> logits) {
      const auto chosen = static_cast<size_t>(said[std::min(*next, said.size() - 1)]);
      ++*next;
      for (size_t i = 0; i < logits.size(); ++i) logits[i] = i == chosen ? 0.0f : -INFINITY;
    };
    options.max_draft_tokens = 0;
    auto result = session_->Chat(messages_, options_, options);
    EXPECT_OK(result);
    messages_.push_back(message);
    if (message.tool_calls.empty()) messages_.back().text = result->text;
    return *result;
  }

  // The prompt of the list is what the template's program writes.
  void CheckPrompt() {
    auto messages = TemplateMessages(messages_);
    auto tools = TemplateTools(options_.tools);
    ASSERT_OK(messages);
    ASSERT_OK(tools);
    auto prompt = session_->RenderPrompt(messages_, options_);
    ASSERT_OK(prompt);
    EXPECT_EQ(prompt->text, ExpectedText(*messages, *tools));
    EXPECT_EQ(prompt->tokens, Expected(*messages, *tools));
  }

  absl::StatusOr<int32_t> OnlyToken(const std::string& text) {
    auto tokens = tokenizer_->Encode(text, {.markup = Markup::kParse});
    if (!tokens.ok()) return tokens.status();
    if (tokens->size() != 1) return absl::NotFoundError(text);
    return (*tokens)[0];
  }

  // How many tokens of the session the next answer to the list computes again.
  int32_t NumLost() {
    auto prompt = session_->RenderPrompt(messages_, options_);
    EXPECT_OK(prompt);
    return session_->position() - prompt->num_reused_tokens;
  }

  ChatOptions options_;
  std::vector<ChatMessage> messages_;
};

struct Known {
  const char* file;
  std::vector<std::string> marks;
  bool moves;  // the template moves tools to the newest turn, so older turns are computed again
};

class KnownTools : public ToolSession, public testing::WithParamInterface<Known> {};

TEST_P(KnownTools, TokensAreThoseOfTheWholeConversation) {
  for (bool special : {false, true}) {
    Open(TemplateSource(GetParam().file), GetParam().marks, special);
    ASSERT_EQ(metadata_.prompt_template.name.empty(), false);
    messages_ = {{ChatRole::kSystem, "Be brief."}, User("How is it?")};
    Say(Called("", {Weather("Oslo")}));
    messages_.push_back(Result("{\"sky\": \"grey\"}"));
    EXPECT_LE(NumLost(), GetParam().moves ? kContextLength : 1);
    Say(Called("", {Weather("Rome")}));
    messages_.push_back(Result("blue"));
    EXPECT_LE(NumLost(), GetParam().moves ? kContextLength : 1);
    Say({ChatRole::kAssistant, "Grey, blue."});
    messages_.push_back(User("Thanks a lot."));
    EXPECT_LE(NumLost(), GetParam().moves ? kContextLength : 1);
    Say({ChatRole::kAssistant, "Yes."});
    messages_.push_back(User("And in Nice?"));
    const bool drops_text = metadata_.prompt_template.tools.calls_with_text.size() ==
                            metadata_.prompt_template.tools.calls.size();
    Say(Called(drops_text ? "" : "I look.", {Weather("Nice")}));
    messages_.push_back(Result("  \n"));
    EXPECT_LE(NumLost(), GetParam().moves ? kContextLength : 1);
    CheckPrompt();
    // The same list, in a session that has computed nothing of it.
    session_ = NewSession(model_, kContextLength);
    CheckPrompt();
  }
}

TEST_P(KnownTools, SavedSessionsAndForksGoOn) {
  Open(TemplateSource(GetParam().file), GetParam().marks);
  messages_ = {User("How is it?")};
  Say(Called("", {Weather("Oslo")}));
  messages_.push_back(Result("grey"));
  Say({ChatRole::kAssistant, "Grey."});
  messages_.push_back(User("Well?"));
  ASSERT_OK_AND_ASSIGN(const RenderedPrompt prompt, session_->RenderPrompt(messages_, options_));
  ASSERT_OK_AND_ASSIGN(const auto fork, session_->Fork());
  const std::string path = directory_.File("session");
  ASSERT_OK(session_->Save(path));
  SessionOptions options;
  options.kv_cache_type = KvCacheType::kFloat32;
  ASSERT_OK_AND_ASSIGN(const auto loaded, LlmSession::Load(model_, path, options));
  for (const LlmSession* copy : {fork.get(), loaded.get()}) {
    ASSERT_OK_AND_ASSIGN(const RenderedPrompt same, copy->RenderPrompt(messages_, options_));
    EXPECT_EQ(same.tokens, prompt.tokens);
    EXPECT_EQ(same.num_reused_tokens, prompt.num_reused_tokens);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, KnownTools,
    testing::Values(Known{"hermes", {"<tool_call>", "</tool_call>"}, false},
                    Known{"qwen25", {"<tool_call>", "</tool_call>"}, false},
                    Known{"qwen3", {"<tool_call>", "</tool_call>"}, false},
                    Known{"llama31", {"<|eot_id|>"}, false},
                    Known{"mistral_v3", {"[TOOL_CALLS]", "[TOOL_RESULTS]"}, true},
                    Known{"function_gemma",
                          {"<start_function_call>", "<end_function_call>", "<escape>"},
                          false}),
    [](const auto& info) { return std::string(info.param.file); });

// Thoughts of a round with tools stay until the user speaks again.
TEST_F(ToolSession, ThoughtsStayUntilTheUserSpeaks) {
  Open(TemplateSource("qwen3"), {"<think>", "</think>", "<tool_call>", "</tool_call>"});
  const std::string thought = "<think>\nHm.\n</think>\n\n";
  messages_ = {User("How is it?")};
  Say(Called(thought, {Weather("Oslo")}));
  messages_.push_back(Result("grey"));
  EXPECT_LE(NumLost(), 1);  // the last one wasn't run yet
  Say(Called(thought + "And?", {Weather("Rome")}));
  messages_.push_back(Result("blue"));
  EXPECT_LE(NumLost(), 1);  // the last one wasn't run yet
  Say({ChatRole::kAssistant, thought + "Grey, blue."});
  messages_.push_back(User("Well?"));
  EXPECT_GT(NumLost(), 1);
  Say({ChatRole::kAssistant, "Yes."});
  messages_.push_back(User("Why?"));
  EXPECT_LE(NumLost(), 1);  // the last one wasn't run yet
  CheckPrompt();
}

// A call that the app lists otherwise than it was generated is written as the template does.
TEST_F(ToolSession, EditedCallsAreEncodedAgain) {
  Open(TemplateSource("qwen25"), {"<tool_call>", "</tool_call>"});
  messages_ = {User("How is it?")};
  const GenerateResult result = Say(Called("", {Weather("Oslo")}));
  messages_.back().tool_calls[0].arguments = "{\"city\": \"Rome\", \"day\": 1.50}";
  messages_.push_back(Result("grey"));
  CheckPrompt();
  EXPECT_GT(NumLost(), 1);
  EXPECT_LT(NumLost(), static_cast<int32_t>(result.tokens.size()));
  // Other tools: the beginning differs.
  options_.tools.pop_back();
  CheckPrompt();
  EXPECT_GT(NumLost(), 100);
}

// A turn of Chat(text) goes on with the tools of the last list.
TEST_F(ToolSession, TheNextTurnKeepsTheTools) {
  Open(TemplateSource("mistral_v3"));
  messages_ = {User("Hi")};
  Say({ChatRole::kAssistant, "Yes."});
  messages_.push_back(User("So?"));
  ASSERT_OK(session_->Chat("So?", GreedyOptions(1), IgnoreText));
  auto tokens = session_->tokens();
  ASSERT_OK(tokens);
  tokens->pop_back();
  EXPECT_EQ(*tokens, Expected(*TemplateMessages(messages_), *TemplateTools(options_.tools)));
}

// A system text that the template writes into the newest turn of the user moves there.
TEST_F(ToolSession, TheSystemTextMovesAsTheTemplateSays) {
  Open(TemplateSource("mistral_v3"));
  SessionOptions session_options;
  session_options.context_length = kContextLength;
  session_options.kv_cache_type = KvCacheType::kFloat32;
  session_options.system_prompt = "Be kind.";
  ASSERT_OK_AND_ASSIGN(session_, LlmSession::Create(model_, session_options));
  messages_ = {{ChatRole::kSystem, "Be kind."}, User("Hi")};
  options_.tools.clear();
  Say({ChatRole::kAssistant, "Yes."});
  messages_.push_back(User("So?"));
  Say({ChatRole::kAssistant, "No."});
  messages_.push_back(User("Why?"));
  ASSERT_OK(session_->Chat("Why?", GreedyOptions(1), IgnoreText));
  auto tokens = session_->tokens();
  ASSERT_OK(tokens);
  tokens->pop_back();
  EXPECT_EQ(*tokens, Expected(*TemplateMessages(messages_)));
}

// A vocabulary with merges and a published template, where they are at hand.
TEST_F(ToolSession, APublishedTokenizerAndItsTemplate) {
  const std::string folder = INKLING_SHARED_DIR "/tokenizers/npm-tokenizer-qwen3";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " isn't there";
  ASSERT_OK_AND_ASSIGN(const ImportedTokenizer imported, ImportTokenizerFolder(folder));
  ModelConfig config = TinyConfig();
  config.vocab_size = static_cast<int32_t>(imported.tokenizer.piece_types.size());
  config.context_length = kContextLength;
  metadata_ = TinyMetadata(config);
  metadata_.tokenizer = imported.tokenizer;
  metadata_.prompt_template = imported.prompt_template;
  metadata_.prompt_template.stop_ids.clear();
  metadata_.prompt_template.stop_strings.clear();
  std::ifstream file(folder + "/tokenizer_config.json", std::ios::binary);
  OpenFile(nlohmann::json::parse(file, nullptr, false)["chat_template"]);
  const std::string thought = "<think>\nThe user wants\nto know.\n</think>\n\n";
  messages_ = {{ChatRole::kSystem, "You are kind."}, User("How's the weather in Z\xC3\xBCrich?")};
  Say(Called(thought, {Weather("Z\xC3\xBCrich")}));
  messages_.push_back(Result("{\"temperature\": 21.5, \"sky\": \"clear\"}"));
  EXPECT_LE(NumLost(), 1);
  Say(Called(thought + "I'll look again.", {Weather("Bern"), Weather("Genf")}));
  messages_.push_back(Result("rain"));
  messages_.push_back(Result("sun"));
  EXPECT_LE(NumLost(), 1);
  Say({ChatRole::kAssistant, thought + "It's fine, mostly."});
  messages_.push_back(User("Why do you say <tool_call> so?"));
  auto prompt = session_->RenderPrompt(messages_, options_);
  ASSERT_OK(prompt);
  EXPECT_EQ(prompt->text,
            ExpectedText(*TemplateMessages(messages_), *TemplateTools(options_.tools)));
  messages_.back().text = "Why?";
  CheckPrompt();
  // The same words, but the token is the template's alone.
  ASSERT_OK_AND_ASSIGN(const int32_t mark, OnlyToken("<tool_call>"));
  EXPECT_EQ(absl::c_count(prompt->tokens, mark), 5) << "two in the instruction, three in calls";
}

struct BadUse {
  std::string message;
  std::vector<ChatMessage> messages;
  std::vector<ToolDefinition> tools;
};

TEST_F(ToolSession, BadUsesAreRefused) {
  Open(TemplateSource("mistral_v3"));
  ChatMessage no_id = Result("x");
  no_id.tool_call_id = "short";
  ToolCall list = Weather("Oslo");
  list.arguments = "[1]";
  ToolCall broken = list;
  broken.arguments = "{";
  ToolCall nameless = Weather("Oslo");
  nameless.name = "";
  ToolCall long_id = Weather("Oslo");
  long_id.id = "longer than nine";
  const std::vector<ChatMessage> asked = {User("a")};
  const auto with = [&](const ChatMessage& call, const ChatMessage& result) {
    return std::vector<ChatMessage>{User("a"), call, result};
  };
  const std::vector<BadUse> uses = {
      {"messages[1]: a tool's result without a call", {User("a"), Result("x")}, {}},
      {"messages[3]: a tool's result without a call",
       {User("a"), Called("", {Weather("x")}), Result("x"), Result("x")},
       {}},
      {"id of the answered call", with(Called("", {Weather("x")}), no_id), {}},
      {"id of the call of weather", with(Called("", {long_id}), Result("x")), {}},
      {"messages[1].tool_calls[0].arguments: expected a JSON object",
       with(Called("", {list}), Result("x")),
       {}},
      {"messages[1].tool_calls[0].arguments: JSON", with(Called("", {broken}), Result("x")), {}},
      {"messages[1].tool_calls[0].name: expected a name",
       with(Called("", {nameless}), Result("x")),
       {}},
      {"expected the results", {User("a"), Called("", {Weather("x")}), User("b")}, {}},
      {"there is nothing to answer", {User("a"), Called("", {Weather("x")})}, {}},
      {"tools[0].name: expected a name", asked, {{"", "d", ""}}},
      {"tools[0].name: expected a name", asked, {{"a b", "d", ""}}},
      {"tools[1].name: two tools are called 'a'", asked, {{"a", "d", ""}, {"a", "e", ""}}},
      {"tools[0].parameters: expected a JSON object", asked, {{"a", "d", "true"}}},
      {"tools[0].parameters: JSON", asked, {{"a", "d", "{\"a\": }"}}},
      {"tools[0].parameters: the number 1e999", asked, {{"a", "d", "{\"a\": 1e999}"}}},
      {"tools[0].description: expected UTF-8", asked, {{"a", "\xFF", ""}}},
  };
  for (const BadUse& use : uses) {
    options_.tools = use.tools;
    EXPECT_THAT(session_->RenderPrompt(use.messages, options_),
                MatchesStatus(absl::StatusCode::kInvalidArgument, {use.message}))
        << use.message;
    EXPECT_EQ(session_->position(), 0);
  }
  ChatMessage user = User("a");
  user.tool_calls = {Weather("x")};
  EXPECT_THAT(session_->RenderPrompt({user}), MatchesStatus(absl::StatusCode::kInvalidArgument,
                                                            {"only messages of the assistant"}));
  user = User("a");
  user.tool_call_id = "x";
  EXPECT_THAT(session_->RenderPrompt({user}),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"belong to messages of tools"}));
}

TEST_F(ToolSession, TemplatesWithoutToolsSayWhy) {
  Open(TemplateSource("smollm3"));
  EXPECT_THAT(session_->RenderPrompt({User("a")}, options_),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"prompt template 'chatml' has no place for tools",
                             "how it writes tools isn't understood"}));
  Open(TemplateSource("gemma"));
  EXPECT_THAT(session_->RenderPrompt({User("a")}, options_),
              MatchesStatus(absl::StatusCode::kInvalidArgument,
                            {"prompt template 'gemma' has no place for tools"}));
}

TEST_F(ToolSession, OneCallInAMessageWhereTheTemplateWritesOne) {
  Open(TemplateSource("llama32"));
  EXPECT_THAT(
      session_->RenderPrompt(
          {User("a"), Called("", {Weather("x"), Weather("y")}), Result("x"), Result("y")}),
      MatchesStatus(absl::StatusCode::kInvalidArgument, {"writes one call in a message, found 2"}));
}

TEST_F(ToolSession, SchemasThatATemplateCannotWriteAreRefused) {
  Open(TemplateSource("function_gemma"));
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"properties": {}, "a": 1})",
       "parameters: the model's template writes only schemas with"},
      {R"({"type": "object", "properties": {"a": {"type": ["string", "null"]}}})",
       "parameters/properties/a: the model's template writes only schemas with one type"},
      {R"({"type": "object", "properties": {"a": {"$ref": "#/x"}}})", "/properties/a"},
      {R"({"type": "object", "properties": {"type": {"type": "string"}}})",
       "parameters/properties/type: the model's template writes only properties of other names"},
      {"{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\"}, \"\xC3\x89\": {}}}",
       "the key '\xC3\x89': the model's template sorts keys"},
      {R"({"type": "object", "required": "a"})", "only required names in an array"},
      {R"({"type": "object", "properties": ["a"]})", "only properties that are an object"},
      {R"({"type": "object", "properties": {"a": {"type": "string", "enum": "x"}}})",
       "only an enum that is an array"},
      {R"({"type": "object", "properties": {"a": {"type": "string", "description": 1}}})",
       "only a description that is a text"},
      {R"({"type": "object", "properties": {"a": {"type": "object"}}})",
       "parameters/properties/a: the model's template writes only objects with properties"},
  };
  for (const auto& [schema, message] : kCases) {
    options_.tools = {{"f", "d", schema}};
    EXPECT_THAT(session_->RenderPrompt({User("a")}, options_),
                MatchesStatus(absl::StatusCode::kInvalidArgument, {message}))
        << schema;
  }
  options_.tools.clear();
  ToolCall call = Weather("x");
  call.arguments = "{\"\xC3\x89\": 1, \"a\": 2}";
  EXPECT_THAT(session_->RenderPrompt({User("a"), Called("", {call}), Result("x")}, options_),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"messages[1]: the key"}));
  call.arguments = "{\"\xC3\x89\": 1}";
  EXPECT_OK(session_->RenderPrompt({User("a"), Called("", {call}), Result("x")}, options_));
  EXPECT_THAT(session_->RenderPrompt(
                  {User("a"), Called("", {call}), Result("{\"\xC3\x89\": 1, \"a\": 2}")}, options_),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"messages[2]: the key"}));
}

}  // namespace
}  // namespace inkling
