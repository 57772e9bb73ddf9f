// White space at the ends of texts, as chat templates drop it.

#ifndef INKLING_SRC_TEXT_TEXT_TRIM_H_
#define INKLING_SRC_TEXT_TEXT_TRIM_H_

#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"

namespace inkling {

enum class TrimmedCharacters {
  kWhiteSpace,  // Python's: white space and the four separator control characters
  kNewlines,    // "\n" alone
};

// Returns `text` without those of `characters` that stand where `trim` says.
absl::string_view Trim(absl::string_view text, TextTrim trim,
                       TrimmedCharacters characters = TrimmedCharacters::kWhiteSpace);

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_TEXT_TRIM_H_
