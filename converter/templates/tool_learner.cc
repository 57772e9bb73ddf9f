// Where declarations stand, and what stands around them (see tool_learner.h).

#include "converter/templates/tool_learner.h"

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "converter/templates/tool_declarations.h"
#include "converter/templates/tool_probe.h"
#include "src/text/prompt_parts.h"
#include "src/text/tool_text.h"

namespace inkling {
namespace {

constexpr GenerationPrompt kAdd = GenerationPrompt::kAdd;

absl::Status Unlike(absl::string_view what) { return absl::UnimplementedError(what); }

}  // namespace

absl::StatusOr<ToolTemplateData> ToolLearner::Run() {
  ABSL_RETURN_IF_ERROR(LearnDeclaration());
  ABSL_RETURN_IF_ERROR(LearnPlacement());
  if (data_.system_placement != SystemPlacement::kNone) {
    ABSL_RETURN_IF_ERROR(LearnSystem());
  }
  ABSL_RETURN_IF_ERROR(LearnCalls());
  ABSL_RETURN_IF_ERROR(LearnResults());
  LearnObjectResult();
  LearnRest();
  return std::move(tools_);
}

std::string ToolLearner::Declarations(const TemplateTool& tool) const {
  std::vector<PromptPart> parts;
  const absl::Status written = AppendTools(tools_, {&tool, 1}, parts);
  return written.ok() ? JoinedText(parts) : "";
}

absl::StatusOr<std::string> ToolLearner::Behind(const std::vector<TemplateMessage>& messages,
                                                const std::vector<TemplateTool>& tools) const {
  ABSL_ASSIGN_OR_RETURN(const std::string rendered, probe_.Render(messages, kAdd, tools));
  ABSL_ASSIGN_OR_RETURN(const size_t at, FindOnce(rendered, ChatProbe::kUser));
  return rendered.substr(at + ChatProbe::kUser.size());
}

absl::StatusOr<std::string> ToolLearner::Between(const std::vector<TemplateMessage>& messages,
                                                 absl::string_view from,
                                                 absl::string_view to) const {
  ABSL_ASSIGN_OR_RETURN(const std::string behind, Behind(messages));
  ABSL_ASSIGN_OR_RETURN(size_t begin, FindOnce(behind, from));
  begin += from.size();
  const size_t end = behind.find(to, begin);
  if (end == std::string::npos) return absl::NotFoundError(absl::StrCat("it drops '", to, "'"));
  return behind.substr(begin, end - begin);
}

// Also whether descriptions are escaped, and whether properties without one have an empty one.
absl::Status ToolLearner::LearnDeclaration() {
  ABSL_ASSIGN_OR_RETURN(const std::string rendered,
                        probe_.Render({UserSays()}, kAdd, {FirstTool(), SecondTool()}));
  const TemplateTool odd =
      ProbeTool("odd_tool", "a \"quoted\" one \\ \xC3\xA9",
                R"({"type": "object", "properties": {"key": {"type": "string"}}})");
  ABSL_ASSIGN_OR_RETURN(const std::string odd_one, probe_.Render({UserSays()}, kAdd, {odd}));
  for (const DeclarationForm& form : FindDeclarationForms(rendered)) {
    tools_.declaration = form.declaration;
    tools_.declaration_separator = form.separator;
    tools_.json_indent = form.json_indent;
    tools_.call.text_quote = form.text_quote;
    for (int i = 0; i < 4; ++i) {
      tools_.omits_missing_descriptions = i % 2 == 1;
      if (absl::StrContains(odd_one, Declarations(odd))) return absl::OkStatus();
      if (i == 1 && !QuoteDescriptions(tools_.declaration)) break;
    }
  }
  return Unlike("it writes declarations in a way of its own");
}

absl::StatusOr<std::string> ToolLearner::Beginning(
    const std::vector<TemplateMessage>& messages) const {
  ABSL_ASSIGN_OR_RETURN(const std::string rendered, probe_.Render(messages, kAdd, {FirstTool()}));
  ABSL_ASSIGN_OR_RETURN(const size_t user, FindOnce(rendered, ChatProbe::kUser));
  std::string beginning = rendered.substr(0, user);
  const std::string list = Declarations(FirstTool());
  if (Count(beginning, list) > 1) return Unlike("it writes declarations twice");
  beginning = Replaced(beginning, list, ToolMark::kTools);
  if (messages[0].role == TemplateRole::kSystem) {
    ABSL_RETURN_IF_ERROR(FindOnce(beginning, ChatProbe::kSystem).status());
    beginning = Replaced(beginning, ChatProbe::kSystem, ToolMark::kSystemText);
  }
  absl::string_view behind_prefix = beginning;
  if (!absl::ConsumePrefix(&behind_prefix, data_.session_prefix)) {
    return Unlike("with tools its beginning has another shape than without");
  }
  return std::string(behind_prefix);
}

// `beginning` as what stands in front of the user's turn and what stands in it.
absl::Status ToolLearner::SplitBeginning(const std::string& beginning, ToolText& turn,
                                         ToolText& user) const {
  if (tools_.placement == ToolPlacement::kSystemTurn) {
    absl::string_view front = beginning;
    if (!absl::ConsumeSuffix(&front, data_.user.prefix)) {
      return Unlike("with tools a turn of the user begins otherwise than without");
    }
    turn = WithFields(front);
    return absl::OkStatus();
  }
  const size_t list = beginning.find(static_cast<char>(ToolMark::kTools));
  const size_t at = beginning.rfind(data_.user.prefix, list);
  if (at == std::string::npos) return Unlike("its tools stand outside of turns");
  turn = WithFields(beginning.substr(0, at));
  user = WithFields(beginning.substr(at));
  return absl::OkStatus();
}

absl::Status ToolLearner::LearnPlacement() {
  ABSL_ASSIGN_OR_RETURN(const std::string beginning, Beginning({UserSays()}));
  const std::string mark(1, static_cast<char>(ToolMark::kTools));
  const std::vector<TemplateMessage> talk = {UserSays(), ModelSays(),
                                             UserSays(ChatProbe::kNextUser)};
  ABSL_ASSIGN_OR_RETURN(const std::string behind, Behind(talk, {FirstTool()}));
  const std::string list = Declarations(FirstTool());
  if (absl::StrContains(behind, list)) {
    tools_.placement = ToolPlacement::kLastUserTurn;
    ABSL_ASSIGN_OR_RETURN(const size_t model, FindOnce(behind, ChatProbe::kModel));
    absl::string_view last = absl::string_view(behind).substr(model + ChatProbe::kModel.size());
    last = last.substr(0, last.find(ChatProbe::kNextUser));
    absl::string_view front = beginning;
    if (!absl::ConsumePrefix(&last, data_.model.suffix)) return Unlike("its tools end an answer");
    const std::string user = Replaced(last, list, ToolMark::kTools);
    if (!absl::ConsumeSuffix(&front, user)) return Unlike("its tools stand in several places");
    tools_.no_system = WithFields(front);
    tools_.user = WithFields(user);
    return absl::OkStatus();
  }
  if (!absl::StrContains(beginning, mark)) return Unlike("its tools stand behind the conversation");
  const bool in_front = absl::EndsWith(beginning, data_.user.prefix) &&
                        beginning.find(mark) + data_.user.prefix.size() < beginning.size();
  tools_.placement = in_front ? ToolPlacement::kSystemTurn : ToolPlacement::kFirstUserTurn;
  return SplitBeginning(beginning, tools_.no_system, tools_.user);
}

absl::Status ToolLearner::LearnSystem() {
  ABSL_ASSIGN_OR_RETURN(const std::string beginning, Beginning({SystemSays(), UserSays()}));
  if (data_.system_placement == SystemPlacement::kOwnTurn) {
    if (tools_.placement != ToolPlacement::kLastUserTurn) {
      ToolText user;
      return SplitBeginning(beginning, tools_.system, user);
    }
    const size_t list = beginning.find(static_cast<char>(ToolMark::kTools));
    const size_t head = tools_.user.front().text.size();
    if (list == std::string::npos || list < head)
      return Unlike("its tools move with a system text");
    tools_.system = WithFields(beginning.substr(0, list - head));
    return absl::OkStatus();
  }
  if (tools_.placement == ToolPlacement::kSystemTurn) return absl::OkStatus();
  if (tools_.placement == ToolPlacement::kFirstUserTurn) {
    ToolText turn;
    return SplitBeginning(beginning, turn, tools_.user_with_system);
  }
  tools_.user_with_system = WithFields(beginning);
  return absl::OkStatus();
}

}  // namespace inkling
