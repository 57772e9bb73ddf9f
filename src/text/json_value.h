// JsonValue: JSON of an app, read with limits: schemas, tools, arguments of calls.
//
// Objects keep the order of their members. Numbers keep their text, so that they stay exact.

#ifndef INKLING_SRC_TEXT_JSON_VALUE_H_
#define INKLING_SRC_TEXT_JSON_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace inkling {

enum class JsonKind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

struct JsonValue {
  JsonKind kind = JsonKind::kNull;
  bool boolean = false;
  std::string text;  // a string's characters as UTF-8, or a number as it was written
  std::vector<JsonValue> items;
  std::vector<std::pair<std::string, JsonValue>> members;

  bool is_object() const { return kind == JsonKind::kObject; }
  bool is_array() const { return kind == JsonKind::kArray; }
  bool is_string() const { return kind == JsonKind::kString; }
  bool is_number() const { return kind == JsonKind::kNumber; }
  bool is_bool() const { return kind == JsonKind::kBool; }
  // The member, or null.
  const JsonValue* Find(absl::string_view name) const;
};

inline constexpr size_t kMaxJsonBytes = size_t{256} << 10;
inline constexpr int kMaxJsonDepth = 64;

// Errors: InvalidArgument: what, at which byte. Refused too: text that isn't UTF-8, a name that an
// object has twice, more than kMaxJsonBytes, nesting deeper than kMaxJsonDepth.
absl::StatusOr<JsonValue> ParseJson(absl::string_view text);

// `text` as JSON writes a string, quotes included.
std::string QuoteJson(absl::string_view text);

// True if both say the same: numbers are compared by value (1 equals 1.0), members in any order.
bool SameJson(const JsonValue& a, const JsonValue& b);

// A number's sign, digits and exponent: value = digits * 10^exponent, without zeros at either end
// of `digits`; no digits: zero. Nothing if the exponent is beyond +-10000.
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t exponent = 0;
  bool is_integer() const { return exponent >= 0 || digits.empty(); }
};
absl::StatusOr<Decimal> ParseDecimal(absl::string_view number);

}  // namespace inkling

#endif  // INKLING_SRC_TEXT_JSON_VALUE_H_
