// Sessions of templates that drop what the model thought: after every turn they have the tokens of
// the whole conversation as the checkpoint's own program writes it.

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "converter/tokenizer/tokenizer_import.h"
#include "nlohmann/json.hpp"
#include "src/text/prompt_template.h"
#include "src/text/tokenizer.h"
#include "tests/converter/template_session.h"

namespace inkling {
namespace {

class ThoughtSession : public TemplateSession {
 protected:
  // The session's tokens in front of the one that was generated.
  std::vector<int32_t> Prompt() {
    auto tokens = session_->tokens();
    EXPECT_OK(tokens);
    tokens->pop_back();
    return *tokens;
  }

  // A turn whose answer is `answer` instead of what the model says.
  void Answer(const std::string& user, const std::string& answer) {
    ASSERT_OK(session_->Chat(user, GreedyOptions(1), IgnoreText));
    ASSERT_OK(session_->Rewind(session_->position() - 1));
    auto ids = tokenizer_->Encode(
        answer, {.markup = Markup::kParse, .position = TextPosition::kContinuation});
    ASSERT_OK(ids);
    ASSERT_OK(session_->GenerateFromTokens(*ids, GreedyOptions(1), IgnoreText));
    ASSERT_OK(session_->Rewind(session_->position() - 1));
  }
};

std::vector<std::string> Answers(const std::string& begin, const std::string& end) {
  return {begin + "\nHm, a greeting.\n" + end + "\n\nHello!",
          begin + "\n\n" + end + "\n\nFine. ",
          "the rest of a thought\n" + end + "\n\n Yes,\nof course.\n",
          "No thought.",
          begin + "\nSo many words",
          begin + "one" + end + "said" + begin + "two" + end + "done"};
}

struct Known {
  const char* file;
  const char* begin;
  const char* end;
};

class KnownThoughts : public ThoughtSession, public testing::WithParamInterface<Known> {};

TEST_P(KnownThoughts, TokensAreThoseOfTheWholeConversation) {
  const auto& [file, begin, end] = GetParam();
  const std::vector<std::string> answers = Answers(begin, end);
  for (const std::vector<std::string>& marks :
       {std::vector<std::string>{}, std::vector<std::string>{begin, end}}) {
    Open(TemplateSource(file), marks);
    for (const std::string& first : answers) {
      for (const std::string& second : answers) {
        ASSERT_OK(session_->Reset());
        std::vector<TemplateMessage> talk = {{TemplateRole::kUser, "Hi"}};
        Answer("Hi", first);
        talk.push_back({TemplateRole::kModel, first});
        talk.push_back({TemplateRole::kUser, "How are you?"});
        Answer("How are you?", second);
        talk.push_back({TemplateRole::kModel, second});
        talk.push_back({TemplateRole::kUser, "<turn>So?"});
        ASSERT_OK(session_->Chat("<turn>So?", GreedyOptions(1), IgnoreText));
        // What the user wrote is never markup.
        std::vector<TemplateMessage> plain = talk;
        plain.back().text = "~";
        std::vector<int32_t> expected = Expected(plain);
        auto text = tokenizer_->Encode("<turn>So?", {.position = TextPosition::kContinuation});
        ASSERT_OK(text);
        std::vector<int32_t> with_text;
        for (int32_t token : expected) {
          if (token == '~') {
            with_text.insert(with_text.end(), text->begin(), text->end());
          } else {
            with_text.push_back(token);
          }
        }
        ASSERT_EQ(Prompt(), with_text) << file << ": '" << first << "', then '" << second << "'";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, KnownThoughts,
                         testing::Values(Known{"qwen3", "<think>", "</think>"},
                                         Known{"qwq", "<think>", "</think>"},
                                         Known{"deepseek_r1", "<think>", "</think>"},
                                         Known{"nemotron", "<think>", "</think>"},
                                         Known{"glm", "<think>", "</think>"},
                                         Known{"empty_thought", "<think>", "</think>"},
                                         Known{"smollm3", "<think>", "</think>"},
                                         Known{"channels", "<|channel>thought", "<channel|>"}),
                         [](const auto& info) { return std::string(info.param.file); });

TEST_F(ThoughtSession, MarksThatTextHidesCountToo) {
  Open(TemplateSource("qwen3"), {"<think>", "</think>"}, true);
  const std::string answer = "<think>\nHm.\n</think>\n\nHello!";
  Answer("Hi", answer);
  ASSERT_OK(session_->Chat("So?", GreedyOptions(1), IgnoreText));
  EXPECT_EQ(Prompt(), Expected({{TemplateRole::kUser, "Hi"},
                                {TemplateRole::kModel, answer},
                                {TemplateRole::kUser, "So?"}}));
}

TEST_F(ThoughtSession, AnAnswerWithoutThoughtsKeepsItsTokens) {
  Open(TemplateSource("qwen3"));
  ASSERT_OK_AND_ASSIGN(GenerateResult first, session_->Chat("Hi", GreedyOptions(20), IgnoreText));
  std::vector<int32_t> expected = Expected({{TemplateRole::kUser, "Hi"}});
  expected.insert(expected.end(), first.tokens.begin(), first.tokens.end());
  ASSERT_OK_AND_ASSIGN(GenerateResult next, session_->Chat("So?", GreedyOptions(1), IgnoreText));
  ASSERT_OK_AND_ASSIGN(std::vector<int32_t> tokens, session_->tokens());
  tokens.resize(expected.size());
  EXPECT_EQ(tokens, expected);
  EXPECT_EQ(next.begin_position, static_cast<int32_t>(expected.size()));
}

TEST_F(ThoughtSession, TheNextAnswerIsThatOfAFreshSession) {
  Open(TemplateSource("qwq"));
  Answer("Hi", "A long thought.\n</think>\n\nHello!");
  ASSERT_OK_AND_ASSIGN(GenerateResult kept, session_->Chat("So?", GreedyOptions(12), IgnoreText));
  auto fresh = NewSession(model_, kContextLength);
  ASSERT_OK_AND_ASSIGN(GenerateResult whole,
                       fresh->GenerateFromTokens(Expected({{TemplateRole::kUser, "Hi"},
                                                           {TemplateRole::kModel, "Hello!"},
                                                           {TemplateRole::kUser, "So?"}}),
                                                 GreedyOptions(12), IgnoreText));
  EXPECT_EQ(kept.tokens, whole.tokens);
  EXPECT_LT(kept.num_prompt_tokens, whole.num_prompt_tokens);  // the beginning was there
}

TEST_F(ThoughtSession, AWindowThatHasForgottenTheBeginningIsComputedAgain) {
  window_ = 16;
  Open(TemplateSource("qwq"));
  Answer("Hi", std::string(600, 'x') + "\n</think>\n\nHello!");
  ASSERT_OK_AND_ASSIGN(GenerateResult kept, session_->Chat("So?", GreedyOptions(12), IgnoreText));
  const std::vector<int32_t> prompt = Expected({{TemplateRole::kUser, "Hi"},
                                                {TemplateRole::kModel, "Hello!"},
                                                {TemplateRole::kUser, "So?"}});
  ASSERT_OK_AND_ASSIGN(GenerateResult whole,
                       NewSession(model_, kContextLength)
                           ->GenerateFromTokens(prompt, GreedyOptions(12), IgnoreText));
  EXPECT_EQ(kept.tokens, whole.tokens);
  EXPECT_EQ(kept.num_prompt_tokens, static_cast<int32_t>(prompt.size()));
}

TEST_F(ThoughtSession, RewindToTheBeginningOfATurnTakesItBack) {
  Open(TemplateSource("qwen3"));
  Answer("Hi", "<think>\nHm.\n</think>\n\nHello!");
  ASSERT_OK_AND_ASSIGN(GenerateResult turn, session_->Chat("So?", GreedyOptions(5), IgnoreText));
  ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> tokens, session_->tokens());
  EXPECT_LT(turn.begin_position, session_->position());
  ASSERT_OK(session_->Rewind(turn.begin_position));
  ASSERT_OK_AND_ASSIGN(GenerateResult again, session_->Chat("So?", GreedyOptions(5), IgnoreText));
  EXPECT_EQ(again.tokens, turn.tokens);
  ASSERT_OK_AND_ASSIGN(std::vector<int32_t> same, session_->tokens());
  EXPECT_EQ(same, tokens);
  // Another turn behind the one that was written anew, and one behind an answer that was cut.
  ASSERT_OK(session_->Rewind(turn.begin_position - 3));
  ASSERT_OK(session_->Chat("Well?", GreedyOptions(1), IgnoreText));
  EXPECT_EQ(Prompt(), Expected({{TemplateRole::kUser, "Hi"},
                                {TemplateRole::kModel, "Hel"},
                                {TemplateRole::kUser, "Well?"}}));
}

TEST_F(ThoughtSession, ACallThatFailsLeavesTheThoughts) {
  Open(TemplateSource("qwen3"));
  Answer("Hi", "<think>\nHm.\n</think>\n\nHello!");
  ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> before, session_->tokens());
  EXPECT_THAT(session_->Chat(std::string(9000, 'x'), GreedyOptions(1), IgnoreText),
              MatchesStatus(absl::StatusCode::kResourceExhausted, {"room for"}));
  ASSERT_OK_AND_ASSIGN(std::vector<int32_t> after, session_->tokens());
  EXPECT_EQ(after, before);
  GenerateOptions forbidden = GreedyOptions(1);
  for (int32_t token = 0; token < model_->vocab_size(); ++token) {
    forbidden.sampling.logit_bias.emplace_back(token, -std::numeric_limits<float>::infinity());
  }
  EXPECT_FALSE(session_->Chat("So?", forbidden, IgnoreText).ok());
  ASSERT_OK_AND_ASSIGN(after, session_->tokens());
  EXPECT_EQ(after, before);
  ASSERT_OK(session_->Chat("So?", GreedyOptions(1), IgnoreText));
  EXPECT_EQ(Prompt(), Expected({{TemplateRole::kUser, "Hi"},
                                {TemplateRole::kModel, "<think>\nHm.\n</think>\n\nHello!"},
                                {TemplateRole::kUser, "So?"}}));
}

// A vocabulary with merges and a published template, where they are at hand.
TEST_F(ThoughtSession, APublishedTokenizerAndItsTemplate) {
  const std::string folder = INKLING_SHARED_DIR "/tokenizers/npm-tokenizer-qwen3";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " isn't there";
  auto imported = ImportTokenizerFolder(folder);
  ASSERT_OK(imported);
  ModelConfig config = TinyConfig();
  config.vocab_size = static_cast<int32_t>(imported->tokenizer.piece_types.size());
  config.context_length = kContextLength;
  metadata_ = TinyMetadata(config);
  metadata_.tokenizer = imported->tokenizer;
  metadata_.prompt_template = imported->prompt_template;
  metadata_.prompt_template.stop_ids.clear();
  std::ifstream config_file(folder + "/tokenizer_config.json", std::ios::binary);
  const nlohmann::json file = nlohmann::json::parse(config_file, nullptr, false);
  OpenFile(file["chat_template"]);
  for (const std::string& first : Answers("<think>", "</think>")) {
    ASSERT_OK(session_->Reset());
    Answer("Hi there", first);
    Answer("How are you?", "<think>\nWell.\n</think>\n\nFine, I'm glad.\n1. thanks");
    ASSERT_OK(session_->Chat("Why?", GreedyOptions(1), IgnoreText));
    EXPECT_EQ(
        Prompt(),
        Expected({{TemplateRole::kUser, "Hi there"},
                  {TemplateRole::kModel, first},
                  {TemplateRole::kUser, "How are you?"},
                  {TemplateRole::kModel, "<think>\nWell.\n</think>\n\nFine, I'm glad.\n1. thanks"},
                  {TemplateRole::kUser, "Why?"}}));
  }
}

}  // namespace
}  // namespace inkling
