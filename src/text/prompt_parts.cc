// See prompt_parts.h.

#include "src/text/prompt_parts.h"

#include <algorithm>

namespace inkling {

std::string JoinedText(const std::vector<PromptPart>& parts) {
  std::string text;
  for (const PromptPart& part : parts) text += part.text;
  return text;
}

std::vector<PromptPart> FirstParts(const std::vector<PromptPart>& parts, size_t length) {
  std::vector<PromptPart> first;
  for (const PromptPart& part : parts) {
    if (length == 0) break;
    AppendPart(absl::string_view(part.text).substr(0, length), part.markup, first);
    length -= std::min(length, part.text.size());
  }
  return first;
}

}  // namespace inkling
