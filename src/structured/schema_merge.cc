// Merging works keyword by keyword and gives up where two values of one have no simple common part.

#include "src/structured/schema_merge.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/structured/schema_keywords.h"

namespace inkling {
namespace {

std::set<std::string> TypesOf(const JsonValue& type) {
  std::set<std::string> types;
  if (type.is_string()) types.insert(type.text);
  for (const JsonValue& item : type.items) types.insert(item.text);
  return types;
}

JsonValue String(std::string text) {
  JsonValue value;
  value.kind = JsonKind::kString;
  value.text = std::move(text);
  return value;
}

JsonValue List(std::vector<JsonValue> items) {
  JsonValue value;
  value.kind = JsonKind::kArray;
  value.items = std::move(items);
  return value;
}

JsonValue CommonTypes(const JsonValue& a, const JsonValue& b) {
  const std::set<std::string> x = TypesOf(a);
  const std::set<std::string> y = TypesOf(b);
  std::vector<JsonValue> common;
  for (const std::string& type : x) {
    const bool fits = y.count(type) > 0 || (type == "integer" && y.count("number") > 0);
    if (fits) common.push_back(String(type));
  }
  if (x.count("number") > 0 && x.count("integer") == 0 && y.count("integer") > 0 &&
      y.count("number") == 0) {
    common.push_back(String("integer"));
  }
  return List(std::move(common));
}

absl::StatusOr<JsonValue> MergeProperties(const JsonValue& a, const JsonValue& b) {
  JsonValue merged = a;
  for (const auto& [name, schema] : b.members) {
    const auto own = absl::c_find_if(
        merged.members, [&name = name](const auto& member) { return member.first == name; });
    if (own == merged.members.end()) {
      merged.members.emplace_back(name, schema);
    } else {
      ABSL_ASSIGN_OR_RETURN(own->second, MergeSchemas(own->second, schema));
    }
  }
  return merged;
}

absl::StatusOr<JsonValue> MergeKeyword(const std::string& keyword, const JsonValue& a,
                                       const JsonValue& b) {
  if (IsAnnotation(keyword) || SameJson(a, b)) return a;
  if (keyword == "type") return CommonTypes(a, b);
  if (keyword == "required") {
    JsonValue merged = a;
    merged.items.insert(merged.items.end(), b.items.begin(), b.items.end());
    return merged;
  }
  if (keyword == "properties" && a.is_object() && b.is_object()) return MergeProperties(a, b);
  const bool is_lower = keyword == "minLength" || keyword == "minItems" || keyword == "minimum" ||
                        keyword == "exclusiveMinimum" || keyword == "minProperties";
  const bool is_upper = keyword == "maxLength" || keyword == "maxItems" || keyword == "maximum" ||
                        keyword == "exclusiveMaximum" || keyword == "maxProperties";
  double x = 0;
  double y = 0;
  if ((is_lower || is_upper) && absl::SimpleAtod(a.text, &x) && absl::SimpleAtod(b.text, &y) &&
      x != y) {
    return (x < y) == is_upper ? a : b;
  }
  return absl::UnimplementedError(absl::StrCat(
      "'", keyword, "' twice with different values (allOf, or beside anyOf or oneOf)"));
}

// Additional properties of one schema are the other's declared ones, unless both declare the same.
bool SeparatesProperties(const JsonValue& a, const JsonValue& b) {
  const JsonValue* additional = a.Find("additionalProperties");
  if (additional == nullptr || (additional->is_bool() && additional->boolean)) return true;
  const JsonValue* own = a.Find("properties");
  const JsonValue* other = b.Find("properties");
  if (other == nullptr) return true;
  return absl::c_all_of(other->members, [own](const auto& member) {
    return own != nullptr && own->Find(member.first) != nullptr;
  });
}

std::vector<JsonValue> ValuesOf(const JsonValue& schema) {
  const JsonValue* only = schema.Find("const");
  if (only != nullptr) return {*only};
  const JsonValue* list = schema.Find("enum");
  return list != nullptr ? list->items : std::vector<JsonValue>();
}

bool HaveOtherValues(const JsonValue& a, const JsonValue& b) {
  const std::vector<JsonValue> x = ValuesOf(a);
  const std::vector<JsonValue> y = ValuesOf(b);
  if (x.empty() || y.empty()) return false;
  return absl::c_none_of(x, [&y](const JsonValue& value) {
    return absl::c_any_of(y, [&](const JsonValue& other) { return SameJson(value, other); });
  });
}

bool HaveOtherTypes(const JsonValue& a, const JsonValue& b) {
  const JsonValue* x = a.Find("type");
  const JsonValue* y = b.Find("type");
  return x != nullptr && y != nullptr && CommonTypes(*x, *y).items.empty();
}

bool Requires(const JsonValue& schema, const std::string& name) {
  const JsonValue* required = schema.Find("required");
  return required != nullptr && absl::c_any_of(required->items, [&name](const JsonValue& item) {
           return item.text == name;
         });
}

bool IsObjectOnly(const JsonValue& schema) {
  const JsonValue* type = schema.Find("type");
  return type != nullptr && TypesOf(*type) == std::set<std::string>{"object"};
}

}  // namespace

absl::StatusOr<JsonValue> MergeSchemas(const JsonValue& a, const JsonValue& b) {
  if (a.is_bool()) return a.boolean ? b : a;
  if (b.is_bool()) return b.boolean ? a : b;
  if (!SeparatesProperties(a, b) || !SeparatesProperties(b, a)) {
    return absl::UnimplementedError(
        "'additionalProperties' of one schema for properties of another (allOf, or beside anyOf or "
        "oneOf)");
  }
  // `items` is about what is behind prefixItems.
  const JsonValue* x = a.Find("prefixItems");
  const JsonValue* y = b.Find("prefixItems");
  const size_t x_size = x != nullptr ? x->items.size() : 0;
  const size_t y_size = y != nullptr ? y->items.size() : 0;
  if (x_size != y_size && (a.Find("items") != nullptr || b.Find("items") != nullptr)) {
    return absl::UnimplementedError(
        "'items' of one schema beside 'prefixItems' of another (allOf, or beside anyOf or oneOf)");
  }
  JsonValue merged = a;
  for (const auto& [keyword, value] : b.members) {
    const auto own = absl::c_find_if(merged.members, [&keyword = keyword](const auto& member) {
      return member.first == keyword;
    });
    if (own == merged.members.end()) {
      merged.members.emplace_back(keyword, value);
      continue;
    }
    ABSL_ASSIGN_OR_RETURN(own->second, MergeKeyword(keyword, own->second, value));
  }
  return merged;
}

bool AreDisjoint(const JsonValue& a, const JsonValue& b) {
  if (a.is_bool() || b.is_bool()) {
    return (a.is_bool() && !a.boolean) || (b.is_bool() && !b.boolean);
  }
  if (HaveOtherTypes(a, b) || HaveOtherValues(a, b)) return true;
  if (!IsObjectOnly(a) || !IsObjectOnly(b)) return false;
  const JsonValue* x = a.Find("properties");
  const JsonValue* y = b.Find("properties");
  if (x == nullptr || y == nullptr) return false;
  return absl::c_any_of(x->members, [&](const auto& member) {
    const JsonValue* other = y->Find(member.first);
    return other != nullptr && Requires(a, member.first) && Requires(b, member.first) &&
           (HaveOtherValues(member.second, *other) || HaveOtherTypes(member.second, *other));
  });
}

}  // namespace inkling
