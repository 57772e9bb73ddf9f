// Which uses of tools a template has a form for.

#ifndef INKLING_SRC_TEXT_TOOL_CHECKS_H_
#define INKLING_SRC_TEXT_TOOL_CHECKS_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "src/format/tokenizer_data.h"
#include "src/text/template_message.h"

namespace inkling {

// InvalidArgument, with the message's number: tools, calls or results where the template has no
// place for them; a result without a call in front of it, or more results than calls; several calls
// where the template writes one; ids and names that it writes but the message hasn't.
absl::Status CheckToolUse(const PromptTemplateData& data,
                          absl::Span<const TemplateMessage> messages,
                          absl::Span<const TemplateTool> tools);

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_TOOL_CHECKS_H_
