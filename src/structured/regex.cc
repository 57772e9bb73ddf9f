// A recursive parser, whose depth is bounded.

#include "src/structured/regex.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr int kMaxDepth = 64;
constexpr size_t kMaxBytes = size_t{1} << 16;
constexpr uint32_t kMaxCount = 1'000'000;

class RegexParser {
 public:
  RegexParser(absl::string_view regex, ExprId before, ExprId after, Grammar& grammar,
              CharacterWriter write)
      : text_(regex), before_(before), after_(after), grammar_(grammar), write_(write) {}

  absl::StatusOr<ExprId> Parse();

 private:
  absl::StatusOr<ExprId> ParseChoice(int depth);
  absl::StatusOr<ExprId> ParseSequence(int depth);
  absl::StatusOr<ExprId> ParseAtom(int depth);
  absl::StatusOr<ExprId> ParseGroup(int depth);
  absl::StatusOr<ExprId> ParseQuantifier(ExprId atom);
  absl::Status ParseBraces(uint32_t& min, uint32_t& max);
  absl::StatusOr<CodepointSet> ParseClass();
  absl::StatusOr<CodepointSet> ParseClassItem();
  absl::StatusOr<CodepointSet> ParseEscape(bool in_class);
  absl::StatusOr<CodepointSet> ParseHexEscape(char kind);
  absl::StatusOr<uint32_t> ParseHex(size_t digits);
  bool ParseNumber(uint32_t& number);

  bool AtEnd() const { return pos_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[pos_]; }
  bool Take(absl::string_view token) {
    if (!absl::StartsWith(text_.substr(pos_), token)) return false;
    pos_ += token.size();
    return true;
  }
  uint32_t TakeCodepoint() {
    const Utf8Char next = DecodeUtf8(text_.substr(pos_));
    pos_ += next.length;
    return next.codepoint;
  }
  absl::Status Invalid(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("regular expression: ", what, " at byte ", pos_));
  }
  absl::Status Unsupported(absl::string_view what) const {
    return absl::UnimplementedError(absl::StrCat("regular expression: ", what, " at byte ", pos_,
                                                 " is not supported; write it without"));
  }

  absl::string_view text_;
  const ExprId before_;
  const ExprId after_;
  Grammar& grammar_;
  CharacterWriter write_;
  size_t pos_ = 0;
};

absl::StatusOr<ExprId> RegexParser::Parse() {
  if (text_.size() > kMaxBytes) return Invalid("it has more than 65536 bytes");
  if (WellFormedPrefix(text_) != text_.size()) return Invalid("it isn't UTF-8");
  ABSL_ASSIGN_OR_RETURN(const ExprId all, ParseChoice(0));
  if (!AtEnd()) return Invalid("a ')' without '('");
  return all;
}

absl::StatusOr<ExprId> RegexParser::ParseChoice(int depth) {
  if (depth > kMaxDepth) return Invalid("groups are nested more than 64 deep");
  std::vector<ExprId> choices;
  do {
    ABSL_ASSIGN_OR_RETURN(const ExprId sequence, ParseSequence(depth));
    choices.push_back(sequence);
  } while (Take("|"));
  return grammar_.Choice(std::move(choices));
}

absl::StatusOr<ExprId> RegexParser::ParseSequence(int depth) {
  std::vector<ExprId> parts;
  const bool begins = depth == 0 && Take("^");
  bool ends = false;
  while (!AtEnd() && Peek() != '|' && Peek() != ')') {
    if (Peek() == '$') {
      ++pos_;
      if (depth == 0 && (AtEnd() || Peek() == '|')) {
        ends = true;
        break;
      }
      --pos_;
    }
    ABSL_ASSIGN_OR_RETURN(const ExprId atom, ParseAtom(depth));
    ABSL_ASSIGN_OR_RETURN(const ExprId repeated, ParseQuantifier(atom));
    parts.push_back(repeated);
  }
  if (depth > 0) return grammar_.Sequence(std::move(parts));
  if (!begins) parts.insert(parts.begin(), before_);
  if (!ends) parts.push_back(after_);
  return grammar_.Sequence(std::move(parts));
}

absl::StatusOr<ExprId> RegexParser::ParseAtom(int depth) {
  switch (Peek()) {
    case '(':
      return ParseGroup(depth);
    case '[': {
      ABSL_ASSIGN_OR_RETURN(const CodepointSet set, ParseClass());
      return write_(set);
    }
    case '.':
      ++pos_;
      return write_(CodepointSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}).Complement());
    case '\\': {
      ABSL_ASSIGN_OR_RETURN(const CodepointSet set, ParseEscape(false));
      return write_(set);
    }
    case '^':
    case '$':
      return Unsupported("an anchor that isn't at the beginning or end of the expression");
    case '*':
    case '+':
    case '?':
    case '{':
      return Invalid(absl::StrCat("'", text_.substr(pos_, 1), "' with nothing to repeat"));
    default: {
      const uint32_t codepoint = TakeCodepoint();
      return write_({{codepoint, codepoint}});
    }
  }
}

absl::StatusOr<ExprId> RegexParser::ParseGroup(int depth) {
  for (const absl::string_view look : {"(?=", "(?!", "(?<=", "(?<!"}) {
    if (absl::StartsWith(text_.substr(pos_), look)) {
      return Unsupported(absl::StrCat("'", look, "' (looking around)"));
    }
  }
  if (Take("(?<")) {
    const size_t end = text_.find('>', pos_);
    if (end == absl::string_view::npos) return Invalid("a group's name without '>'");
    pos_ = end + 1;
  } else if (!Take("(?:")) {
    if (absl::StartsWith(text_.substr(pos_), "(?"))
      return Unsupported("a group that begins with '(?'");
    ++pos_;
  }
  ABSL_ASSIGN_OR_RETURN(const ExprId inner, ParseChoice(depth + 1));
  if (!Take(")")) return Invalid("a '(' without ')'");
  return inner;
}

bool RegexParser::ParseNumber(uint32_t& number) {
  if (!absl::ascii_isdigit(static_cast<unsigned char>(Peek()))) return false;
  uint64_t value = 0;
  while (absl::ascii_isdigit(static_cast<unsigned char>(Peek()))) {
    value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(Peek() - '0'), kUnbounded);
    ++pos_;
  }
  number = static_cast<uint32_t>(value);
  return true;
}

absl::Status RegexParser::ParseBraces(uint32_t& min, uint32_t& max) {
  if (!ParseNumber(min)) return Invalid("a '{' without a number");
  max = min;
  if (Take(",") && !ParseNumber(max)) max = kUnbounded;
  if (!Take("}")) return Invalid("a '{' without '}'");
  if (min > kMaxCount || (max != kUnbounded && max > kMaxCount)) {
    return Invalid("a repetition of more than 1000000 times");
  }
  if (max < min) return Invalid("a repetition whose upper bound is below its lower bound");
  return absl::OkStatus();
}

absl::StatusOr<ExprId> RegexParser::ParseQuantifier(ExprId atom) {
  uint32_t min = 1;
  uint32_t max = 1;
  if (Take("*")) {
    min = 0;
    max = kUnbounded;
  } else if (Take("+")) {
    max = kUnbounded;
  } else if (Take("?")) {
    min = 0;
  } else if (Take("{")) {
    ABSL_RETURN_IF_ERROR(ParseBraces(min, max));
  } else {
    return atom;
  }
  Take("?");  // lazy: which text is found differs, not which texts fit
  if (Peek() == '*' || Peek() == '+' || Peek() == '?' || Peek() == '{') {
    return Invalid("a quantifier behind a quantifier");
  }
  return grammar_.Repeat(atom, min, max);
}

absl::StatusOr<CodepointSet> RegexParser::ParseClass() {
  ++pos_;
  const bool negated = Take("^");
  CodepointSet set;
  while (!Take("]")) {
    if (AtEnd()) return Invalid("a '[' without ']'");
    ABSL_ASSIGN_OR_RETURN(const CodepointSet first, ParseClassItem());
    const bool is_range = Peek() == '-' && pos_ + 1 < text_.size() && text_[pos_ + 1] != ']';
    if (!is_range) {
      set.Add(first);
      continue;
    }
    ++pos_;
    ABSL_ASSIGN_OR_RETURN(const CodepointSet last, ParseClassItem());
    const auto is_single = [](const CodepointSet& s) {
      return s.ranges().size() == 1 && s.ranges()[0].first == s.ranges()[0].second;
    };
    if (!is_single(first) || !is_single(last)) return Invalid("a range whose end is no character");
    if (first.ranges()[0].first > last.ranges()[0].first) {
      return Invalid("a range that ends before it begins");
    }
    set.Add(first.ranges()[0].first, last.ranges()[0].first);
  }
  set.Normalize();
  return negated ? set.Complement() : set;
}

absl::StatusOr<CodepointSet> RegexParser::ParseClassItem() {
  if (AtEnd()) return Invalid("a '[' without ']'");
  if (Peek() == '\\') return ParseEscape(true);
  const uint32_t codepoint = TakeCodepoint();
  return CodepointSet{{codepoint, codepoint}};
}

absl::StatusOr<uint32_t> RegexParser::ParseHex(size_t digits) {
  uint32_t value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const unsigned char c = static_cast<unsigned char>(Peek());
    if (!absl::ascii_isxdigit(c)) return Invalid("an escape with too few hexadecimal digits");
    value = value * 16 + (absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10u);
    ++pos_;
  }
  return value;
}

absl::StatusOr<CodepointSet> RegexParser::ParseHexEscape(char kind) {
  uint32_t value = 0;
  if (kind == 'u' && Take("{")) {
    const size_t end = text_.find('}', pos_);
    if (end == absl::string_view::npos || end == pos_ || end - pos_ > 6) {
      return Invalid("an escape \\u{...} of 1 to 6 digits");
    }
    ABSL_ASSIGN_OR_RETURN(value, ParseHex(end - pos_));
    ++pos_;
  } else {
    ABSL_ASSIGN_OR_RETURN(value, ParseHex(kind == 'u' ? 4 : 2));
    if (value >= 0xD800 && value < 0xDC00 && Take("\\u")) {
      ABSL_ASSIGN_OR_RETURN(const uint32_t low, ParseHex(4));
      if (low < 0xDC00 || low > 0xDFFF) return Invalid("half a surrogate pair");
      value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
    }
  }
  if (value > CodepointSet::kLast || (value >= 0xD800 && value <= 0xDFFF)) {
    return Invalid("an escape that is no character");
  }
  return CodepointSet{{value, value}};
}

absl::StatusOr<CodepointSet> RegexParser::ParseEscape(bool in_class) {
  ++pos_;
  if (AtEnd()) return Invalid("a '\\' with nothing behind it");
  const uint32_t c = TakeCodepoint();
  switch (c) {
    case 'd':
      return DigitCharacters();
    case 'D':
      return DigitCharacters().Complement();
    case 'w':
      return WordCharacters();
    case 'W':
      return WordCharacters().Complement();
    case 's':
      return SpaceCharacters();
    case 'S':
      return SpaceCharacters().Complement();
    case 't':
      return CodepointSet{{'\t', '\t'}};
    case 'n':
      return CodepointSet{{'\n', '\n'}};
    case 'r':
      return CodepointSet{{'\r', '\r'}};
    case 'f':
      return CodepointSet{{'\f', '\f'}};
    case 'v':
      return CodepointSet{{'\v', '\v'}};
    case '0':
      return CodepointSet{{0, 0}};
    case 'x':
    case 'u':
      return ParseHexEscape(static_cast<char>(c));
    default:
      break;
  }
  if (c == 'b' && in_class) return CodepointSet{{'\b', '\b'}};
  if (c < 0x80 && absl::ascii_isalnum(static_cast<unsigned char>(c))) {
    --pos_;
    const absl::string_view what = c == 'b' || c == 'B'   ? " (a word's edge)"
                                   : c >= '1' && c <= '9' ? " (an earlier group's text)"
                                   : c == 'p' || c == 'P' ? " (a property of characters)"
                                                          : "";
    return Unsupported(absl::StrCat("'\\", text_.substr(pos_, 1), "'", what));
  }
  return CodepointSet{{c, c}};
}

}  // namespace

CodepointSet DigitCharacters() { return {{'0', '9'}}; }

CodepointSet WordCharacters() { return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}; }

CodepointSet SpaceCharacters() {
  return {{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
          {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
}

absl::StatusOr<ExprId> ParseRegex(absl::string_view regex, RegexMatch match, Grammar& grammar,
                                  CharacterWriter write) {
  ExprId around = grammar.Empty();
  if (match == RegexMatch::kSearch)
    around = grammar.Repeat(write(CodepointSet::All()), 0, kUnbounded);
  return ParseRegexWithin(regex, around, around, grammar, write);
}

absl::StatusOr<ExprId> ParseRegexWithin(absl::string_view regex, ExprId before, ExprId after,
                                        Grammar& grammar, CharacterWriter write) {
  return RegexParser(regex, before, after, grammar, write).Parse();
}

ExprId Utf8Character(const CodepointSet& set, Grammar& grammar) {
  std::vector<ExprId> choices;
  for (const auto& [first, last] : set.ranges())
    choices.push_back(grammar.CodepointRange(first, last));
  return grammar.Choice(std::move(choices));
}

absl::StatusOr<Grammar> GrammarOfRegex(absl::string_view regex) {
  Grammar grammar;
  const RuleId root = grammar.AddRule("root");
  const auto write = [&](const CodepointSet& set) { return Utf8Character(set, grammar); };
  ABSL_ASSIGN_OR_RETURN(const ExprId text, ParseRegex(regex, RegexMatch::kWhole, grammar, write));
  grammar.Define(root, text);
  grammar.root = root;
  return grammar;
}

}  // namespace inkling
