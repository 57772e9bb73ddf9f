// Values of expressions, and the scopes that they look names up in.
//
// The interpreter of statements (jinja_template.cc) builds on it. The first error sticks; after it
// every value is undefined, and whoever loops looks at `ok()`.

#ifndef INKLING_CONVERTER_TEMPLATES_JINJA_EVALUATOR_H_
#define INKLING_CONVERTER_TEMPLATES_JINJA_EVALUATOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converter/templates/jinja_builtins.h"
#include "converter/templates/jinja_syntax.h"
#include "converter/templates/jinja_value.h"

namespace inkling {

class JinjaEvaluator {
 public:
  virtual ~JinjaEvaluator() = default;

  JinjaValue Evaluate(const JinjaExpression& expression);

  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

 protected:
  using Scope = absl::flat_hash_map<std::string, JinjaValue>;

  static constexpr int kMaxDepth = 400;          // nested expressions and statements
  static constexpr int64_t kMaxSteps = 1000000;  // expressions, statements, items
  static constexpr size_t kMaxTextBytes = size_t{1} << 22;

  // Takes a step; false after an error, or if this one was too many.
  bool Step(int line);
  JinjaValue Fail(absl::Status status);
  // The value, or undefined with the error kept.
  JinjaValue Taken(absl::StatusOr<JinjaValue> value);
  // Checks that the value may become part of another one.
  JinjaValue Contained(JinjaValue value);

  virtual JinjaValue CallMacro(const JinjaStatement& macro, const JinjaArguments& arguments) = 0;

  // Innermost last; the first holds the template's own variables.
  std::vector<Scope> scopes_ = std::vector<Scope>(1);
  int depth_ = 0;

 private:
  JinjaValue Name(const JinjaExpression& expression) const;
  JinjaValue Container(const JinjaExpression& expression);
  JinjaValue Unary(const JinjaExpression& expression);
  JinjaValue Binary(const JinjaExpression& expression);
  JinjaValue Compare(const JinjaExpression& expression);
  JinjaValue Conditional(const JinjaExpression& expression);
  JinjaValue Filter(const JinjaExpression& expression);
  JinjaValue Test(const JinjaExpression& expression);
  JinjaValue Attribute(const JinjaExpression& expression);
  JinjaValue Subscript(const JinjaExpression& expression);
  JinjaValue Slice(const JinjaExpression& expression);
  JinjaValue Call(const JinjaExpression& expression);
  JinjaValue CallFunction(absl::string_view name, const JinjaArguments& arguments);
  JinjaArguments Arguments(const JinjaExpression& expression);

  JinjaValue Arithmetic(absl::string_view op, const JinjaValue& left, const JinjaValue& right);
  bool Ordered(absl::string_view op, const JinjaValue& left, const JinjaValue& right);

  absl::Status status_;
  int64_t steps_left_ = kMaxSteps;
  int line_ = 0;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_JINJA_EVALUATOR_H_
