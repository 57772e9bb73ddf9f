// Questions about pairs of schemas: what both allow (allOf), and whether they can allow the same
// value (oneOf).

#ifndef INKLING_SRC_STRUCTURED_SCHEMA_MERGE_H_
#define INKLING_SRC_STRUCTURED_SCHEMA_MERGE_H_

#include <string>

#include "absl/status/statusor.h"
#include "src/text/json_value.h"

namespace inkling {

// A schema for the values that both allow. Errors: Unimplemented where that can't be written as one
// schema: which keyword.
absl::StatusOr<JsonValue> MergeSchemas(const JsonValue& a, const JsonValue& b);

// True if it is certain that no value fits both. The schemas' own keywords are looked at, not what
// they refer to.
bool AreDisjoint(const JsonValue& a, const JsonValue& b);

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_SCHEMA_MERGE_H_
