// Errors as clients of OpenAI's API expect them: an HTTP status and {"error": {...}}.

#ifndef INKLING_EXAMPLES_SERVE_API_ERROR_H_
#define INKLING_EXAMPLES_SERVE_API_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace inkling::serve {

// An InvalidArgument about one field of a request; the JSON names it as "param".
absl::Status BadField(absl::string_view field, absl::string_view message);

// The HTTP status of an error.
int HttpStatus(const absl::Status& status);

// {"error": {"message", "type", "param", "code"}}.
nlohmann::ordered_json ErrorJson(const absl::Status& status);

}  // namespace inkling::serve

#endif  // INKLING_EXAMPLES_SERVE_API_ERROR_H_
