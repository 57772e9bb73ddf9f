// See tool_checking.h.

#include "converter/templates/tool_checking.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "converter/templates/tool_probe.h"
#include "src/text/date_text.h"
#include "src/text/prompt_parts.h"
#include "src/text/prompt_template.h"

namespace inkling {
namespace {

using Messages = std::vector<TemplateMessage>;
using Tools = std::vector<TemplateTool>;

constexpr absl::string_view kOdd =
    "x <b>\n\n- 'y' \"z\" {{ a }} {% b %} \\n \xC3\xA9 <|im_end|> [INST] #";

// Schemas as apps have them, and with all that JSON has to escape.
Tools OddTools() {
  return {ProbeTool("get_weather", "Tells \"how\" it is.\nIn \\ \xC3\xA9\xE2\x82\xAC <b> ",
                    R"({"type": "object", "properties": {
                        "zone": {"type": "string", "description": "a \"zone\"",
                                 "enum": ["north", "s\u00fcd", "a b"]},
                        "days": {"type": "integer", "description": "how many"},
                        "Hours": {"type": "array", "description": "which",
                                  "items": {"type": "integer"}},
                        "place": {"type": "object", "description": "where",
                                  "properties": {"lat": {"type": "number", "description": "north"},
                                                 "name": {"type": "string", "description": "\u00e9"}},
                                  "required": ["lat"]},
                        "loud": {"type": "boolean", "description": "or not"}},
                        "required": ["zone", "place"]})"),
          ProbeTool("no-args.tool", "Takes nothing.", R"({"type": "object", "properties": {}})"),
          ProbeTool("list_all", "", R"({"type": "object", "properties": {
                        "items": {"type": "array", "description": "of objects", "items": {
                            "type": "object", "properties": {
                                "id": {"type": "string", "description": "one"}},
                            "required": ["id"]}},
                        "key": {"type": "string", "description": ""}}})")};
}

TemplateCall OddCall() {
  return {"get_weather",
          ProbeJson(R"({"zone": "say \"hi\"\n\u00e9 <b> {}", "days": -3, "wind": 2.5, "loud": true,
                        "place": {"b": [1, {"c": "d"}], "A": false}, "none": []})"),
          "abc45_-89"};
}
TemplateCall EmptyCall() { return {"no-args.tool", ProbeJson("{}"), "ABCDEF789"}; }
TemplateCall NullCall() {
  return {"get_weather", ProbeJson(R"({"a": null, "b": 1})"), "n45678901"};
}

class ToolComparison {
 public:
  ToolComparison(const ChatProbe& probe, const PromptTemplateData& data)
      : probe_(probe), data_(data) {}

  absl::Status Run() {
    for (const Messages& messages : Conversations()) {
      for (const Tools& tools : {Tools(), Tools{FirstTool()}, OddTools()}) {
        ABSL_RETURN_IF_ERROR(CheckOne(messages, tools));
      }
    }
    return absl::OkStatus();
  }

 private:
  // Turns with calls, without a system message.
  std::vector<Messages> Talks() const;
  std::vector<Messages> Conversations() const;
  // What isn't written can't be wrong, and conversations needn't have it.
  bool MayBeRefused(const Messages& messages) const {
    for (size_t i = 0; i < messages.size(); ++i) {
      if (messages[i].calls.size() > 1 && data_.tools.call.one_call) return true;
      if (i == 0 || messages[i].role != TemplateRole::kUser) continue;
      if (messages[i - 1].role == TemplateRole::kTool || !messages[i - 1].calls.empty()) {
        return true;
      }
    }
    return false;
  }
  absl::Status CheckOne(const Messages& messages, const Tools& tools) const;

  const ChatProbe& probe_;
  const PromptTemplateData& data_;
};

std::vector<Messages> ToolComparison::Talks() const {
  const TemplateCall odd = OddCall();
  const TemplateCall none = EmptyCall();
  const Messages said = {UserSays(), ModelSays(), UserSays(kOdd)};
  const Messages called = {UserSays("a"), ModelCalls({odd}), ToolAnswers(odd, "r 1")};
  const auto with = [](Messages messages, const Messages& more) {
    messages.insert(messages.end(), more.begin(), more.end());
    return messages;
  };
  std::vector<Messages> talks = {
      {UserSays("a")},
      {UserSays(kOdd)},
      said,
      called,
      with(said, {ModelCalls({none}), ToolAnswers(none, kOdd)}),
      with(called, {ModelSays("Yes."), UserSays("c"), ModelCalls({none}, "x"),
                    ToolAnswers(none, " \n{\"a\": [1, \"b\"]}\n")}),
      with(called, {ModelCalls({none}), ToolAnswers(none, "second")}),
      with(called, {ModelCalls({none}, "So."), ToolAnswers(none, ""), ModelSays(kOdd),
                    UserSays("Thanks.")}),
      {UserSays("a"), ModelCalls({odd}, "I'll look.\n"), ToolAnswers(odd, "r")},
      {UserSays("a"), ModelCalls({NullCall()}), ToolAnswers(NullCall(), "r")},
      {UserSays("a"), ModelCalls({odd, none}), ToolAnswers(odd, "1"), ToolAnswers(none, "2")},
      with(called, {UserSays("b")}),
      {UserSays("a"), ModelCalls({odd}), UserSays("b")},
      {UserSays("a"), ModelCalls({odd, none}, "Both."), ToolAnswers(odd, "1"),
       ToolAnswers(none, "2"), ModelSays("Done."), UserSays("b")}};
  const PastAnswerData& rule = data_.past_answers;
  if (rule.cut == ThoughtCut::kNone) return talks;
  for (absl::string_view inner : {"\nHm.\nSo.\n", "\n\n"}) {
    for (absl::string_view text : {"", "Yes."}) {
      const std::string thought = absl::StrCat(rule.begin, inner, rule.end, "\n\n", text);
      const Messages round = {UserSays("a"), ModelCalls({odd}, thought), ToolAnswers(odd, "1")};
      talks.push_back(round);
      talks.push_back(with(round, {ModelCalls({none}, thought), ToolAnswers(none, "2")}));
      talks.push_back(with(round, {ModelSays(thought + "Fine."), UserSays("b")}));
    }
  }
  return talks;
}

std::vector<Messages> ToolComparison::Conversations() const {
  std::vector<Messages> all = Talks();
  if (data_.system_placement == SystemPlacement::kNone) return all;
  const size_t count = all.size();
  for (size_t i = 0; i < count; ++i) {
    Messages messages = all[i];
    messages.insert(messages.begin(), SystemSays(i % 2 == 0 ? ChatProbe::kSystem : kOdd));
    all.push_back(std::move(messages));
  }
  return all;
}

absl::Status ToolComparison::CheckOne(const Messages& messages, const Tools& tools) const {
  const absl::StatusOr<std::string> expected =
      probe_.Render(messages, GenerationPrompt::kAdd, tools, &data_.tools);
  ABSL_ASSIGN_OR_RETURN(const PromptTemplate made, PromptTemplate::Create(data_));
  const absl::StatusOr<std::vector<PromptPart>> parts =
      made.Render(messages, GenerationPrompt::kAdd, tools);
  if (!parts.ok()) {
    if (!expected.ok() || MayBeRefused(messages)) return absl::OkStatus();
    return absl::UnimplementedError(parts.status().message());
  }
  if (!expected.ok()) {
    return absl::UnimplementedError(
        absl::StrCat("it refuses some conversations: ", expected.status().message()));
  }
  const std::string found = JoinedText(*parts);
  ABSL_ASSIGN_OR_RETURN(const std::string dated, WriteDates(*expected, CivilDate()));
  if (found == dated) return absl::OkStatus();
  const size_t same = CommonPrefixLength(found, dated);
  const size_t from = same < 20 ? 0 : same - 20;
  return absl::UnimplementedError(absl::StrCat("it writes '", dated.substr(from, 60),
                                               "' where the rules give '", found.substr(from, 60),
                                               "'"));
}

}  // namespace

absl::Status CheckTools(const ChatProbe& probe, const PromptTemplateData& data) {
  return ToolComparison(probe, data).Run();
}

}  // namespace inkling
