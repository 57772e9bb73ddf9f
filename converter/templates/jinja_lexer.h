// Cuts the source of a Jinja template into tokens: text, and what stands inside the tags.
//
// White space around tags goes as transformers asks Jinja for: trim_blocks and lstrip_blocks are
// on, and one newline at the very end of the source is dropped.

#ifndef INKLING_CONVERTER_TEMPLATES_JINJA_LEXER_H_
#define INKLING_CONVERTER_TEMPLATES_JINJA_LEXER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace inkling {

struct JinjaToken {
  enum class Kind : uint8_t {
    kText,         // between tags
    kOutputBegin,  // {{
    kOutputEnd,    // }}
    kBlockBegin,   // {%
    kBlockEnd,     // %}
    kName,
    kString,  // `text` is what it stands for
    kInteger,
    kFloat,
    kOperator,
    kEnd,  // of the source; always the last token
  };

  Kind kind = Kind::kEnd;
  std::string text;
  int line = 1;
};

// Errors: InvalidArgument, with the line, for a tag or string without an end and for characters
// that belong to no token.
absl::StatusOr<std::vector<JinjaToken>> LexJinja(absl::string_view source);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_JINJA_LEXER_H_
