// Equality of messages and tools, which decides what a session needn't compute again.

#include "src/text/template_message.h"

#include "src/text/json_text.h"

namespace inkling {

bool operator==(const TemplateCall& a, const TemplateCall& b) {
  return a.name == b.name && a.id == b.id && WriteJson(a.arguments) == WriteJson(b.arguments);
}

bool operator==(const TemplateTool& a, const TemplateTool& b) {
  return a.name == b.name && a.description == b.description &&
         WriteJson(a.parameters) == WriteJson(b.parameters);
}

bool operator==(const TemplateMessage& a, const TemplateMessage& b) {
  return a.role == b.role && a.text == b.text && a.calls == b.calls && a.tool_name == b.tool_name &&
         a.call_id == b.call_id;
}

}  // namespace inkling
