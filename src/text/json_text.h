// JSON as templates write it: as Python's json.dumps(ensure_ascii=False) does, because models were
// trained on that.

#ifndef INKLING_SRC_TEXT_JSON_TEXT_H_
#define INKLING_SRC_TEXT_JSON_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/text/json_value.h"

namespace inkling {

// Returns a number of JSON as Python prints it after reading it: integers as they are, others with
// the fewest digits that give the same double. InvalidArgument: beyond a double's range.
absl::StatusOr<std::string> PythonNumber(absl::string_view number);

// Makes all numbers in `value` texts of PythonNumber. Errors: those of it.
absl::Status SpellNumbersAsPython(JsonValue& value);

// Returns `value` with ", " and ": ", or with what is nested on lines of its own, `indent` spaces
// further in.
std::string WriteJson(const JsonValue& value, uint32_t indent = 0);

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_JSON_TEXT_H_
