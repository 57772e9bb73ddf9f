// Messages that call, and results (see tool_learner.h).

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "converter/templates/tool_call_forms.h"
#include "converter/templates/tool_learner.h"
#include "converter/templates/tool_probe.h"
#include "src/text/escaped_fields.h"
#include "src/text/json_text.h"
#include "src/text/prompt_parts.h"

namespace inkling {
namespace {

constexpr GenerationPrompt kAdd = GenerationPrompt::kAdd;

absl::Status Unlike(absl::string_view what) { return absl::UnimplementedError(what); }

}  // namespace

absl::Status ToolLearner::LearnNull() {
  if (tools_.call.syntax != ToolCallSyntax::kEscapedFields) return absl::OkStatus();
  TemplateCall call = FirstCall();
  call.arguments = ProbeJson(R"({"first_key": null})");
  ABSL_ASSIGN_OR_RETURN(tools_.call.null_text,
                        Between({UserSays(), ModelCalls({call}), ToolAnswers(call)},
                                absl::StrCat(kFirstTool, "{first_key:"), "}"));
  return absl::OkStatus();
}

absl::Status ToolLearner::LearnCalls() {
  const std::vector<TemplateMessage> one = {UserSays(), ModelCalls({FirstCall()}),
                                            ToolAnswers(FirstCall())};
  ABSL_ASSIGN_OR_RETURN(const std::string behind, Behind(one));
  ABSL_ASSIGN_OR_RETURN(CallUnit unit, FindCallUnit(behind, tools_.call));
  ABSL_RETURN_IF_ERROR(LearnNull());
  absl::string_view before = absl::string_view(behind).substr(0, unit.begin);
  if (!absl::ConsumePrefix(&before, data_.user.suffix)) {
    return Unlike("the user's turn ends otherwise in front of calls");
  }
  std::string opening;
  for (const std::string* front : {&data_.generation_prompt, &data_.model.prefix}) {
    if (!opening.empty() || !absl::ConsumePrefix(&before, *front)) continue;
    opening = *front;
  }
  // Behind the calls: where the user speaks next, it is plain where their turn ends.
  const absl::StatusOr<std::string> next =
      Between({UserSays(), ModelCalls({FirstCall()}), UserSays(ChatProbe::kNextUser)}, unit.text,
              ChatProbe::kNextUser);
  tools_.calls_need_results = !next.ok() || !absl::EndsWith(*next, data_.user.prefix);
  std::string end;
  std::string closing = data_.model.suffix;
  if (!tools_.calls_need_results) {
    end = next->substr(0, next->size() - data_.user.prefix.size());
    if (!absl::EndsWith(end, closing)) closing.clear();
    end.resize(end.size() - closing.size());
  } else {
    const size_t at = closing.empty() ? std::string::npos : behind.find(closing, unit.end);
    if (at == std::string::npos) return Unlike("it isn't plain where a turn with calls ends");
    end = behind.substr(unit.end, at - unit.end);
  }
  const std::vector<TemplateMessage> two = {UserSays(), ModelCalls({FirstCall(), SecondCall()}),
                                            ToolAnswers(FirstCall()),
                                            ToolAnswers(SecondCall(), kSecondResult)};
  const absl::StatusOr<std::string> both = Behind(two);
  const std::string second = both.ok() ? CallUnitText(tools_.call, SecondCall()) : "";
  tools_.call.one_call = !both.ok();
  ListTexts list;
  list.prefix = std::string(before);
  list.suffix = end;
  if (both.ok()) {
    ABSL_ASSIGN_OR_RETURN(const size_t at, FindOnce(*both, second));
    if (at < unit.end) return Unlike("it writes calls in another order");
    list = SplitList(before, absl::string_view(*both).substr(unit.end, at - unit.end), end);
  }
  tools_.call.begin = list.begin;
  tools_.call.prefix = list.prefix;
  tools_.call.separator = list.separator;
  tools_.call.suffix = list.suffix;
  tools_.call.end = list.end;
  tools_.calls = {{opening, ToolField::kCalls}};
  if (!closing.empty()) tools_.calls.push_back({closing, ToolField::kNone});
  return LearnCallText(absl::StrCat(list.begin, list.prefix));
}

// What stands around what the model says in front of calls.
absl::Status ToolLearner::LearnCallText(const std::string& before_calls) {
  tools_.calls_with_text = tools_.calls;
  ABSL_ASSIGN_OR_RETURN(
      const std::string behind,
      Behind({UserSays(), ModelCalls({FirstCall()}, ChatProbe::kModel), ToolAnswers(FirstCall())}));
  if (!absl::StrContains(behind, ChatProbe::kModel)) return absl::OkStatus();
  ABSL_ASSIGN_OR_RETURN(const size_t at, FindOnce(behind, ChatProbe::kModel));
  absl::string_view opening = absl::string_view(behind).substr(0, at);
  if (!absl::ConsumePrefix(&opening, data_.user.suffix)) {
    return Unlike("the user's turn ends otherwise in front of calls");
  }
  const size_t text_end = at + ChatProbe::kModel.size();
  ABSL_ASSIGN_OR_RETURN(const size_t call,
                        FindOnce(behind, CallUnitText(tools_.call, FirstCall())));
  absl::string_view between = absl::string_view(behind).substr(text_end);
  between = between.substr(0, call < text_end ? 0 : call - text_end);
  if (!absl::ConsumeSuffix(&between, before_calls)) {
    return Unlike("it writes calls otherwise behind a text");
  }
  tools_.calls_with_text[0] = {std::string(between), ToolField::kCalls};
  tools_.calls_with_text.insert(tools_.calls_with_text.begin(),
                                {std::string(opening), ToolField::kText});
  return absl::OkStatus();
}

absl::Status ToolLearner::LearnResults() {
  const std::string call = CallUnitText(tools_.call, FirstCall());
  const std::string call_end =
      absl::StrCat(call, tools_.call.suffix, tools_.call.end,
                   tools_.calls.size() > 1 ? tools_.calls.back().text : "");
  std::vector<TemplateMessage> talk = {UserSays(), ModelCalls({FirstCall()}),
                                       ToolAnswers(FirstCall())};
  ABSL_ASSIGN_OR_RETURN(const std::string before, Between(talk, call_end, kFirstResult));
  ABSL_ASSIGN_OR_RETURN(std::string behind, Behind(talk));
  behind.erase(0, behind.find(kFirstResult) + kFirstResult.size());
  talk.push_back(ModelSays());
  talk.push_back(UserSays(ChatProbe::kNextUser));
  ABSL_ASSIGN_OR_RETURN(const std::string answer, Between(talk, kFirstResult, ChatProbe::kModel));
  absl::string_view tail = behind;
  const bool plain = absl::ConsumeSuffix(&tail, data_.generation_prompt) &&
                     answer == absl::StrCat(tail, data_.model.prefix);
  if (!plain && answer != behind) {
    return Unlike("it isn't plain where a result ends and an answer begins");
  }
  tools_.results_stay_in_turn = !plain;
  const std::string end(plain ? tail : absl::string_view(behind));
  talk.erase(talk.end() - 2);
  const absl::StatusOr<std::string> next = Between(talk, kFirstResult, ChatProbe::kNextUser);
  tools_.results_need_answer = !next.ok() || *next != absl::StrCat(end, data_.user.prefix);
  return LearnTwoResults(before, end);
}

// What stands around one result, and around several: from what stands before the first and behind
// the last.
absl::Status ToolLearner::LearnTwoResults(absl::string_view before, absl::string_view behind) {
  const auto marked = [](absl::string_view text) {
    std::string made(text);
    for (absl::string_view name : {kFirstTool, kSecondTool}) {
      made = Replaced(made, name, ToolMark::kName);
    }
    for (absl::string_view id : {kFirstId, kSecondId}) made = Replaced(made, id, ToolMark::kCallId);
    return made;
  };
  ListTexts list;
  list.prefix = marked(before);
  list.suffix = marked(behind);
  if (!tools_.call.one_call) {
    ABSL_ASSIGN_OR_RETURN(
        const std::string between,
        Between({UserSays(), ModelCalls({FirstCall(), SecondCall()}), ToolAnswers(FirstCall()),
                 ToolAnswers(SecondCall(), kSecondResult)},
                kFirstResult, kSecondResult));
    list = SplitList(marked(before), marked(between), marked(behind));
  }
  const auto has_field = [](absl::string_view text) {
    return text.find_first_of("\3\4") != absl::string_view::npos;
  };
  if (has_field(list.begin) || has_field(list.separator) || has_field(list.end)) {
    return Unlike("it writes results in a way of its own");
  }
  tools_.results_prefix = list.begin;
  tools_.results_separator = list.separator;
  tools_.results_suffix = list.end;
  // A text with quotes tells whether it is a JSON string.
  const absl::string_view odd = "a \"quoted\"\nresult";
  ABSL_ASSIGN_OR_RETURN(const std::string rendered, Behind({UserSays(), ModelCalls({FirstCall()}),
                                                            ToolAnswers(FirstCall(), odd)}));
  const bool is_json = absl::StrContains(rendered, QuoteJson(odd));
  if (is_json && (!absl::EndsWith(list.prefix, "\"") || !absl::StartsWith(list.suffix, "\""))) {
    return Unlike("it writes results in a way of its own");
  }
  if (is_json) {
    list.prefix.pop_back();
    list.suffix.erase(0, 1);
  }
  tools_.result = WithFields(list.prefix);
  const ToolField field = is_json ? ToolField::kTextJson : ToolField::kText;
  if (!tools_.result.empty() && tools_.result.back().field == ToolField::kNone) {
    tools_.result.back().field = field;
  } else {
    tools_.result.push_back({"", field});
  }
  for (ToolTextPart& part : WithFields(list.suffix)) tools_.result.push_back(std::move(part));
  return absl::OkStatus();
}

// Results that are mappings, written by their members: only where calls are written so.
void ToolLearner::LearnObjectResult() {
  if (tools_.call.syntax != ToolCallSyntax::kEscapedFields) return;
  ToolTemplateData with_objects = tools_;
  with_objects.object_result = {{"", ToolField::kFields}};
  const TemplateCall call = SecondCall();
  const absl::StatusOr<std::string> rendered = probe_.Render(
      {UserSays(), ModelCalls({FirstCall()}), ToolAnswers(FirstCall(), WriteJson(call.arguments))},
      kAdd, {}, &with_objects);
  if (!rendered.ok()) return;
  std::vector<PromptPart> parts;
  AppendEscapedFields(tools_.call, call.arguments, EscapedKeys::kPlain, parts);
  const std::string fields = JoinedText(parts);
  const std::string call_end =
      absl::StrCat(CallUnitText(tools_.call, FirstCall()), tools_.call.suffix, tools_.call.end,
                   tools_.calls.size() > 1 ? tools_.calls.back().text : "", tools_.results_prefix);
  const size_t begin = rendered->find(call_end);
  const size_t at = rendered->find(fields);
  if (begin == std::string::npos || at == std::string::npos || at < begin) return;
  std::string before = rendered->substr(begin + call_end.size(), at - begin - call_end.size());
  absl::string_view behind = absl::string_view(*rendered).substr(at + fields.size());
  if (!tools_.results_stay_in_turn) absl::ConsumeSuffix(&behind, data_.generation_prompt);
  if (!absl::ConsumeSuffix(&behind, tools_.results_suffix)) return;
  before = Replaced(Replaced(before, kFirstTool, ToolMark::kName), kFirstId, ToolMark::kCallId);
  tools_.object_result = WithFields(before);
  if (tools_.object_result.empty() || tools_.object_result.back().field != ToolField::kNone) {
    tools_.object_result.emplace_back();
  }
  tools_.object_result.back().field = ToolField::kFields;
  if (!behind.empty()) tools_.object_result.push_back({std::string(behind), ToolField::kNone});
}

// Trimming, thoughts, ids of calls, and what else ends an answer.
void ToolLearner::LearnRest() {
  const std::string padded = absl::StrCat(" \n", kFirstResult, " \t\n");
  const absl::StatusOr<std::string> result =
      Behind({UserSays(), ModelCalls({FirstCall()}), ToolAnswers(FirstCall(), padded)});
  tools_.trim_result = result.ok() && !absl::StrContains(*result, padded) &&
                       !absl::StrContains(*result, QuoteJson(padded));
  const PastAnswerData& thoughts = data_.past_answers;
  if (thoughts.cut != ThoughtCut::kNone) {
    const std::string thought = "a thought.";
    const absl::StatusOr<std::string> kept =
        Behind({UserSays(),
                ModelCalls({FirstCall()}, absl::StrCat(thoughts.begin, "\n", thought, "\n",
                                                       thoughts.end, "\n\n", ChatProbe::kModel)),
                ToolAnswers(FirstCall())});
    tools_.keeps_recent_thoughts = kept.ok() && absl::StrContains(*kept, thought);
  }
  if (!tools_.call.id_key.empty()) {
    TemplateCall other = FirstCall();
    other.id = "other";
    const bool any_length = Behind({UserSays(), ModelCalls({other}), ToolAnswers(other)}).ok();
    tools_.call.id_length = any_length ? 0 : static_cast<uint32_t>(kFirstId.size());
  }
  // The model ends its turn behind calls with what the template writes there.
  const absl::StatusOr<std::string> open =
      probe_.Render({UserSays(), ModelCalls({FirstCall()})}, GenerationPrompt::kOmit);
  if (!open.ok() || tools_.calls.size() > 1) return;
  const std::string end =
      absl::StrCat(CallUnitText(tools_.call, FirstCall()), tools_.call.suffix, tools_.call.end);
  const size_t at = open->find(end);
  if (at == std::string::npos) return;
  const absl::string_view rest = absl::string_view(*open).substr(at + end.size());
  std::string stop;
  for (const std::string& token : tokens_.added) {
    if (token.size() > stop.size() && absl::StartsWith(rest, token)) stop = token;
  }
  if (!stop.empty()) tools_.stop_strings.push_back(stop);
}

}  // namespace inkling
