// Describes the chat template that a checkpoint carries, a Jinja program, as data.
//
// The tokenizer import calls it. The program is run on short conversations; from what it writes
// around their texts follows how it writes turns, whatever its source looks like. The result is
// then compared with the program on more conversations, and a template that differs anywhere (one
// that looks into the texts, say) isn't used: the note says why, and the model has no turns.

#ifndef INKLING_CONVERTER_TEMPLATES_CHAT_TEMPLATE_H_
#define INKLING_CONVERTER_TEMPLATES_CHAT_TEMPLATE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

// The tokens that a template may write.
struct TemplateTokens {
  // By the variables of transformers ("bos_token", "eos_token", ...); those that a checkpoint
  // doesn't set aren't there.
  std::vector<std::pair<std::string, std::string>> named;
  // The texts of all added tokens: the one that begins what follows an answer ends the answer.
  std::vector<std::string> added;
};

// Returns the template as data; stop_strings name what ends a turn. An empty `source` gives plain
// text; one that can't be described too, with a note that says why.
PromptTemplateData RecognizeChatTemplate(absl::string_view source, const TemplateTokens& tokens);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_CHAT_TEMPLATE_H_
