// Reads the calls of an answer as the model's template has them written (tool_template_data.h).

#ifndef INKLING_SRC_SESSION_TOOLS_TOOL_CALL_READER_H_
#define INKLING_SRC_SESSION_TOOLS_TOOL_CALL_READER_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "inkling/llm_message.h"
#include "src/format/tool_template_data.h"

namespace inkling {

// The calls of `text`, which begins with the first one's `begin` and `prefix`, up to the first that
// isn't whole. White space between the parts of the format doesn't count. Arguments of kJson are
// the model's own spelling; those of kEscapedFields become JSON.
std::vector<ToolCall> ReadToolCalls(absl::string_view text, const ToolCallFormat& format);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_TOOLS_TOOL_CALL_READER_H_
