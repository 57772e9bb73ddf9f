// What a schema is: references, choices, constants, types.

#include "src/structured/json_schema.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "src/structured/schema_compiler.h"
#include "src/structured/schema_merge.h"
#include "src/text/json_value.h"

namespace inkling {
namespace {

constexpr size_t kMaxSchemas = 20000;
constexpr size_t kMaxExprs = size_t{1} << 21;
constexpr int kMaxDepth = 128;

constexpr absl::string_view kEnforced[] = {
    "type",    "enum",        "const",    "properties", "required",         "additionalProperties",
    "items",   "prefixItems", "minItems", "maxItems",   "minLength",        "maxLength",
    "pattern", "format",      "minimum",  "maximum",    "exclusiveMinimum", "exclusiveMaximum",
    "anyOf",   "oneOf",       "allOf",    "$ref",       "minProperties",    "maxProperties"};

// The members of `schema` but for some.
JsonValue Without(const JsonValue& schema, std::initializer_list<absl::string_view> keywords) {
  JsonValue rest;
  rest.kind = JsonKind::kObject;
  for (const auto& member : schema.members) {
    if (!absl::c_linear_search(keywords, member.first)) rest.members.push_back(member);
  }
  return rest;
}

bool Constrains(const JsonValue& schema) {
  return absl::c_any_of(schema.members,
                        [](const auto& member) { return !IsAnnotation(member.first); });
}

std::vector<std::string> TypesOfValue(const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::kNull:
      return {"null"};
    case JsonKind::kBool:
      return {"boolean"};
    case JsonKind::kString:
      return {"string"};
    case JsonKind::kArray:
      return {"array"};
    case JsonKind::kObject:
      return {"object"};
    case JsonKind::kNumber:
      break;
  }
  const absl::StatusOr<Decimal> decimal = ParseDecimal(value.text);
  if (decimal.ok() && decimal->is_integer()) return {"number", "integer"};
  return {"number"};
}

bool HasType(const JsonValue& type, const std::string& name) {
  if (type.is_string()) return type.text == name;
  return absl::c_any_of(type.items, [&](const JsonValue& item) { return item.text == name; });
}

}  // namespace

absl::Status SchemaError(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("JSON Schema at ", path, ": ", what));
}

absl::Status SchemaUnsupported(const std::string& path, absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat("JSON Schema at ", path, ": ", what,
                                               " can't be enforced; write the schema without it"));
}

absl::Status ReadCount(const JsonValue& schema, absl::string_view keyword, const std::string& path,
                       uint32_t& count) {
  const JsonValue* value = schema.Find(keyword);
  if (value == nullptr) return absl::OkStatus();
  absl::StatusOr<Decimal> number = absl::InvalidArgumentError("");
  if (value->is_number()) number = ParseDecimal(value->text);
  uint32_t found = 0;
  const bool is_count =
      number.ok() && !number->negative && number->is_integer() && number->exponent < 10 &&
      (number->digits.empty() ||
       absl::SimpleAtoi(
           absl::StrCat(number->digits, std::string(static_cast<size_t>(number->exponent), '0')),
           &found));
  if (!is_count || found >= kUnbounded - 2) {
    return SchemaError(path, absl::StrCat("'", keyword, "' isn't a whole number of 0 or more"));
  }
  count = found;
  return absl::OkStatus();
}

absl::Status SchemaCompiler::CheckKeywords(const JsonValue& schema, const std::string& path) const {
  for (const auto& [keyword, value] : schema.members) {
    if (absl::c_linear_search(kEnforced, keyword) || IsAnnotation(keyword)) continue;
    if (keyword == "uniqueItems" && value.is_bool() && !value.boolean) continue;
    return SchemaUnsupported(path, absl::StrCat("'", keyword, "'"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExprId> SchemaCompiler::Compile(const JsonValue& schema, const std::string& path) {
  if (++num_schemas_ > kMaxSchemas || grammar_.num_exprs() > kMaxExprs) {
    return absl::ResourceExhaustedError(absl::StrCat("JSON Schema at ", path, ": more than ",
                                                     kMaxSchemas, " schemas; make it smaller"));
  }
  if (schema.is_bool()) return schema.boolean ? json_.AnyValue() : grammar_.Never();
  if (!schema.is_object()) return SchemaError(path, "expected an object, true or false");
  if (depth_ >= kMaxDepth) return SchemaError(path, "schemas are nested too deeply");
  ABSL_RETURN_IF_ERROR(CheckKeywords(schema, path));
  ++depth_;
  absl::StatusOr<ExprId> made = schema.Find("$ref") != nullptr ? CompileRef(schema, path)
                                : schema.Find("anyOf") != nullptr ||
                                        schema.Find("oneOf") != nullptr ||
                                        schema.Find("allOf") != nullptr
                                    ? CompileCombined(schema, path)
                                : schema.Find("enum") != nullptr || schema.Find("const") != nullptr
                                    ? CompileValues(schema, path)
                                    : CompileTypes(schema, path);
  --depth_;
  return made;
}

absl::StatusOr<const JsonValue*> SchemaCompiler::Resolve(const JsonValue& ref,
                                                         const std::string& path) const {
  if (!ref.is_string()) return SchemaError(path, "'$ref' isn't a string");
  const absl::string_view text = ref.text;
  if (text.empty() || text[0] != '#' || (text.size() > 1 && text[1] != '/')) {
    return SchemaUnsupported(
        path, absl::StrCat("'$ref' to ", QuoteJson(text), " (only '#' and '#/...' are followed)"));
  }
  const JsonValue* found = &root_;
  if (text.size() == 1) return found;
  for (absl::string_view part : absl::StrSplit(text.substr(2), '/')) {
    std::string name;
    for (size_t i = 0; i < part.size(); ++i) {
      int byte = 0;
      if (part[i] == '%' && i + 2 < part.size() + 0 &&
          absl::SimpleHexAtoi(part.substr(i + 1, 2), &byte)) {
        name.push_back(static_cast<char>(byte));
        i += 2;
      } else {
        name.push_back(part[i]);
      }
    }
    name = absl::StrReplaceAll(name, {{"~1", "/"}, {"~0", "~"}});
    uint32_t index = 0;
    const JsonValue* next = found->Find(name);
    if (found->is_array() && absl::SimpleAtoi(name, &index) && index < found->items.size()) {
      next = &found->items[index];
    }
    if (next == nullptr) {
      return SchemaError(path, absl::StrCat("'$ref' ", QuoteJson(text), " leads nowhere"));
    }
    found = next;
  }
  return found;
}

absl::StatusOr<ExprId> SchemaCompiler::CompileRef(const JsonValue& schema,
                                                  const std::string& path) {
  const JsonValue rest = Without(schema, {"$ref"});
  if (Constrains(rest)) {
    ABSL_ASSIGN_OR_RETURN(JsonValue merged, Flattened(schema, path, 0));
    made_.push_back(std::move(merged));
    return Compile(made_.back(), path);
  }
  ABSL_ASSIGN_OR_RETURN(const JsonValue* target, Resolve(*schema.Find("$ref"), path));
  const auto known = refs_.find(target);
  if (known != refs_.end()) return grammar_.Ref(known->second);
  const std::string& name = schema.Find("$ref")->text;
  const RuleId rule = grammar_.AddRule(name);
  refs_[target] = rule;
  ABSL_ASSIGN_OR_RETURN(const ExprId value, Compile(*target, name));
  grammar_.Define(rule, value);
  return grammar_.Ref(rule);
}

// `schema` as one without $ref and allOf at its top.
absl::StatusOr<JsonValue> SchemaCompiler::Flattened(const JsonValue& schema,
                                                    const std::string& path, int depth) {
  if (depth > 16) return SchemaUnsupported(path, "'$ref' or 'allOf' nested deeper than 16");
  if (schema.is_bool()) return schema;
  if (!schema.is_object()) return SchemaError(path, "expected an object, true or false");
  ABSL_RETURN_IF_ERROR(CheckKeywords(schema, path));
  if (++num_schemas_ > kMaxSchemas) {
    return absl::ResourceExhaustedError(
        absl::StrCat("JSON Schema at ", path, ": more than ", kMaxSchemas, " schemas"));
  }
  JsonValue merged = Without(schema, {"$ref", "allOf"});
  const auto merge = [&](const JsonValue& other, const std::string& place) -> absl::Status {
    ABSL_ASSIGN_OR_RETURN(const JsonValue flat, Flattened(other, place, depth + 1));
    absl::StatusOr<JsonValue> both = MergeSchemas(merged, flat);
    if (!both.ok()) return SchemaUnsupported(place, both.status().message());
    merged = *std::move(both);
    return absl::OkStatus();
  };
  if (const JsonValue* ref = schema.Find("$ref"); ref != nullptr) {
    ABSL_ASSIGN_OR_RETURN(const JsonValue* target, Resolve(*ref, path));
    ABSL_RETURN_IF_ERROR(merge(*target, ref->text));
  }
  if (const JsonValue* all = schema.Find("allOf"); all != nullptr) {
    if (!all->is_array() || all->items.empty()) {
      return SchemaError(path, "'allOf' isn't a list of schemas");
    }
    for (size_t i = 0; i < all->items.size(); ++i) {
      ABSL_RETURN_IF_ERROR(merge(all->items[i], absl::StrCat(path, "/allOf/", i)));
    }
  }
  return merged;
}

absl::Status SchemaCompiler::CheckDisjoint(const JsonValue& branches, const std::string& path) {
  std::vector<JsonValue> flat;
  for (size_t i = 0; i < branches.items.size(); ++i) {
    ABSL_ASSIGN_OR_RETURN(JsonValue branch,
                          Flattened(branches.items[i], absl::StrCat(path, "/oneOf/", i), 0));
    flat.push_back(std::move(branch));
  }
  if (flat.size() > 500) return SchemaUnsupported(path, "'oneOf' with more than 500 schemas");
  for (size_t i = 0; i < flat.size(); ++i) {
    for (size_t j = i + 1; j < flat.size(); ++j) {
      if (AreDisjoint(flat[i], flat[j])) continue;
      return SchemaUnsupported(
          path, absl::StrCat("'oneOf' whose schemas ", i, " and ", j,
                             " may both fit a value (they need different types, constants, or a "
                             "required property with different constants; or use 'anyOf')"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ExprId> SchemaCompiler::CompileCombined(const JsonValue& schema,
                                                       const std::string& path) {
  if (schema.Find("allOf") != nullptr) {
    ABSL_ASSIGN_OR_RETURN(JsonValue merged, Flattened(schema, path, 0));
    made_.push_back(std::move(merged));
    return Compile(made_.back(), path);
  }
  const std::string keyword = schema.Find("anyOf") != nullptr ? "anyOf" : "oneOf";
  const JsonValue& branches = *schema.Find(keyword);
  if (!branches.is_array() || branches.items.empty()) {
    return SchemaError(path, absl::StrCat("'", keyword, "' isn't a list of schemas"));
  }
  if (keyword == "oneOf") {
    ABSL_RETURN_IF_ERROR(CheckDisjoint(branches, path));
  }
  const JsonValue rest = Without(schema, {keyword});
  std::vector<ExprId> choices;
  for (size_t i = 0; i < branches.items.size(); ++i) {
    const std::string place = absl::StrCat(path, "/", keyword, "/", i);
    const JsonValue* branch = &branches.items[i];
    if (Constrains(rest)) {
      ABSL_ASSIGN_OR_RETURN(const JsonValue flat, Flattened(*branch, place, 0));
      absl::StatusOr<JsonValue> both = MergeSchemas(rest, flat);
      if (!both.ok()) return SchemaUnsupported(place, both.status().message());
      made_.push_back(*std::move(both));
      branch = &made_.back();
    }
    ABSL_ASSIGN_OR_RETURN(const ExprId value, Compile(*branch, place));
    choices.push_back(value);
  }
  return grammar_.Choice(std::move(choices));
}

absl::StatusOr<ExprId> SchemaCompiler::CompileValues(const JsonValue& schema,
                                                     const std::string& path) {
  const JsonValue* only = schema.Find("const");
  const JsonValue* list = schema.Find("enum");
  const JsonValue* type = schema.Find("type");
  for (const auto& [keyword, value] : schema.members) {
    if (IsAnnotation(keyword) || keyword == "const" || keyword == "enum" || keyword == "type" ||
        keyword == "uniqueItems") {
      continue;
    }
    return SchemaUnsupported(path, absl::StrCat("'", keyword, "' beside 'enum' or 'const'"));
  }
  if (list != nullptr && !list->is_array()) return SchemaError(path, "'enum' isn't a list");
  std::vector<ExprId> choices;
  const std::vector<JsonValue> single =
      only != nullptr ? std::vector<JsonValue>{*only} : std::vector<JsonValue>();
  for (const JsonValue& value : only != nullptr ? single : list->items) {
    if (list != nullptr && absl::c_none_of(list->items, [&](const JsonValue& other) {
          return SameJson(value, other);
        })) {
      continue;
    }
    if (type != nullptr && absl::c_none_of(TypesOfValue(value), [&](const std::string& name) {
          return HasType(*type, name);
        })) {
      continue;
    }
    choices.push_back(json_.Constant(value));
  }
  return grammar_.Choice(std::move(choices));
}

absl::StatusOr<ExprId> SchemaCompiler::CompileTypes(const JsonValue& schema,
                                                    const std::string& path) {
  static const char* const kTypes[] = {"object", "array", "string", "number", "boolean", "null"};
  if (!Constrains(schema)) return json_.AnyValue();
  const JsonValue* type = schema.Find("type");
  std::vector<std::string> names;
  if (type == nullptr) {
    names.assign(std::begin(kTypes), std::end(kTypes));
  } else if (type->is_string()) {
    names = {type->text};
  } else if (type->is_array()) {
    for (const JsonValue& item : type->items) names.push_back(item.is_string() ? item.text : "");
  } else {
    return SchemaError(path, "'type' is neither a string nor a list");
  }
  std::vector<ExprId> choices;
  for (const std::string& name : names) {
    if (name == "integer" && absl::c_linear_search(names, "number")) continue;
    ABSL_ASSIGN_OR_RETURN(const ExprId value, CompileType(name, schema, path));
    choices.push_back(value);
  }
  return grammar_.Choice(std::move(choices));
}

absl::StatusOr<ExprId> SchemaCompiler::CompileType(const std::string& type, const JsonValue& schema,
                                                   const std::string& path) {
  if (type == "object") return CompileObject(schema, path);
  if (type == "array") return CompileArray(schema, path);
  if (type == "string") return CompileString(schema, path);
  if (type == "number") return CompileNumber(schema, false, path);
  if (type == "integer") return CompileNumber(schema, true, path);
  if (type == "boolean") return json_.Boolean();
  if (type == "null") return json_.Null();
  return SchemaError(path, absl::StrCat("'type' ", QuoteJson(type), " is unknown"));
}

absl::StatusOr<ExprId> AddJsonSchema(const JsonValue& root, JsonSpacing spacing, Grammar& grammar) {
  return SchemaCompiler(grammar, root, spacing).Compile(root, "#");
}

absl::StatusOr<Grammar> GrammarOfJsonSchema(absl::string_view schema, JsonSpacing spacing) {
  ABSL_ASSIGN_OR_RETURN(const JsonValue root, ParseJson(schema));
  Grammar grammar;
  const RuleId rule = grammar.AddRule("#");
  ABSL_ASSIGN_OR_RETURN(const ExprId value, AddJsonSchema(root, spacing, grammar));
  grammar.Define(rule, value);
  grammar.root = rule;
  return grammar;
}

}  // namespace inkling
