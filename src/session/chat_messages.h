// Messages and tools of apps, checked and turned into those of templates.

#ifndef INKLING_SRC_SESSION_CHAT_MESSAGES_H_
#define INKLING_SRC_SESSION_CHAT_MESSAGES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "inkling/llm_message.h"
#include "src/text/template_message.h"

namespace inkling {

// Errors of both: InvalidArgument, which names the message or tool and what is expected of it: a
// role, a name, a JSON object where one is due, UTF-8; calls and results where the role has none.
absl::StatusOr<std::vector<TemplateMessage>> TemplateMessages(
    absl::Span<const ChatMessage> messages);
absl::StatusOr<std::vector<TemplateTool>> TemplateTools(absl::Span<const ToolDefinition> tools);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_CHAT_MESSAGES_H_
