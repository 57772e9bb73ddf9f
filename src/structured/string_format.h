// The values of JSON Schema's `format` that are enforced, as regular expressions.

#ifndef INKLING_SRC_STRUCTURED_STRING_FORMAT_H_
#define INKLING_SRC_STRUCTURED_STRING_FORMAT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace inkling {

// A regular expression whose texts all have the format, or "" for a format that isn't known. Some
// texts that have the format are left out: dates of 29 February, e-mail addresses and URIs with
// quoting, leap seconds.
absl::string_view RegexOfFormat(absl::string_view format);

// Names of those that are known, for messages.
std::string KnownFormats();

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_STRING_FORMAT_H_
