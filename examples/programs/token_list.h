// Token ids on a command line: "1,15043,3186".
//
// Used by inkling-eval's commands that take ids instead of text.

#ifndef INKLING_EXAMPLES_PROGRAMS_TOKEN_LIST_H_
#define INKLING_EXAMPLES_PROGRAMS_TOKEN_LIST_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace inkling {

// Reads ids separated by commas and/or white space. Errors: InvalidArgument for anything that isn't
// a number (says which, at which place) and for an empty list.
inline absl::StatusOr<std::vector<int32_t>> ParseTokenList(absl::string_view text) {
  std::vector<int32_t> tokens;
  for (absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(", \t\r\n"), absl::SkipEmpty())) {
    int32_t token = 0;
    if (!absl::SimpleAtoi(word, &token)) {
      return absl::InvalidArgumentError(
          absl::StrCat("token ", tokens.size(), " is '", word, "'; expected a whole number"));
    }
    tokens.push_back(token);
  }
  if (tokens.empty())
    return absl::InvalidArgumentError("no tokens given; expected ids such as 1,15043,3186");
  return tokens;
}

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_TOKEN_LIST_H_
