// Where a folder keeps its chat template: transformers looks in several files.

#ifndef INKLING_CONVERTER_TOKENIZER_TEMPLATE_FILES_H_
#define INKLING_CONVERTER_TOKENIZER_TEMPLATE_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace inkling {

// A checkpoint's template, or a note that says why there is none.
struct TemplateSource {
  std::string text;
  std::string note;    // why `text` is empty, where the checkpoint has templates
  std::string others;  // the names of templates that are there beside it, joined with ", "
};

// Looks for the template of `folder`: chat_template.jinja and additional_chat_templates/*.jinja
// (and then nothing else), the chat_template of `config` (tokenizer_config.json), that of
// chat_template.json. Of several by name, the one named "default" counts. Errors: those of reading.
absl::StatusOr<TemplateSource> FindChatTemplate(const nlohmann::json& config,
                                                const std::string& folder);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TOKENIZER_TEMPLATE_FILES_H_
