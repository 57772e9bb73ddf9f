// The cuts that templates make with `split` (see past_answer.h).

#include "src/text/past_answer.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/text/text_trim.h"

namespace inkling {
namespace {

TrimmedCharacters Characters(bool newlines) {
  return newlines ? TrimmedCharacters::kNewlines : TrimmedCharacters::kWhiteSpace;
}

// What is left where something is dropped; nothing where the answer stays whole.
std::optional<std::string> Cut(absl::string_view answer, const PastAnswerData& rule) {
  const bool has_end = absl::StrContains(answer, rule.end);
  const bool has_begin = !rule.begin.empty() && absl::StrContains(answer, rule.begin);
  if (rule.cut == ThoughtCut::kNone || (!has_end && !has_begin)) return std::nullopt;
  if (rule.cut == ThoughtCut::kEveryBlock) {
    std::string left;
    for (absl::string_view part : absl::StrSplit(answer, rule.end)) {
      absl::StrAppend(&left, part.substr(0, part.find(rule.begin)));
    }
    return left;
  }
  if (!has_end || (rule.needs_begin && !has_begin)) return std::nullopt;
  const absl::string_view behind_last = answer.substr(answer.rfind(rule.end) + rule.end.size());
  const absl::string_view behind_first = answer.substr(answer.find(rule.end) + rule.end.size());
  switch (rule.cut) {
    case ThoughtCut::kThroughFirstEnd:
      return std::string(behind_first);
    case ThoughtCut::kBetweenEnds:
      return std::string(behind_first.substr(0, behind_first.find(rule.end)));
    case ThoughtCut::kOuterBlock:
      if (!has_begin) return std::nullopt;
      return absl::StrCat(answer.substr(0, answer.find(rule.begin)), behind_last);
    default:
      return std::string(behind_last);
  }
}

}  // namespace

std::string PastAnswer(absl::string_view answer, const PromptTemplateData& data) {
  const PastAnswerData& rule = data.past_answers;
  if (const std::optional<std::string> left = Cut(answer, rule)) {
    return std::string(Trim(*left, rule.trim, Characters(rule.trim_newlines)));
  }
  return std::string(Trim(answer, data.trim_model, Characters(data.trim_model_newlines)));
}

}  // namespace inkling
