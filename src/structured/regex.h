// Regular expressions as ECMAScript and JSON Schema's `pattern` write them, to expressions of a
// grammar.
//
// Understood: characters, `.`, classes `[...]` with ranges and \d \w \s (and \D \W \S), groups
// (...)
// (?:...) (?<name>...), `|`, the quantifiers * + ? {m} {m,} {m,n} (lazy ones mean the same),
// escapes \t \n \r \f \v \0 \xHH \uHHHH \u{...} and escaped punctuation, ^ at the beginning and $
// at the end of an alternative that isn't within a group. Everything else is refused with its name
// and place.

#ifndef INKLING_SRC_STRUCTURED_REGEX_H_
#define INKLING_SRC_STRUCTURED_REGEX_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/structured/codepoint_set.h"
#include "src/structured/grammar.h"

namespace inkling {

enum class RegexMatch : uint8_t {
  kWhole,   // the expression is the whole text
  kSearch,  // the text has it somewhere, as `pattern` means it; ^ and $ tie it to the ends
};

// Says how one character of a set is written in the grammar's text.
using CharacterWriter = absl::FunctionRef<ExprId(const CodepointSet&)>;

// Errors: InvalidArgument (ill-formed), Unimplemented (not supported): what, at which byte.
absl::StatusOr<ExprId> ParseRegex(absl::string_view regex, RegexMatch match, Grammar& grammar,
                                  CharacterWriter write);

// The same for other surroundings: `before` is what may stand in front of an alternative that
// doesn't begin with ^, `after` what may follow one that doesn't end with $.
absl::StatusOr<ExprId> ParseRegexWithin(absl::string_view regex, ExprId before, ExprId after,
                                        Grammar& grammar, CharacterWriter write);

// The texts that the expression matches as a whole. Errors: as ParseRegex.
absl::StatusOr<Grammar> GrammarOfRegex(absl::string_view regex);

// A character of `set` in UTF-8.
ExprId Utf8Character(const CodepointSet& set, Grammar& grammar);

// The set of an escape like \d, or of `.`; for the other front ends.
CodepointSet DigitCharacters();
CodepointSet WordCharacters();
CodepointSet SpaceCharacters();

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_REGEX_H_
