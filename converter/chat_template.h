// Recognises the chat templates that checkpoints carry (Jinja programs) and describes them as data.
//
// The tokenizer import calls it. Nothing is executed: a template is one of the well-known ones,
// told by what it writes around turns, or it isn't, and then the result says so in its note and the
// model has no turns.

#ifndef INKLING_CONVERTER_CHAT_TEMPLATE_H_
#define INKLING_CONVERTER_CHAT_TEMPLATE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

// The texts of the tokens that templates name by variable.
struct TemplateTokens {
  std::string bos;
  std::string eos;
};

// Returns the template as data; stop_strings name the tokens that end a turn. An empty `source`
// gives plain text; an unknown one too, with a note that says why.
PromptTemplateData RecognizeChatTemplate(absl::string_view source, const TemplateTokens& tokens);

}  // namespace inkling

#endif  // INKLING_CONVERTER_CHAT_TEMPLATE_H_
