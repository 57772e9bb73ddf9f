// Chat templates: the Jinja program, what is learned from running it, and rendering with that.

#include <utility>

#include "absl/status/statusor.h"
#include "converter/templates/chat_template.h"
#include "src/text/prompt_template.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) {
  static const auto* const kTokens = new TemplateTokens{
      {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, {"<s>", "</s>", "<|im_start|>", "<|im_end|>"}};
  PromptTemplateData data = RecognizeChatTemplate(bytes, *kTokens);
  const absl::StatusOr<PromptTemplate> prompt_template = PromptTemplate::Create(std::move(data));
  Expect(prompt_template.ok(), "a template that the runtime takes");
  (void)prompt_template->Render({{TemplateRole::kUser, "question"}}, GenerationPrompt::kAdd);
  return prompt_template->has_turns();
}

}  // namespace inkling
