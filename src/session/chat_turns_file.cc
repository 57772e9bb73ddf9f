// A conversation in a session's file.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/session/chat_turns.h"
#include "src/session/session_fields.h"
#include "src/text/json_text.h"
#include "src/text/json_value.h"
#include "src/text/prompt_template.h"

namespace inkling {
namespace {

// Of a turn.
constexpr uint8_t kWritten = 1;
constexpr uint8_t kCut = 2;

void WriteMessage(const TemplateMessage& message, FieldWriter& fields) {
  fields.Put(message.role);
  fields.PutText(message.text);
  fields.Put<uint64_t>(message.tokens.size());
  for (const TextRange& range : message.tokens) {
    fields.Put<uint64_t>(range.begin);
    fields.Put<uint64_t>(range.end);
  }
  fields.Put<uint64_t>(message.calls.size());
  for (const TemplateCall& call : message.calls) {
    fields.PutText(call.name);
    fields.PutText(WriteJson(call.arguments));
    fields.PutText(call.id);
  }
  fields.PutText(message.tool_name);
  fields.PutText(message.call_id);
}

// An object of JSON, as WriteJson wrote it.
absl::Status ReadObject(FieldReader& fields, absl::string_view what, JsonValue& object) {
  std::string text;
  ABSL_RETURN_IF_ERROR(fields.TakeText(what, text));
  ABSL_ASSIGN_OR_RETURN(object, ParseJson(text));
  if (object.is_object()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, ": expected a JSON object"));
}

absl::Status ReadCalls(FieldReader& fields, TemplateMessage& message) {
  uint64_t num_calls = 0;
  ABSL_RETURN_IF_ERROR(fields.Take("calls of a message", num_calls));
  for (uint64_t i = 0; i < num_calls; ++i) {
    TemplateCall& call = message.calls.emplace_back();
    ABSL_RETURN_IF_ERROR(fields.TakeText("name of a call", call.name));
    ABSL_RETURN_IF_ERROR(ReadObject(fields, "arguments of a call", call.arguments));
    ABSL_RETURN_IF_ERROR(fields.TakeText("id of a call", call.id));
  }
  ABSL_RETURN_IF_ERROR(fields.TakeText("tool of a message", message.tool_name));
  return fields.TakeText("answered call of a message", message.call_id);
}

absl::Status ReadMessage(FieldReader& fields, TemplateMessage& message) {
  uint8_t role = 0;
  ABSL_RETURN_IF_ERROR(fields.Take("role of a message", role));
  if (role > static_cast<uint8_t>(TemplateRole::kTool)) {
    return absl::InvalidArgumentError(
        absl::StrCat("role of a message: expected 0 to 3, found ", role));
  }
  message.role = static_cast<TemplateRole>(role);
  ABSL_RETURN_IF_ERROR(fields.TakeText("text of a message", message.text));
  uint64_t num_ranges = 0;
  ABSL_RETURN_IF_ERROR(fields.Take("tokens of a message", num_ranges));
  for (uint64_t i = 0, done = 0; i < num_ranges; ++i) {
    uint64_t begin = 0;
    uint64_t end = 0;
    ABSL_RETURN_IF_ERROR(fields.Take("begin of a token", begin));
    ABSL_RETURN_IF_ERROR(fields.Take("end of a token", end));
    if (begin < done || end < begin || end > message.text.size()) {
      return absl::InvalidArgumentError(absl::StrCat("token of a message: expected a range inside ",
                                                     done, " to ", message.text.size(), ", found ",
                                                     begin, " to ", end));
    }
    message.tokens.push_back({static_cast<size_t>(begin), static_cast<size_t>(end)});
    done = end;
  }
  return ReadCalls(fields, message);
}

}  // namespace

void ChatTurns::Write(FieldWriter& fields) const {
  fields.Put<uint64_t>(turns_.size());
  for (const Turn& turn : turns_) {
    fields.Put<uint64_t>(turn.said.size());
    for (const TemplateMessage& message : turn.said) WriteMessage(message, fields);
    WriteMessage(turn.answer, fields);
    fields.PutText(turn.shown);
    fields.Put(turn.answer_begin);
    fields.Put(turn.answer_end);
    fields.Put<uint8_t>((turn.written ? kWritten : 0) | (turn.cut ? kCut : 0));
    fields.Put<uint64_t>(turn.first);
    fields.Put(turn.first_begin);
  }
  fields.Put<uint64_t>(tools_.size());
  for (const TemplateTool& tool : tools_) {
    fields.PutText(tool.name);
    fields.PutText(tool.description);
    fields.PutText(WriteJson(tool.parameters));
  }
}

absl::Status ChatTurns::ReadTurn(FieldReader& fields, Turn& turn) {
  uint64_t num_said = 0;
  ABSL_RETURN_IF_ERROR(fields.Take("messages of a turn", num_said));
  for (uint64_t i = 0; i < num_said; ++i)
    ABSL_RETURN_IF_ERROR(ReadMessage(fields, turn.said.emplace_back()));
  ABSL_RETURN_IF_ERROR(ReadMessage(fields, turn.answer));
  ABSL_RETURN_IF_ERROR(fields.TakeText("answer that was shown", turn.shown));
  uint8_t flags = 0;
  uint64_t first = 0;
  ABSL_RETURN_IF_ERROR(fields.Take("begin of an answer", turn.answer_begin));
  ABSL_RETURN_IF_ERROR(fields.Take("end of an answer", turn.answer_end));
  ABSL_RETURN_IF_ERROR(fields.Take("kind of a turn", flags));
  ABSL_RETURN_IF_ERROR(fields.Take("first turn", first));
  ABSL_RETURN_IF_ERROR(fields.Take("begin of the first turn", turn.first_begin));
  turn.written = (flags & kWritten) != 0;
  turn.cut = (flags & kCut) != 0;
  turn.first = static_cast<size_t>(first);
  return absl::OkStatus();
}

absl::Status ChatTurns::Read(FieldReader& fields, int32_t num_tokens) {
  uint64_t count = 0;
  ABSL_RETURN_IF_ERROR(fields.Take("number of turns", count));
  std::vector<Turn> turns;
  int32_t last = 0;
  for (uint64_t i = 0; i < count; ++i) {
    ABSL_RETURN_IF_ERROR(ReadTurn(fields, turns.emplace_back()));
    const Turn& turn = turns.back();
    if (turn.first > i || turn.first_begin < 0 || turn.first_begin > turn.answer_begin ||
        turn.answer_begin < last || turn.answer_begin > num_tokens ||
        turn.answer_end > num_tokens ||
        (turn.answer_end != -1 && turn.answer_end < turn.answer_begin)) {
      return absl::InvalidArgumentError(
          absl::StrCat("turn ", i, ": expected an answer at ", last, " to ", num_tokens,
                       " in a text that begins before it, found ", turn.answer_begin, " to ",
                       turn.answer_end, ", ", turn.first_begin, " and turn ", turn.first));
    }
    last = turn.answer_begin;
  }
  uint64_t num_tools = 0;
  ABSL_RETURN_IF_ERROR(fields.Take("number of tools", num_tools));
  std::vector<TemplateTool> tools;
  for (uint64_t i = 0; i < num_tools; ++i) {
    TemplateTool& tool = tools.emplace_back();
    ABSL_RETURN_IF_ERROR(fields.TakeText("name of a tool", tool.name));
    ABSL_RETURN_IF_ERROR(fields.TakeText("description of a tool", tool.description));
    ABSL_RETURN_IF_ERROR(ReadObject(fields, "parameters of a tool", tool.parameters));
  }
  turns_ = std::move(turns);
  tools_ = std::move(tools);
  return absl::OkStatus();
}

}  // namespace inkling
