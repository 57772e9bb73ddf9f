// One function for each kind of turn (see turn_writer.h).

#include "src/text/turn_writer.h"

#include <optional>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/text/past_answer.h"
#include "src/text/prompt_parts.h"
#include "src/text/text_trim.h"
#include "src/text/tool_text.h"

namespace inkling {
namespace {

// `text` without the white space at one end.
absl::string_view TrimLeft(absl::string_view text) { return Trim(text, TextTrim::kBegin); }
absl::string_view TrimRight(absl::string_view text) { return Trim(text, TextTrim::kEnd); }

size_t TextLength(const std::vector<PromptPart>& parts) {
  size_t length = 0;
  for (const PromptPart& part : parts) length += part.text.size();
  return length;
}

bool IsEmpty(const std::vector<TextRange>& ranges) {
  return absl::c_all_of(ranges, [](const TextRange& range) { return range.begin == range.end; });
}

}  // namespace

void AppendAnswer(const TemplateMessage& message, const std::vector<TextRange>& ranges,
                  std::vector<PromptPart>& parts) {
  const absl::string_view text = message.text;
  for (TextRange left : ranges) {
    for (const TextRange& token : message.tokens) {
      if (token.begin < left.begin || token.end > left.end) continue;
      AppendPart(text.substr(left.begin, token.begin - left.begin), Markup::kAsText, parts);
      AppendPart(text.substr(token.begin, token.end - token.begin), Markup::kParse, parts);
      left.begin = token.end;
    }
    AppendPart(text.substr(left.begin, left.end - left.begin), Markup::kAsText, parts);
  }
}

void TurnWriter::Markup(absl::string_view text) {
  const absl::StatusOr<std::string> dated = WriteDates(text, date_);  // Create has tried it
  AppendPart(dated.ok() ? *dated : text, Markup::kParse, written_.parts);
}

void TurnWriter::Text(absl::string_view text) { AppendPart(text, Markup::kAsText, written_.parts); }

absl::Status TurnWriter::Parts(const ToolText& text) {
  for (const ToolTextPart& part : text) {
    Markup(part.text);
    if (part.field == ToolField::kSystemText) Text(Trim(system_, data_.trim_system));
    if (part.field == ToolField::kTools) {
      ABSL_RETURN_IF_ERROR(AppendTools(tools_, request_.tools, written_.parts));
    }
  }
  return absl::OkStatus();
}

absl::Status TurnWriter::Run() {
  if (request_.before == TextBefore::kNothing) {
    ABSL_RETURN_IF_ERROR(Beginning());
  } else if (request_.before == TextBefore::kAnswer) {
    Markup(data_.model.suffix);
  } else if (!tools_.calls.empty() && tools_.calls.back().field == ToolField::kNone) {
    Markup(tools_.calls.back().text);
  }
  ABSL_RETURN_IF_ERROR(Turns());
  const bool in_open_turn = InOpenTurn(messages_.size());
  if (request_.end == GenerationPrompt::kAdd && !in_open_turn) Markup(data_.generation_prompt);
  return absl::OkStatus();
}

// What stands in front of the first turn of the user.
absl::Status TurnWriter::Beginning() {
  first_turn_ = true;
  Markup(data_.session_prefix);
  const bool given = !messages_.empty() && messages_[0].role == TemplateRole::kSystem;
  if (given && data_.system_placement == SystemPlacement::kNone) {
    return absl::InvalidArgumentError(
        absl::StrCat("prompt template '", data_.name, "' has no place for a system instruction"));
  }
  system_ = given ? absl::string_view(messages_[0].text) : data_.default_system;
  if (given) messages_.remove_prefix(1);
  const bool own_turn = data_.system_placement == SystemPlacement::kOwnTurn;
  if (!request_.tools.empty() && own_turn) {
    ABSL_RETURN_IF_ERROR(Parts(given ? tools_.system : tools_.no_system));
  } else if (own_turn && (!system_.empty() || data_.system_always)) {
    Markup(data_.system.prefix);
    Text(Trim(system_, data_.trim_system));
    Markup(data_.system.suffix);
  } else if (!request_.tools.empty()) {
    ABSL_RETURN_IF_ERROR(Parts(tools_.no_system));
  }
  if (own_turn) system_ = {};
  return absl::OkStatus();
}

absl::Status TurnWriter::Turns() {
  for (size_t i = 0; i < messages_.size(); ++i) {
    if (messages_[i].role == TemplateRole::kUser) last_user_ = i + 1;
  }
  for (size_t i = 0; i < messages_.size(); ++i) {
    switch (messages_[i].role) {
      case TemplateRole::kSystem:
        return absl::InvalidArgumentError(
            "a system message must be the first of a conversation, and only one");
      case TemplateRole::kUser:
        ABSL_RETURN_IF_ERROR(UserTurn(i));
        first_turn_ = false;
        break;
      case TemplateRole::kModel:
        messages_[i].calls.empty() ? Answer(i) : Calls(i);
        break;
      case TemplateRole::kTool:
        Result(i);
        break;
    }
  }
  return absl::OkStatus();
}

bool TurnWriter::HoldsTools(size_t index) const {
  if (request_.tools.empty()) return false;
  if (tools_.placement == ToolPlacement::kFirstUserTurn) return first_turn_;
  return tools_.placement == ToolPlacement::kLastUserTurn && index + 1 == last_user_;
}

bool TurnWriter::HoldsSystem(size_t index) const {
  if (system_.empty()) return false;
  if (data_.system_placement == SystemPlacement::kInFirstUserTurn) return first_turn_;
  return index + 1 == messages_.size();
}

absl::Status TurnWriter::UserTurn(size_t index) {
  const absl::string_view user = messages_[index].text;
  const bool with_system = HoldsSystem(index);
  if (!HoldsTools(index) && with_system) {
    UserTurnWithSystem(user);
    return absl::OkStatus();
  }
  if (!HoldsTools(index)) {
    Markup(data_.user.prefix);
  } else if (with_system && tools_.user_with_system.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "prompt template '", data_.name, "' has no place for a system instruction beside tools"));
  } else {
    ABSL_RETURN_IF_ERROR(Parts(with_system ? tools_.user_with_system : tools_.user));
  }
  Text(Trim(user, data_.trim_user));
  Markup(data_.user.suffix);
  return absl::OkStatus();
}

void TurnWriter::UserTurnWithSystem(absl::string_view user) {
  Markup(data_.user.prefix);
  absl::string_view suffix = data_.system.suffix;
  absl::string_view system = Trim(system_, data_.trim_system);
  if (data_.trim_system_with_user) {
    // Only the outer ends of the joined text count.
    if (data_.system.prefix.empty() && data_.trim_user != TextTrim::kEnd) system = TrimLeft(system);
    if (data_.trim_user != TextTrim::kBegin) {
      user = TrimRight(user);
      if (user.empty()) suffix = TrimRight(suffix);
    }
  } else {
    user = Trim(user, data_.trim_user);
  }
  Markup(data_.system.prefix);
  Text(system);
  Markup(suffix);
  Text(user);
  Markup(data_.user.suffix);
}

void TurnWriter::Answer(size_t index) {
  const TemplateMessage& message = messages_[index];
  if (!InOpenTurn(index)) Markup(data_.model.prefix);
  const size_t begin = TextLength(written_.parts);
  const bool recent = index >= last_user_;
  AppendAnswer(
      message,
      recent ? RecentAnswerRanges(message.text, data_) : PastAnswerRanges(message.text, data_),
      written_.parts);
  written_.answers.push_back({begin, TextLength(written_.parts)});
  Markup(data_.model.suffix);
}

// A message of the model that calls: its text, as the template drops thoughts from it, and the
// calls. What is only a thought isn't text.
void TurnWriter::Calls(size_t index) {
  const TemplateMessage& message = messages_[index];
  const std::vector<TextRange> past = PastAnswerRanges(message.text, data_);
  const std::vector<TextRange> kept =
      index >= last_user_ ? RecentAnswerRanges(message.text, data_) : past;
  const ToolText& text = IsEmpty(past) ? tools_.calls : tools_.calls_with_text;
  const bool drops_text = absl::c_none_of(tools_.calls_with_text, [](const ToolTextPart& part) {
    return part.field == ToolField::kText;
  });
  size_t begin = 0;
  size_t end = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i > 0 || !InOpenTurn(index)) Markup(text[i].text);
    if (i == 0) begin = TextLength(written_.parts);
    const bool thought_alone = text[i].field == ToolField::kCalls && IsEmpty(past) && !drops_text;
    if (text[i].field == ToolField::kText || thought_alone) {
      AppendAnswer(message, kept, written_.parts);
    }
    if (text[i].field == ToolField::kCalls) {
      AppendCalls(tools_.call, message.calls, written_.parts);
      end = TextLength(written_.parts);
    }
  }
  written_.answers.push_back({begin, end});
}

void TurnWriter::Result(size_t index) {
  const bool follows_another = index > 0 && IsTool(index - 1);
  Markup(follows_another ? tools_.results_separator : tools_.results_prefix);
  AppendResult(tools_, messages_[index], written_.parts);
  if (!IsTool(index + 1)) Markup(tools_.results_suffix);
}

}  // namespace inkling
