// Tools, calls and results with texts that can be found again, and the looking for them.

#ifndef INKLING_CONVERTER_TEMPLATES_TOOL_PROBE_H_
#define INKLING_CONVERTER_TEMPLATES_TOOL_PROBE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/templates/chat_probe.h"
#include "src/format/tokenizer_data.h"
#include "src/text/template_message.h"

namespace inkling {

// Texts that no template writes of its own accord.
inline constexpr absl::string_view kFirstTool = "first_tool";
inline constexpr absl::string_view kSecondTool = "second_tool";
inline constexpr absl::string_view kFirstId = "callid001";
inline constexpr absl::string_view kSecondId = "callid002";
inline constexpr absl::string_view kFirstResult = "the first result.";
inline constexpr absl::string_view kSecondResult = "the second result.";

// Stands for a field in a text.
enum class ToolMark : char { kTools = 1, kSystemText = 2, kName = 3, kCallId = 4 };

JsonValue ProbeJson(absl::string_view text);
TemplateTool ProbeTool(absl::string_view name, absl::string_view description,
                       absl::string_view parameters);
TemplateTool FirstTool();
TemplateTool SecondTool();
TemplateCall FirstCall();
TemplateCall SecondCall();

TemplateMessage UserSays(absl::string_view text = ChatProbe::kUser);
TemplateMessage ModelSays(absl::string_view text = ChatProbe::kModel);
TemplateMessage SystemSays(absl::string_view text = ChatProbe::kSystem);
TemplateMessage ModelCalls(std::vector<TemplateCall> calls, absl::string_view text = "");
TemplateMessage ToolAnswers(const TemplateCall& call, absl::string_view text = kFirstResult);

// How often `part` stands in `text`, at most 2.
size_t Count(absl::string_view text, absl::string_view part);
// NotFound unless `part` stands in `text` exactly once; else where.
absl::StatusOr<size_t> FindOnce(absl::string_view text, absl::string_view part);

size_t CommonPrefixLength(absl::string_view a, absl::string_view b);
size_t CommonSuffixLength(absl::string_view a, absl::string_view b);

// What stands around each of several things, from what stands before the first, between two, and
// behind the last: begin prefix THING suffix separator prefix THING suffix end.
struct ListTexts {
  std::string begin;
  std::string prefix;
  std::string separator;
  std::string suffix;
  std::string end;
};
ListTexts SplitList(absl::string_view before, absl::string_view between, absl::string_view behind);

// `text` with fields in the places of marks.
ToolText WithFields(absl::string_view text);
std::string Replaced(absl::string_view text, absl::string_view part, ToolMark mark);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_TOOL_PROBE_H_
