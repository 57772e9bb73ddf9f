// A recursive reader of JSON (RFC 8259), whose depth is bounded.

#include "src/text/json_value.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

class JsonReader {
 public:
  explicit JsonReader(absl::string_view text) : text_(text) {}

  absl::StatusOr<JsonValue> Read() {
    if (text_.size() > kMaxJsonBytes) {
      return Invalid(absl::StrCat(text_.size(), " bytes; expected at most ", kMaxJsonBytes));
    }
    if (WellFormedPrefix(text_) != text_.size()) {
      pos_ = WellFormedPrefix(text_);
      return Invalid("text that isn't UTF-8");
    }
    JsonValue value;
    ABSL_RETURN_IF_ERROR(ReadValue(0, value));
    SkipSpace();
    if (pos_ < text_.size()) return Invalid("text behind the value");
    return value;
  }

 private:
  absl::Status Invalid(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat("JSON: ", what, " at byte ", pos_));
  }
  void SkipSpace() {
    while (pos_ < text_.size() && (text_[pos_] == ' ' || text_[pos_] == '\t' ||
                                   text_[pos_] == '\n' || text_[pos_] == '\r')) {
      ++pos_;
    }
  }
  char Peek() const { return pos_ < text_.size() ? text_[pos_] : '\0'; }
  bool Take(absl::string_view token) {
    if (!absl::StartsWith(text_.substr(pos_), token)) return false;
    pos_ += token.size();
    return true;
  }

  absl::Status ReadValue(int depth, JsonValue& value);
  absl::Status ReadArray(int depth, JsonValue& value);
  absl::Status ReadObject(int depth, JsonValue& value);
  absl::Status ReadNumber(JsonValue& value);
  absl::Status ReadString(std::string& text);
  absl::Status ReadEscape(std::string& text);
  absl::StatusOr<uint32_t> ReadHex();

  absl::string_view text_;
  size_t pos_ = 0;
};

absl::Status JsonReader::ReadValue(int depth, JsonValue& value) {
  if (depth > kMaxJsonDepth) {
    return Invalid(absl::StrCat("nesting deeper than ", kMaxJsonDepth));
  }
  SkipSpace();
  switch (Peek()) {
    case '{':
      return ReadObject(depth, value);
    case '[':
      return ReadArray(depth, value);
    case '"':
      value.kind = JsonKind::kString;
      return ReadString(value.text);
    default:
      break;
  }
  if (Take("null")) return absl::OkStatus();
  const bool is_true = Take("true");
  if (is_true || Take("false")) {
    value.kind = JsonKind::kBool;
    value.boolean = is_true;
    return absl::OkStatus();
  }
  return ReadNumber(value);
}

absl::Status JsonReader::ReadArray(int depth, JsonValue& value) {
  value.kind = JsonKind::kArray;
  ++pos_;
  SkipSpace();
  if (Take("]")) return absl::OkStatus();
  do {
    value.items.emplace_back();
    ABSL_RETURN_IF_ERROR(ReadValue(depth + 1, value.items.back()));
    SkipSpace();
  } while (Take(","));
  return Take("]") ? absl::OkStatus() : Invalid("an array without ',' or ']'");
}

absl::Status JsonReader::ReadObject(int depth, JsonValue& value) {
  value.kind = JsonKind::kObject;
  ++pos_;
  SkipSpace();
  if (Take("}")) return absl::OkStatus();
  absl::flat_hash_set<std::string> names;
  do {
    SkipSpace();
    if (Peek() != '"') return Invalid("an object's member without a name in quotes");
    std::string name;
    ABSL_RETURN_IF_ERROR(ReadString(name));
    if (!names.insert(name).second) {
      return Invalid(absl::StrCat("an object with two members ", QuoteJson(name)));
    }
    SkipSpace();
    if (!Take(":")) return Invalid("a name without ':'");
    value.members.emplace_back(std::move(name), JsonValue());
    ABSL_RETURN_IF_ERROR(ReadValue(depth + 1, value.members.back().second));
    SkipSpace();
  } while (Take(","));
  return Take("}") ? absl::OkStatus() : Invalid("an object without ',' or '}'");
}

absl::Status JsonReader::ReadNumber(JsonValue& value) {
  const size_t begin = pos_;
  const auto digits = [this] {
    const size_t first = pos_;
    while (absl::ascii_isdigit(static_cast<unsigned char>(Peek()))) ++pos_;
    return pos_ - first;
  };
  Take("-");
  const bool zero = Peek() == '0';
  const size_t whole = digits();
  if (whole == 0) return Invalid("something that is no JSON value");
  if (zero && whole > 1) return Invalid("a number with a leading zero");
  if (Take(".") && digits() == 0) return Invalid("a number without digits behind '.'");
  if (Peek() == 'e' || Peek() == 'E') {
    ++pos_;
    if (!Take("+")) Take("-");
    if (digits() == 0) return Invalid("a number without digits behind 'e'");
  }
  value.kind = JsonKind::kNumber;
  value.text = std::string(text_.substr(begin, pos_ - begin));
  return absl::OkStatus();
}

absl::Status JsonReader::ReadString(std::string& text) {
  ++pos_;
  while (true) {
    if (pos_ >= text_.size()) return Invalid("a string without its closing quote");
    const char c = text_[pos_];
    if (static_cast<unsigned char>(c) < 0x20) return Invalid("a control character in a string");
    ++pos_;
    if (c == '"') return absl::OkStatus();
    if (c != '\\') {
      text.push_back(c);
      continue;
    }
    ABSL_RETURN_IF_ERROR(ReadEscape(text));
  }
}

absl::StatusOr<uint32_t> JsonReader::ReadHex() {
  uint32_t value = 0;
  const absl::string_view digits = text_.substr(std::min(pos_, text_.size()), 4);
  if (digits.size() < 4 || !absl::c_all_of(digits, absl::ascii_isxdigit) ||
      !absl::SimpleHexAtoi(digits, &value)) {
    return Invalid("an escape without four hexadecimal digits");
  }
  pos_ += 4;
  return value;
}

absl::Status JsonReader::ReadEscape(std::string& text) {
  static constexpr absl::string_view kLetters = "\"\\/bfnrt";
  static constexpr absl::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const char c = Peek();
  ++pos_;
  const size_t known = kLetters.find(c);
  if (known != absl::string_view::npos) {
    text.push_back(kMeanings[known]);
    return absl::OkStatus();
  }
  if (c != 'u') return Invalid("an unknown escape");
  ABSL_ASSIGN_OR_RETURN(uint32_t value, ReadHex());
  if (value >= 0xD800 && value <= 0xDFFF) {
    if (value >= 0xDC00 || !Take("\\u")) return Invalid("half a surrogate pair");
    ABSL_ASSIGN_OR_RETURN(const uint32_t low, ReadHex());
    if (low < 0xDC00 || low > 0xDFFF) return Invalid("half a surrogate pair");
    value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
  }
  AppendUtf8(value, text);
  return absl::OkStatus();
}

}  // namespace

const JsonValue* JsonValue::Find(absl::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

absl::StatusOr<JsonValue> ParseJson(absl::string_view text) { return JsonReader(text).Read(); }

std::string QuoteJson(absl::string_view text) {
  static constexpr absl::string_view kLetters = "\"\\bfnrt";
  static constexpr absl::string_view kMeanings = "\"\\\b\f\n\r\t";
  std::string quoted = "\"";
  for (char c : text) {
    const size_t escaped = kMeanings.find(c);
    if (escaped != absl::string_view::npos) {
      quoted.push_back('\\');
      quoted.push_back(kLetters[escaped]);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&quoted, "\\u%04x", static_cast<unsigned>(c));
    } else {
      quoted.push_back(c);
    }
  }
  quoted.push_back('"');
  return quoted;
}

absl::StatusOr<Decimal> ParseDecimal(absl::string_view number) {
  Decimal decimal;
  if (absl::StartsWith(number, "-")) {
    decimal.negative = true;
    number.remove_prefix(1);
  }
  const size_t e = std::min(number.find_first_of("eE"), number.size());
  if (e < number.size()) {
    absl::string_view exponent = number.substr(e + 1);
    if (absl::StartsWith(exponent, "+")) exponent.remove_prefix(1);
    if (!absl::SimpleAtoi(exponent, &decimal.exponent) || decimal.exponent > 10000 ||
        decimal.exponent < -10000) {
      return absl::InvalidArgumentError(
          absl::StrCat("the number ", number, " has an exponent beyond +-10000"));
    }
  }
  bool behind_point = false;
  for (char c : number.substr(0, e)) {
    if (c == '.') {
      behind_point = true;
      continue;
    }
    if (!decimal.digits.empty() || c != '0') decimal.digits.push_back(c);
    if (behind_point) --decimal.exponent;
  }
  while (!decimal.digits.empty() && decimal.digits.back() == '0') {
    decimal.digits.pop_back();
    ++decimal.exponent;
  }
  if (decimal.digits.empty()) decimal = {};
  return decimal;
}

bool SameJson(const JsonValue& a, const JsonValue& b) {
  if (a.kind != b.kind) return false;
  if (a.is_number()) {
    const absl::StatusOr<Decimal> x = ParseDecimal(a.text);
    const absl::StatusOr<Decimal> y = ParseDecimal(b.text);
    if (!x.ok() || !y.ok()) return a.text == b.text;
    return x->negative == y->negative && x->digits == y->digits && x->exponent == y->exponent;
  }
  if (a.is_array()) {
    return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), SameJson);
  }
  if (!a.is_object()) return a.boolean == b.boolean && a.text == b.text;
  if (a.members.size() != b.members.size()) return false;
  for (const auto& [name, value] : a.members) {
    const JsonValue* other = b.Find(name);
    if (other == nullptr || !SameJson(value, *other)) return false;
  }
  return true;
}

}  // namespace inkling
