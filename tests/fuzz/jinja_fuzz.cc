// Chat templates: the Jinja program, what is learned from running it, and rendering with that.

#include <utility>

#include "absl/status/statusor.h"
#include "converter/templates/chat_template.h"
#include "src/text/prompt_template.h"
#include "tests/fuzz/fuzz_target.h"

namespace inkling {
namespace {

JsonValue EmptyObject() {
  JsonValue object;
  object.kind = JsonKind::kObject;
  return object;
}

}  // namespace

bool FuzzOne(absl::string_view bytes) {
  static const auto* const kTokens = new TemplateTokens{
      {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, {"<s>", "</s>", "<|im_start|>", "<|im_end|>"}};
  PromptTemplateData data = RecognizeChatTemplate(bytes, *kTokens);
  const absl::StatusOr<PromptTemplate> prompt_template = PromptTemplate::Create(std::move(data));
  Expect(prompt_template.ok(), "a template that the runtime takes");
  (void)prompt_template->Render({{TemplateRole::kUser, "question"}}, GenerationPrompt::kAdd);
  TemplateMessage call = {TemplateRole::kModel, "I look."};
  call.calls = {{"f", EmptyObject(), "123456789"}};
  TemplateMessage result = {TemplateRole::kTool, "result"};
  result.tool_name = "f";
  result.call_id = "123456789";
  const TemplateTool tool = {"f", "a \"tool\"", EmptyObject()};
  (void)prompt_template->Render({{TemplateRole::kUser, "question"}, call, result},
                                GenerationPrompt::kAdd, {&tool, 1});
  return prompt_template->has_turns();
}

}  // namespace inkling
