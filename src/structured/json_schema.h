// JSON Schema (draft 2020-12) to a grammar of the texts whose values fit.
//
// Every text of the grammar fits the schema; some that fit are left out, so that a model doesn't
// have to choose between spellings: properties come in the schema's order, additional ones behind
// them and without escapes in their names; numbers with bounds have no exponent, integers no
// fraction. Keywords that can't be enforced are refused, with the place in the schema.

#ifndef INKLING_SRC_STRUCTURED_JSON_SCHEMA_H_
#define INKLING_SRC_STRUCTURED_JSON_SCHEMA_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "inkling/output_constraint.h"
#include "src/structured/grammar.h"
#include "src/structured/json_grammar.h"
#include "src/text/json_value.h"

namespace inkling {

// Errors: InvalidArgument (not JSON, not a schema), Unimplemented (a keyword that isn't enforced),
// ResourceExhausted (too large): what, where, what to do.
absl::StatusOr<Grammar> GrammarOfJsonSchema(absl::string_view schema, JsonSpacing spacing);

// The same as an expression of a grammar that has others. `root` is what $ref refers to, and isn't
// used after the call.
absl::StatusOr<ExprId> AddJsonSchema(const JsonValue& root, JsonSpacing spacing, Grammar& grammar);

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_JSON_SCHEMA_H_
