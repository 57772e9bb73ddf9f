// A conversation in a session's file.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/session/chat_turns.h"
#include "src/session/session_fields.h"
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
}

absl::Status ReadMessage(FieldReader& fields, TemplateMessage& message) {
  uint8_t role = 0;
  ABSL_RETURN_IF_ERROR(fields.Take("role of a message", role));
  if (role > static_cast<uint8_t>(TemplateRole::kModel)) {
    return absl::InvalidArgumentError(
        absl::StrCat("role of a message: expected 0 to 2, found ", role));
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
  return absl::OkStatus();
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
    fields.Put<uint8_t>((turn.written ? kWritten : 0) | (turn.cut ? kCut : 0));
    fields.Put<uint64_t>(turn.first);
    fields.Put(turn.first_begin);
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
        turn.answer_begin < last || turn.answer_begin > num_tokens) {
      return absl::InvalidArgumentError(
          absl::StrCat("turn ", i, ": expected an answer at ", last, " to ", num_tokens,
                       " in a text that begins before it, found ", turn.answer_begin, ", ",
                       turn.first_begin, " and turn ", turn.first));
    }
    last = turn.answer_begin;
  }
  turns_ = std::move(turns);
  return absl::OkStatus();
}

}  // namespace inkling
