// Parses the expressions of a Jinja template, and keeps the place in the list of tokens.
//
// The parser of statements (jinja_parser.cc) builds on it. Order of precedence: conditional, or,
// and, not, comparison, sum, ~, multiplication, power, sign, then what follows a value. The first
// error sticks and moves to the end of the tokens, so that every loop ends.

#ifndef INKLING_CONVERTER_TEMPLATES_JINJA_EXPRESSION_PARSER_H_
#define INKLING_CONVERTER_TEMPLATES_JINJA_EXPRESSION_PARSER_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "converter/templates/jinja_lexer.h"
#include "converter/templates/jinja_syntax.h"

namespace inkling {

class JinjaExpressionParser {
 public:
  explicit JinjaExpressionParser(std::vector<JinjaToken> tokens) : tokens_(std::move(tokens)) {}

  const absl::Status& status() const { return status_; }

 protected:
  using Kind = JinjaToken::Kind;
  using Expression = JinjaExpression;
  using ExpressionPtr = std::unique_ptr<JinjaExpression>;

  enum class Ternary { kAllowed, kNotAllowed };
  enum class Filters { kAllowed, kNotAllowed };  // and tests

  // Far above any published template; they keep recursion within the stack.
  static constexpr int kMaxDepth = 100;
  static constexpr int kMaxNodes = 2000;  // of one tag

  const JinjaToken& Now() const { return tokens_[index_]; }
  const JinjaToken& Ahead(size_t count) const {
    return tokens_[std::min(index_ + count, tokens_.size() - 1)];
  }
  bool Is(absl::string_view op) const { return Now().kind == Kind::kOperator && Now().text == op; }
  // Whether one of the operators in `ops` (blanks between them) stands here.
  bool IsOneOf(absl::string_view ops) const {
    return Now().kind == Kind::kOperator &&
           absl::StrContains(absl::StrCat(" ", ops, " "), absl::StrCat(" ", Now().text, " "));
  }
  bool IsName(absl::string_view name) const {
    return Now().kind == Kind::kName && Now().text == name;
  }
  // Moves on; in front of a tag, what one tag may consist of starts anew.
  void Next() {
    if (Now().kind == Kind::kOutputBegin || Now().kind == Kind::kBlockBegin) num_nodes_ = 0;
    if (index_ + 1 < tokens_.size()) ++index_;
  }

  void Fail(absl::Status status) {
    if (!status_.ok()) return;
    status_ =
        absl::Status(status.code(), absl::StrCat("line ", Now().line, ": ", status.message()));
    index_ = tokens_.size() - 1;  // ends every loop
  }
  void Unexpected() {
    const std::string& text = Now().text;
    Fail(absl::InvalidArgumentError(text.empty()
                                        ? "a tag ends or the source does where it shouldn't"
                                        : absl::StrCat("unexpected '", text, "'")));
  }

  bool Accept(absl::string_view op) {
    if (!Is(op)) return false;
    Next();
    return true;
  }
  bool AcceptName(absl::string_view name) {
    if (!IsName(name)) return false;
    Next();
    return true;
  }
  void Expect(absl::string_view op) {
    if (!Accept(op)) Unexpected();
  }
  void Expect(Kind kind) {
    if (Now().kind != kind) return Unexpected();
    Next();
  }
  std::string TakeName() {
    std::string name = Now().text;
    Expect(Kind::kName);
    return name;
  }

  // Counts the levels of one descent.
  class Level {
   public:
    explicit Level(JinjaExpressionParser& parser) : parser_(parser) {
      if (++parser_.depth_ > kMaxDepth) {
        parser_.Fail(absl::InvalidArgumentError(absl::StrCat("more than ", kMaxDepth, " levels")));
      }
    }
    ~Level() { --parser_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

    JinjaExpressionParser& parser_;
  };

  // One expression, or several with commas between: a tuple.
  ExpressionPtr ParseTuple(Ternary ternary);
  ExpressionPtr ParseExpression();

 private:
  ExpressionPtr Make(Expression::Kind kind, absl::string_view text = "");
  ExpressionPtr MakeLiteral(JinjaValue value);
  ExpressionPtr MakeBinary(absl::string_view op, ExpressionPtr left, ExpressionPtr right);
  ExpressionPtr ParseOr();
  ExpressionPtr ParseAnd();
  ExpressionPtr ParseNot();
  // The comparison operator that stands here, or "".
  std::string TakeComparison();
  ExpressionPtr ParseComparison();
  // Levels 0 to 3: sums, ~, multiplication, powers.
  ExpressionPtr ParseBinary(size_t precedence);
  ExpressionPtr ParseSigned(Filters filters);
  // What follows a value: .name [index] (arguments) |filter, and "is" a test.
  ExpressionPtr ParseBehind(ExpressionPtr value, Filters filters);
  ExpressionPtr ParseSubscript(ExpressionPtr object, ExpressionPtr index);
  ExpressionPtr ParseIndex(ExpressionPtr object);
  void ParseArguments(Expression& call);
  ExpressionPtr ParseTest(ExpressionPtr value);
  ExpressionPtr MakeInteger();
  ExpressionPtr ParsePrimary();
  ExpressionPtr ParseNamed();
  ExpressionPtr ParseContainer();

  std::vector<JinjaToken> tokens_;
  size_t index_ = 0;
  int depth_ = 0;
  int num_nodes_ = 0;
  absl::Status status_;
};

}  // namespace inkling

#endif  // INKLING_CONVERTER_TEMPLATES_JINJA_EXPRESSION_PARSER_H_
