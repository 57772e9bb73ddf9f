// Rendering turns (see prompt_template.h).

#include "src/text/prompt_template.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/text/unicode.h"
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

// The templates trim as Python does: white space and the four separator control characters.
bool IsTrimmed(uint32_t codepoint) {
  return ClassOf(codepoint) == CharClass::kSpace || (codepoint >= 0x1C && codepoint <= 0x1F);
}

absl::string_view TrimLeft(absl::string_view text) {
  while (!text.empty()) {
    const Utf8Char first = DecodeUtf8(text);
    if (!IsTrimmed(first.codepoint)) break;
    text.remove_prefix(first.length);
  }
  return text;
}

absl::string_view TrimRight(absl::string_view text) {
  while (!text.empty()) {
    const size_t begin = PreviousCharacter(text, text.size());
    if (!IsTrimmed(DecodeUtf8(text.substr(begin)).codepoint)) break;
    text = text.substr(0, begin);
  }
  return text;
}

absl::string_view Trim(absl::string_view text, TextTrim trim) {
  const bool both = trim == TextTrim::kBothEnds;
  if (both || trim == TextTrim::kBegin) text = TrimLeft(text);
  if (both || trim == TextTrim::kEnd) text = TrimRight(text);
  return text;
}

}  // namespace

absl::StatusOr<PromptTemplate> PromptTemplate::Create(PromptTemplateData data) {
  const int placement = static_cast<int>(data.system_placement);
  if (placement < 1 || placement > static_cast<int>(SystemPlacement::kInFirstUserTurn)) {
    return absl::InvalidArgumentError(absl::StrCat("prompt template: system_placement ", placement,
                                                   " is not supported by this version"));
  }
  for (TextTrim trim : {data.trim_user, data.trim_model, data.trim_system}) {
    if (static_cast<int>(trim) > static_cast<int>(TextTrim::kEnd)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "prompt template: trim ", static_cast<int>(trim), " is not supported by this version"));
    }
  }
  for (const std::string* text :
       {&data.session_prefix, &data.user.prefix, &data.user.suffix, &data.model.prefix,
        &data.model.suffix, &data.system.prefix, &data.system.suffix, &data.default_system,
        &data.generation_prompt}) {
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
    absl::Span<const ChatMessage> messages, GenerationPrompt generation_prompt) const {
  std::vector<PromptPart> parts;
  AppendMarkup(data_.session_prefix, parts);
  absl::string_view system = data_.default_system;
  if (!messages.empty() && messages[0].role == Role::kSystem) {
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
  bool in_user_turn = data_.system_placement == SystemPlacement::kInFirstUserTurn;
  for (size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& message = messages[i];
    switch (message.role) {
      case Role::kSystem:
        return absl::InvalidArgumentError(
            "a system message must be the first of a conversation, and only one");
      case Role::kUser:
        AppendUserTurn(in_user_turn ? system : absl::string_view(), message.text, parts);
        in_user_turn = false;
        break;
      case Role::kModel:
        AppendMarkup(data_.model.prefix, parts);
        AppendPart(Trim(message.text, data_.trim_model), Markup::kAsText, parts);
        AppendMarkup(data_.model.suffix, parts);
        break;
    }
  }
  if (generation_prompt == GenerationPrompt::kAdd) {
    AppendMarkup(data_.generation_prompt, parts);
  }
  return parts;
}

std::vector<PromptPart> PromptTemplate::RenderNextTurn(absl::string_view user_text) const {
  std::vector<PromptPart> parts;
  AppendMarkup(data_.model.suffix, parts);
  AppendUserTurn({}, user_text, parts);
  AppendMarkup(data_.generation_prompt, parts);
  return parts;
}

}  // namespace inkling
