// The tree of a Jinja template: statements, and the expressions in them.
//
// The parser makes it, the interpreter walks it. One struct serves all kinds of a category; the
// comments say which of the children a kind has.

#ifndef INKLING_CONVERTER_TEMPLATES_JINJA_SYNTAX_H_
#define INKLING_CONVERTER_TEMPLATES_JINJA_SYNTAX_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/templates/jinja_value.h"

namespace inkling {

struct JinjaExpression {
  enum class Kind : uint8_t {
    kLiteral,  // `literal`
    kName,     // `text`
    kList,     // operands: the items
    kTuple,    // operands: the items
    kDict,     // operands: key, value, key, value, ...
    kUnary,    // `text` is "-", "+" or "not"; operands: one
    kBinary,   // `text` is the operator, "and", "or", "in" and "not in" among them; operands: two
    kCompare,  // operands: values; `names`: the operators between them
    kConditional,  // operands: then, condition, else (may be null)
    kAttribute,    // operands: object; `text`
    kSubscript,    // operands: object, index
    kSlice,        // operands: object, begin, end, step (the last three may be null)
    kCall,         // operands: function, positional arguments; keywords
    kFilter,       // `text`; operands: input, positional arguments; keywords
    kTest,         // `text`; operands: input, at most one argument
  };

  Kind kind = Kind::kLiteral;
  int line = 0;
  std::string text;
  JinjaValue literal;
  std::vector<std::unique_ptr<JinjaExpression>> operands;
  std::vector<std::string> names;
  std::vector<std::pair<std::string, std::unique_ptr<JinjaExpression>>> keywords;
};

struct JinjaStatement {
  enum class Kind : uint8_t {
    kText,      // `text`
    kOutput,    // value
    kIf,        // value, body, otherwise
    kFor,       // names = value; condition (may be null), body, otherwise
    kSet,       // names, or one name and `text`, its attribute; value, or body where value is null
    kMacro,     // `text` is its name; names and defaults (a null: none) of its parameters; body
    kBlock,     // body, as if the tags weren't there
    kBreak,     //
    kContinue,  //
  };

  Kind kind = Kind::kText;
  int line = 0;
  std::string text;
  std::vector<std::string> names;
  std::vector<std::unique_ptr<JinjaExpression>> defaults;
  std::unique_ptr<JinjaExpression> value;
  std::unique_ptr<JinjaExpression> condition;
  std::vector<JinjaStatement> body;
  std::vector<JinjaStatement> otherwise;
};

// Parses a template. Errors, with the line: InvalidArgument for what isn't Jinja, Unimplemented for
// what is (include, extends, call, ...) but isn't followed here.
absl::StatusOr<std::vector<JinjaStatement>> ParseJinja(absl::string_view source);

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_JINJA_SYNTAX_H_
