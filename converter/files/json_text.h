// JSON as checkpoints contain it, parsed with limits: hostile text is an error, never a crash.
//
// Every reader of the converter comes through here. nlohmann's parser is used without exceptions,
// so a value must be checked before it is taken (config_fields.h does that for configs).

#ifndef INKLING_CONVERTER_FILES_JSON_TEXT_H_
#define INKLING_CONVERTER_FILES_JSON_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace inkling {

// Parses `text`. `name` ("config.json") begins every error message. Errors (InvalidArgument): not
// JSON (with the byte offset), nested deeper than 32 levels, a key twice in one object (which of
// the two is meant would depend on the reader).
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, absl::string_view name);

// Reads and parses a file of at most 64 MiB. Errors: those of reading and of ParseJson.
absl::StatusOr<nlohmann::json> ReadJsonFile(const std::string& path);

// "a string", "a number", "an object", ...: for messages that say what was found.
absl::string_view JsonTypeName(const nlohmann::json& value);

}  // namespace inkling

#endif  // INKLING_CONVERTER_FILES_JSON_TEXT_H_
