// The keywords of JSON Schema: which are enforced, which say nothing about values, and what their
// values must be. Every other one is refused, so that no schema is followed by half.

#ifndef INKLING_SRC_STRUCTURED_SCHEMA_KEYWORDS_H_
#define INKLING_SRC_STRUCTURED_SCHEMA_KEYWORDS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/text/json_value.h"

namespace inkling {

// Whether a keyword says nothing about which values fit: remarks, and places for schemas that
// others refer to.
bool IsAnnotation(absl::string_view keyword);

// Errors: Unimplemented for a keyword that can't be enforced, InvalidArgument for a value that it
// can't have: at which path, what was expected, what was found. `is_document`: `schema` is the
// whole document. Parts of the schema aren't looked at.
absl::Status CheckKeywords(const JsonValue& schema, bool is_document, const std::string& path);

// A keyword's value as a number of things, after CheckKeywords; `missing` if there is none.
uint32_t CountOf(const JsonValue& schema, absl::string_view keyword, uint32_t missing);

// A part's path, as a JSON pointer; a long name is cut.
std::string PathOf(const std::string& path, absl::string_view keyword);
std::string PathOf(const std::string& path, absl::string_view keyword, absl::string_view name);

// Statuses that name the place.
absl::Status SchemaError(const std::string& path, absl::string_view what);
absl::Status SchemaUnsupported(const std::string& path, absl::string_view what);

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_SCHEMA_KEYWORDS_H_
