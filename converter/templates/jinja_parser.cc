// The statements of a template (see jinja_syntax.h): what stands between {% and %}.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "converter/templates/jinja_expression_parser.h"
#include "converter/templates/jinja_lexer.h"
#include "converter/templates/jinja_syntax.h"

namespace inkling {
namespace {

using Statement = JinjaStatement;

class Parser : public JinjaExpressionParser {
 public:
  using JinjaExpressionParser::JinjaExpressionParser;

  absl::StatusOr<std::vector<Statement>> Run() {
    std::vector<Statement> body = ParseBody({});
    ABSL_RETURN_IF_ERROR(status());
    return body;
  }

 private:
  // Parses until a block whose name is one of `ends`; stands in front of that name then.
  std::vector<Statement> ParseBody(const std::vector<absl::string_view>& ends) {
    const Level level(*this);
    std::vector<Statement> body;
    while (Now().kind != Kind::kEnd) {
      Statement statement;
      statement.line = Now().line;
      if (Now().kind == Kind::kText) {
        statement.text = Now().text;
        Next();
      } else if (Now().kind == Kind::kOutputBegin) {
        Next();
        statement.kind = Statement::Kind::kOutput;
        statement.value = ParseTuple(Ternary::kAllowed);
        Expect(Kind::kOutputEnd);
      } else {
        Expect(Kind::kBlockBegin);
        for (absl::string_view end : ends) {
          if (IsName(end)) return body;
        }
        ParseBlock(statement);
      }
      body.push_back(std::move(statement));
    }
    if (!ends.empty()) Unexpected();
    return body;
  }

  void ParseBlock(Statement& statement) {
    const std::string name = TakeName();
    if (name == "if") return ParseIf(statement);
    if (name == "for") return ParseFor(statement);
    if (name == "set") return ParseSet(statement);
    if (name == "macro") return ParseMacro(statement);
    if (name == "generation") {  // transformers marks the model's own words with it
      statement.kind = Statement::Kind::kBlock;
      Expect(Kind::kBlockEnd);
      statement.body = ParseBody({"endgeneration"});
      return EndBlock();
    }
    if (name == "break" || name == "continue") {
      statement.kind = name == "break" ? Statement::Kind::kBreak : Statement::Kind::kContinue;
      return Expect(Kind::kBlockEnd);
    }
    Fail(absl::UnimplementedError(absl::StrCat("the statement '", name, "' is not supported")));
  }

  void EndBlock() {
    Next();  // its name
    Expect(Kind::kBlockEnd);
  }

  void ParseIf(Statement& statement) {
    const Level level(*this);
    statement.kind = Statement::Kind::kIf;
    statement.value = ParseTuple(Ternary::kAllowed);
    Expect(Kind::kBlockEnd);
    statement.body = ParseBody({"elif", "else", "endif"});
    if (AcceptName("elif")) {
      Statement inner;
      inner.line = Now().line;
      ParseIf(inner);
      statement.otherwise.push_back(std::move(inner));
      return;
    }
    if (AcceptName("else")) {
      Expect(Kind::kBlockEnd);
      statement.otherwise = ParseBody({"endif"});
    }
    EndBlock();
  }

  std::vector<std::string> ParseTargets() {
    std::vector<std::string> names;
    const bool bracketed = Accept("(");
    do {
      names.push_back(TakeName());
    } while (Accept(",") && Now().kind == Kind::kName);
    if (bracketed) Expect(")");
    return names;
  }

  void ParseFor(Statement& statement) {
    statement.kind = Statement::Kind::kFor;
    statement.names = ParseTargets();
    if (!AcceptName("in")) Unexpected();
    statement.value = ParseTuple(Ternary::kNotAllowed);
    if (AcceptName("if")) statement.condition = ParseExpression();
    if (IsName("recursive")) Fail(absl::UnimplementedError("recursive loops are not supported"));
    Expect(Kind::kBlockEnd);
    statement.body = ParseBody({"else", "endfor"});
    if (AcceptName("else")) {
      Expect(Kind::kBlockEnd);
      statement.otherwise = ParseBody({"endfor"});
    }
    EndBlock();
  }

  void ParseSet(Statement& statement) {
    statement.kind = Statement::Kind::kSet;
    statement.names = ParseTargets();
    if (statement.names.size() == 1 && Accept(".")) statement.text = TakeName();
    if (Accept("=")) {
      statement.value = ParseTuple(Ternary::kAllowed);
      return Expect(Kind::kBlockEnd);
    }
    Expect(Kind::kBlockEnd);
    statement.body = ParseBody({"endset"});
    EndBlock();
  }

  void ParseMacro(Statement& statement) {
    statement.kind = Statement::Kind::kMacro;
    statement.text = TakeName();
    Expect("(");
    while (status().ok() && !Is(")")) {
      statement.names.push_back(TakeName());
      statement.defaults.push_back(Accept("=") ? ParseExpression() : nullptr);
      if (!Accept(",")) break;
    }
    Expect(")");
    Expect(Kind::kBlockEnd);
    statement.body = ParseBody({"endmacro"});
    EndBlock();
  }
};

}  // namespace

absl::StatusOr<std::vector<JinjaStatement>> ParseJinja(absl::string_view source) {
  ABSL_ASSIGN_OR_RETURN(std::vector<JinjaToken> tokens, LexJinja(source));
  return Parser(std::move(tokens)).Run();
}

}  // namespace inkling
