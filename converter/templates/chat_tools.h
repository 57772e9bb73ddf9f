// Learns how a chat template writes functions that a model may call, calls of them, and results.
//
// chat_template.cc calls it when it knows how the template writes turns. As there, the template is
// given conversations with texts that can be found again, and what was learned is compared with it
// on others. A template that differs anywhere has no tools, and the note says why.

#ifndef INKLING_CONVERTER_TEMPLATES_CHAT_TOOLS_H_
#define INKLING_CONVERTER_TEMPLATES_CHAT_TOOLS_H_

#include <string>
#include <vector>

#include "converter/templates/chat_probe.h"
#include "converter/templates/chat_template.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

// Sets `data.tools` and adds what people should know to `notes`; `data` has what was learned of
// turns.
void LearnTools(const ChatProbe& probe, const TemplateTokens& tokens, PromptTemplateData& data,
                std::vector<std::string>& notes);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_CHAT_TOOLS_H_
