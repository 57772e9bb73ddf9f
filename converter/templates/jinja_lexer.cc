// One pass over the source (see jinja_lexer.h).

#include "converter/templates/jinja_lexer.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

using Kind = JinjaToken::Kind;

bool IsNameCharacter(char c) { return absl::ascii_isalnum(c) || c == '_'; }

bool IsBlank(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isspace(c); });
}

class Lexer {
 public:
  explicit Lexer(absl::string_view source) : source_(source) {}

  absl::StatusOr<std::vector<JinjaToken>> Run() {
    while (pos_ < source_.size() && status_.ok()) LexTextAndTag();
    ABSL_RETURN_IF_ERROR(status_);
    Push(Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  absl::string_view Rest() const { return source_.substr(pos_); }
  char Peek(size_t ahead) const {
    return pos_ + ahead < source_.size() ? source_[pos_ + ahead] : '\0';
  }

  void Advance(size_t length) {
    line_ += static_cast<int>(
        std::count(source_.begin() + static_cast<std::ptrdiff_t>(pos_),
                   source_.begin() + static_cast<std::ptrdiff_t>(pos_ + length), '\n'));
    pos_ += length;
  }

  void Push(Kind kind, absl::string_view text) {
    tokens_.push_back({kind, std::string(text), line_});
  }

  void Fail(absl::string_view what) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(absl::StrCat("line ", line_, ": ", what));
    }
  }

  // The next "{{", "{%" or "{#", or the end of the source.
  size_t FindTag() const {
    for (size_t i = pos_; i + 1 < source_.size(); ++i) {
      if (source_[i] != '{') continue;
      const char next = source_[i + 1];
      if (next == '{' || next == '%' || next == '#') return i;
    }
    return source_.size();
  }

  void LexTextAndTag() {
    const size_t tag = FindTag();
    absl::string_view text = source_.substr(pos_, tag - pos_);
    const bool at_line_start = pos_ == 0 || source_[pos_ - 1] == '\n';
    if (tag < source_.size()) {
      const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
      if (sign == '-') {
        text = absl::StripTrailingAsciiWhitespace(text);
      } else if (sign != '+' && source_[tag + 1] != '{') {
        // lstrip_blocks: blanks between the beginning of the line and a block.
        const size_t newline = text.rfind('\n');
        const size_t line = newline == absl::string_view::npos ? 0 : newline + 1;
        if ((line > 0 || at_line_start) && IsBlank(text.substr(line))) text = text.substr(0, line);
      }
    }
    if (!text.empty()) Push(Kind::kText, text);
    Advance(tag - pos_);
    if (tag == source_.size()) return;
    const char kind = source_[tag + 1];
    Advance(2);
    if (Peek(0) == '-' || Peek(0) == '+') Advance(1);
    if (kind == '#') return LexComment();
    if (kind == '%' && LexRaw()) return;
    Push(kind == '{' ? Kind::kOutputBegin : Kind::kBlockBegin, "");
    LexExpression(kind == '{' ? '}' : '%');
  }

  // Passes the end of a tag, which may begin with a sign, and the white space that it swallows.
  void LexTagEnd(bool is_output) {
    const char sign = Peek(0);
    const bool signed_end = sign == '-' || sign == '+';
    Advance(signed_end ? 3 : 2);
    if (sign == '-') {
      while (pos_ < source_.size() && absl::ascii_isspace(source_[pos_])) Advance(1);
    } else if (sign != '+' && !is_output && Peek(0) == '\n') {
      Advance(1);  // trim_blocks
    }
  }

  // Whether a tag ends here: "}}", "-}}", "%}", "-%}", "+%}" and so on.
  bool AtTagEnd(char closing) const {
    const size_t sign = Peek(0) == '-' || (Peek(0) == '+' && closing != '}') ? 1 : 0;
    return Peek(sign) == closing && Peek(sign + 1) == '}';
  }

  void LexComment() {
    while (pos_ < source_.size() && !AtTagEnd('#')) Advance(1);
    if (pos_ == source_.size()) return Fail("a comment without an end");
    LexTagEnd(false);
  }

  // {% raw %} ... {% endraw %}: everything between is text.
  bool LexRaw() {
    const size_t end = source_.find("%}", pos_);
    if (end == absl::string_view::npos) return false;
    if (absl::StripAsciiWhitespace(source_.substr(pos_, end - pos_)) != "raw") return false;
    Advance(end - pos_);
    LexTagEnd(false);
    const size_t begin = pos_;
    for (size_t tag = source_.find("{%", pos_); tag != absl::string_view::npos;
         tag = source_.find("{%", tag + 2)) {
      const size_t close = source_.find("%}", tag);
      if (close == absl::string_view::npos) break;
      absl::string_view inside = source_.substr(tag + 2, close - tag - 2);
      while (!inside.empty() && (inside.front() == '-' || inside.front() == '+')) {
        inside.remove_prefix(1);
      }
      while (!inside.empty() && (inside.back() == '-' || inside.back() == '+')) {
        inside.remove_suffix(1);
      }
      if (absl::StripAsciiWhitespace(inside) != "endraw") continue;
      Push(Kind::kText, source_.substr(begin, tag - begin));
      Advance(close - pos_);
      LexTagEnd(false);
      return true;
    }
    Fail("raw without endraw");
    return true;
  }

  void LexExpression(char closing) {
    int depth = 0;  // of brackets: a tag doesn't end inside them
    while (status_.ok()) {
      while (pos_ < source_.size() && absl::ascii_isspace(source_[pos_])) Advance(1);
      if (pos_ == source_.size()) return Fail("a tag without an end");
      if (depth == 0 && AtTagEnd(closing)) {
        Push(closing == '}' ? Kind::kOutputEnd : Kind::kBlockEnd, "");
        return LexTagEnd(closing == '}');
      }
      const char c = Peek(0);
      if (c == '"' || c == '\'') {
        LexString(c);
      } else if (absl::ascii_isdigit(c)) {
        LexNumber();
      } else if (IsNameCharacter(c)) {
        size_t length = 1;
        while (IsNameCharacter(Peek(length))) ++length;
        Push(Kind::kName, Rest().substr(0, length));
        Advance(length);
      } else {
        if (c == '(' || c == '[' || c == '{') ++depth;
        if (c == ')' || c == ']' || c == '}') --depth;
        LexOperator();
      }
    }
  }

  void LexOperator() {
    for (absl::string_view op : {"**", "//", "==", "!=", "<=", ">="}) {
      if (!absl::StartsWith(Rest(), op)) continue;
      Push(Kind::kOperator, op);
      return Advance(op.size());
    }
    if (!absl::StrContains("+-*/%~<>=.,:;|()[]{}", Rest().substr(0, 1))) {
      return Fail(absl::StrCat("'", Rest().substr(0, 1), "' in a tag"));
    }
    Push(Kind::kOperator, Rest().substr(0, 1));
    Advance(1);
  }

  void LexNumber() {
    size_t length = 0;
    while (absl::ascii_isdigit(Peek(length)) || Peek(length) == '_') ++length;
    bool fraction = Peek(length) == '.' && absl::ascii_isdigit(Peek(length + 1));
    if (fraction) {
      ++length;
      while (absl::ascii_isdigit(Peek(length))) ++length;
    }
    const bool exponent = Peek(length) == 'e' || Peek(length) == 'E';
    const size_t sign = Peek(length + 1) == '-' || Peek(length + 1) == '+' ? 1 : 0;
    if (exponent && absl::ascii_isdigit(Peek(length + 1 + sign))) {
      fraction = true;
      length += 1 + sign;
      while (absl::ascii_isdigit(Peek(length))) ++length;
    }
    Push(fraction ? Kind::kFloat : Kind::kInteger,
         absl::StrReplaceAll(Rest().substr(0, length), {{"_", ""}}));
    Advance(length);
  }

  void LexString(char quote) {
    std::string value;
    size_t i = 1;
    while (Peek(i) != quote) {
      if (pos_ + i >= source_.size()) return Fail("a string without an end");
      if (Peek(i) != '\\') {
        value.push_back(Peek(i++));
        continue;
      }
      i += 1 + Unescape(pos_ + i + 1, value);
    }
    Push(Kind::kString, value);
    Advance(i + 1);
  }

  // Appends what the escape at `at` (behind the backslash) stands for; returns its length.
  size_t Unescape(size_t at, std::string& value) {
    const char c = at < source_.size() ? source_[at] : '\0';
    static constexpr absl::string_view kFrom = "nrtabfv\\'\"", kTo = "\n\r\t\a\b\f\v\\'\"";
    const size_t simple = c == '\0' ? absl::string_view::npos : kFrom.find(c);
    if (simple != absl::string_view::npos) {
      value.push_back(kTo[simple]);
      return 1;
    }
    if (c == '\n') return 1;
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t code = 0;
    const absl::string_view hex = source_.substr(std::min(at + 1, source_.size()), digits);
    if (digits > 0 && hex.size() == digits && absl::SimpleHexAtoi(hex, &code)) {
      const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
      AppendUtf8(surrogate || code > 0x10FFFF ? kReplacementCharacter : code, value);
      return 1 + digits;
    }
    value.push_back('\\');  // as Python does with an escape that it doesn't know
    return 0;
  }

  absl::string_view source_;
  size_t pos_ = 0;
  int line_ = 1;
  std::vector<JinjaToken> tokens_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::vector<JinjaToken>> LexJinja(absl::string_view source) {
  std::string text = absl::StrReplaceAll(source, {{"\r\n", "\n"}, {"\r", "\n"}});
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return Lexer(text).Run();
}

}  // namespace inkling
