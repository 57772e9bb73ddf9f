// How a template writes functions that a model may call, its calls and their results, as plain
// data.
//
// A part of PromptTemplateData (tokenizer_data.h), filled by the converter, which learns it from
// what the template's program writes, and stored in the model file. Every enum has an explicit
// number because the number is what the file holds; a reader rejects a number it doesn't know.

#ifndef INKLING_SRC_FORMAT_TOOL_TEMPLATE_DATA_H_
#define INKLING_SRC_FORMAT_TOOL_TEMPLATE_DATA_H_

#include <cstdint>
#include <string>
#include <vector>

namespace inkling {

enum class ToolCallSyntax : uint8_t {
  kNone = 0,  // the template knows no tools
  // {"name": "NAME", "arguments": {...}, "id": "ID"}: the keys are data, a call may lack an id.
  kJson = 1,
  // NAME{key:<escape>text<escape>,number:1,list:[true,{key:2}]}: keys have no marks and are sorted
  // without regard to letter case, texts stand between two `text_quote`, nothing is escaped.
  kEscapedFields = 2,
};

// How the model writes its calls behind the generation prompt. An answer with calls is
//   [text] begin, prefix CALL suffix, separator, prefix CALL suffix, ..., end
// JSON is spelled as Python's json.dumps does: ", ", ": ", and letters beyond ASCII as they are.
struct ToolCallFormat {
  ToolCallSyntax syntax = ToolCallSyntax::kNone;
  std::string begin;          // once, before the first call of an answer: "[TOOL_CALLS] ["
  std::string prefix;         // before every call: "<tool_call>\n"
  std::string suffix;         // behind every call: "\n</tool_call>"
  std::string separator;      // between two calls
  std::string end;            // behind the last one: "]"
  std::string name_key;       // kJson: "name"
  std::string arguments_key;  // kJson: "arguments", "parameters"
  std::string id_key;         // kJson: "id"; empty: calls have none
  std::string text_quote;     // kEscapedFields: "<escape>"
  std::string null_text;      // kEscapedFields: what null is written as
  uint32_t id_length = 0;     // an id has just so many characters; 0: any number
  bool one_call = false;      // an answer has one call at most
};

// What stands in a text of the template.
enum class ToolField : uint8_t {
  kNone = 0,  // nothing
  // In a declaration:
  kTool = 1,             // {"type": "function", "function": {"name": ..., ...}} as JSON
  kFunction = 2,         // {"name": ..., "description": ..., "parameters": ...} as JSON
  kName = 3,             // as it is; also in a result
  kDescription = 4,      // as it is
  kDescriptionJson = 5,  // as a JSON string
  kParameters = 6,       // as JSON
  // NAME{description:<escape>...<escape>,parameters:{...}} in the style of kEscapedFields
  kEscapedDeclaration = 7,
  // In a turn:
  kTools = 8,       // all declarations
  kSystemText = 9,  // of the system message
  kText = 10,       // of the message, as it is; also in a result
  kTextJson = 11,   // as a JSON string, in a result
  kCalls = 12,      // all calls, as ToolCallFormat says
  kCallId = 13,     // of the call that a result answers
  kFields = 14,     // the members of a JSON object in the style of kEscapedFields, in a result
};

// A field with text in front of it. Lists of them end with text alone (kNone) or with a field.
struct ToolTextPart {
  std::string text;
  ToolField field = ToolField::kNone;
};
using ToolText = std::vector<ToolTextPart>;

// Which turn holds the declarations.
enum class ToolPlacement : uint8_t {
  kNone = 0,
  kSystemTurn = 1,     // before the first turn of the user
  kFirstUserTurn = 2,  // in front of the first text of the user
  kLastUserTurn = 3,   // in front of the last one: they move as the conversation goes on
};

// Texts may contain added tokens (markup), and dates like PromptTemplateData; fields never do.
struct ToolTemplateData {
  ToolCallFormat call;  // without a syntax, all else has no meaning
  ToolPlacement placement = ToolPlacement::kNone;

  ToolText declaration;               // of one function
  std::string declaration_separator;  // between two of them
  // kEscapedDeclaration: of a property without a description there is none, not an empty one.
  bool omits_missing_descriptions = false;
  uint32_t json_indent = 0;  // of what is nested in JSON, in spaces; 0: on one line

  // Where tools are given, behind the session prefix, in place of the system turn: with a system
  // message and without. kSystemTurn: they hold kTools.
  ToolText system;
  ToolText no_system;
  // kFirstUserTurn, kLastUserTurn: in place of what stands before the text of the user in that
  // turn. `user_with_system`: where the system text belongs to that turn.
  ToolText user;
  ToolText user_with_system;

  // A message of the model that calls, turn marks included; `calls_with_text`: one that also says
  // something. Without a kText the template drops what it says.
  ToolText calls;
  ToolText calls_with_text;

  // Results of calls that follow each other: results_prefix, each as `result` says, with the
  // separator between, results_suffix.
  std::string results_prefix;
  ToolText result;
  ToolText object_result;  // of a text that is a JSON object; empty: it is written like others
  std::string results_separator;
  std::string results_suffix;
  bool trim_result = false;  // both ends of a result's text

  // The model goes on in the turn of its calls: nothing stands between a result and what it says.
  bool results_stay_in_turn = false;
  // The template writes nothing sensible where the user speaks behind a call without a result, or
  // behind a result without an answer.
  bool calls_need_results = false;
  bool results_need_answer = false;
  // Answers behind the user's last text keep what PastAnswerData would drop.
  bool keeps_recent_thoughts = false;

  std::vector<std::string> stop_strings;  // also end an answer where tools are given
};

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_TOOL_TEMPLATE_DATA_H_
