// Python's truth, printing and equality (see jinja_value.h).

#include "converter/templates/jinja_value.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace inkling {
namespace {

// The fewest digits that give the same number back, as Python writes them.
std::string PrintReal(double value) {
  const double size = std::fabs(value);
  const bool plain = value == 0 || (size >= 1e-4 && size < 1e16);
  char digits[64];
  for (int precision = 1; precision <= 21; ++precision) {
    std::snprintf(digits, sizeof(digits), plain ? "%.*f" : "%.*g", precision, value);
    if (std::strtod(digits, nullptr) == value) break;
  }
  return digits;
}

// Python's repr of a string, for strings inside printed lists.
std::string Quoted(absl::string_view text) {
  const bool double_quotes = absl::StrContains(text, "'") && !absl::StrContains(text, "\"");
  std::string escaped =
      absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\n", "\\n"}, {"\r", "\\r"}, {"\t", "\\t"}});
  if (!double_quotes) escaped = absl::StrReplaceAll(escaped, {{"'", "\\'"}});
  const char* quote = double_quotes ? "\"" : "'";
  return absl::StrCat(quote, escaped, quote);
}

std::string Inside(const JinjaValue& value) {
  return value.text() != nullptr ? Quoted(*value.text()) : value.Printed();
}

}  // namespace

std::optional<int64_t> JinjaValue::integer() const {
  if (const auto* value = std::get_if<int64_t>(&data_)) return *value;
  if (boolean() != nullptr) return *boolean() ? 1 : 0;
  return std::nullopt;
}

std::optional<double> JinjaValue::number() const {
  if (real() != nullptr) return *real();
  if (integer().has_value()) return static_cast<double>(*integer());
  return std::nullopt;
}

bool JinjaValue::Truth() const {
  if (undefined() != nullptr || is_none()) return false;
  if (number().has_value()) return *number() != 0;
  if (text() != nullptr) return !text()->empty();
  if (list() != nullptr) return !list()->empty();
  if (dict() != nullptr) return !dict()->empty();
  return true;
}

std::string JinjaValue::Printed() const {
  if (undefined() != nullptr) return "";
  if (is_none()) return "None";
  if (boolean() != nullptr) return *boolean() ? "True" : "False";
  if (real() != nullptr) return PrintReal(*real());
  if (integer().has_value()) return absl::StrCat(*integer());
  if (text() != nullptr) return *text();
  std::string printed;
  if (list() != nullptr) {
    for (const JinjaValue& item : *list()) {
      absl::StrAppend(&printed, printed.empty() ? "" : ", ", Inside(item));
    }
    if (Pointee<Sequence>()->brackets == Brackets::kSquare) return absl::StrCat("[", printed, "]");
    return absl::StrCat("(", printed, list()->size() == 1 ? ",)" : ")");
  }
  if (dict() != nullptr) {
    for (const auto& [key, item] : *dict()) {
      absl::StrAppend(&printed, printed.empty() ? "" : ", ", Quoted(key), ": ", Inside(item));
    }
    return absl::StrCat("{", printed, "}");
  }
  return absl::StrCat("<", KindName(), ">");
}

absl::string_view JinjaValue::KindName() const {
  static constexpr absl::string_view kNames[] = {"undefined",   "none",      "a bool", "an int",
                                                 "a float",     "a string",  "a list", "a mapping",
                                                 "a namespace", "a function"};
  return kNames[data_.index()];
}

bool JinjaValue::CanBeContained(int64_t& budget, int depth) const {
  constexpr int kMaxDepth = 32;
  if (--budget < 0 || depth > kMaxDepth || name_space() != nullptr) return false;
  if (list() != nullptr) {
    for (const JinjaValue& item : *list()) {
      if (!item.CanBeContained(budget, depth + 1)) return false;
    }
  }
  if (dict() != nullptr) {
    for (const auto& [key, item] : *dict()) {
      if (!item.CanBeContained(budget, depth + 1)) return false;
    }
  }
  return callable() == nullptr || callable()->self == nullptr ||
         callable()->self->CanBeContained(budget, depth + 1);
}

const JinjaValue* JinjaValue::Find(absl::string_view key) const {
  const Dict* entries = name_space() != nullptr ? &name_space()->fields : dict();
  if (entries == nullptr) return nullptr;
  for (const auto& [name, value] : *entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

bool operator==(const JinjaValue& a, const JinjaValue& b) {
  if (a.number().has_value() && b.number().has_value()) return *a.number() == *b.number();
  if (a.data_.index() != b.data_.index()) return false;
  if (a.text() != nullptr) return *a.text() == *b.text();
  if (a.list() != nullptr) {
    using Sequence = JinjaValue::Sequence;
    return a.Pointee<Sequence>()->brackets == b.Pointee<Sequence>()->brackets &&
           *a.list() == *b.list();
  }
  if (a.dict() != nullptr) {
    if (a.dict()->size() != b.dict()->size()) return false;
    for (const auto& [key, value] : *a.dict()) {
      const JinjaValue* other = b.Find(key);
      if (other == nullptr || !(value == *other)) return false;
    }
    return true;
  }
  return a.is_none() || a.undefined() != nullptr;
}

}  // namespace inkling
