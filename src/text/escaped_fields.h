// Objects as templates with a mark of their own for texts write them:
//   {count:2,name:<escape>any "text"<escape>,tags:[<escape>a<escape>]}
// Keys are sorted without regard to the case of ASCII letters; nothing inside a text is escaped.

#ifndef INKLING_SRC_TEXT_ESCAPED_FIELDS_H_
#define INKLING_SRC_TEXT_ESCAPED_FIELDS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "src/format/tool_template_data.h"
#include "src/text/json_value.h"
#include "src/text/template_message.h"
#include "src/text/tokenizer.h"

namespace inkling {

enum class EscapedKeys : uint8_t {
  kPlain,   // {key:1}
  kQuoted,  // {<escape>key<escape>:1}
};

// InvalidArgument if an object in `value` has several keys with letters beyond ASCII among them:
// templates sort keys by small letters, and of those only ASCII's are known here.
absl::Status CheckKeys(const JsonValue& value);

// Adds any value to `parts`.
void AppendEscapedFields(const ToolCallFormat& format, const JsonValue& value, EscapedKeys keys,
                         std::vector<PromptPart>& parts);

// Adds NAME{description:...,parameters:{properties:{...},required:[...],type:...}}: of a schema the
// descriptions, types in capitals, enumerations of texts, properties of objects, and items.
// InvalidArgument: a schema that isn't of that form; what, and where.
absl::Status AppendEscapedDeclaration(const ToolTemplateData& data, const TemplateTool& tool,
                                      std::vector<PromptPart>& parts);

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_ESCAPED_FIELDS_H_
