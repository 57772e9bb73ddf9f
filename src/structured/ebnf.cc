// A parser by recursive descent, with a limit to how deep parentheses are nested.

#include "src/structured/ebnf.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/structured/codepoint_set.h"
#include "src/structured/regex.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr size_t kMaxEbnfBytes = size_t{256} << 10;
constexpr int kMaxEbnfDepth = 64;
constexpr uint32_t kMaxRepeat = 1'000'000;

class EbnfParser {
 public:
  EbnfParser(absl::string_view text, Grammar& grammar) : text_(text), grammar_(grammar) {}

  absl::Status Parse() {
    SkipBlanks();
    while (at_ < text_.size()) {
      const std::string name = Name();
      if (name.empty() || !TakeDefinition()) return Error("expected a rule: NAME ::= ...");
      const RuleId rule = RuleOf(name);
      if (defined_[name]) return Error(absl::StrCat("the rule ", name, " is there twice"));
      defined_[name] = true;
      ABSL_ASSIGN_OR_RETURN(const ExprId content, Alternatives(0));
      grammar_.Define(rule, content);
    }
    for (const auto& [name, rule] : rules_) {
      if (!defined_[name])
        return absl::InvalidArgumentError(absl::StrCat("grammar: there is no rule ", name));
    }
    const auto root = rules_.find("root");
    if (root == rules_.end())
      return absl::InvalidArgumentError("grammar: there is no rule root, with which texts begin");
    grammar_.root = root->second;
    return absl::OkStatus();
  }

 private:
  absl::Status Error(absl::string_view message) const {
    const size_t end = std::min(at_, text_.size());
    const auto line =
        1 + std::count(text_.begin(), text_.begin() + static_cast<ptrdiff_t>(end), '\n');
    return absl::InvalidArgumentError(absl::StrCat("grammar, line ", line, ": ", message));
  }

  RuleId RuleOf(const std::string& name) {
    const auto [found, is_new] = rules_.try_emplace(name, 0);
    if (is_new) {
      found->second = grammar_.AddRule(name);
      grammar_.rule(found->second).is_shared = true;
    }
    return found->second;
  }

  char Next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char wanted) {
    if (Next() != wanted || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }

  void SkipBlanks() {
    while (at_ < text_.size()) {
      if (absl::ascii_isspace(static_cast<unsigned char>(Next()))) {
        ++at_;
      } else if (Next() == '#') {
        while (at_ < text_.size() && Next() != '\n') ++at_;
      } else {
        return;
      }
    }
  }

  static bool IsNameByte(char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  }
  std::string Name() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsNameByte(Next())) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }
  bool TakeDefinition() {
    SkipBlanks();
    if (text_.substr(at_, 3) != "::=") return false;
    at_ += 3;
    SkipBlanks();
    return true;
  }
  // Whether the name here begins the next rule.
  bool RuleBegins() {
    const size_t begin = at_;
    const bool begins = !Name().empty() && TakeDefinition();
    at_ = begin;
    return begins;
  }

  absl::StatusOr<ExprId> Alternatives(int depth) {
    if (depth > kMaxEbnfDepth)
      return Error(absl::StrCat("parentheses may be nested ", kMaxEbnfDepth, " deep"));
    std::vector<ExprId> choices;
    do {
      SkipBlanks();
      ABSL_ASSIGN_OR_RETURN(const ExprId sequence, Sequence(depth));
      choices.push_back(sequence);
    } while (Take('|'));
    return grammar_.Choice(std::move(choices));
  }

  absl::StatusOr<ExprId> Sequence(int depth) {
    std::vector<ExprId> parts;
    for (SkipBlanks(); at_ < text_.size() && Next() != '|' && Next() != ')'; SkipBlanks()) {
      if (IsNameByte(Next()) && RuleBegins()) break;
      ABSL_ASSIGN_OR_RETURN(const ExprId item, Item(depth));
      ABSL_ASSIGN_OR_RETURN(const ExprId part, Quantified(item));
      parts.push_back(part);
    }
    return grammar_.Sequence(std::move(parts));
  }

  absl::StatusOr<ExprId> Item(int depth) {
    if (Take('"')) return Text();
    if (Take('[')) return Class();
    if (Take('.')) return Utf8Character(CodepointSet::All(), grammar_);
    if (Take('(')) {
      ABSL_ASSIGN_OR_RETURN(const ExprId inner, Alternatives(depth + 1));
      if (!Take(')')) return Error("expected a closing parenthesis");
      return inner;
    }
    if (IsNameByte(Next())) return grammar_.Ref(RuleOf(Name()));
    return Error(absl::StrCat("expected a text, a class, a group or a rule's name, found \"",
                              text_.substr(at_, 1), "\""));
  }

  absl::StatusOr<uint32_t> Number() {
    uint32_t number = 0;
    const size_t begin = at_;
    for (; absl::ascii_isdigit(static_cast<unsigned char>(Next())); ++at_) {
      number = number * 10 + static_cast<uint32_t>(Next() - '0');
      if (number > kMaxRepeat)
        return Error(absl::StrCat("repetitions above ", kMaxRepeat, " can't be counted"));
    }
    if (at_ == begin) return Error("expected a number");
    return number;
  }

  absl::StatusOr<ExprId> Quantified(ExprId item) {
    SkipSpaces();
    if (Take('*')) return grammar_.Repeat(item, 0, kUnbounded);
    if (Take('+')) return grammar_.Repeat(item, 1, kUnbounded);
    if (Take('?')) return grammar_.Optional(item);
    if (!Take('{')) return item;
    ABSL_ASSIGN_OR_RETURN(const uint32_t min, Number());
    uint32_t max = min;
    if (Take(',')) {
      max = kUnbounded;
      if (Next() != '}') {
        ABSL_ASSIGN_OR_RETURN(max, Number());
      }
    }
    if (!Take('}') || max < min) return Error("expected {n}, {n,} or {n,m}");
    return grammar_.Repeat(item, min, max);
  }
  void SkipSpaces() {
    while (Next() == ' ') ++at_;
  }

  // One character of a text or a class, escapes resolved.
  absl::StatusOr<uint32_t> Codepoint() {
    if (!Take('\\')) {
      const Utf8Char next = DecodeUtf8(text_.substr(at_));
      at_ += next.length;
      return next.codepoint;
    }
    const char escape = Next();
    ++at_;
    switch (escape) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'x':
        return Hex(2);
      case 'u':
        return Hex(4);
      default:
        break;
    }
    if (absl::ascii_ispunct(static_cast<unsigned char>(escape)))
      return static_cast<uint32_t>(escape);
    return Error(absl::StrCat("\\", std::string(1, escape), " is no escape"));
  }
  absl::StatusOr<uint32_t> Hex(int digits) {
    uint32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const char c = Next();
      if (!absl::ascii_isxdigit(static_cast<unsigned char>(c)))
        return Error(absl::StrCat("expected ", digits, " hexadecimal digits"));
      value = value * 16 + static_cast<uint32_t>(absl::ascii_isdigit(static_cast<unsigned char>(c))
                                                     ? c - '0'
                                                     : (c | 0x20) - 'a' + 10);
    }
    return value;
  }

  absl::StatusOr<ExprId> Text() {
    std::string text;
    while (Next() != '"') {
      if (at_ >= text_.size() || Next() == '\n') return Error("a text isn't closed");
      ABSL_ASSIGN_OR_RETURN(const uint32_t codepoint, Codepoint());
      AppendUtf8(codepoint, text);
    }
    ++at_;
    return grammar_.Literal(text);
  }

  absl::StatusOr<ExprId> Class() {
    const bool is_negated = Take('^');
    CodepointSet set;
    while (Next() != ']') {
      if (at_ >= text_.size()) return Error("a class isn't closed");
      ABSL_ASSIGN_OR_RETURN(const uint32_t first, Codepoint());
      uint32_t last = first;
      if (Next() == '-' && text_.substr(at_ + 1, 1) != "]") {
        ++at_;
        ABSL_ASSIGN_OR_RETURN(last, Codepoint());
      }
      if (last < first) return Error("a range of a class ends before it begins");
      set.Add(first, last);
    }
    ++at_;
    set.Normalize();
    return Utf8Character(is_negated ? set.Complement() : set, grammar_);
  }

  const absl::string_view text_;
  Grammar& grammar_;
  size_t at_ = 0;
  std::map<std::string, RuleId> rules_;
  std::map<std::string, bool> defined_;
};

}  // namespace

absl::StatusOr<Grammar> GrammarOfEbnf(absl::string_view text) {
  if (text.size() > kMaxEbnfBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("grammar: expected at most ", kMaxEbnfBytes, " bytes, found ", text.size()));
  }
  if (WellFormedPrefix(text) != text.size())
    return absl::InvalidArgumentError("grammar: it isn't UTF-8");
  Grammar grammar;
  ABSL_RETURN_IF_ERROR(EbnfParser(text, grammar).Parse());
  return grammar;
}

}  // namespace inkling
