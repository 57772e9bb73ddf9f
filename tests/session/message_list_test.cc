// Conversations as lists of messages: the session's tokens are those of the list, whatever it had
// computed before, and what it had computed of them isn't computed again.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "inkling/llm_message.h"
#include "inkling/llm_session.h"
#include "tests/session/session_fixture.h"
#include "tests/testing/random_model.h"

namespace inkling {
namespace {

class MessageListTest : public SessionTest {
 protected:
  static ModelMetadata Metadata(int32_t window = 0) {
    ModelConfig config = TinyConfig();
    config.context_length = 600;
    config.layers[0].window = window;
    ModelMetadata metadata = TinyMetadata(config);
    metadata.prompt_template.system = {"<sys>", "</sys>\n"};
    metadata.prompt_template.system_placement = SystemPlacement::kOwnTurn;
    return metadata;
  }

  // A template that drops what the model thought.
  static ModelMetadata Thinking() {
    ModelMetadata metadata = Metadata();
    metadata.prompt_template.past_answers.cut = ThoughtCut::kThroughLastEnd;
    metadata.prompt_template.past_answers.end = "</think>";
    metadata.prompt_template.rewrites_answers = true;
    return metadata;
  }

  std::shared_ptr<const LlmModel> Open(const ModelMetadata& metadata) {
    ModelOptions options;
    options.num_threads = 1;
    options.prefill_chunk = 16;
    absl::StatusOr<std::shared_ptr<const LlmModel>> model =
        LlmModel::Open(WriteModel("messages.tflite", metadata), options);
    EXPECT_OK(model);
    return *model;
  }

  static ChatMessage User(std::string text) { return {ChatRole::kUser, std::move(text)}; }
  static ChatMessage Assistant(std::string text) { return {ChatRole::kAssistant, std::move(text)}; }
  static ChatMessage System(std::string text) { return {ChatRole::kSystem, std::move(text)}; }

  // Answers the list in `session` and adds the answer to it.
  static GenerateResult Answer(LlmSession& session, std::vector<ChatMessage>& messages,
                               const ChatOptions& chat_options = {}) {
    absl::StatusOr<GenerateResult> result = session.Chat(messages, chat_options, WordOptions(8));
    EXPECT_OK(result);
    if (!result.ok()) return {};
    messages.push_back(Assistant(chat_options.assistant_prefix + result->text));
    return *result;
  }

  // Answers of letters, so that texts are the same when they are read again.
  static GenerateOptions WordOptions(int32_t max_new_tokens) {
    GenerateOptions options = GreedyOptions(max_new_tokens);
    options.logits_processor = [](absl::Span<const int32_t>, absl::Span<float> logits) {
      for (size_t i = 0; i < logits.size(); ++i)
        if (i < 'a' || i > 'z') logits[i] = -INFINITY;
    };
    return options;
  }

  static std::vector<int32_t> TokensOf(LlmSession& session) {
    absl::StatusOr<std::vector<int32_t>> tokens = session.tokens();
    EXPECT_OK(tokens);
    return *tokens;
  }

  // That a session which has seen other things is now as one that has seen this list alone.
  static void ExpectAsFresh(const std::shared_ptr<const LlmModel>& model, LlmSession& session,
                            std::vector<ChatMessage> messages) {
    const auto fresh = NewSession(model);
    std::vector<ChatMessage> copy = messages;
    const GenerateResult expected = Answer(*fresh, copy);
    const GenerateResult result = Answer(session, messages);
    EXPECT_EQ(result.text, expected.text);
    EXPECT_EQ(TokensOf(session), TokensOf(*fresh));
  }
};

TEST_F(MessageListTest, OneMoreTurnCostsThatTurn) {
  const auto model = Open(Metadata());
  const auto session = NewSession(model);
  std::vector<ChatMessage> messages = {System("Kind."), User("Hi there, how are you?")};
  const GenerateResult first = Answer(*session, messages);
  EXPECT_EQ(first.num_reused_tokens, 0);
  const int32_t before = session->position();
  messages.push_back(User("Bye"));
  const GenerateResult second = Answer(*session, messages);
  EXPECT_EQ(second.num_reused_tokens, before - 1) << "the last answer's last token runs again";
  EXPECT_EQ(second.num_reused_tokens + second.num_prompt_tokens + 8, session->position());
}

TEST_F(MessageListTest, IsWhatTurnsOneByOneAre) {
  const auto model = Open(Metadata());
  SessionOptions options;
  options.system_prompt = "Kind.";
  options.kv_cache_type = KvCacheType::kFloat32;
  ASSERT_OK_AND_ASSIGN(const auto turns, LlmSession::Create(model, options));
  ASSERT_OK_AND_ASSIGN(const auto list, LlmSession::Create(model, options));
  std::vector<ChatMessage> messages;
  for (const char* text : {"Hi", "And then?", "Bye"}) {
    ASSERT_OK_AND_ASSIGN(const GenerateResult turn, turns->Chat(text, WordOptions(8)));
    messages.push_back(User(text));
    EXPECT_EQ(Answer(*list, messages).text, turn.text);
    EXPECT_EQ(TokensOf(*list), TokensOf(*turns));
  }
  // Either may go on with the other.
  ASSERT_OK_AND_ASSIGN(const GenerateResult turn, list->Chat("More", WordOptions(8)));
  messages.push_back(User("More"));
  EXPECT_EQ(Answer(*turns, messages).text, turn.text);
}

TEST_F(MessageListTest, AnEditedHistoryIsComputedFromTheEdit) {
  for (const int32_t window : {0, 20}) {
    const auto model = Open(Metadata(window));
    const auto session = NewSession(model);
    std::vector<ChatMessage> messages = {User("One"), Assistant("an answer from elsewhere"),
                                         User("Two")};
    Answer(*session, messages);
    messages.push_back(User("Three"));
    Answer(*session, messages);
    std::vector<ChatMessage> edited = messages;
    edited[4].text = "Threads";
    edited.pop_back();
    ExpectAsFresh(model, *session, edited);
    ExpectAsFresh(model, *session, {messages.begin(), messages.begin() + 3});
    ExpectAsFresh(model, *session, {User("Another conversation")});
    ExpectAsFresh(model, *session, {messages.begin(), messages.begin() + 5});
  }
}

// The list says what the answer was; the session has something else there.
TEST_F(MessageListTest, AnAnswerThatTheSessionHasOtherwiseIsEncodedAgain) {
  const auto model = Open(Metadata());
  for (const bool cut : {false, true}) {
    const auto session = NewSession(model);
    std::vector<ChatMessage> messages = {User("One")};
    Answer(*session, messages);
    if (cut) {
      ASSERT_OK(session->Rewind(session->position() - 3));
    } else {
      ASSERT_OK(session->Prefill(" and more"));
    }
    messages.push_back(User("Two"));
    ExpectAsFresh(model, *session, messages);
    // Also where a turn followed since then.
    const auto turns = NewSession(model);
    messages = {User("One")};
    Answer(*turns, messages);
    ASSERT_OK(turns->Prefill(" and more"));
    messages.push_back(User("Two"));
    ASSERT_OK_AND_ASSIGN(const GenerateResult turn, turns->Chat("Two", WordOptions(8)));
    messages.push_back(Assistant(turn.text));
    messages.push_back(User("Three"));
    ExpectAsFresh(model, *turns, messages);
  }
}

TEST_F(MessageListTest, SendingTheSameListAgainReusesIt) {
  const auto model = Open(Metadata());
  const auto session = NewSession(model);
  std::vector<ChatMessage> messages = {User("What a long question this is, isn't it?")};
  std::vector<ChatMessage> again = messages;
  const GenerateResult first = Answer(*session, messages);
  const GenerateResult second = Answer(*session, again);
  EXPECT_EQ(second.text, first.text);
  EXPECT_EQ(second.num_prompt_tokens, 1);
}

TEST_F(MessageListTest, ThoughtsAreDroppedAsTheTemplateSays) {
  const auto model = Open(Thinking());
  const auto session = NewSession(model);
  std::vector<ChatMessage> messages = {User("One"), Assistant("I think</think>so"), User("Two")};
  ASSERT_OK_AND_ASSIGN(const RenderedPrompt prompt, session->RenderPrompt(messages));
  EXPECT_EQ(prompt.text.find("I think"), std::string::npos) << prompt.text;
  EXPECT_NE(prompt.text.find("so"), std::string::npos) << prompt.text;
  Answer(*session, messages);
  messages.push_back(User("Three"));
  ExpectAsFresh(model, *session, messages);
}

TEST_F(MessageListTest, AnAnswerCanBeBegun) {
  const auto model = Open(Metadata());
  const auto session = NewSession(model);
  std::vector<ChatMessage> messages = {User("Hi")};
  const GenerateResult begun = Answer(*session, messages, {.assistant_prefix = "Well, "});
  EXPECT_EQ(messages[1].text, "Well, " + begun.text);
  ASSERT_OK_AND_ASSIGN(const std::string text, model->Detokenize(TokensOf(*session)));
  EXPECT_NE(text.find("Well, " + begun.text), std::string::npos) << text;
  messages.push_back(User("Bye"));
  const int32_t before = session->position();
  const GenerateResult next = Answer(*session, messages);
  EXPECT_EQ(next.num_reused_tokens, before - 1);
}

TEST_F(MessageListTest, RenderPromptIsWhatChatComputes) {
  const auto model = Open(Metadata());
  const auto session = NewSession(model);
  std::vector<ChatMessage> messages = {System("Kind."), User("Hi")};
  ASSERT_OK_AND_ASSIGN(const RenderedPrompt prompt,
                       session->RenderPrompt(messages, {.assistant_prefix = "So"}));
  EXPECT_EQ(session->position(), 0);
  EXPECT_EQ(prompt.num_reused_tokens, 0);
  EXPECT_NE(prompt.text.find("<sys>Kind.</sys>"), std::string::npos) << prompt.text;
  ASSERT_OK_AND_ASSIGN(const GenerateResult result,
                       session->Chat(messages, {.assistant_prefix = "So"}, WordOptions(3)));
  std::vector<int32_t> expected = prompt.tokens;
  expected.insert(expected.end(), result.tokens.begin(), result.tokens.end());
  EXPECT_EQ(TokensOf(*session), expected);
  ASSERT_OK_AND_ASSIGN(const RenderedPrompt again,
                       session->RenderPrompt(messages, {.assistant_prefix = "So"}));
  EXPECT_EQ(again.num_reused_tokens, static_cast<int32_t>(prompt.tokens.size()) - 1);
}

TEST_F(MessageListTest, WhatCantBeAnsweredIsAnErrorAndChangesNothing) {
  const auto model = Open(Metadata());
  const auto session = NewSession(model);
  const auto undisturbed = NewSession(model);
  std::vector<ChatMessage> messages = {User("Hi")};
  std::vector<ChatMessage> same = messages;
  Answer(*session, messages);
  Answer(*undisturbed, same);
  const std::vector<int32_t> before = TokensOf(*session);
  const auto expect_refused = [&](const std::vector<ChatMessage>& list, const char* why) {
    EXPECT_THAT(session->Chat(list), MatchesStatus(absl::StatusCode::kInvalidArgument, {why}));
    EXPECT_THAT(session->RenderPrompt(list),
                MatchesStatus(absl::StatusCode::kInvalidArgument, {why}));
    EXPECT_EQ(TokensOf(*session), before);
  };
  expect_refused({}, "list of messages is empty");
  expect_refused(messages, "nothing to answer: message 1");
  expect_refused({User("Hi"), System("Late")},
                 "nothing to answer: message 1, the last, is the system's");
  expect_refused({User("Hi"), System("Late"), User("Hi")}, "must be the first");
  expect_refused({{static_cast<ChatRole>(9), "?"}}, "messages[0].role is 9");
  EXPECT_THAT(session->Chat(std::vector<ChatMessage>{User(std::string(5000, 'x'))}),
              MatchesStatus(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(TokensOf(*session), before);
  messages.push_back(User("Bye"));
  same.push_back(User("Bye"));
  EXPECT_EQ(Answer(*session, messages).text, Answer(*undisturbed, same).text);
  EXPECT_EQ(TokensOf(*session), TokensOf(*undisturbed));
}

TEST_F(MessageListTest, ACancelledListLeavesTheConversation) {
  const auto model = Open(Metadata());
  const auto session = NewSession(model);
  std::vector<ChatMessage> messages = {User("Hi")};
  Answer(*session, messages);
  const std::vector<int32_t> before = TokensOf(*session);
  GenerateOptions options = WordOptions(8);
  options.logits_processor = [&](absl::Span<const int32_t>, absl::Span<float>) {
    session->Cancel();
  };
  std::vector<ChatMessage> other = {User("Something else")};
  options.max_draft_tokens = 0;
  ASSERT_OK_AND_ASSIGN(const GenerateResult stopped, session->Chat(other, {}, options));
  EXPECT_EQ(stopped.stop_reason, StopReason::kCancelled);
  messages.push_back(User("Bye"));
  ExpectAsFresh(model, *session, messages);
}

}  // namespace
}  // namespace inkling
