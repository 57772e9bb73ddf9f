// The cuts that templates make with `split` (see past_answer.h).

#include "src/text/past_answer.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
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
std::optional<std::vector<TextRange>> Cut(absl::string_view answer, const PastAnswerData& rule) {
  const bool has_end = absl::StrContains(answer, rule.end);
  const bool has_begin = !rule.begin.empty() && absl::StrContains(answer, rule.begin);
  if (rule.cut == ThoughtCut::kNone || (!has_end && !has_begin)) return std::nullopt;
  if (rule.cut == ThoughtCut::kEveryBlock) {
    std::vector<TextRange> left;
    size_t begin = 0;
    for (absl::string_view part : absl::StrSplit(answer, rule.end)) {
      left.push_back({begin, begin + std::min(part.size(), part.find(rule.begin))});
      begin += part.size() + rule.end.size();
    }
    return left;
  }
  if (!has_end || (rule.needs_begin && !has_begin)) return std::nullopt;
  const size_t behind_last = answer.rfind(rule.end) + rule.end.size();
  const size_t behind_first = answer.find(rule.end) + rule.end.size();
  switch (rule.cut) {
    case ThoughtCut::kThroughFirstEnd:
      return std::vector<TextRange>{{behind_first, answer.size()}};
    case ThoughtCut::kBetweenEnds:
      return std::vector<TextRange>{
          {behind_first, std::min(answer.size(), answer.find(rule.end, behind_first))}};
    case ThoughtCut::kOuterBlock:
      if (!has_begin) return std::nullopt;
      return std::vector<TextRange>{{0, answer.find(rule.begin)}, {behind_last, answer.size()}};
    default:
      return std::vector<TextRange>{{behind_last, answer.size()}};
  }
}

std::string Joined(absl::string_view answer, const std::vector<TextRange>& ranges) {
  std::string text;
  for (const TextRange& range : ranges) {
    absl::StrAppend(&text, answer.substr(range.begin, range.end - range.begin));
  }
  return text;
}

// Takes off the joined text what is trimmed of it.
void TrimRanges(absl::string_view answer, TextTrim trim, bool newlines,
                std::vector<TextRange>& ranges) {
  const std::string text = Joined(answer, ranges);
  const absl::string_view left = Trim(text, trim, Characters(newlines));
  size_t front = static_cast<size_t>(left.data() - text.data());
  size_t back = text.size() - front - left.size();
  for (size_t i = 0; i < ranges.size(); ++i) {
    const size_t size = std::min(front, ranges[i].end - ranges[i].begin);
    ranges[i].begin += size;
    front -= size;
  }
  for (size_t i = ranges.size(); i > 0; --i) {
    const size_t size = std::min(back, ranges[i - 1].end - ranges[i - 1].begin);
    ranges[i - 1].end -= size;
    back -= size;
  }
}

}  // namespace

std::vector<TextRange> PastAnswerRanges(absl::string_view answer, const PromptTemplateData& data) {
  const PastAnswerData& rule = data.past_answers;
  if (std::optional<std::vector<TextRange>> left = Cut(answer, rule)) {
    TrimRanges(answer, rule.trim, rule.trim_newlines, *left);
    return *std::move(left);
  }
  std::vector<TextRange> whole = {{0, answer.size()}};
  TrimRanges(answer, data.trim_model, data.trim_model_newlines, whole);
  return whole;
}

std::vector<TextRange> RecentAnswerRanges(absl::string_view answer,
                                          const PromptTemplateData& data) {
  const PastAnswerData& rule = data.past_answers;
  const size_t end = rule.end.empty() ? std::string::npos : answer.find(rule.end);
  if (data.tools.keeps_recent_thoughts && end != std::string::npos) {
    const size_t begin = answer.substr(0, end).rfind(rule.begin);
    const size_t thought = begin == std::string::npos ? 0 : begin + rule.begin.size();
    const bool is_empty =
        answer.substr(thought, end - thought).find_first_not_of('\n') == std::string::npos;
    if (!is_empty) return {{0, answer.size()}};
  }
  return PastAnswerRanges(answer, data);
}

std::string PastAnswer(absl::string_view answer, const PromptTemplateData& data) {
  return Joined(answer, PastAnswerRanges(answer, data));
}

}  // namespace inkling
