// Python's syntax is rewritten where it differs from ECMAScript's, which src/structured reads.
// Source: Python's re module (Lib/re/_parser.py); peft's get_pattern_key (peft/utils/other.py).

#include "converter/lora/module_pattern.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/structured/codepoint_set.h"
#include "src/structured/grammar.h"
#include "src/structured/readings.h"
#include "src/structured/regex.h"

namespace inkling {
namespace {

constexpr size_t kMaxKeyBytes = 4096;

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

class PythonSyntax {
 public:
  explicit PythonSyntax(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::string> ToEcmaScript() {
    while (pos_ < text_.size()) {
      if (text_[pos_] == '\\') {
        ABSL_RETURN_IF_ERROR(Escape());
      } else if (in_class_) {
        in_class_ = text_[pos_] != ']';
        Copy(1);
      } else if (text_[pos_] == '[') {
        BeginClass();
      } else if (text_[pos_] == '{') {
        Brace();
      } else if (absl::StartsWith(text_.substr(pos_), "(?P<")) {
        out_ += "(?<";
        pos_ += 4;
      } else {
        Copy(1);
      }
    }
    return std::move(out_);
  }

 private:
  void Copy(size_t bytes) {
    absl::StrAppend(&out_, text_.substr(pos_, bytes));
    pos_ += bytes;
  }

  // \A and \Z are the text's ends; digits behind \0 belong to it.
  absl::Status Escape() {
    const absl::string_view next = text_.substr(pos_ + 1);
    if (absl::StartsWith(next, "0") && next.size() > 1 && IsDigit(next[1])) {
      return absl::UnimplementedError(
          absl::StrCat("an octal escape at byte ", pos_, " is not supported; write it as \\xHH"));
    }
    if (!in_class_ && (absl::StartsWith(next, "A") || absl::StartsWith(next, "Z"))) {
      out_ += next[0] == 'A' ? '^' : '$';
      pos_ += 2;
    } else {
      Copy(2);
    }
    return absl::OkStatus();
  }

  // A ']' at the beginning of a class belongs to it.
  void BeginClass() {
    in_class_ = true;
    Copy(1);
    if (absl::StartsWith(text_.substr(pos_), "^")) Copy(1);
    if (!absl::StartsWith(text_.substr(pos_), "]")) return;
    out_ += "\\]";
    ++pos_;
  }

  // {m}, {m,n}, {m,}, {,n} and {,} are quantifiers, any other brace is itself.
  void Brace() {
    size_t end = pos_ + 1;
    const auto skip_digits = [&] {
      while (end < text_.size() && IsDigit(text_[end])) ++end;
    };
    skip_digits();
    const bool has_number = end > pos_ + 1;
    const bool has_comma = absl::StartsWith(text_.substr(end), ",");
    if (has_comma) {
      ++end;
      skip_digits();
    }
    if ((!has_number && !has_comma) || !absl::StartsWith(text_.substr(end), "}")) {
      out_ += "\\{";
      ++pos_;
      return;
    }
    out_ += has_number ? "{" : "{0";
    ++pos_;
    Copy(end + 1 - pos_);
  }

  absl::string_view text_;
  size_t pos_ = 0;
  bool in_class_ = false;
  std::string out_;
};

}  // namespace

absl::StatusOr<ModulePattern> ModulePattern::Make(absl::string_view key) {
  if (key.size() > kMaxKeyBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a pattern of at most ", kMaxKeyBytes, " bytes, found ", key.size()));
  }
  ABSL_ASSIGN_OR_RETURN(const std::string regex, PythonSyntax(key).ToEcmaScript());
  Grammar grammar;
  const auto write = [&](const CodepointSet& set) { return Utf8Character(set, grammar); };
  const ExprId any = write(CodepointSet({{'\n', '\n'}}).Complement());
  const ExprId parents = grammar.Optional(
      grammar.Sequence({grammar.Repeat(any, 0, kUnbounded), grammar.Literal(".")}));
  const RuleId root = grammar.AddRule("module");
  const absl::StatusOr<ExprId> whole =
      ParseRegexWithin(regex, parents, grammar.Empty(), grammar, write);
  if (!whole.ok() && regex != key) {
    return absl::Status(whole.status().code(),
                        absl::StrCat("(read as ", regex, ") ", whole.status().message()));
  }
  if (!whole.ok()) return whole.status();
  grammar.Define(root, *whole);
  grammar.root = root;
  ABSL_ASSIGN_OR_RETURN(Automaton automaton, Automaton::Make(std::move(grammar)));
  return ModulePattern(std::move(automaton));
}

absl::StatusOr<bool> ModulePattern::Matches(absl::string_view module) const {
  FrameTable frames;
  ReadingMover mover(automaton_, frames);
  Readings now;
  mover.Begin(now);
  for (const char c : module) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) {
      return absl::InvalidArgumentError("expected a module's name in printable ASCII");
    }
    Readings next;
    mover.Move(now, static_cast<uint8_t>(c), next);
    now = std::move(next);
  }
  if (mover.TakeOverflow() && !now.is_complete) {
    return absl::ResourceExhaustedError("the name can be read in too many ways");
  }
  return now.is_complete;
}

}  // namespace inkling
