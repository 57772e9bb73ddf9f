// Fields that chat and completions share.

#ifndef INKLING_EXAMPLES_SERVE_GENERATION_FIELDS_H_
#define INKLING_EXAMPLES_SERVE_GENERATION_FIELDS_H_

#include "absl/status/status.h"
#include "examples/serve/json_fields.h"
#include "examples/serve/requests.h"

namespace inkling::serve {

// OpenAI's name for GenerateOptions::max_new_tokens.
inline constexpr char kMostTokensField[] = "max_tokens";

// Reads them; unknown fields are left to the caller's Finish.
absl::Status ReadGenerationFields(JsonFields& fields, GenerationRequest& request);

}  // namespace inkling::serve

#endif  // INKLING_EXAMPLES_SERVE_GENERATION_FIELDS_H_
