// The filter `tojson`, as transformers defines it: Python's json.dumps without escapes of letters.

#ifndef INKLING_CONVERTER_TEMPLATES_JINJA_JSON_H_
#define INKLING_CONVERTER_TEMPLATES_JINJA_JSON_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "converter/templates/jinja_builtins.h"
#include "converter/templates/jinja_value.h"

namespace inkling {

// Arguments of json.dumps.
struct JinjaJsonStyle {
  std::optional<std::string> indent;  // of what is nested; none: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
  bool ensure_ascii = false;
};

// `value` as JSON. What JSON hasn't (undefined, functions) is null. ResourceExhausted: more than
// `max_bytes`.
absl::StatusOr<std::string> JinjaToJson(const JinjaValue& value, const JinjaJsonStyle& style,
                                        size_t max_bytes);

// The arguments of the filter. Errors: InvalidArgument: of a wrong kind; Unimplemented: others.
absl::StatusOr<JinjaJsonStyle> JsonStyleOf(const JinjaArguments& arguments);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_JINJA_JSON_H_
