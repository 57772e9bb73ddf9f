// Grammars as people write them, in the EBNF that is known as GBNF:
//
//   root  ::= "yes" | "no" ("!" | "?")+       # a comment
//   digit ::= [0-9]
//   word  ::= [a-zA-Z_] [^ \t\n]* digit{2,4}
//
// Rules are NAME ::= ALTERNATIVES; a rule goes on over line ends until the next one begins. Texts
// are in double quotes, with \n \r \t \" \\ \xHH \uHHHH; `.` is any character; quantifiers are * +
// ? {n} {n,} {n,m}.

#ifndef INKLING_SRC_STRUCTURED_EBNF_H_
#define INKLING_SRC_STRUCTURED_EBNF_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/structured/grammar.h"

namespace inkling {

// Errors: InvalidArgument: what, in which line.
absl::StatusOr<Grammar> GrammarOfEbnf(absl::string_view text);

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_EBNF_H_
