// --messages=FILE: a conversation as a JSON list of messages.

#ifndef INKLING_EXAMPLES_PROGRAMS_MESSAGE_FILE_H_
#define INKLING_EXAMPLES_PROGRAMS_MESSAGE_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "inkling/llm_message.h"

namespace inkling {

// Reads [{"role": "system" | "user" | "assistant", "content": TEXT}, ...]. Errors: NotFound;
// InvalidArgument that says which message is wrong.
absl::StatusOr<std::vector<ChatMessage>> ReadMessageFile(const std::string& path);

}  // namespace inkling

#endif  // INKLING_EXAMPLES_PROGRAMS_MESSAGE_FILE_H_
