// Runs a checkpoint's chat template on short conversations, with texts that can be found again in
// what it writes.
//
// chat_template.cc learns from it how the template writes turns, and checks what it learned.

#ifndef INKLING_CONVERTER_TEMPLATES_CHAT_PROBE_H_
#define INKLING_CONVERTER_TEMPLATES_CHAT_PROBE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/templates/chat_template.h"
#include "converter/templates/jinja_template.h"
#include "src/text/prompt_template.h"

namespace inkling {

// How a message's text is given to a template.
enum class ContentForm {
  kText,   // as a string
  kParts,  // as processors of models that see images do: [{"type": "text", "text": ...}]
};

class ChatProbe {
 public:
  // Texts that no template writes of its own accord.
  static constexpr absl::string_view kUser = "first question?";
  static constexpr absl::string_view kModel = "first answer.";
  static constexpr absl::string_view kNextUser = "second question?";
  static constexpr absl::string_view kSystem = "the instruction.";

  ChatProbe(JinjaTemplate program, const TemplateTokens& tokens, ContentForm form)
      : program_(std::move(program)), tokens_(tokens), form_(form) {}

  // What the template makes of a conversation; dates stand as marked formats (date_text.h). Results
  // that are objects in the eyes of `data` (ObjectResult) are given as mappings. Errors: those of
  // JinjaTemplate::Render.
  absl::StatusOr<std::string> Render(const std::vector<TemplateMessage>& messages,
                                     GenerationPrompt generation_prompt,
                                     const std::vector<TemplateTool>& tools = {},
                                     const ToolTemplateData* data = nullptr) const;

  // What stands before, between and behind `texts` in it: one string more than texts. Errors: those
  // of Render; NotFound if a text doesn't stand there exactly once, in this order.
  absl::StatusOr<std::vector<std::string>> Around(
      const std::vector<TemplateMessage>& messages, GenerationPrompt generation_prompt,
      const std::vector<absl::string_view>& texts) const;

 private:
  JinjaTemplate program_;
  TemplateTokens tokens_;
  ContentForm form_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_CHAT_PROBE_H_
