// The form of calls: what a template makes of a function's name, arguments and the call's id.

#ifndef INKLING_CONVERTER_TEMPLATES_TOOL_CALL_FORMS_H_
#define INKLING_CONVERTER_TEMPLATES_TOOL_CALL_FORMS_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/format/tool_template_data.h"
#include "src/text/template_message.h"

namespace inkling {

// A call in a text, without what stands around calls.
struct CallUnit {
  size_t begin = 0;
  size_t end = 0;
  std::string text;
};

// Finds FirstCall in `text` and sets the syntax and keys of `format`; a text_quote that
// declarations have is in it. Unimplemented: a form that isn't known.
absl::StatusOr<CallUnit> FindCallUnit(absl::string_view text, ToolCallFormat& format);

// `call` in the syntax of `format`, without what stands around calls.
std::string CallUnitText(const ToolCallFormat& format, const TemplateCall& call);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_TOOL_CALL_FORMS_H_
