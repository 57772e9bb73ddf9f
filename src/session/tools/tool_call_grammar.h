// The grammar of an answer's calls: any of the declared functions, with arguments that fit its
// parameters, as the model's template has calls written.

#ifndef INKLING_SRC_SESSION_TOOLS_TOOL_CALL_GRAMMAR_H_
#define INKLING_SRC_SESSION_TOOLS_TOOL_CALL_GRAMMAR_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/format/tool_template_data.h"
#include "src/structured/grammar.h"
#include "src/text/template_message.h"

namespace inkling {

// `format` has its marks encoded (tool_markers.h). Arguments have no members that the parameters
// don't declare, unless these say so by additionalProperties. Errors: those of JSON Schema, with
// the tool they are about.
absl::StatusOr<Grammar> ToolCallGrammar(const ToolCallFormat& format,
                                        absl::Span<const TemplateTool> tools);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_TOOLS_TOOL_CALL_GRAMMAR_H_
