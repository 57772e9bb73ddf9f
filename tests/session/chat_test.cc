// Chat turns: they are the tokens that the template says, and nothing else.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "src/text/prompt_template.h"
#include "src/text/tokenizer.h"
#include "tests/session/session_fixture.h"

namespace inkling {
namespace {

class ChatTest : public SessionTest {
 protected:
  // The tokens of a conversation rendered as a whole.
  static std::vector<int32_t> Rendered(const ModelMetadata& metadata,
                                       const std::vector<TemplateMessage>& messages) {
    auto prompt_template = PromptTemplate::Create(metadata.prompt_template);
    EXPECT_OK(prompt_template);
    auto tokenizer = Tokenizer::Create(metadata.tokenizer);
    EXPECT_OK(tokenizer);
    auto parts = prompt_template->Render(messages, GenerationPrompt::kAdd);
    EXPECT_OK(parts);
    auto tokens = (*tokenizer)->Encode(*parts);
    EXPECT_OK(tokens);
    return *tokens;
  }

  static ModelMetadata Metadata() {
    ModelMetadata metadata = TinyMetadata(TinyConfig());
    metadata.prompt_template.system = {"<sys>", "</sys>\n"};
    metadata.prompt_template.system_placement = SystemPlacement::kOwnTurn;
    return metadata;
  }
};

TEST_F(ChatTest, TwoTurnsAreTheWholeConversationRendered) {
  const ModelMetadata metadata = Metadata();
  ASSERT_OK_AND_ASSIGN(std::shared_ptr<const LlmModel> model,
                       LlmModel::Open(WriteModel("chat.tflite", metadata)));
  SessionOptions options;
  options.system_prompt = "Kind.";
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<LlmSession> session, LlmSession::Create(model, options));
  ASSERT_OK_AND_ASSIGN(GenerateResult first, session->Chat("Hi", GreedyOptions(4), IgnoreText));
  ASSERT_OK_AND_ASSIGN(std::vector<int32_t> tokens, session->tokens());
  std::vector<int32_t> expected =
      Rendered(metadata, {{TemplateRole::kSystem, "Kind."}, {TemplateRole::kUser, "Hi"}});
  const size_t prompt_size = expected.size();
  expected.insert(expected.end(), first.tokens.begin(), first.tokens.end());
  EXPECT_EQ(tokens, expected);

  ASSERT_OK(session->Chat("Bye", GreedyOptions(2), IgnoreText));
  ASSERT_OK_AND_ASSIGN(tokens, session->tokens());
  // With an answer of one letter, the rest of the longer conversation is what the second turn
  // added.
  const std::vector<int32_t> whole = Rendered(metadata, {{TemplateRole::kSystem, "Kind."},
                                                         {TemplateRole::kUser, "Hi"},
                                                         {TemplateRole::kModel, "x"},
                                                         {TemplateRole::kUser, "Bye"}});
  const std::vector<int32_t> turn(tokens.begin() + static_cast<std::ptrdiff_t>(expected.size()),
                                  tokens.end() - 2);
  const std::vector<int32_t> whole_turn(
      whole.begin() + static_cast<std::ptrdiff_t>(prompt_size) + 1, whole.end());
  EXPECT_EQ(turn, whole_turn);
}

TEST_F(ChatTest, MarkupInUserTextStaysText) {
  const ModelMetadata metadata = Metadata();
  ASSERT_OK_AND_ASSIGN(std::shared_ptr<const LlmModel> model,
                       LlmModel::Open(WriteModel("chat.tflite", metadata)));
  auto session = NewSession(model);
  ASSERT_OK(session->Chat("<end>", GreedyOptions(1), IgnoreText));
  auto plain = NewSession(model);
  ASSERT_OK(plain->Chat("", GreedyOptions(1), IgnoreText));
  ASSERT_OK_AND_ASSIGN(int32_t as_text, model->CountTokens("<end>"));
  EXPECT_GT(as_text, 1);  // the token would be one
  EXPECT_EQ(session->position() - plain->position(), as_text);
}

TEST_F(ChatTest, TheDateIsThatOfTheOptions) {
  ModelMetadata metadata = Metadata();
  metadata.prompt_template.session_prefix = "\x1A%d %b\x1A ";
  ASSERT_OK_AND_ASSIGN(std::shared_ptr<const LlmModel> model,
                       LlmModel::Open(WriteModel("dated.tflite", metadata)));
  for (const auto& [date, text] :
       {std::pair<const char*, const char*>{"", "26 Jul "}, {"2025-03-09", "09 Mar "}}) {
    SessionOptions options;
    options.date = date;
    ASSERT_OK_AND_ASSIGN(std::unique_ptr<LlmSession> session, LlmSession::Create(model, options));
    ASSERT_OK(session->Chat("Hi", GreedyOptions(1), IgnoreText));
    ASSERT_OK_AND_ASSIGN(std::vector<int32_t> tokens, session->tokens());
    ModelMetadata written = metadata;
    written.prompt_template.session_prefix = text;
    const std::vector<int32_t> expected = Rendered(written, {{TemplateRole::kUser, "Hi"}});
    tokens.resize(expected.size());
    EXPECT_EQ(tokens, expected);
  }
  SessionOptions options;
  options.date = "yesterday";
  EXPECT_THAT(LlmSession::Create(model, options),
              MatchesStatus(absl::StatusCode::kInvalidArgument, {"date", "yesterday"}));
}

TEST_F(ChatTest, StopStringsOfTheTemplateEndAnAnswer) {
  ModelMetadata metadata = Metadata();
  ASSERT_OK_AND_ASSIGN(std::shared_ptr<const LlmModel> model,
                       LlmModel::Open(WriteModel("chat.tflite", metadata)));
  ASSERT_OK_AND_ASSIGN(GenerateResult all,
                       NewSession(model)->Chat("Hi", GreedyOptions(30), IgnoreText));
  ASSERT_FALSE(all.text.empty());
  size_t begin = all.text.size() / 2;
  while ((static_cast<unsigned char>(all.text[begin]) & 0xC0) == 0x80) --begin;
  size_t end = begin + 1;
  while (end < all.text.size() && (static_cast<unsigned char>(all.text[end]) & 0xC0) == 0x80) ++end;
  const std::string stop = all.text.substr(begin, end - begin);
  metadata.prompt_template.stop_strings = {stop};
  ASSERT_OK_AND_ASSIGN(model, LlmModel::Open(WriteModel("stop.tflite", metadata)));
  ASSERT_OK_AND_ASSIGN(GenerateResult result,
                       NewSession(model)->Chat("Hi", GreedyOptions(30), IgnoreText));
  EXPECT_EQ(result.stop_reason, StopReason::kStopString);
  EXPECT_EQ(result.text, all.text.substr(0, all.text.find(stop)));
}

TEST_F(ChatTest, ATurnTooLongLeavesTheConversationAsItWas) {
  ASSERT_OK_AND_ASSIGN(std::shared_ptr<const LlmModel> model,
                       LlmModel::Open(WriteModel("chat.tflite", Metadata())));
  auto session = NewSession(model, 64);
  EXPECT_THAT(session->Chat(std::string(100, 'x'), GreedyOptions(2), IgnoreText),
              MatchesStatus(absl::StatusCode::kResourceExhausted, {"room for"}));
  EXPECT_EQ(session->position(), 0);
  ASSERT_OK_AND_ASSIGN(GenerateResult result, session->Chat("Hi", GreedyOptions(4), IgnoreText));
  ASSERT_OK_AND_ASSIGN(GenerateResult fresh,
                       NewSession(model, 64)->Chat("Hi", GreedyOptions(4), IgnoreText));
  EXPECT_EQ(result.tokens, fresh.tokens);
}

}  // namespace
}  // namespace inkling
