// Rendering turns (see prompt_template.h).

#include "src/text/prompt_template.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "src/text/past_answer.h"
#include "src/text/prompt_parts.h"
#include "src/text/tool_checks.h"
#include "src/text/tool_text.h"
#include "src/text/turn_writer.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

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

// Everything that is written into prompts.
std::vector<const std::string*> AllTexts(const PromptTemplateData& data) {
  std::vector<const std::string*> texts = ToolTexts(data.tools);
  for (const std::string* text :
       {&data.session_prefix, &data.user.prefix, &data.user.suffix, &data.model.prefix,
        &data.model.suffix, &data.system.prefix, &data.system.suffix, &data.default_system,
        &data.generation_prompt, &data.past_answers.begin, &data.past_answers.end}) {
    texts.push_back(text);
  }
  return texts;
}

}  // namespace

absl::StatusOr<PromptTemplate> PromptTemplate::Create(PromptTemplateData data) {
  const int placement = static_cast<int>(data.system_placement);
  if (placement < 1 || placement > static_cast<int>(SystemPlacement::kInLastUserTurn)) {
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
  for (const std::string* text : AllTexts(data)) {
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

absl::StatusOr<WrittenPrompt> PromptTemplate::Write(const PromptRequest& request) const {
  if (request.before == TextBefore::kNothing) {
    ABSL_RETURN_IF_ERROR(CheckToolUse(data_, request.messages, request.tools));
  }
  WrittenPrompt written;
  ABSL_RETURN_IF_ERROR(TurnWriter(data_, date_, request, written).Run());
  return written;
}

absl::StatusOr<std::vector<PromptPart>> PromptTemplate::Render(
    absl::Span<const TemplateMessage> messages, GenerationPrompt generation_prompt,
    absl::Span<const TemplateTool> tools) const {
  ABSL_ASSIGN_OR_RETURN(WrittenPrompt written,
                        Write({.messages = messages, .end = generation_prompt, .tools = tools}));
  return std::move(written.parts);
}

void PromptTemplate::AppendPastAnswer(const TemplateMessage& message,
                                      std::vector<PromptPart>& parts) const {
  AppendAnswer(message, PastAnswerRanges(message.text, data_), parts);
}

void PromptTemplate::AppendText(absl::string_view text, std::vector<PromptPart>& parts) {
  AppendPart(text, Markup::kAsText, parts);
}

bool PromptTemplate::StandsAsGenerated(const TemplateMessage& answer, bool recent) const {
  const ToolText& calls = data_.tools.calls;
  const std::string& front =
      answer.calls.empty() || calls.empty() ? data_.model.prefix : calls.front().text;
  const bool rewrites = data_.rewrites_answers || !answer.calls.empty();
  if (!rewrites) return true;
  return front == data_.generation_prompt &&
         JoinedText(Kept(answer, recent)) == JoinedText({{answer.text}});
}

bool PromptTemplate::ChangesWithAge(const TemplateMessage& answer) const {
  return JoinedText(Kept(answer, true)) != JoinedText(Kept(answer, false));
}

std::vector<PromptPart> PromptTemplate::Kept(const TemplateMessage& answer, bool recent) const {
  std::vector<PromptPart> parts;
  AppendAnswer(
      answer,
      recent ? RecentAnswerRanges(answer.text, data_) : PastAnswerRanges(answer.text, data_),
      parts);
  return parts;
}

absl::StatusOr<std::string> PromptTemplate::GeneratedText(const TemplateMessage& message) const {
  const PromptRequest request = {
      .messages = {&message, 1}, .end = GenerationPrompt::kOmit, .before = TextBefore::kAnswer};
  ABSL_ASSIGN_OR_RETURN(const WrittenPrompt written, Write(request));
  const TextRange& answer = written.answers.front();
  return JoinedText(written.parts).substr(answer.begin, answer.end - answer.begin);
}

}  // namespace inkling
