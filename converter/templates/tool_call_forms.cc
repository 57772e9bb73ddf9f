// See tool_call_forms.h.

#include "converter/templates/tool_call_forms.h"

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "converter/templates/tool_probe.h"
#include "src/text/json_text.h"
#include "src/text/prompt_parts.h"
#include "src/text/tool_text.h"

namespace inkling {
namespace {

// The key in front of a value: what stands between the last `open` and `close` at the end.
std::optional<std::string> KeyAtEnd(absl::string_view text, absl::string_view open,
                                    absl::string_view close) {
  if (!absl::ConsumeSuffix(&text, close)) return std::nullopt;
  const size_t at = text.rfind(open);
  if (at == absl::string_view::npos) return std::nullopt;
  const absl::string_view key = text.substr(at + open.size());
  if (key.empty() || absl::StrContains(key, "\"")) return std::nullopt;
  return std::string(key);
}

// {"name": "NAME", "arguments": {...}} around where the arguments stand.
bool FindJsonKeys(absl::string_view text, ToolCallFormat& format) {
  const TemplateCall call = FirstCall();
  const std::string arguments = WriteJson(call.arguments);
  if (Count(text, arguments) != 1) return false;
  const size_t at = text.find(arguments);
  absl::string_view before = text.substr(0, at);
  const std::optional<std::string> arguments_key = KeyAtEnd(before, ", \"", "\": ");
  if (!arguments_key.has_value()) return false;
  absl::ConsumeSuffix(&before, absl::StrCat(call.name, "\", \"", *arguments_key, "\": "));
  const std::optional<std::string> name_key = KeyAtEnd(before, "{\"", "\": \"");
  if (!name_key.has_value()) return false;
  format.syntax = ToolCallSyntax::kJson;
  format.name_key = *name_key;
  format.arguments_key = *arguments_key;
  const absl::string_view behind = text.substr(at + arguments.size());
  const size_t id = behind.find(absl::StrCat("\": \"", call.id, "\"}"));
  if (!absl::StartsWith(behind, ", \"") || id == absl::string_view::npos) return true;
  const std::optional<std::string> key = KeyAtEnd(behind.substr(0, id), ", \"", "");
  if (key.has_value()) format.id_key = *key;
  return true;
}

// NAME{key:<escape>text<escape>}
bool FindTextQuote(absl::string_view text, ToolCallFormat& format) {
  constexpr size_t kMaxQuote = 40;
  const std::string head = absl::StrCat(kFirstTool, "{first_key:");
  const size_t at = text.find(head);
  if (at == absl::string_view::npos) return false;
  const absl::string_view behind = text.substr(at + head.size());
  const size_t end = behind.find("the first value.");
  if (end == 0 || end > kMaxQuote) return false;
  const std::string quote(behind.substr(0, end));
  if (!format.text_quote.empty() && format.text_quote != quote) return false;
  format.syntax = ToolCallSyntax::kEscapedFields;
  format.text_quote = quote;
  return true;
}

}  // namespace

std::string CallUnitText(const ToolCallFormat& format, const TemplateCall& call) {
  ToolCallFormat alone = format;
  for (std::string* text :
       {&alone.begin, &alone.prefix, &alone.suffix, &alone.separator, &alone.end}) {
    text->clear();
  }
  std::vector<PromptPart> parts;
  AppendCalls(alone, {&call, 1}, parts);
  return JoinedText(parts);
}

absl::StatusOr<CallUnit> FindCallUnit(absl::string_view text, ToolCallFormat& format) {
  if (!FindJsonKeys(text, format) && !FindTextQuote(text, format)) {
    return absl::UnimplementedError(absl::StrContains(text, kFirstTool)
                                        ? "it writes calls in a way of its own"
                                        : "it doesn't write calls that the model made");
  }
  CallUnit unit;
  unit.text = CallUnitText(format, FirstCall());
  if (Count(text, unit.text) != 1) {
    return absl::UnimplementedError("it writes calls in a way of its own");
  }
  unit.begin = text.find(unit.text);
  unit.end = unit.begin + unit.text.size();
  return unit;
}

}  // namespace inkling
