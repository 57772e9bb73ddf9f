// Well-known chat templates: recognised by their text, rendered as the templates themselves render.

#include "converter/chat_template.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "src/text/prompt_template.h"

namespace inkling {
namespace {

// A template's text, the tokens it names, and what it makes of two conversations.
struct Known {
  const char* name;
  TemplateTokens tokens;
  const char* source;
  const char* one_turn;     // user "Hi", generation prompt
  const char* two_turns;    // user "Hi", model "Yes", user "Why?", generation prompt
  const char* with_system;  // system "Be brief", user "Hi", generation prompt; nullptr: an error
};

const Known kKnown[] = {
    {"gemma",
     {"<bos>", "<eos>"},
     "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not "
     "supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'assistant') "
     "%}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ "
     "'<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor "
     "%}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}",
     "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n",
     "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nYes<end_of_turn>\n"
     "<start_of_turn>user\nWhy?<end_of_turn>\n<start_of_turn>model\n",
     nullptr},
    {"gemma",
     {"<bos>", "<eos>"},
     "{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}{%- set first_user_prefix = "
     "messages[0]['content'] + '\\n\\n' -%}{%- endif -%}{%- for message in loop_messages -%}{{ "
     "'<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else \"\") }}{{ "
     "message['content'] | trim }}{{ '<end_of_turn>\\n' }}{%- endfor -%}",
     "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n",
     "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nYes<end_of_turn>\n"
     "<start_of_turn>user\nWhy?<end_of_turn>\n<start_of_turn>model\n",
     "<bos><start_of_turn>user\nBe brief\n\nHi<end_of_turn>\n<start_of_turn>model\n"},
    {"llama-3",
     {"<|begin_of_text|>", "<|eot_id|>"},
     "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = "
     "'<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim "
     "+ "
     "'<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ "
     "content }}{% endfor %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}",
     "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
     "<|start_header_id|>assistant<|end_header_id|>\n\n",
     "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
     "<|start_header_id|>assistant<|end_header_id|>\n\nYes<|eot_id|>"
     "<|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|>"
     "<|start_header_id|>assistant<|end_header_id|>\n\n",
     "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief<|eot_id|>"
     "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
     "<|start_header_id|>assistant<|end_header_id|>\n\n"},
    {"chatml",
     {"<|endoftext|>", "<|im_end|>"},
     "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ "
     "'<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' "
     "+ "
     "message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if "
     "add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
     "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
     "<|im_start|>assistant\n",
     "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
     "<|im_start|>assistant\nYes<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n"
     "<|im_start|>assistant\n",
     "<|im_start|>system\nBe brief<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
     "<|im_start|>assistant\n"},
    {"zephyr",
     {"<s>", "</s>"},
     "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + "
     "message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' "
     "+ "
     "message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n{{ "
     "'<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n{% if loop.last and "
     "add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
     "<|user|>\nHi</s>\n<|assistant|>",
     "<|user|>\nHi</s>\n<|assistant|>\nYes</s>\n<|user|>\nWhy?</s>\n<|assistant|>",
     "<|system|>\nBe brief</s>\n<|user|>\nHi</s>\n<|assistant|>"},
    {"phi-3",
     {"<s>", "<|endoftext|>"},
     "{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\n' + "
     "message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' + "
     "message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' "
     "%}{{'<|assistant|>\n' + "
     "message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ "
     "'<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
     "<|user|>\nHi<|end|>\n<|assistant|>\n",
     "<|user|>\nHi<|end|>\n<|assistant|>\nYes<|end|>\n<|user|>\nWhy?<|end|>\n<|assistant|>\n",
     "<|system|>\nBe brief<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\n"},
    {"llama-2",
     {"<s>", "</s>"},
     "{% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] %}{% "
     "endif "
     "%}{% for message in loop_messages %}{% set content = '<<SYS>>\\n' + system_message + "
     "'\\n<</SYS>>\\n\\n' + message['content'] %}{% if message['role'] == 'user' %}{{ bos_token + "
     "'[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  "
     "+ "
     "content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
     "<s>[INST] Hi [/INST]",
     "<s>[INST] Hi [/INST] Yes </s><s>[INST] Why? [/INST]",
     "<s>[INST] <<SYS>>\nBe brief\n<</SYS>>\n\nHi [/INST]"},
    {"mistral",
     {"<s>", "</s>"},
     "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + "
     "message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ "
     "message['content'] "
     "+ eos_token}}{% endif %}{% endfor %}",
     "<s>[INST] Hi [/INST]",
     "<s>[INST] Hi [/INST]Yes</s>[INST] Why? [/INST]",
     nullptr},
};

std::string Joined(const absl::StatusOr<std::vector<PromptPart>>& parts) {
  if (!parts.ok()) return std::string(parts.status().message());
  std::string text;
  for (const PromptPart& part : *parts) text += part.text;
  return text;
}

class KnownTemplate : public testing::TestWithParam<Known> {};

TEST_P(KnownTemplate, RendersAsTheTemplateDoes) {
  const Known& known = GetParam();
  const PromptTemplateData data = RecognizeChatTemplate(known.source, known.tokens);
  EXPECT_EQ(data.name, known.name) << data.note;
  EXPECT_FALSE(data.stop_strings.empty());
  auto made = PromptTemplate::Create(data);
  ASSERT_TRUE(made.ok()) << made.status();
  const ChatMessage user{Role::kUser, "Hi"}, model{Role::kModel, "Yes"}, why{Role::kUser, "Why?"};
  const ChatMessage system{Role::kSystem, "Be brief"};
  EXPECT_EQ(Joined(made->Render({user}, GenerationPrompt::kAdd)), known.one_turn);
  const std::string two = Joined(made->Render({user, model, why}, GenerationPrompt::kAdd));
  EXPECT_EQ(two, known.two_turns);
  const auto with_system = made->Render({system, user}, GenerationPrompt::kAdd);
  EXPECT_EQ(with_system.ok(), known.with_system != nullptr) << with_system.status();
  if (known.with_system != nullptr) {
    EXPECT_EQ(Joined(with_system), known.with_system);
  }
  // What follows the first answer is the rest of the longer conversation.
  const std::string next = Joined(made->RenderNextTurn("Why?"));
  ASSERT_GE(two.size(), next.size());
  EXPECT_EQ(two.substr(two.size() - next.size()), next);
}

INSTANTIATE_TEST_SUITE_P(All, KnownTemplate, testing::ValuesIn(kKnown));

TEST(RecognizeChatTemplate, ExplainsWhatItDoesNotKnow) {
  const PromptTemplateData data = RecognizeChatTemplate(
      "{% for m in messages %}### {{ m.content }}{% endfor %}", {"<s>", "</s>"});
  EXPECT_EQ(data.name, "");
  EXPECT_NE(data.note.find("not one of the known"), std::string::npos);
  EXPECT_NE(data.note.find("### "), std::string::npos);
}

TEST(RecognizeChatTemplate, SaysWhenThereIsNone) {
  const PromptTemplateData data = RecognizeChatTemplate("", {});
  EXPECT_EQ(data.name, "");
  EXPECT_NE(data.note.find("no chat template"), std::string::npos);
}

}  // namespace
}  // namespace inkling
