// The scanners (see pretokenizer.h). Each returns where the word that begins at `pos` ends. They
// follow the order of the alternatives in the expressions quoted at `WordSplit`, where the first
// that matches counts, and `\s+(?!\S)` leaves the last space of a run to the word behind it.

#include "src/text/pretokenizer.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/text/unicode.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr size_t kMaxStages = 8;

// One character of the text being scanned; kind kEnd behind its end.
struct Scanned {
  uint32_t codepoint;
  size_t end;  // where the next character begins
  bool is_letter;
  bool is_number;
  bool is_space;
  bool at_end;

  bool is_other() const { return !is_letter && !is_number && !is_space && !at_end; }
  bool is_newline() const { return codepoint == '\r' || codepoint == '\n'; }
};

inline Scanned ScanAt(absl::string_view text, size_t pos) {
  if (pos >= text.size()) return {0, pos, false, false, false, true};
  const Utf8Char character = DecodeUtf8(text.substr(pos));
  const CharClass kind = ClassOf(character.codepoint);
  return {character.codepoint,        pos + character.length,    kind == CharClass::kLetter,
          kind == CharClass::kNumber, kind == CharClass::kSpace, false};
}

bool IsAsciiLetter(char c) { return static_cast<unsigned char>((c | 0x20) - 'a') < 26; }

size_t LettersEnd(absl::string_view text, size_t pos) {
  while (pos < text.size() && IsAsciiLetter(text[pos])) ++pos;
  if (pos == text.size() || static_cast<unsigned char>(text[pos]) < 0x80) return pos;
  for (Scanned next = ScanAt(text, pos); next.is_letter; next = ScanAt(text, pos)) pos = next.end;
  return pos;
}

size_t OthersEnd(absl::string_view text, size_t pos) {
  for (Scanned next = ScanAt(text, pos); next.is_other(); next = ScanAt(text, pos)) pos = next.end;
  return pos;
}

// Returns the end of at most `limit` numbers (0: any number of them).
size_t NumbersEnd(absl::string_view text, size_t pos, uint32_t limit) {
  uint32_t count = 0;
  for (Scanned next = ScanAt(text, pos); next.is_number; next = ScanAt(text, pos)) {
    if (limit != 0 && count++ == limit) break;
    pos = next.end;
  }
  return pos;
}

size_t NewlinesEnd(absl::string_view text, size_t pos) {
  while (pos < text.size() && (text[pos] == '\r' || text[pos] == '\n')) ++pos;
  return pos;
}

// Returns the end of the run of spaces at `pos` that `\s+(?!\S)|\s+` takes, with newlines first if
// `\s*[\r\n]+` is tried before.
enum class Newlines { kOrdinary, kFirst };

size_t SpacesEnd(absl::string_view text, size_t pos, Newlines newlines) {
  size_t end = pos;
  size_t last = pos;         // where the last space begins
  size_t newline_end = pos;  // behind the last newline
  Scanned next = ScanAt(text, end);
  while (next.is_space) {
    last = end;
    end = next.end;
    if (next.is_newline()) newline_end = end;
    next = ScanAt(text, end);
  }
  if (newlines == Newlines::kFirst && newline_end > pos) return newline_end;
  if (next.at_end || last == pos) return end;
  return last;
}

// Returns the length of an English contraction ('s 't 're 've 'm 'll 'd) at `pos`, or 0.
enum class LetterCase { kLowerOnly, kAny };

size_t ContractionLength(absl::string_view text, size_t pos, LetterCase letter_case) {
  if (text[pos] != '\'') return 0;
  const auto letter = [&](size_t i) -> char {
    if (i >= text.size()) return 0;
    const char c = text[i];
    return letter_case == LetterCase::kAny && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  const char first = letter(pos + 1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  const char second = letter(pos + 2);
  if ((first == 'r' || first == 'v') && second == 'e') return 3;
  if (first == 'l' && second == 'l') return 3;
  // U+017F, the long s, is an s to an expression that ignores case.
  if (letter_case == LetterCase::kAny && text.substr(pos + 1, 2) == "\xC5\xBF") return 3;
  return 0;
}

size_t SpacedWordEnd(absl::string_view text, size_t pos) {
  const size_t contraction = ContractionLength(text, pos, LetterCase::kLowerOnly);
  if (contraction != 0) return pos + contraction;
  Scanned lead = ScanAt(text, pos);
  size_t body = pos;
  if (lead.codepoint == ' ') {
    const Scanned next = ScanAt(text, lead.end);
    if (!next.at_end && !next.is_space) {
      body = lead.end;
      lead = next;
    }
  }
  if (lead.is_letter) return LettersEnd(text, lead.end);
  if (lead.is_number) return NumbersEnd(text, body, 0);
  if (lead.is_other()) return OthersEnd(text, lead.end);
  return SpacesEnd(text, pos, Newlines::kOrdinary);
}

size_t PrefixedWordEnd(absl::string_view text, size_t pos, uint32_t max_digits) {
  const size_t contraction = ContractionLength(text, pos, LetterCase::kAny);
  if (contraction != 0) return pos + contraction;
  const Scanned lead = ScanAt(text, pos);
  if (lead.is_letter) return LettersEnd(text, lead.end);
  if (lead.is_number) return NumbersEnd(text, pos, max_digits);
  if (!lead.is_newline()) {
    const Scanned next = ScanAt(text, lead.end);
    if (next.is_letter) return LettersEnd(text, next.end);
    if (lead.codepoint == ' ' && next.is_other()) {
      return NewlinesEnd(text, OthersEnd(text, next.end));
    }
  }
  if (lead.is_other()) return NewlinesEnd(text, OthersEnd(text, lead.end));
  return SpacesEnd(text, pos, Newlines::kFirst);
}

// Letters and marks at `pos` that are capitals or have no case, then at least one that is small or
// has no case: what has no case may end the first part or begin the second. Returns `pos` where
// there are none.
size_t CapitalizedEnd(absl::string_view text, size_t pos) {
  size_t caseless_end = pos;  // behind the last character that both parts may have
  const auto case_at = [&](size_t at, size_t& end) {
    const Utf8Char character = DecodeUtf8(text.substr(at));
    end = at + character.length;
    return CaseOf(character.codepoint);
  };
  size_t next = pos;
  for (; pos < text.size(); pos = next) {
    const CaseClass kind = case_at(pos, next);
    if (kind == CaseClass::kCaseless) caseless_end = next;
    if (kind != CaseClass::kCapital && kind != CaseClass::kCaseless) break;
  }
  if (pos == text.size() || case_at(pos, next) != CaseClass::kSmall) return caseless_end;
  for (; pos < text.size(); pos = next) {
    const CaseClass kind = case_at(pos, next);
    if (kind != CaseClass::kSmall && kind != CaseClass::kCaseless) break;
  }
  return pos;
}

size_t CapitalsEnd(absl::string_view text, size_t pos) {
  while (pos < text.size()) {
    const Utf8Char character = DecodeUtf8(text.substr(pos));
    if (CaseOf(character.codepoint) != CaseClass::kCapital) break;
    pos += character.length;
  }
  return pos;
}

// The letters of a cased word, with a character in front of them that is no letter, number or
// newline (`lead`). Returns `pos` where there are none. Where words in both forms begin here, the
// one with small letters counts, and of two such the one with a character in front.
size_t CasedLettersEnd(absl::string_view text, size_t pos, const Scanned& lead) {
  const bool has_front = !lead.is_letter && !lead.is_number && !lead.is_newline();
  size_t end = has_front ? CapitalizedEnd(text, lead.end) : lead.end;
  if (end > lead.end) return end;
  end = CapitalizedEnd(text, pos);
  if (end > pos) return end;
  end = has_front ? CapitalsEnd(text, lead.end) : lead.end;
  return end > lead.end ? end : CapitalsEnd(text, pos);
}

enum class Contractions { kNone, kBehindWords };

size_t CasedWordEnd(absl::string_view text, size_t pos, uint32_t max_digits,
                    Contractions contractions) {
  const Scanned lead = ScanAt(text, pos);
  const size_t letters_end = CasedLettersEnd(text, pos, lead);
  if (letters_end > pos) {
    const bool may_follow = contractions == Contractions::kBehindWords && letters_end < text.size();
    return letters_end + (may_follow ? ContractionLength(text, letters_end, LetterCase::kAny) : 0);
  }
  if (lead.is_number) return NumbersEnd(text, pos, max_digits);
  size_t others = lead.is_other() ? lead.end : pos;
  if (lead.codepoint == ' ') {
    const Scanned next = ScanAt(text, lead.end);
    if (next.is_other()) others = next.end;
  }
  if (others == pos) return SpacesEnd(text, pos, Newlines::kFirst);
  others = OthersEnd(text, others);
  while (others < text.size() &&
         (text[others] == '\r' || text[others] == '\n' || text[others] == '/')) {
    ++others;
  }
  return others;
}

size_t DigitsEnd(absl::string_view text, size_t pos, uint32_t max_digits) {
  Scanned next = ScanAt(text, pos);
  if (next.is_number) return NumbersEnd(text, pos, max_digits);
  while (!next.at_end && !next.is_number) {
    pos = next.end;
    next = ScanAt(text, pos);
  }
  return pos;
}

bool HasAsciiDigits(absl::string_view text, size_t pos, uint32_t count) {
  if (text.size() - pos < count) return false;
  for (uint32_t i = 0; i < count; ++i) {
    if (text[pos + i] < '0' || text[pos + i] > '9') return false;
  }
  return true;
}

size_t AsciiDigitRunEnd(absl::string_view text, size_t pos, uint32_t count) {
  if (HasAsciiDigits(text, pos, count)) return pos + count;
  while (pos < text.size() && !HasAsciiDigits(text, pos, count)) ++pos;
  return pos;
}

bool IsByteDigit(char byte) {
  return (byte >= '0' && byte <= '9') || byte == '\xB2' || byte == '\xB3' || byte == '\xB9' ||
         byte == '\xBC' || byte == '\xBD' || byte == '\xBE';
}

size_t ByteDigitsEnd(absl::string_view text, size_t pos, uint32_t max_digits) {
  const bool inside = IsByteDigit(text[pos]);
  uint32_t count = 0;
  while (pos < text.size() && IsByteDigit(text[pos]) == inside) {
    if (inside && max_digits != 0 && count++ == max_digits) break;
    ++pos;
  }
  return pos;
}

bool IsPunctuation(uint32_t codepoint) {
  if (codepoint < 128) {
    // All of ASCII that prints and isn't alphanumeric, symbols included.
    return codepoint > 32 && codepoint < 127 && !IsAsciiLetter(static_cast<char>(codepoint)) &&
           codepoint - '0' > 9;
  }
  return ClassOf(codepoint) == CharClass::kPunctuation;
}

enum class Punctuation { kRuns, kSingle };

size_t PunctuationEnd(absl::string_view text, size_t pos, Punctuation grouping) {
  Utf8Char next = DecodeUtf8(text.substr(pos));
  const bool inside = IsPunctuation(next.codepoint);
  pos += next.length;
  if (inside && grouping == Punctuation::kSingle) return pos;
  while (pos < text.size()) {
    next = DecodeUtf8(text.substr(pos));
    if (IsPunctuation(next.codepoint) != inside) break;
    pos += next.length;
  }
  return pos;
}

size_t EscapedSpacesEnd(absl::string_view text, size_t pos) {
  const size_t next = text.find(kEscapedSpaceText, pos + 1);
  return next == absl::string_view::npos ? text.size() : next;
}

size_t WordEnd(const WordSplitData& stage, absl::string_view text, size_t pos) {
  switch (stage.split) {
    case WordSplit::kSpacedWords:
      return SpacedWordEnd(text, pos);
    case WordSplit::kPrefixedWords:
      return PrefixedWordEnd(text, pos, stage.max_digits);
    case WordSplit::kDigits:
      return DigitsEnd(text, pos, stage.max_digits);
    case WordSplit::kAsciiDigitRuns:
      return AsciiDigitRunEnd(text, pos, stage.max_digits);
    case WordSplit::kPunctuation:
      return PunctuationEnd(text, pos, Punctuation::kRuns);
    case WordSplit::kEachPunctuation:
      return PunctuationEnd(text, pos, Punctuation::kSingle);
    case WordSplit::kEscapedSpaces:
      return EscapedSpacesEnd(text, pos);
    case WordSplit::kByteDigits:
      return ByteDigitsEnd(text, pos, stage.max_digits);
    case WordSplit::kCasedWords:
      return CasedWordEnd(text, pos, stage.max_digits, Contractions::kNone);
    case WordSplit::kCasedWordsAndContractions:
      return CasedWordEnd(text, pos, stage.max_digits, Contractions::kBehindWords);
    case WordSplit::kSpaceInFront:
      break;
  }
  return text.size();
}

}  // namespace

absl::StatusOr<Pretokenizer> Pretokenizer::Create(const std::vector<WordSplitData>& stages) {
  if (stages.size() > kMaxStages) {
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer: ", stages.size(), " word_splits, expected at most ", kMaxStages));
  }
  for (const WordSplitData& stage : stages) {
    const int split = static_cast<int>(stage.split);
    if (split < 1 || split > static_cast<int>(WordSplit::kSpaceInFront)) {
      return absl::InvalidArgumentError(absl::StrCat("tokenizer: word_splits.split ", split,
                                                     " is not supported by this version"));
    }
    const bool counted = stage.split == WordSplit::kAsciiDigitRuns;
    if (stage.max_digits > 64 || (counted && stage.max_digits == 0)) {
      return absl::InvalidArgumentError(absl::StrCat("tokenizer: word_splits.max_digits ",
                                                     stage.max_digits, ", expected ",
                                                     counted ? "1" : "0", " to 64"));
    }
  }
  return Pretokenizer(stages);
}

void Pretokenizer::SplitFrom(size_t stage, absl::string_view text,
                             absl::FunctionRef<void(absl::string_view)> word) const {
  if (stage == stages_.size()) {
    if (!text.empty()) word(text);
    return;
  }
  if (stages_[stage].split == WordSplit::kSpaceInFront) {
    if (text.empty() || text.front() == ' ') return SplitFrom(stage + 1, text, word);
    return SplitFrom(stage + 1, absl::StrCat(" ", text), word);
  }
  for (size_t pos = 0; pos < text.size();) {
    const size_t end = WordEnd(stages_[stage], text, pos);
    SplitFrom(stage + 1, text.substr(pos, end - pos), word);
    pos = end;
  }
}

}  // namespace inkling
