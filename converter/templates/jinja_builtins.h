// Filters, tests and methods that chat templates use, as Jinja and Python define them.
//
// The interpreter calls them by name. Unknown names are Unimplemented; arguments of a wrong kind
// are InvalidArgument. Letter case is changed in ASCII only; other letters are Unimplemented.

#ifndef INKLING_CONVERTER_TEMPLATES_JINJA_BUILTINS_H_
#define INKLING_CONVERTER_TEMPLATES_JINJA_BUILTINS_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/templates/jinja_value.h"

namespace inkling {

struct JinjaArguments {
  std::vector<JinjaValue> positional;
  std::vector<std::pair<std::string, JinjaValue>> named;

  // The argument at a place or of a name; null if it isn't given.
  const JinjaValue* Get(size_t index, absl::string_view name) const;
};

absl::StatusOr<JinjaValue> ApplyJinjaFilter(absl::string_view name, const JinjaValue& input,
                                            const JinjaArguments& arguments);

absl::StatusOr<bool> ApplyJinjaTest(absl::string_view name, const JinjaValue& input,
                                    const JinjaArguments& arguments);

// Whether values of this kind have a method of this name.
bool HasJinjaMethod(const JinjaValue& self, absl::string_view name);

absl::StatusOr<JinjaValue> CallJinjaMethod(const JinjaValue& self, absl::string_view name,
                                           const JinjaArguments& arguments);

// What a loop over `value` gives: items of a list, keys of a mapping, characters of a string;
// nothing for undefined.
absl::StatusOr<JinjaValue::List> JinjaItems(const JinjaValue& value);

// The characters of well-formed UTF-8.
std::vector<absl::string_view> JinjaCharacters(absl::string_view text);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_JINJA_BUILTINS_H_
