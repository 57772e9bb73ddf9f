// Chat templates: learned from what they write, rendered as Jinja2 renders them (the strings of
// tests/golden/chat_templates), and refused with a reason where they can't be.

#include "converter/templates/chat_template.h"

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "src/text/date_text.h"
#include "src/text/prompt_template.h"

namespace inkling {
namespace {

using Json = nlohmann::ordered_json;

const char kFolder[] = INKLING_TEST_DATA_DIR "/golden/chat_templates/";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Joined(const absl::StatusOr<std::vector<PromptPart>>& parts) {
  if (!parts.ok()) return std::string(parts.status().message());
  std::string text;
  for (const PromptPart& part : *parts) text += part.text;
  return text;
}

std::vector<TemplateMessage> Messages(const Json& list) {
  std::vector<TemplateMessage> messages;
  for (const Json& item : list) {
    const std::string role = item["role"];
    messages.push_back({role == "user"     ? TemplateRole::kUser
                        : role == "system" ? TemplateRole::kSystem
                                           : TemplateRole::kModel,
                        item["content"].get<std::string>()});
  }
  return messages;
}

// Tokens that end turns somewhere; more than any one vocabulary has.
TemplateTokens Tokens(const Json& named) {
  TemplateTokens tokens;
  for (const auto& item : named.items()) {
    tokens.named.emplace_back(item.key(), item.value().get<std::string>());
  }
  tokens.added = {"<|im_start|>",
                  "<|im_end|>",
                  "<start_of_turn>",
                  "<end_of_turn>",
                  "<|eot_id|>",
                  "<|end|>",
                  "</s>",
                  "<s>",
                  "<|endoftext|>",
                  "<|end",
                  "<turn|>",
                  "<end_of_utterance>",
                  "<\uFF5Cend\u2581of\u2581sentence\uFF5C>"};
  return tokens;
}

// A template and what is expected of its description besides the rendering.
struct Known {
  const char* file;
  const char* name;
  const char* stop;
  const char* note;  // a part of it
  bool has_system;
};

const Known kKnown[] = {
    {"gemma", "gemma", "<end_of_turn>", "refuses a system instruction", false},
    {"gemma3", "gemma", "<end_of_turn>", "", true},
    {"llama2", "llama-2", "</s>", "", true},
    {"llama3", "llama-3", "<|eot_id|>", "", true},
    {"llama31", "llama-3", "<|eot_id|>", "", true},
    {"llama32", "llama-3", "<|eot_id|>", "it writes the date", true},
    {"mistral_v1", "mistral", "</s>", "refuses a system instruction", false},
    {"mistral_v3", "mistral", "</s>", "moves to the newest user turn, in sessions too", true},
    {"mixtral", "mistral", "</s>", "", true},
    {"zephyr", "zephyr", "</s>", "", true},
    {"chatml", "chatml", "<|im_end|>", "", true},
    {"chatml_default", "chatml", "<|im_end|>", "'You are a helpful assistant.'", true},
    {"qwen3", "chatml", "<|im_end|>", "up to '</think>', from earlier turns, and so do sessions",
     true},
    {"qwq", "chatml", "<|im_end|>", "and so do sessions", true},
    {"empty_thought", "chatml", "<|im_end|>", "and so do sessions", true},
    {"deepseek_r1", "custom", "<\uFF5Cend\u2581of\u2581sentence\uFF5C>", "and so do sessions",
     true},
    {"nemotron", "llama-3", "<|eot_id|>", "and so do sessions", true},
    {"glm", "zephyr", "<|user|>", "and so do sessions", true},
    {"channels", "custom", "<turn|>", "up to '<channel|>', from earlier turns", true},
    {"parts_only", "custom", "<end_of_utterance>", "texts as lists of parts, and gets them so",
     true},
    {"phi3", "phi-3", "<|end|>", "", true},
    {"phi3_first", "phi-3", "<|end|>", "no place for a system instruction", false},
    {"phi4", "phi-3", "<|end|>", "", true},
    {"smollm3", "chatml", "<|im_end|>", "it writes the date", true},
    {"falcon", "custom", "\nUser:", "", true},
    {"qwen25", "chatml", "<|im_end|>", "'You are Qwen, created by Alibaba Cloud.", true},
    {"hermes", "chatml", "<|im_end|>", "it writes tools", true},
    {"function_gemma", "gemma", "<end_of_turn>", "it writes tools", true},
};

class KnownTemplate : public testing::TestWithParam<Known> {};

TEST_P(KnownTemplate, RendersAsTheTemplateDoes) {
  const Known& known = GetParam();
  const Json golden = Json::parse(ReadFile(std::string(kFolder) + "golden.json"), nullptr, false);
  ASSERT_TRUE(golden.is_object());
  const Json& expected = golden["templates"][known.file];
  const PromptTemplateData data = RecognizeChatTemplate(
      ReadFile(std::string(kFolder) + known.file + ".jinja"), Tokens(expected["tokens"]));
  EXPECT_EQ(data.name, known.name) << data.note;
  EXPECT_EQ(data.stop_strings, std::vector<std::string>{known.stop});
  EXPECT_TRUE(absl::StrContains(data.note, known.note)) << data.note;
  EXPECT_EQ(data.system_placement != SystemPlacement::kNone, known.has_system);

  const auto made = PromptTemplate::Create(data);
  ASSERT_TRUE(made.ok()) << made.status();
  const auto date = ParseDate(golden["date"].get<std::string>());
  ASSERT_TRUE(date.ok()) << date.status();
  const PromptTemplate dated = made->OnDate(*date);
  ASSERT_GE(expected["cases"].size(), 8u);
  for (const Json& item : expected["cases"]) {
    const std::vector<TemplateMessage> messages = Messages(item["messages"]);
    const auto parts = dated.Render(messages, GenerationPrompt::kAdd);
    const bool with_system = messages[0].role == TemplateRole::kSystem;
    if (with_system && !known.has_system) {
      EXPECT_FALSE(parts.ok());
      continue;
    }
    EXPECT_EQ(Joined(parts), item["text"].get<std::string>());
  }
}

TEST_P(KnownTemplate, NextTurnIsTheRestOfTheLongerConversation) {
  const PromptTemplateData data =
      RecognizeChatTemplate(ReadFile(std::string(kFolder) + GetParam().file + ".jinja"),
                            Tokens({{"bos_token", "<s>"}, {"eos_token", "</s>"}}));
  const auto made = PromptTemplate::Create(data);
  ASSERT_TRUE(made.ok()) << made.status();
  const std::vector<TemplateMessage> talk = {{TemplateRole::kUser, "a"},
                                             {TemplateRole::kModel, "b"}};
  std::vector<TemplateMessage> longer = talk;
  longer.push_back({TemplateRole::kUser, " c "});
  const std::string whole = Joined(made->Render(longer, GenerationPrompt::kAdd));
  const std::vector<TemplateMessage> said = {{TemplateRole::kUser, " c "}};
  const auto behind = made->Write({.messages = said, .before = TextBefore::kAnswer});
  ASSERT_TRUE(behind.ok()) << behind.status();
  const std::string next = Joined(behind->parts);
  ASSERT_GE(whole.size(), next.size());
  EXPECT_EQ(whole.substr(whole.size() - next.size()), next);
  EXPECT_EQ(whole.substr(whole.size() - next.size() - 1, 1), "b");
}

INSTANTIATE_TEST_SUITE_P(All, KnownTemplate, testing::ValuesIn(kKnown),
                         [](const auto& info) { return std::string(info.param.file); });

// What isn't described, and what the note must say.
struct Refused {
  const char* name;
  const char* source;
  const char* note;
};

// Templates that do with thoughts what no rule says.
TEST(ChatTemplate, SessionsKeepThoughtsWhereNoRuleCanBeLearned) {
  // The newest answer keeps its thought, others lose theirs.
  const std::string newest =
      "{% set ns = namespace(last=-1) %}{% for m in messages %}{% if m.role == 'assistant' %}"
      "{% set ns.last = loop.index0 %}{% endif %}{% endfor %}{% for m in messages %}"
      "{% set c = m.content %}{% if '</think>' in c and loop.index0 != ns.last %}"
      "{% set c = c.split('</think>')[-1] %}{% endif %}[{{ m.role }}]{{ c }}[end]{% endfor %}"
      "{% if add_generation_prompt %}[assistant]{% endif %}";
  const std::string elsewhere =
      "{% for m in messages %}[{{ m.role }}]{% if '</think>' in m.content %}"
      "{{ m.content.split('</think>')[-1] }}(thought: {{ m.content.split('</think>')[0] }})"
      "{% else %}{{ m.content }}{% endif %}[end]{% endfor %}"
      "{% if add_generation_prompt %}[assistant]{% endif %}";
  const std::string refuses =
      "{% for m in messages %}{% if '<think>' in m.content %}{{ raise_exception('a thought') }}"
      "{% endif %}[{{ m.role }}]{{ m.content }}[end]{% endfor %}"
      "{% if add_generation_prompt %}[assistant]{% endif %}";
  const std::string answer_block =
      "{% for m in messages %}{% set c = m.content %}{% if '<answer>' in c and '</answer>' in c %}"
      "{% set c = c.split('<answer>')[-1].split('</answer>')[0].strip() %}{% endif %}"
      "[{{ m.role }}]{{ c }}[end]{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
  for (const std::string& source : {newest, elsewhere, refuses, answer_block}) {
    const PromptTemplateData data = RecognizeChatTemplate(source, Tokens(Json::object()));
    EXPECT_EQ(data.name, "custom") << data.note;
    EXPECT_TRUE(absl::StrContains(data.note, "sessions keep them")) << data.note;
    EXPECT_EQ(data.past_answers.cut, ThoughtCut::kNone);
    EXPECT_FALSE(data.rewrites_answers);
  }
}

TEST(ChatTemplate, CutsAreThoseThatTheTemplateMakes) {
  struct Case {
    const char* expression;
    ThoughtCut cut;
    bool needs_begin;
    TextTrim trim;
    bool newlines;
  };
  for (const Case& test : {
           Case{"c.split('</t>')[-1]", ThoughtCut::kThroughLastEnd, false, TextTrim::kNothing,
                false},
           Case{"c.rpartition('</t>')[2].lstrip('\\n')", ThoughtCut::kThroughLastEnd, false,
                TextTrim::kBegin, true},
           Case{"c.split('</t>', 1)[-1].strip()", ThoughtCut::kThroughFirstEnd, false,
                TextTrim::kBothEnds, false},
           Case{"c.split('</t>')[1].rstrip('\\n') if '<t>' in c and '</t>' in c else c",
                ThoughtCut::kBetweenEnds, true, TextTrim::kEnd, true},
           Case{"(c.split('<t>')[0] + c.split('</t>')[-1]).lstrip() if '<t>' in c and '</t>' in c "
                "else c",
                ThoughtCut::kOuterBlock, false, TextTrim::kBegin, false},
       }) {
    const std::string source = absl::StrCat(
        "{% for m in messages %}{% set c = m.content %}[{{ m.role }}]{% if m.role == 'assistant' "
        "%}",
        "{{ ", test.expression, " }}{% else %}{{ c }}{% endif %}[end]{% endfor %}",
        "{% if add_generation_prompt %}[assistant]{% endif %}");
    const PromptTemplateData data = RecognizeChatTemplate(source, Tokens(Json::object()));
    EXPECT_TRUE(absl::StrContains(data.note, "and so do sessions")) << source << data.note;
    EXPECT_EQ(data.past_answers.cut, test.cut) << source;
    EXPECT_EQ(data.past_answers.begin, "<t>");
    EXPECT_EQ(data.past_answers.end, "</t>");
    EXPECT_EQ(data.past_answers.needs_begin, test.needs_begin) << source;
    EXPECT_EQ(data.past_answers.trim, test.trim) << source;
    EXPECT_EQ(data.past_answers.trim_newlines, test.newlines) << source;
  }
}

TEST(ChatTemplate, NothingIsSaidOrDoneWithoutNeed) {
  for (const char* file : {"gemma", "gemma3", "llama2", "llama3", "llama31", "mistral_v1", "zephyr",
                           "chatml", "phi3", "phi4", "falcon", "parts_only"}) {
    const PromptTemplateData data =
        RecognizeChatTemplate(ReadFile(std::string(kFolder) + file + ".jinja"),
                              Tokens({{"bos_token", "<s>"}, {"eos_token", "</s>"}}));
    EXPECT_FALSE(data.rewrites_answers) << file;
    EXPECT_EQ(data.past_answers.cut, ThoughtCut::kNone) << file;
    EXPECT_FALSE(absl::StrContains(data.note, "earlier")) << file << ": " << data.note;
  }
  for (const char* file :
       {"qwen3", "qwq", "deepseek_r1", "nemotron", "channels", "empty_thought"}) {
    const PromptTemplateData data =
        RecognizeChatTemplate(ReadFile(std::string(kFolder) + file + ".jinja"),
                              Tokens({{"bos_token", "<s>"}, {"eos_token", "</s>"}}));
    EXPECT_FALSE(absl::StrContains(data.note, "may drop something else")) << file;
  }
}

class RefusedTemplate : public testing::TestWithParam<Refused> {};

TEST_P(RefusedTemplate, GivesPlainTextAndSaysWhy) {
  const PromptTemplateData data = RecognizeChatTemplate(GetParam().source, Tokens(Json::object()));
  EXPECT_EQ(data.name, "");
  EXPECT_TRUE(data.user.prefix.empty() && data.stop_strings.empty());
  EXPECT_TRUE(absl::StrContains(data.note, "plain text")) << data.note;
  EXPECT_TRUE(absl::StrContains(data.note, GetParam().note)) << data.note;
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedTemplate,
    testing::Values(
        Refused{"None", "", "no chat template"},
        Refused{"NotJinja", "{% for m in messages %}", "line 1"},
        Refused{"UnknownStatement", "{% include 'x' %}", "'include' is not supported"},
        Refused{"WritesNoTexts", "### Hello", "doesn't write 'first question?' exactly once"},
        Refused{"OneTurnOnly",
                "{% if messages|length > 1 %}{{ raise_exception('one turn only') }}{% endif %}"
                "{{ messages[0].content }}",
                "one turn only"},
        Refused{"ChangesTexts",
                "{% for m in messages %}{{ m.role }}: {{ m.content|replace('<', '(') }}\n"
                "{% endfor %}",
                "depends on the texts"},
        Refused{"NumbersTurns",
                "{% for m in messages %}{{ loop.index }} {{ m.content }}\n{% endfor %}",
                "depends on the texts"},
        Refused{"CountsTurns",
                "{{ messages|length }}{% for m in messages %}{{ m.content }}\n{% endfor %}",
                "depends on later turns"},
        Refused{"NeedsMore", "{% for m in messages %}{{ m.name + m.content }}{% endfor %}",
                "'name' is undefined"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace inkling
