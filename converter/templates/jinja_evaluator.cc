// One function for each kind of expression (see jinja_evaluator.h).

#include "converter/templates/jinja_evaluator.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/text/date_text.h"

namespace inkling {
namespace {

using Expression = JinjaExpression;
using Kind = JinjaExpression::Kind;

absl::Status Invalid(absl::string_view what) { return absl::InvalidArgumentError(what); }

// Python's index: negative ones count from the end. Nothing outside.
std::optional<size_t> PlaceOf(int64_t index, size_t size) {
  if (index < 0) index += static_cast<int64_t>(size);
  if (index < 0 || index >= static_cast<int64_t>(size)) return std::nullopt;
  return static_cast<size_t>(index);
}

}  // namespace

bool JinjaEvaluator::Step(int line) {
  line_ = line;
  if (--steps_left_ < 0) Fail(absl::ResourceExhaustedError("more than a million steps"));
  if (depth_ > kMaxDepth) Fail(absl::ResourceExhaustedError("nested too deeply"));
  return ok();
}

JinjaValue JinjaEvaluator::Fail(absl::Status status) {
  if (ok()) {
    status_ = absl::Status(status.code(), absl::StrCat("line ", line_, ": ", status.message()));
  }
  return JinjaValue();
}

JinjaValue JinjaEvaluator::Taken(absl::StatusOr<JinjaValue> value) {
  return value.ok() ? *std::move(value) : Fail(value.status());
}

JinjaValue JinjaEvaluator::Contained(JinjaValue value) {
  if (value.name_space() != nullptr) {
    return Fail(absl::UnimplementedError("a namespace inside of something is not supported"));
  }
  if (!value.CanBeContained(steps_left_)) {
    return Fail(absl::ResourceExhaustedError("a value too large or nested too deeply"));
  }
  return value;
}

JinjaValue JinjaEvaluator::Evaluate(const Expression& expression) {
  if (!Step(expression.line)) return JinjaValue();
  ++depth_;
  JinjaValue value;
  switch (expression.kind) {
    case Kind::kLiteral:
      value = expression.literal;
      break;
    case Kind::kName:
      value = Name(expression);
      break;
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
      value = Container(expression);
      break;
    case Kind::kUnary:
      value = Unary(expression);
      break;
    case Kind::kBinary:
      value = Binary(expression);
      break;
    case Kind::kCompare:
      value = Compare(expression);
      break;
    case Kind::kConditional:
      value = Conditional(expression);
      break;
    case Kind::kAttribute:
      value = Attribute(expression);
      break;
    case Kind::kSubscript:
      value = Subscript(expression);
      break;
    case Kind::kSlice:
      value = Slice(expression);
      break;
    case Kind::kCall:
      value = Call(expression);
      break;
    case Kind::kFilter:
      value = Filter(expression);
      break;
    case Kind::kTest:
      value = Test(expression);
      break;
  }
  --depth_;
  return ok() ? value : JinjaValue();
}

JinjaValue JinjaEvaluator::Conditional(const Expression& expression) {
  const bool truth = Evaluate(*expression.operands[1]).Truth();
  const Expression* chosen = expression.operands[truth ? 0 : 2].get();
  return chosen != nullptr ? Evaluate(*chosen) : JinjaValue();
}

JinjaValue JinjaEvaluator::Filter(const Expression& expression) {
  const JinjaValue input = Evaluate(*expression.operands[0]);
  const JinjaArguments arguments = Arguments(expression);
  return ok() ? Taken(ApplyJinjaFilter(expression.text, input, arguments)) : JinjaValue();
}

JinjaValue JinjaEvaluator::Test(const Expression& expression) {
  const JinjaValue input = Evaluate(*expression.operands[0]);
  const JinjaArguments arguments = Arguments(expression);
  if (!ok()) return JinjaValue();
  const absl::StatusOr<bool> result = ApplyJinjaTest(expression.text, input, arguments);
  return result.ok() ? JinjaValue::MakeBool(*result) : Fail(result.status());
}

JinjaValue JinjaEvaluator::Name(const Expression& expression) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    const auto found = scope->find(expression.text);
    if (found != scope->end()) return found->second;
  }
  for (absl::string_view name : {"namespace", "range", "raise_exception", "strftime_now", "dict"}) {
    if (expression.text == name)
      return JinjaValue::MakeCallable({expression.text, nullptr, nullptr});
  }
  return JinjaValue::MakeUndefined(expression.text);
}

JinjaValue JinjaEvaluator::Container(const Expression& expression) {
  JinjaValue::List items;
  for (const auto& operand : expression.operands) items.push_back(Contained(Evaluate(*operand)));
  if (!ok()) return JinjaValue();
  if (expression.kind == Kind::kList) return JinjaValue::MakeList(std::move(items));
  if (expression.kind == Kind::kTuple) return JinjaValue::MakeTuple(std::move(items));
  JinjaValue::Dict dict;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i].text() == nullptr) return Fail(Invalid("a key that is no string"));
    const auto same = std::find_if(dict.begin(), dict.end(), [&](const auto& entry) {
      return entry.first == *items[i].text();
    });
    if (same != dict.end()) {
      same->second = items[i + 1];
    } else {
      dict.emplace_back(*items[i].text(), items[i + 1]);
    }
  }
  return JinjaValue::MakeDict(std::move(dict));
}

JinjaValue JinjaEvaluator::Unary(const Expression& expression) {
  JinjaValue value = Evaluate(*expression.operands[0]);
  if (!ok()) return JinjaValue();
  if (expression.text == "not") return JinjaValue::MakeBool(!value.Truth());
  if (!value.number().has_value()) {
    return Fail(Invalid(absl::StrCat("the sign of ", value.KindName())));
  }
  if (expression.text == "+") return value;
  return Arithmetic("-", JinjaValue::MakeInt(0), value);
}

JinjaValue JinjaEvaluator::Binary(const Expression& expression) {
  JinjaValue left = Evaluate(*expression.operands[0]);
  if (!ok()) return JinjaValue();
  if (expression.text == "and" || expression.text == "or") {
    const bool decided = left.Truth() == (expression.text == "or");
    return decided ? left : Evaluate(*expression.operands[1]);
  }
  const JinjaValue right = Evaluate(*expression.operands[1]);
  if (!ok()) return JinjaValue();
  const bool join = expression.text == "~";
  if (join || (expression.text == "+" && left.text() != nullptr && right.text() != nullptr)) {
    std::string joined = absl::StrCat(left.Printed(), right.Printed());
    steps_left_ -= static_cast<int64_t>(joined.size() >> 10);
    if (joined.size() > kMaxTextBytes) return Fail(absl::ResourceExhaustedError("a text too long"));
    return JinjaValue::MakeText(joined);
  }
  if (expression.text == "+" && left.list() != nullptr && right.list() != nullptr) {
    JinjaValue::List items = *left.list();
    items.insert(items.end(), right.list()->begin(), right.list()->end());
    return Contained(JinjaValue::MakeList(std::move(items)));
  }
  if (expression.text == "*" && left.text() != nullptr && right.integer().has_value()) {
    std::string repeated;
    for (int64_t i = 0; i < *right.integer() && Step(line_); ++i) {
      repeated += *left.text();
      if (repeated.size() > kMaxTextBytes) return Fail(absl::ResourceExhaustedError("a long text"));
    }
    return JinjaValue::MakeText(repeated);
  }
  return Arithmetic(expression.text, left, right);
}

JinjaValue JinjaEvaluator::Arithmetic(absl::string_view op, const JinjaValue& left,
                                      const JinjaValue& right) {
  if (!left.number().has_value() || !right.number().has_value()) {
    const JinjaValue& wrong = left.undefined() != nullptr ? left : right;
    if (wrong.undefined() != nullptr) {
      return Fail(Invalid(absl::StrCat("'", wrong.undefined()->name, "' is undefined")));
    }
    return Fail(Invalid(absl::StrCat(left.KindName(), " ", op, " ", right.KindName())));
  }
  const double a = *left.number();
  const double b = *right.number();
  const bool divides = op == "/" || op == "//" || op == "%";
  if (divides && b == 0) return Fail(Invalid("division by zero"));
  if (op == "/") return JinjaValue::MakeFloat(a / b);
  if (op == "**" || left.real() != nullptr || right.real() != nullptr) {
    const double result = op == "+"    ? a + b
                          : op == "-"  ? a - b
                          : op == "*"  ? a * b
                          : op == "//" ? std::floor(a / b)
                          : op == "%"  ? a - b * std::floor(a / b)
                                       : std::pow(a, b);
    const bool whole = left.integer().has_value() && right.integer().has_value() && b >= 0;
    if (!whole) return JinjaValue::MakeFloat(result);
    if (!(std::fabs(result) < 9e15)) return Fail(Invalid("a number too large"));
    return JinjaValue::MakeInt(static_cast<int64_t>(result));
  }
  const absl::int128 x = *left.integer();
  const absl::int128 y = *right.integer();
  absl::int128 result = op == "+" ? x + y : op == "-" ? x - y : op == "*" ? x * y : x / y;
  if (op == "//" && x % y != 0 && (x < 0) != (y < 0)) result -= 1;
  if (op == "%") {
    result = x % y;
    if (result != 0 && (result < 0) != (y < 0)) result += y;
  }
  const int64_t number = static_cast<int64_t>(result);
  if (result != number) return Fail(Invalid("a number too large"));
  return JinjaValue::MakeInt(number);
}

bool JinjaEvaluator::Ordered(absl::string_view op, const JinjaValue& left,
                             const JinjaValue& right) {
  int order = 0;
  if (left.number().has_value() && right.number().has_value()) {
    order = *left.number() < *right.number() ? -1 : *left.number() > *right.number() ? 1 : 0;
  } else if (left.text() != nullptr && right.text() != nullptr) {
    order = left.text()->compare(*right.text());
  } else {
    Fail(Invalid(absl::StrCat(left.KindName(), " ", op, " ", right.KindName())));
  }
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  return op == ">" ? order > 0 : order >= 0;
}

JinjaValue JinjaEvaluator::Compare(const Expression& expression) {
  JinjaValue left = Evaluate(*expression.operands[0]);
  for (size_t i = 0; i < expression.names.size() && ok(); ++i) {
    const std::string& op = expression.names[i];
    JinjaValue right = Evaluate(*expression.operands[i + 1]);
    if (!ok()) break;
    bool holds = false;
    if (op == "==" || op == "!=") {
      holds = (left == right) == (op == "==");
    } else if (op == "in" || op == "not in") {
      JinjaArguments arguments;
      arguments.positional.push_back(right);
      const bool odd = right.text() != nullptr && left.text() == nullptr;
      const absl::StatusOr<bool> found =
          odd ? absl::StatusOr<bool>(Invalid(absl::StrCat(left.KindName(), " in a string")))
              : ApplyJinjaTest("in", left, arguments);
      if (!found.ok()) return Fail(found.status());
      holds = *found == (op == "in");
    } else {
      holds = Ordered(op, left, right);
    }
    if (!holds) return JinjaValue::MakeBool(false);
    left = std::move(right);
  }
  return JinjaValue::MakeBool(true);
}

JinjaValue JinjaEvaluator::Attribute(const Expression& expression) {
  JinjaValue object = Evaluate(*expression.operands[0]);
  if (!ok()) return JinjaValue();
  if (object.undefined() != nullptr) {
    return Fail(Invalid(absl::StrCat("'", object.undefined()->name, "' is undefined")));
  }
  if (HasJinjaMethod(object, expression.text)) {
    return JinjaValue::MakeCallable(
        {expression.text, std::make_shared<JinjaValue>(std::move(object)), nullptr});
  }
  const JinjaValue* found = object.Find(expression.text);
  return found != nullptr ? *found : JinjaValue::MakeUndefined(expression.text);
}

JinjaValue JinjaEvaluator::Subscript(const Expression& expression) {
  const JinjaValue object = Evaluate(*expression.operands[0]);
  const JinjaValue index = Evaluate(*expression.operands[1]);
  if (!ok()) return JinjaValue();
  if (object.undefined() != nullptr) {
    return Fail(Invalid(absl::StrCat("'", object.undefined()->name, "' is undefined")));
  }
  if (index.text() != nullptr) {
    const JinjaValue* found = object.Find(*index.text());
    return found != nullptr ? *found : JinjaValue::MakeUndefined(*index.text());
  }
  const bool has_items = object.list() != nullptr || object.text() != nullptr;
  if (!has_items || !index.integer().has_value()) return JinjaValue::MakeUndefined("a subscript");
  const absl::StatusOr<JinjaValue::List> items = JinjaItems(object);
  if (!items.ok()) return Fail(items.status());
  const std::optional<size_t> place = PlaceOf(*index.integer(), items->size());
  return place.has_value() ? (*items)[*place] : JinjaValue::MakeUndefined("a subscript");
}

JinjaValue JinjaEvaluator::Slice(const Expression& expression) {
  const JinjaValue object = Evaluate(*expression.operands[0]);
  int64_t parts[3] = {0, 0, 1};
  bool given[3] = {false, false, false};
  for (size_t i = 0; i < 3; ++i) {
    if (expression.operands[i + 1] == nullptr) continue;
    const JinjaValue part = Evaluate(*expression.operands[i + 1]);
    if (part.is_none()) continue;
    if (!part.integer().has_value()) return Fail(Invalid("a slice that isn't of integers"));
    parts[i] = *part.integer();
    given[i] = true;
  }
  if (!ok()) return JinjaValue();
  if (object.list() == nullptr && object.text() == nullptr) {
    return Fail(Invalid(absl::StrCat("a slice of ", object.KindName())));
  }
  const absl::StatusOr<JinjaValue::List> items = JinjaItems(object);
  if (!items.ok()) return Fail(items.status());
  const int64_t size = static_cast<int64_t>(items->size());
  if (parts[2] == 0) return Fail(Invalid("a slice with step 0"));
  const int64_t step = std::clamp<int64_t>(parts[2], -size - 1, size + 1);
  const bool forward = step > 0;
  const auto bound = [&](size_t part, int64_t fallback) {
    if (!given[part]) return fallback;
    const int64_t place = parts[part] < 0 ? parts[part] + size : parts[part];
    return forward ? std::clamp<int64_t>(place, 0, size) : std::clamp<int64_t>(place, -1, size - 1);
  };
  const int64_t begin = bound(0, forward ? 0 : size - 1);
  const int64_t end = bound(1, forward ? size : -1);
  JinjaValue::List sliced;
  for (int64_t i = begin; forward ? i < end : i > end; i += step) {
    sliced.push_back((*items)[static_cast<size_t>(i)]);
  }
  if (object.list() != nullptr) return JinjaValue::MakeList(std::move(sliced));
  std::string text;
  for (const JinjaValue& character : sliced) text += *character.text();
  return JinjaValue::MakeText(text);
}

JinjaArguments JinjaEvaluator::Arguments(const Expression& expression) {
  JinjaArguments arguments;
  for (size_t i = 1; i < expression.operands.size(); ++i) {
    arguments.positional.push_back(Evaluate(*expression.operands[i]));
  }
  for (const auto& [name, value] : expression.keywords) {
    arguments.named.emplace_back(name, Evaluate(*value));
  }
  return arguments;
}

JinjaValue JinjaEvaluator::Call(const Expression& expression) {
  const JinjaValue function = Evaluate(*expression.operands[0]);
  const JinjaArguments arguments = Arguments(expression);
  if (!ok()) return JinjaValue();
  const JinjaValue::Callable* callable = function.callable();
  if (callable == nullptr) {
    const JinjaExpression& callee = *expression.operands[0];
    return Fail(absl::UnimplementedError(
        absl::StrCat("the function '", callee.text, "' is not supported")));
  }
  if (callable->macro != nullptr) return CallMacro(*callable->macro, arguments);
  if (callable->self != nullptr) {
    return Taken(CallJinjaMethod(*callable->self, callable->name, arguments));
  }
  return CallFunction(callable->name, arguments);
}

JinjaValue JinjaEvaluator::CallFunction(absl::string_view name, const JinjaArguments& arguments) {
  const JinjaValue* first = arguments.Get(0, "");
  if (name == "raise_exception") {
    return Fail(absl::FailedPreconditionError(first == nullptr ? "" : first->Printed()));
  }
  if (name == "strftime_now") {
    if (first == nullptr || first->text() == nullptr) return Fail(Invalid("strftime_now()"));
    // Formatted later, on the day that matters; what can't be is refused here.
    const absl::StatusOr<std::string> formatted = FormatDate(*first->text(), CivilDate());
    if (!formatted.ok()) return Fail(formatted.status());
    return JinjaValue::MakeText(
        absl::StrCat(std::string(1, kDateMark), *first->text(), std::string(1, kDateMark)));
  }
  if (name == "namespace" || name == "dict") {
    JinjaValue::Dict fields;
    for (const auto& [key, value] : arguments.named) fields.emplace_back(key, Contained(value));
    if (first != nullptr) return Fail(absl::UnimplementedError("namespace() of a mapping"));
    return name == "dict" ? JinjaValue::MakeDict(std::move(fields))
                          : JinjaValue::MakeNamespace(std::move(fields));
  }
  if (name != "range") {
    return Fail(absl::UnimplementedError(absl::StrCat("the function '", name, "'")));
  }
  int64_t numbers[3] = {0, 0, 1};
  const size_t count = arguments.positional.size();
  if (count < 1 || count > 3) return Fail(Invalid("range() takes one to three integers"));
  for (size_t i = 0; i < count; ++i) {
    const std::optional<int64_t> number = arguments.positional[i].integer();
    if (!number.has_value()) return Fail(Invalid("range() takes integers"));
    numbers[count == 1 ? 1 : i] = *number;
  }
  if (numbers[2] == 0) return Fail(Invalid("range() with step 0"));
  JinjaValue::List list;
  const bool up = numbers[2] > 0;
  for (absl::int128 i = numbers[0]; up ? i < numbers[1] : i > numbers[1]; i += numbers[2]) {
    if (!Step(line_)) break;
    list.push_back(JinjaValue::MakeInt(static_cast<int64_t>(i)));
  }
  return JinjaValue::MakeList(std::move(list));
}

}  // namespace inkling
