// Recursive descent, one function for each level of precedence (see jinja_expression_parser.h).

#include "converter/templates/jinja_expression_parser.h"

#include <cstdint>
#include <iterator>

#include "absl/strings/numbers.h"

namespace inkling {

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::Make(Expression::Kind kind,
                                                                 absl::string_view text) {
  if (++num_nodes_ > kMaxNodes) {
    Fail(absl::InvalidArgumentError(
        absl::StrCat("an expression of more than ", kMaxNodes, " parts")));
  }
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->line = Now().line;
  made->text = std::string(text);
  return made;
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::MakeLiteral(JinjaValue value) {
  ExpressionPtr made = Make(Expression::Kind::kLiteral);
  made->literal = std::move(value);
  return made;
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::MakeBinary(absl::string_view op,
                                                                       ExpressionPtr left,
                                                                       ExpressionPtr right) {
  ExpressionPtr made = Make(Expression::Kind::kBinary, op);
  made->operands.push_back(std::move(left));
  made->operands.push_back(std::move(right));
  return made;
}

// One expression, or several with commas between: a tuple.
JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseTuple(Ternary ternary) {
  ExpressionPtr first = ternary == Ternary::kAllowed ? ParseExpression() : ParseOr();
  if (!Is(",")) return first;
  ExpressionPtr tuple = Make(Expression::Kind::kTuple);
  tuple->operands.push_back(std::move(first));
  while (Accept(",")) {
    if (Now().kind == Kind::kBlockEnd || Now().kind == Kind::kOutputEnd || Is(")")) break;
    tuple->operands.push_back(ParseExpression());
  }
  return tuple;
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseExpression() {
  const Level level(*this);
  ExpressionPtr value = ParseOr();
  while (AcceptName("if")) {
    ExpressionPtr conditional = Make(Expression::Kind::kConditional);
    conditional->operands.push_back(std::move(value));
    conditional->operands.push_back(ParseOr());
    conditional->operands.push_back(AcceptName("else") ? ParseExpression() : nullptr);
    value = std::move(conditional);
  }
  return value;
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseOr() {
  ExpressionPtr left = ParseAnd();
  while (AcceptName("or")) left = MakeBinary("or", std::move(left), ParseAnd());
  return left;
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseAnd() {
  ExpressionPtr left = ParseNot();
  while (AcceptName("and")) left = MakeBinary("and", std::move(left), ParseNot());
  return left;
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseNot() {
  const Level level(*this);
  if (!AcceptName("not")) return ParseComparison();
  ExpressionPtr made = Make(Expression::Kind::kUnary, "not");
  made->operands.push_back(ParseNot());
  return made;
}

// The comparison operator that stands here, or "".
std::string JinjaExpressionParser::TakeComparison() {
  for (absl::string_view op : {"==", "!=", "<=", ">=", "<", ">"}) {
    if (Accept(op)) return std::string(op);
  }
  if (AcceptName("in")) return "in";
  if (IsName("not") && Ahead(1).kind == Kind::kName && Ahead(1).text == "in") {
    Next();
    Next();
    return "not in";
  }
  return "";
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseComparison() {
  ExpressionPtr first = ParseBinary(0);
  std::string op = TakeComparison();
  if (op.empty()) return first;
  ExpressionPtr chain = Make(Expression::Kind::kCompare);
  chain->operands.push_back(std::move(first));
  for (; !op.empty(); op = TakeComparison()) {
    chain->names.push_back(op);
    chain->operands.push_back(ParseBinary(0));
  }
  return chain;
}

// Levels 0 to 3: sums, ~, multiplication, powers.
JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseBinary(size_t precedence) {
  static constexpr absl::string_view kLevels[] = {"+ -", "~", "* / // %", "**"};
  if (precedence == std::size(kLevels)) return ParseSigned(Filters::kAllowed);
  ExpressionPtr left = ParseBinary(precedence + 1);
  while (IsOneOf(kLevels[precedence])) {
    const std::string op = Now().text;
    Next();
    left = MakeBinary(op, std::move(left), ParseBinary(precedence + 1));
  }
  return left;
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseSigned(Filters filters) {
  const Level level(*this);
  ExpressionPtr value;
  if (Is("-") || Is("+")) {
    value = Make(Expression::Kind::kUnary, Now().text);
    Next();
    value->operands.push_back(ParseSigned(Filters::kNotAllowed));  // -x|abs is (-x)|abs
  } else {
    value = ParsePrimary();
  }
  return ParseBehind(std::move(value), filters);
}

// What follows a value: .name [index] (arguments) |filter, and "is" a test.
JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseBehind(ExpressionPtr value,
                                                                        Filters filters) {
  while (status_.ok()) {
    if (Accept(".")) {
      const bool index = Now().kind == Kind::kInteger;
      if (index) {
        value = ParseSubscript(std::move(value), MakeInteger());
        continue;
      }
      ExpressionPtr made = Make(Expression::Kind::kAttribute);
      made->text = TakeName();
      made->operands.push_back(std::move(value));
      value = std::move(made);
    } else if (Accept("[")) {
      value = ParseIndex(std::move(value));
    } else if (Is("(")) {
      ExpressionPtr made = Make(Expression::Kind::kCall);
      made->operands.push_back(std::move(value));
      ParseArguments(*made);
      value = std::move(made);
    } else if (filters == Filters::kAllowed && Accept("|")) {
      ExpressionPtr made = Make(Expression::Kind::kFilter);
      made->text = TakeName();
      made->operands.push_back(std::move(value));
      if (Is("(")) ParseArguments(*made);
      value = std::move(made);
    } else if (filters == Filters::kAllowed && AcceptName("is")) {
      value = ParseTest(std::move(value));
    } else {
      break;
    }
  }
  return value;
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseSubscript(ExpressionPtr object,
                                                                           ExpressionPtr index) {
  ExpressionPtr made = Make(Expression::Kind::kSubscript);
  made->operands.push_back(std::move(object));
  made->operands.push_back(std::move(index));
  return made;
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseIndex(ExpressionPtr object) {
  ExpressionPtr parts[3];
  size_t colons = 0;
  while (status_.ok() && !Is("]")) {
    if (Accept(":")) {
      if (++colons > 2) Unexpected();
    } else {
      parts[colons] = ParseExpression();
      if (!Is(":") && !Is("]")) Unexpected();
    }
  }
  Expect("]");
  if (!status_.ok()) return object;
  if (colons == 0) {
    if (parts[0] == nullptr) Unexpected();
    return ParseSubscript(std::move(object), std::move(parts[0]));
  }
  ExpressionPtr made = Make(Expression::Kind::kSlice);
  made->operands.push_back(std::move(object));
  for (ExpressionPtr& part : parts) made->operands.push_back(std::move(part));
  return made;
}

void JinjaExpressionParser::ParseArguments(Expression& call) {
  Expect("(");
  while (status_.ok() && !Is(")")) {
    const bool keyword =
        Now().kind == Kind::kName && Ahead(1).kind == Kind::kOperator && Ahead(1).text == "=";
    if (keyword) {
      std::string name = TakeName();
      Next();
      call.keywords.emplace_back(std::move(name), ParseExpression());
    } else {
      call.operands.push_back(ParseExpression());
    }
    if (!Accept(",")) break;
  }
  Expect(")");
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseTest(ExpressionPtr value) {
  const bool negated = AcceptName("not");
  ExpressionPtr made = Make(Expression::Kind::kTest);
  made->text = TakeName();
  made->operands.push_back(std::move(value));
  const bool value_follows =
      Now().kind == Kind::kString || Now().kind == Kind::kInteger || IsOneOf("[ {") ||
      (Now().kind == Kind::kName && !IsName("and") && !IsName("or") && !IsName("else") &&
       !IsName("if") && !IsName("is") && !IsName("in") && !IsName("not"));
  if (Is("(")) {
    ParseArguments(*made);
  } else if (value_follows) {
    made->operands.push_back(ParsePrimary());
  }
  if (!negated) return made;
  ExpressionPtr outer = Make(Expression::Kind::kUnary, "not");
  outer->operands.push_back(std::move(made));
  return outer;
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::MakeInteger() {
  int64_t number = 0;
  if (!absl::SimpleAtoi(Now().text, &number)) Unexpected();
  Next();
  return MakeLiteral(JinjaValue::MakeInt(number));
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParsePrimary() {
  const Level level(*this);
  ExpressionPtr made;
  switch (Now().kind) {
    case Kind::kName:
      return ParseNamed();
    case Kind::kString: {
      std::string text;
      for (; Now().kind == Kind::kString; Next()) text += Now().text;
      return MakeLiteral(JinjaValue::MakeText(text));
    }
    case Kind::kInteger:
      return MakeInteger();
    case Kind::kFloat: {
      double number = 0;
      if (!absl::SimpleAtod(Now().text, &number)) Unexpected();
      Next();
      return MakeLiteral(JinjaValue::MakeFloat(number));
    }
    default:
      break;
  }
  if (Accept("(")) {
    made = Is(")") ? Make(Expression::Kind::kTuple) : ParseTuple(Ternary::kAllowed);
    Expect(")");
    return made;
  }
  if (Is("[") || Is("{")) return ParseContainer();
  Unexpected();
  return Make(Expression::Kind::kLiteral);
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseNamed() {
  const std::string name = TakeName();
  if (name == "true" || name == "True") return MakeLiteral(JinjaValue::MakeBool(true));
  if (name == "false" || name == "False") return MakeLiteral(JinjaValue::MakeBool(false));
  if (name == "none" || name == "None") return MakeLiteral(JinjaValue::MakeNone());
  return Make(Expression::Kind::kName, name);
}

JinjaExpressionParser::ExpressionPtr JinjaExpressionParser::ParseContainer() {
  const bool is_list = Accept("[");
  if (!is_list) Expect("{");
  const absl::string_view end = is_list ? "]" : "}";
  ExpressionPtr made = Make(is_list ? Expression::Kind::kList : Expression::Kind::kDict);
  while (status_.ok() && !Is(end)) {
    made->operands.push_back(ParseExpression());
    if (!is_list) {
      Expect(":");
      made->operands.push_back(ParseExpression());
    }
    if (!Accept(",")) break;
  }
  Expect(end);
  return made;
}

}  // namespace inkling
