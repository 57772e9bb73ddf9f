// Python's spelling of numbers and containers (see json_text.h).

#include "src/text/json_text.h"

#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/status/status_macros.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace inkling {
namespace {

// The fewest digits that give `value` back, and the power of ten of the first one.
std::pair<std::string, int> ShortestDigits(double value) {
  std::string text;
  for (int precision = 0; precision <= 16; ++precision) {
    text = absl::StrFormat("%.*e", precision, value);
    double parsed = 0;
    if (absl::SimpleAtod(text, &parsed) && parsed == value) break;
  }
  const size_t e = text.find('e');
  int exponent = 0;
  absl::string_view power = absl::string_view(text).substr(e + 1);
  if (power[0] == '+') power.remove_prefix(1);
  (void)absl::SimpleAtoi(power, &exponent);  // StrFormat wrote it
  std::string digits = text.substr(0, 1);
  if (e > 2) digits += text.substr(2, e - 2);
  return {digits, exponent};
}

void Write(const JsonValue& value, uint32_t indent, uint32_t depth, std::string& text);

void NewLine(uint32_t indent, uint32_t depth, std::string& text) {
  text.push_back('\n');
  text.append(size_t{indent} * depth, ' ');
}

// Items between brackets; `write` writes one of them.
template <typename Items, typename WriteItem>
void WriteItems(const Items& items, const char* brackets, uint32_t indent, uint32_t depth,
                std::string& text, WriteItem write) {
  text.push_back(brackets[0]);
  bool first = true;
  for (const auto& item : items) {
    if (!first) text += indent > 0 ? "," : ", ";
    first = false;
    if (indent > 0) NewLine(indent, depth + 1, text);
    write(item);
  }
  if (indent > 0 && !first) NewLine(indent, depth, text);
  text.push_back(brackets[1]);
}

void Write(const JsonValue& value, uint32_t indent, uint32_t depth, std::string& text) {
  switch (value.kind) {
    case JsonKind::kNull:
      text += "null";
      break;
    case JsonKind::kBool:
      text += value.boolean ? "true" : "false";
      break;
    case JsonKind::kNumber:
      text += value.text;
      break;
    case JsonKind::kString:
      text += QuoteJson(value.text);
      break;
    case JsonKind::kArray:
      WriteItems(value.items, "[]", indent, depth, text,
                 [&](const JsonValue& item) { Write(item, indent, depth + 1, text); });
      break;
    case JsonKind::kObject:
      WriteItems(value.members, "{}", indent, depth, text, [&](const auto& member) {
        absl::StrAppend(&text, QuoteJson(member.first), ": ");
        Write(member.second, indent, depth + 1, text);
      });
      break;
  }
}

}  // namespace

absl::StatusOr<std::string> PythonNumber(absl::string_view number) {
  if (number.find_first_of(".eE") == absl::string_view::npos) {
    return std::string(number == "-0" ? "0" : number);
  }
  double value = 0;
  if (!absl::SimpleAtod(number, &value) || !std::isfinite(value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the number ", number.substr(0, 40), " is beyond a double's range"));
  }
  const std::string sign = std::signbit(value) ? "-" : "";
  if (value == 0) return absl::StrCat(sign, "0.0");
  auto [digits, exponent] = ShortestDigits(std::fabs(value));
  if (exponent < -4 || exponent >= 16) {
    if (digits.size() > 1) digits.insert(1, ".");
    return absl::StrFormat("%s%se%c%02d", sign, digits, exponent < 0 ? '-' : '+',
                           std::abs(exponent));
  }
  if (exponent < 0) {
    return absl::StrCat(sign, "0.", std::string(static_cast<size_t>(-exponent - 1), '0'), digits);
  }
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) digits.append(whole + 1 - digits.size(), '0');
  return absl::StrCat(sign, digits.substr(0, whole), ".", digits.substr(whole));
}

absl::Status SpellNumbersAsPython(JsonValue& value) {
  if (value.is_number()) {
    ABSL_ASSIGN_OR_RETURN(value.text, PythonNumber(value.text));
  }
  for (JsonValue& item : value.items) ABSL_RETURN_IF_ERROR(SpellNumbersAsPython(item));
  for (auto& [name, member] : value.members) ABSL_RETURN_IF_ERROR(SpellNumbersAsPython(member));
  return absl::OkStatus();
}

std::string WriteJson(const JsonValue& value, uint32_t indent) {
  std::string text;
  Write(value, indent, 0, text);
  return text;
}

}  // namespace inkling
