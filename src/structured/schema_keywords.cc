// Keywords of draft 2020-12 (JSON Schema Core and Validation), and `definitions` of older drafts.

#include "src/structured/schema_keywords.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "src/structured/grammar.h"
#include "src/structured/string_format.h"

namespace inkling {
namespace {

constexpr size_t kMostShown = 60;  // bytes of a name or value in a message

enum class Form : uint8_t {
  kSchema,
  kSchemas,     // by name
  kSchemaList,  // at least one
  kAnything,
  kValues,
  kNames,
  kTypes,
  kCount,
  kNumber,
  kText,
  kFalse,  // true can't be enforced
};

struct Keyword {
  absl::string_view name;
  Form form;
};

constexpr Keyword kEnforced[] = {
    {"$ref", Form::kText},
    {"additionalProperties", Form::kSchema},
    {"allOf", Form::kSchemaList},
    {"anyOf", Form::kSchemaList},
    {"const", Form::kAnything},
    {"enum", Form::kValues},
    {"exclusiveMaximum", Form::kNumber},
    {"exclusiveMinimum", Form::kNumber},
    {"format", Form::kText},
    {"items", Form::kSchema},
    {"maxItems", Form::kCount},
    {"maxLength", Form::kCount},
    {"maxProperties", Form::kCount},
    {"maximum", Form::kNumber},
    {"minItems", Form::kCount},
    {"minLength", Form::kCount},
    {"minProperties", Form::kCount},
    {"minimum", Form::kNumber},
    {"oneOf", Form::kSchemaList},
    {"pattern", Form::kText},
    {"prefixItems", Form::kSchemaList},
    {"properties", Form::kSchemas},
    {"required", Form::kNames},
    {"type", Form::kTypes},
    {"uniqueItems", Form::kFalse},
};

constexpr absl::string_view kTypes[] = {"array",  "boolean", "integer", "null",
                                        "number", "object",  "string"};

// What describes a value, and what other parts refer to or are kept in. contentEncoding,
// contentMediaType and contentSchema are remarks by the draft, too, but whoever writes them wants
// such contents.
constexpr absl::string_view kAnnotations[] = {
    "$anchor",     "$comment", "$defs",    "$dynamicAnchor", "$id",
    "$schema",     "default",  "example",  "definitions",    "deprecated",
    "description", "examples", "readOnly", "title",          "writeOnly"};

constexpr absl::string_view kDrafts[] = {"https://json-schema.org/draft/2020-12/schema",
                                         "https://json-schema.org/draft/2019-09/schema",
                                         "http://json-schema.org/draft-07/schema"};

// At most kMostShown bytes, of whole characters.
std::string Shown(absl::string_view text) {
  if (text.size() <= kMostShown) return std::string(text);
  size_t size = kMostShown;
  while (size > 0 && (static_cast<uint8_t>(text[size]) & 0xC0) == 0x80) --size;
  return absl::StrCat(text.substr(0, size), "...");
}

std::string Found(const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBool:
      return value.boolean ? "true" : "false";
    case JsonKind::kNumber:
      return Shown(value.text);
    case JsonKind::kString:
      return QuoteJson(Shown(value.text));
    case JsonKind::kArray:
      return value.items.empty() ? "an empty list" : "a list";
    case JsonKind::kObject:
      return "an object";
  }
  return "";
}

bool IsSchema(const JsonValue& value) { return value.is_object() || value.is_bool(); }

bool IsCount(const JsonValue& value, uint32_t& count) {
  if (!value.is_number()) return false;
  const absl::StatusOr<Decimal> number = ParseDecimal(value.text);
  if (!number.ok() || number->negative || !number->is_integer()) return false;
  if (number->digits.empty()) {
    count = 0;
    return true;
  }
  // What is larger than any text is the same as the largest.
  count = kUnbounded - 2;
  if (number->exponent > 10) return true;
  const std::string zeros(static_cast<size_t>(number->exponent), '0');
  uint32_t exact = 0;
  if (absl::SimpleAtoi(absl::StrCat(number->digits, zeros), &exact)) count = std::min(count, exact);
  return true;
}

bool AreTypes(const JsonValue& value) {
  const auto is_type = [](const JsonValue& type) {
    return type.is_string() && absl::c_linear_search(kTypes, type.text);
  };
  if (!value.is_array()) return is_type(value);
  return !value.items.empty() && absl::c_all_of(value.items, is_type);
}

// What `form` expects, if `value` isn't that; else nothing.
absl::string_view Expected(Form form, const JsonValue& value) {
  uint32_t count = 0;
  switch (form) {
    case Form::kAnything:
      return "";
    case Form::kSchema:
      return IsSchema(value) ? "" : "a schema (an object, true or false)";
    case Form::kSchemas:
      return value.is_object() ? "" : "an object of schemas";
    case Form::kSchemaList:
      return value.is_array() && !value.items.empty() ? "" : "a list of at least one schema";
    case Form::kValues:
      return value.is_array() && !value.items.empty() ? "" : "a list of at least one value";
    case Form::kNames:
      return value.is_array() &&
                     absl::c_all_of(value.items,
                                    [](const JsonValue& item) { return item.is_string(); })
                 ? ""
                 : "a list of names";
    case Form::kTypes:
      return AreTypes(value) ? ""
                             : "one of array, boolean, integer, null, number, object, string, or a "
                               "list of them";
    case Form::kCount:
      return IsCount(value, count) ? "" : "a whole number of 0 or more";
    case Form::kNumber:
      return value.is_number() && ParseDecimal(value.text).ok()
                 ? ""
                 : "a number with an exponent between -10000 and 10000";
    case Form::kText:
      return value.is_string() ? "" : "a string";
    case Form::kFalse:
      return value.is_bool() ? "" : "true or false";
  }
  return "";
}

absl::Status CheckAnnotation(absl::string_view keyword, const JsonValue& value, bool is_document,
                             const std::string& path) {
  if (keyword == "$id" && !is_document) {
    return SchemaUnsupported(path, "'$id' within a schema, which makes it a document of its own,");
  }
  if (keyword != "$schema") return absl::OkStatus();
  const absl::string_view draft = absl::string_view(value.text).substr(0, value.text.find('#'));
  if (value.is_string() && absl::c_linear_search(kDrafts, draft)) return absl::OkStatus();
  return SchemaUnsupported(
      path, absl::StrCat("'$schema' ", Found(value), " (expected ", absl::string_view(kDrafts[0]),
                         ", or that of draft 2019-09 or 7)"));
}

absl::Status CheckKeyword(const Keyword& keyword, const JsonValue& value, const std::string& path) {
  const absl::string_view expected = Expected(keyword.form, value);
  if (!expected.empty()) {
    const bool is_old = keyword.name == "items" && value.is_array();
    return SchemaError(path, absl::StrCat("expected ", expected, ", found ", Found(value),
                                          is_old ? ", which is 'prefixItems' since 2020-12" : ""));
  }
  if (keyword.form == Form::kFalse && value.boolean) {
    return SchemaUnsupported(path, absl::StrCat("'", keyword.name, "'"));
  }
  if (keyword.name == "format" && RegexOfFormat(value.text).empty()) {
    return SchemaUnsupported(
        path, absl::StrCat("'format' ", Found(value), " (known are ", KnownFormats(), ")"));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsAnnotation(absl::string_view keyword) {
  return absl::StartsWith(keyword, "x-") || absl::c_linear_search(kAnnotations, keyword);
}

absl::Status CheckKeywords(const JsonValue& schema, bool is_document, const std::string& path) {
  for (const auto& [name, value] : schema.members) {
    if (IsAnnotation(name)) {
      ABSL_RETURN_IF_ERROR(CheckAnnotation(name, value, is_document, PathOf(path, name)));
      continue;
    }
    const auto* const known = absl::c_find_if(
        kEnforced, [&name = name](const Keyword& keyword) { return keyword.name == name; });
    if (known == std::end(kEnforced)) {
      return SchemaUnsupported(PathOf(path, name), QuoteJson(Shown(name)));
    }
    ABSL_RETURN_IF_ERROR(CheckKeyword(*known, value, PathOf(path, name)));
  }
  return absl::OkStatus();
}

uint32_t CountOf(const JsonValue& schema, absl::string_view keyword, uint32_t missing) {
  const JsonValue* value = schema.Find(keyword);
  uint32_t count = missing;
  if (value != nullptr) IsCount(*value, count);
  return count;
}

std::string PathOf(const std::string& path, absl::string_view keyword) {
  return absl::StrCat(path, "/", absl::StrReplaceAll(Shown(keyword), {{"~", "~0"}, {"/", "~1"}}));
}

std::string PathOf(const std::string& path, absl::string_view keyword, absl::string_view name) {
  return PathOf(PathOf(path, keyword), name);
}

absl::Status SchemaError(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("JSON Schema at ", path, ": ", what));
}

absl::Status SchemaUnsupported(const std::string& path, absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat("JSON Schema at ", path, ": ", what,
                                               " can't be enforced; write the schema without it"));
}

}  // namespace inkling
