// Building of a prompt out of what the template wrote and what it was given.

#ifndef INKLING_SRC_TEXT_PROMPT_PARTS_H_
#define INKLING_SRC_TEXT_PROMPT_PARTS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/text/tokenizer.h"

namespace inkling {

// Adds `text`, joined to the last part if that is of the same kind.
inline void AppendPart(absl::string_view text, Markup markup, std::vector<PromptPart>& parts) {
  if (text.empty()) return;
  if (!parts.empty() && parts.back().markup == markup) {
    parts.back().text.append(text.data(), text.size());
    return;
  }
  parts.push_back({std::string(text), markup});
}

// The text of all parts.
std::string JoinedText(const std::vector<PromptPart>& parts);

// The parts that make up the first `length` bytes.
std::vector<PromptPart> FirstParts(const std::vector<PromptPart>& parts, size_t length);

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_PROMPT_PARTS_H_
