// Declarations of functions, calls of them and their results, as a template writes them.

#ifndef INKLING_SRC_TEXT_TOOL_TEXT_H_
#define INKLING_SRC_TEXT_TOOL_TEXT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/format/tool_template_data.h"
#include "src/text/template_message.h"
#include "src/text/tokenizer.h"

namespace inkling {

// Adds the declarations of all `tools` to `parts`. InvalidArgument: the template has no way to
// write something in a schema; which, and where.
absl::Status AppendTools(const ToolTemplateData& data, absl::Span<const TemplateTool> tools,
                         std::vector<PromptPart>& parts);

// Adds `calls`, with all that ToolCallFormat names.
void AppendCalls(const ToolCallFormat& format, absl::Span<const TemplateCall> calls,
                 std::vector<PromptPart>& parts);

// The JSON object that a result's text is, where the template writes such results by their members.
absl::StatusOr<JsonValue> ObjectResult(const ToolTemplateData& data,
                                       const TemplateMessage& message);

// Adds one result, without what stands around several.
void AppendResult(const ToolTemplateData& data, const TemplateMessage& result,
                  std::vector<PromptPart>& parts);

// Returns `tool` as {"type": "function", "function": {...}}, or that inner object.
JsonValue ToolAsJson(const TemplateTool& tool);
JsonValue FunctionAsJson(const TemplateTool& tool);

// All texts of the template itself.
std::vector<const std::string*> ToolTexts(const ToolTemplateData& data);

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_TOOL_TEXT_H_
