// What a prompt template writes: messages of a conversation, and functions that the model may call.

#ifndef INKLING_SRC_TEXT_TEMPLATE_MESSAGE_H_
#define INKLING_SRC_TEXT_TEMPLATE_MESSAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "src/text/added_token_splitter.h"
#include "src/text/json_value.h"

namespace inkling {

enum class TemplateRole : uint8_t { kSystem, kUser, kModel, kTool };

// A call of a function. Numbers in `arguments`, an object, are spelled as PythonNumber does.
struct TemplateCall {
  std::string name;
  JsonValue arguments;
  std::string id;
};

// A function that the model may call. Numbers in `parameters`, an object, as above.
struct TemplateTool {
  std::string name;
  std::string description;
  JsonValue parameters;
};

struct TemplateMessage {
  TemplateRole role = TemplateRole::kUser;
  std::string text;
  // kModel: where the model generated tokens that text from people never is. They are parsed as
  // markup is; in order, and they don't overlap.
  std::vector<TextRange> tokens = {};
  std::vector<TemplateCall> calls = {};  // kModel
  std::string tool_name = {};            // kTool: which function answered
  std::string call_id = {};              // kTool: which call was answered
};

// Whether both are written alike.
bool operator==(const TemplateCall& a, const TemplateCall& b);
bool operator==(const TemplateTool& a, const TemplateTool& b);
// Whether both say the same; where tokens stand in it doesn't matter.
bool operator==(const TemplateMessage& a, const TemplateMessage& b);

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_TEMPLATE_MESSAGE_H_
