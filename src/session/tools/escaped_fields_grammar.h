// Arguments in the style of ToolCallSyntax::kEscapedFields: {key:<escape>text<escape>,n:1}.

#ifndef INKLING_SRC_SESSION_TOOLS_ESCAPED_FIELDS_GRAMMAR_H_
#define INKLING_SRC_SESSION_TOOLS_ESCAPED_FIELDS_GRAMMAR_H_

#include "src/format/tool_template_data.h"
#include "src/structured/grammar.h"
#include "src/text/json_value.h"

namespace inkling {

// The values that `schema` describes: names, types, required members, lists, enum, const and anyOf
// are enforced; other keywords aren't, because this style has no spelling for what they count.
ExprId AddEscapedFields(const JsonValue& schema, const ToolCallFormat& format, Grammar& grammar);

}  // namespace inkling

#endif  // INKLING_SRC_SESSION_TOOLS_ESCAPED_FIELDS_GRAMMAR_H_
