// TemplateSession: sessions of a tiny model with the template of a checkpoint, beside what the
// template's own program writes.

#ifndef INKLING_TESTS_CONVERTER_TEMPLATE_SESSION_H_
#define INKLING_TESTS_CONVERTER_TEMPLATE_SESSION_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "converter/templates/chat_probe.h"
#include "converter/templates/chat_template.h"
#include "converter/templates/jinja_template.h"
#include "src/text/date_text.h"
#include "src/text/prompt_template.h"
#include "src/text/tokenizer.h"
#include "tests/session/session_fixture.h"

namespace inkling {

inline std::string TemplateSource(const std::string& name) {
  std::ifstream file(std::string(INKLING_TEST_DATA_DIR "/golden/chat_templates/") + name + ".jinja",
                     std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class TemplateSession : public SessionTest {
 protected:
  static constexpr int32_t kContextLength = 6000;

  // A tiny model with this template; its vocabulary has the marks as tokens where `marks` are
  // given.
  void Open(const std::string& source, const std::vector<std::string>& marks = {},
            bool special = false) {
    ModelConfig config = TinyConfig();
    config.context_length = kContextLength;
    config.vocab_size = 400;  // the last of them unused
    config.layers[0].window = window_;
    metadata_ = TinyMetadata(config);
    TokenizerData& vocabulary = metadata_.tokenizer;
    for (size_t i = 0; i < marks.size(); ++i) {
      const size_t id = vocabulary.piece_types.size() - marks.size() + i;
      vocabulary.piece_types[id] =
          static_cast<uint8_t>(special ? PieceType::kControl : PieceType::kUserDefined);
      vocabulary.piece_bytes += marks[i];
      for (size_t k = id + 1; k < vocabulary.piece_offsets.size(); ++k) {
        vocabulary.piece_offsets[k] += static_cast<uint32_t>(marks[i].size());
      }
      vocabulary.added_tokens.push_back({.id = static_cast<int32_t>(id),
                                         .content = marks[i],
                                         .special = special,
                                         .markup = true});
    }
    tokens_.named = {{"bos_token", "<bos>"}, {"eos_token", "<eos>"}};
    tokens_.added = {"<bos>", "<eos>", "<turn>", "<end>"};
    tokens_.added.insert(tokens_.added.end(), marks.begin(), marks.end());
    metadata_.prompt_template = RecognizeChatTemplate(source, tokens_);
    ASSERT_FALSE(metadata_.prompt_template.name.empty()) << metadata_.prompt_template.note;
    metadata_.prompt_template.stop_strings.clear();  // answers are put in whole
    OpenFile(source);
  }

  void OpenFile(const std::string& source) {
    source_ = source;
    auto opened = LlmModel::Open(WriteModel("template.tflite", metadata_));
    ASSERT_OK(opened);
    model_ = *opened;
    auto tokenizer = Tokenizer::Create(metadata_.tokenizer);
    ASSERT_OK(tokenizer);
    tokenizer_ = *std::move(tokenizer);
    session_ = NewSession(model_, kContextLength);
  }

  // The tokens of the text that the template's program writes.
  std::vector<int32_t> Expected(const std::vector<TemplateMessage>& messages,
                                const std::vector<TemplateTool>& tools = {}) {
    auto tokens = tokenizer_->Encode(ExpectedText(messages, tools), {.markup = Markup::kParse});
    EXPECT_OK(tokens);
    return *tokens;
  }

  std::string ExpectedText(const std::vector<TemplateMessage>& messages,
                           const std::vector<TemplateTool>& tools = {}) {
    auto program = JinjaTemplate::Parse(source_);
    EXPECT_OK(program);
    const ChatProbe probe(*std::move(program), tokens_, ContentForm::kText);
    auto text =
        probe.Render(messages, GenerationPrompt::kAdd, tools, &metadata_.prompt_template.tools);
    EXPECT_OK(text);
    auto dated = WriteDates(*text, CivilDate());
    EXPECT_OK(dated);
    return *dated;
  }

  int32_t window_ = 0;  // of one layer; 0: it sees everything
  std::string source_;
  TemplateTokens tokens_;
  ModelMetadata metadata_;
  std::shared_ptr<const LlmModel> model_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<LlmSession> session_;
};

}  // namespace inkling

#endif  // INKLING_TESTS_CONVERTER_TEMPLATE_SESSION_H_
