// The form of declarations: what a template makes of a function's name, description and parameters.

#ifndef INKLING_CONVERTER_TEMPLATES_TOOL_DECLARATIONS_H_
#define INKLING_CONVERTER_TEMPLATES_TOOL_DECLARATIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/format/tool_template_data.h"

namespace inkling {

struct DeclarationForm {
  ToolText declaration;
  std::string separator;
  std::string text_quote;  // of kEscapedDeclaration
  uint32_t json_indent = 0;
};

// Returns the forms that FirstTool and SecondTool may have in `rendered`: what differs between them
// shows where texts have to be escaped.
std::vector<DeclarationForm> FindDeclarationForms(absl::string_view rendered);

// Makes a description between quotes a JSON string. False if there is none.
bool QuoteDescriptions(ToolText& declaration);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_TOOL_DECLARATIONS_H_
