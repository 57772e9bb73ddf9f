// JSON Schemas: any text is compiled or refused in bounded time, and what the grammar writes is
// JSON. The first byte chooses the white space and the walk.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "src/structured/json_schema.h"
#include "src/text/json_value.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/grammar_walk.h"

namespace inkling {

bool FuzzOne(absl::string_view bytes) {
  if (bytes.empty()) return false;
  const uint8_t choice = static_cast<uint8_t>(bytes[0]);
  absl::StatusOr<Grammar> grammar =
      GrammarOfJsonSchema(bytes.substr(1), static_cast<JsonSpacing>(choice % 3));
  if (!grammar.ok()) return false;
  const absl::StatusOr<std::string> text = WalkGrammar(*std::move(grammar), choice);
  if (!text.ok()) return false;
  const absl::StatusOr<JsonValue> value = ParseJson(*text);
  // Names that additional properties have twice are JSON that ParseJson doesn't take.
  Expect(text->empty() || value.ok() ||
             value.status().message().find("two members") != std::string::npos ||
             value.status().message().find("nesting") != std::string::npos,
         "text of a schema's grammar is JSON");
  return true;
}

}  // namespace inkling
