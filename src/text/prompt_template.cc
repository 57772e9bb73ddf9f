// Rendering turns (see prompt_template.h).

#include "src/text/prompt_template.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/text/past_answer.h"
#include "src/text/text_trim.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

void AppendPart(absl::string_view text, Markup markup, std::vector<PromptPart>& parts) {
  if (text.empty()) return;
  if (!parts.empty() && parts.back().markup == markup) {
    parts.back().text.append(text.data(), text.size());
    return;
  }
  parts.push_back({std::string(text), markup});
}

// `text` without the white space at one end.
absl::string_view TrimLeft(absl::string_view text) { return Trim(text, TextTrim::kBegin); }
absl::string_view TrimRight(absl::string_view text) { return Trim(text, TextTrim::kEnd); }

// What a rule for earlier answers must name.
absl::Status CheckPastAnswers(const PastAnswerData& rule) {
  if (static_cast<int>(rule.cut) > static_cast<int>(ThoughtCut::kEveryBlock)) {
    return absl::InvalidArgumentError(absl::StrCat("past_answers.cut ", static_cast<int>(rule.cut),
                                                   " is not supported by this version"));
  }
  if (rule.cut == ThoughtCut::kNone) return absl::OkStatus();
  const bool needs_begin = rule.needs_begin || rule.cut == ThoughtCut::kOuterBlock ||
                           rule.cut == ThoughtCut::kEveryBlock;
  if (rule.end.empty() || (needs_begin && rule.begin.empty())) {
    return absl::InvalidArgumentError(
        "past_answers: expected marks around what the model thought, found an empty one");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PromptTemplate> PromptTemplate::Create(PromptTemplateData data) {
  const int placement = static_cast<int>(data.system_placement);
  if (placement < 1 || placement > static_cast<int>(SystemPlacement::kInFirstUserTurn)) {
    return absl::InvalidArgumentError(absl::StrCat("prompt template: system_placement ", placement,
                                                   " is not supported by this version"));
  }
  for (TextTrim trim :
       {data.trim_user, data.trim_model, data.trim_system, data.past_answers.trim}) {
    if (static_cast<int>(trim) > static_cast<int>(TextTrim::kEnd)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "prompt template: trim ", static_cast<int>(trim), " is not supported by this version"));
    }
  }
  const absl::Status past_answers = CheckPastAnswers(data.past_answers);
  if (!past_answers.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("prompt template '", data.name, "': ", past_answers.message()));
  }
  for (const std::string* text :
       {&data.session_prefix, &data.user.prefix, &data.user.suffix, &data.model.prefix,
        &data.model.suffix, &data.system.prefix, &data.system.suffix, &data.default_system,
        &data.generation_prompt, &data.past_answers.begin, &data.past_answers.end}) {
    if (WellFormedPrefix(*text) != text->size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("prompt template '", data.name, "': a string isn't well-formed UTF-8"));
    }
    const absl::StatusOr<std::string> dated = WriteDates(*text, CivilDate());
    if (!dated.ok()) {
      return absl::Status(dated.status().code(), absl::StrCat("prompt template '", data.name,
                                                              "': ", dated.status().message()));
    }
  }
  return PromptTemplate(std::move(data));
}

PromptTemplate PromptTemplate::OnDate(const CivilDate& date) const {
  PromptTemplate dated = *this;
  dated.date_ = date;
  return dated;
}

void PromptTemplate::AppendMarkup(absl::string_view text, std::vector<PromptPart>& parts) const {
  const absl::StatusOr<std::string> dated = WriteDates(text, date_);  // Create has tried it
  AppendPart(dated.ok() ? *dated : text, Markup::kParse, parts);
}

void PromptTemplate::AppendText(absl::string_view text, std::vector<PromptPart>& parts) {
  AppendPart(text, Markup::kAsText, parts);
}

void PromptTemplate::AppendUserTurn(absl::string_view system, absl::string_view user,
                                    std::vector<PromptPart>& parts) const {
  AppendMarkup(data_.user.prefix, parts);
  if (system.empty()) {
    AppendPart(Trim(user, data_.trim_user), Markup::kAsText, parts);
    AppendMarkup(data_.user.suffix, parts);
    return;
  }
  absl::string_view suffix = data_.system.suffix;
  system = Trim(system, data_.trim_system);
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
  AppendMarkup(data_.system.prefix, parts);
  AppendPart(system, Markup::kAsText, parts);
  AppendMarkup(suffix, parts);
  AppendPart(user, Markup::kAsText, parts);
  AppendMarkup(data_.user.suffix, parts);
}

absl::StatusOr<std::vector<PromptPart>> PromptTemplate::Render(
    absl::Span<const TemplateMessage> messages, GenerationPrompt generation_prompt) const {
  std::vector<PromptPart> parts;
  AppendMarkup(data_.session_prefix, parts);
  absl::string_view system = data_.default_system;
  if (!messages.empty() && messages[0].role == TemplateRole::kSystem) {
    if (data_.system_placement == SystemPlacement::kNone) {
      return absl::InvalidArgumentError(
          absl::StrCat("prompt template '", data_.name, "' has no place for a system instruction"));
    }
    system = messages[0].text;
    messages.remove_prefix(1);
  }
  if (data_.system_placement == SystemPlacement::kOwnTurn &&
      (!system.empty() || data_.system_always)) {
    AppendMarkup(data_.system.prefix, parts);
    AppendPart(Trim(system, data_.trim_system), Markup::kAsText, parts);
    AppendMarkup(data_.system.suffix, parts);
  }
  const bool in_user_turn = data_.system_placement == SystemPlacement::kInFirstUserTurn;
  ABSL_RETURN_IF_ERROR(AppendTurns(messages, in_user_turn ? system : absl::string_view(), parts));
  AppendEnd(generation_prompt, parts);
  return parts;
}

// `system` goes into the first turn of the user.
absl::Status PromptTemplate::AppendTurns(absl::Span<const TemplateMessage> messages,
                                         absl::string_view system,
                                         std::vector<PromptPart>& parts) const {
  for (const TemplateMessage& message : messages) {
    switch (message.role) {
      case TemplateRole::kSystem:
        return absl::InvalidArgumentError(
            "a system message must be the first of a conversation, and only one");
      case TemplateRole::kUser:
        AppendUserTurn(system, message.text, parts);
        system = {};
        break;
      case TemplateRole::kModel:
        AppendMarkup(data_.model.prefix, parts);
        AppendPastAnswer(message, parts);
        AppendMarkup(data_.model.suffix, parts);
        break;
    }
  }
  return absl::OkStatus();
}

void PromptTemplate::AppendPastAnswer(const TemplateMessage& message,
                                      std::vector<PromptPart>& parts) const {
  const absl::string_view text = message.text;
  for (TextRange left : PastAnswerRanges(text, data_)) {
    for (const TextRange& token : message.tokens) {
      if (token.begin < left.begin || token.end > left.end) continue;
      AppendPart(text.substr(left.begin, token.begin - left.begin), Markup::kAsText, parts);
      AppendPart(text.substr(token.begin, token.end - token.begin), Markup::kParse, parts);
      left.begin = token.end;
    }
    AppendPart(text.substr(left.begin, left.end - left.begin), Markup::kAsText, parts);
  }
}

void PromptTemplate::AppendEnd(GenerationPrompt generation_prompt,
                               std::vector<PromptPart>& parts) const {
  if (generation_prompt == GenerationPrompt::kAdd) AppendMarkup(data_.generation_prompt, parts);
  if (generation_prompt == GenerationPrompt::kPastAnswer) AppendMarkup(data_.model.prefix, parts);
}

absl::StatusOr<std::vector<PromptPart>> PromptTemplate::RenderAfterAnswer(
    absl::Span<const TemplateMessage> messages, GenerationPrompt generation_prompt) const {
  std::vector<PromptPart> parts;
  AppendMarkup(data_.model.suffix, parts);
  ABSL_RETURN_IF_ERROR(AppendTurns(messages, {}, parts));
  AppendEnd(generation_prompt, parts);
  return parts;
}

bool PromptTemplate::StandsAsGenerated(absl::string_view answer) const {
  if (!data_.rewrites_answers) return true;
  return data_.model.prefix == data_.generation_prompt && PastAnswer(answer, data_) == answer;
}

}  // namespace inkling
