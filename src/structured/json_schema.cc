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
#include "src/structured/schema_keywords.h"
#include "src/structured/schema_merge.h"
#include "src/text/json_value.h"

namespace inkling {
namespace {

constexpr size_t kMaxSchemas = 20000;
constexpr size_t kMaxExprs = size_t{1} << 21;
constexpr int kMaxDepth = 128;
constexpr int kMaxMergeDepth = 16;
constexpr size_t kManyChoices = 6;
constexpr size_t kMostExclusive = 500;  // schemas of oneOf, each of which is held against each

// The members of `schema` that say something, but for some.
JsonValue Without(const JsonValue& schema, std::initializer_list<absl::string_view> keywords) {
  JsonValue rest;
  rest.kind = JsonKind::kObject;
  for (const auto& member : schema.members) {
    if (absl::c_linear_search(keywords, member.first) || IsAnnotation(member.first)) continue;
    rest.members.push_back(member);
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

ExprId SchemaCompiler::Shared(ExprId made, const std::string& name) {
  if (made == grammar_.Never()) return made;
  const RuleId rule = grammar_.AddRule(name);
  grammar_.rule(rule).is_shared = true;
  grammar_.Define(rule, made);
  return grammar_.Ref(rule);
}

absl::Status SchemaCompiler::CheckLimits(const std::string& path) {
  const auto too_large = [&path](absl::string_view what, size_t most) {
    return absl::ResourceExhaustedError(absl::StrCat("JSON Schema at ", path, ": ", what,
                                                     "; expected at most ", most,
                                                     "; make the schema smaller"));
  };
  if (++num_schemas_ > kMaxSchemas) return too_large("too many schemas", kMaxSchemas);
  if (grammar_.num_exprs() > kMaxExprs) return too_large("a grammar of too many parts", kMaxExprs);
  if (depth_ >= kMaxDepth) {
    return too_large("schemas and references nested too deeply", static_cast<size_t>(kMaxDepth));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExprId> SchemaCompiler::Compile(const JsonValue& schema, const std::string& path) {
  ABSL_RETURN_IF_ERROR(CheckLimits(path));
  if (schema.is_bool()) {
    if (!schema.boolean) NoteNever(path);
    return schema.boolean ? json_.AnyValue() : grammar_.Never();
  }
  if (!schema.is_object()) {
    return SchemaError(path, "expected a schema (an object, true or false)");
  }
  ABSL_RETURN_IF_ERROR(CheckKeywords(schema, &schema == &root_, path));
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
  if (made.ok() && *made == grammar_.Never()) NoteNever(path);
  return made;
}

absl::StatusOr<const JsonValue*> SchemaCompiler::Resolve(const JsonValue& ref,
                                                         const std::string& path) const {
  const absl::string_view text = ref.text;
  if (text.empty() || text[0] != '#' || (text.size() > 1 && text[1] != '/')) {
    return SchemaUnsupported(
        PathOf(path, "$ref"),
        absl::StrCat("'$ref' to ", QuoteJson(text), " (only '#' and '#/...' are followed)"));
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
      return SchemaError(PathOf(path, "$ref"),
                         absl::StrCat("expected a part of the schema, found ", QuoteJson(text),
                                      ", which isn't there"));
    }
    found = next;
    const JsonValue* id = found->Find("$id");
    if (id != nullptr && id->is_string()) {
      return SchemaUnsupported(PathOf(path, "$ref"),
                               "'$ref' into a part with an '$id', which is a document of its own,");
    }
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
  return value == grammar_.Never() ? value : grammar_.Ref(rule);
}

// `schema` as one without $ref and allOf at its top.
absl::StatusOr<JsonValue> SchemaCompiler::Flattened(const JsonValue& schema,
                                                    const std::string& path, int depth) {
  if (depth > kMaxMergeDepth) {
    return SchemaUnsupported(path,
                             absl::StrCat("'$ref' or 'allOf' nested deeper than ", kMaxMergeDepth));
  }
  ABSL_RETURN_IF_ERROR(CheckLimits(path));
  if (schema.is_bool()) return schema;
  if (!schema.is_object()) {
    return SchemaError(path, "expected a schema (an object, true or false)");
  }
  ABSL_RETURN_IF_ERROR(CheckKeywords(schema, &schema == &root_, path));
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
    for (size_t i = 0; i < all->items.size(); ++i) {
      ABSL_RETURN_IF_ERROR(merge(all->items[i], PathOf(path, "allOf", absl::StrCat(i))));
    }
  }
  return merged;
}

absl::Status SchemaCompiler::CheckDisjoint(const JsonValue& branches, const std::string& path) {
  std::vector<JsonValue> flat;
  for (size_t i = 0; i < branches.items.size(); ++i) {
    ABSL_ASSIGN_OR_RETURN(JsonValue branch,
                          Flattened(branches.items[i], PathOf(path, "oneOf", absl::StrCat(i)), 0));
    flat.push_back(std::move(branch));
  }
  if (flat.size() > kMostExclusive) {
    return SchemaUnsupported(PathOf(path, "oneOf"),
                             absl::StrCat("'oneOf' of more than ", kMostExclusive, " schemas"));
  }
  for (size_t i = 0; i < flat.size(); ++i) {
    for (size_t j = i + 1; j < flat.size(); ++j) {
      if (AreDisjoint(flat[i], flat[j])) continue;
      return SchemaUnsupported(
          PathOf(path, "oneOf"),
          absl::StrCat("'oneOf' whose schemas ", i, " and ", j,
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
  if (keyword == "oneOf") {
    ABSL_RETURN_IF_ERROR(CheckDisjoint(branches, path));
  }
  const JsonValue rest = Without(schema, {keyword});
  std::vector<ExprId> choices;
  for (size_t i = 0; i < branches.items.size(); ++i) {
    const std::string place = PathOf(path, keyword, absl::StrCat(i));
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
  return ChoiceOfSchemas(std::move(choices), PathOf(path, keyword));
}

// Few are called each by itself; many become one automaton, so that they are followed as one.
ExprId SchemaCompiler::ChoiceOfSchemas(std::vector<ExprId> choices, const std::string& path) {
  if (choices.size() < kManyChoices) return grammar_.Choice(std::move(choices));
  for (const ExprId choice : choices) {
    const Expr& e = grammar_.expr(choice);
    if (e.kind == ExprKind::kRule && !grammar_.rule(e.rule).has_counter) {
      grammar_.rule(e.rule).inline_at_end = true;
    }
  }
  return Shared(grammar_.Choice(std::move(choices)), path);
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
    return SchemaUnsupported(PathOf(path, keyword),
                             absl::StrCat("'", keyword, "' beside 'enum' or 'const'"));
  }
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
  } else {
    for (const JsonValue& item : type->items) names.push_back(item.text);
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
  return json_.Null();
}

absl::StatusOr<ExprId> AddJsonSchema(const JsonValue& root, JsonSpacing spacing, Grammar& grammar) {
  SchemaCompiler compiler(grammar, root, spacing);
  ABSL_ASSIGN_OR_RETURN(const ExprId value, compiler.Compile(root, "#"));
  if (value != grammar.Never()) return value;
  return SchemaError(compiler.never_path(), "no value at all fits; expected at least one");
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
