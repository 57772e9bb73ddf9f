// Objects and arrays. An object is a chain: each property in the schema's order, taken or left out.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "src/structured/schema_compiler.h"
#include "src/structured/schema_keywords.h"
#include "src/text/json_value.h"

namespace inkling {
namespace {

constexpr size_t kLongestName = 200;  // bytes; other names are told apart character by character

}  // namespace

absl::StatusOr<std::vector<SchemaCompiler::Property>> SchemaCompiler::Properties(
    const JsonValue& schema, const std::string& path) {
  std::vector<Property> properties;
  const JsonValue* declared = schema.Find("properties");
  if (declared != nullptr) {
    for (const auto& [name, member] : declared->members) {
      ABSL_ASSIGN_OR_RETURN(const ExprId value, Compile(member, PathOf(path, "properties", name)));
      properties.push_back({name, value, false});
    }
  }
  const JsonValue* required = schema.Find("required");
  if (required == nullptr) return properties;
  const JsonValue* additional = schema.Find("additionalProperties");
  for (const JsonValue& name : required->items) {
    const auto own = absl::c_find_if(
        properties, [&](const Property& property) { return property.name == name.text; });
    if (own != properties.end()) {
      own->is_required = true;
      continue;
    }
    ExprId value = json_.AnyValue();
    if (additional != nullptr) {
      ABSL_ASSIGN_OR_RETURN(value, Compile(*additional, PathOf(path, "additionalProperties")));
    }
    properties.push_back({name.text, value, true});
  }
  return properties;
}

// A member that isn't declared, or Never.
absl::StatusOr<ExprId> SchemaCompiler::AdditionalMember(const JsonValue& schema,
                                                        const std::vector<Property>& properties,
                                                        const std::string& path) {
  const JsonValue* additional = schema.Find("additionalProperties");
  ExprId value = json_.AnyValue();
  if (additional != nullptr) {
    if (additional->is_bool() && !additional->boolean) return grammar_.Never();
    ABSL_ASSIGN_OR_RETURN(value, Compile(*additional, PathOf(path, "additionalProperties")));
    if (value == grammar_.Never()) return value;
  }
  std::vector<std::string> names;
  for (const Property& property : properties) {
    if (property.name.size() > kLongestName) {
      return absl::ResourceExhaustedError(
          absl::StrCat("JSON Schema at ", PathOf(path, "properties", property.name), ": a name of ",
                       property.name.size(), " bytes; expected at most ", kLongestName,
                       " where other properties are allowed ('additionalProperties')"));
    }
    names.push_back(property.name);
  }
  const ExprId name = names.empty() ? json_.String() : json_.NameBut(names);
  return Shared(grammar_.Sequence({name, json_.Colon(), value}),
                PathOf(path, "additionalProperties"));
}

absl::Status SchemaCompiler::CheckPropertyCount(const JsonValue& schema,
                                                const std::vector<Property>& properties,
                                                bool has_additional, const std::string& path,
                                                bool& needs_one) {
  const uint32_t least = CountOf(schema, "minProperties", 0);
  const uint32_t most = CountOf(schema, "maxProperties", kUnbounded);
  const auto required =
      absl::c_count_if(properties, [](const Property& p) { return p.is_required; });
  needs_one = least == 1;
  if (least > 1 && least > static_cast<uint64_t>(required)) {
    return SchemaUnsupported(PathOf(path, "minProperties"),
                             "'minProperties' above 1 and above the number of required ones");
  }
  if (most != kUnbounded && (has_additional || most < properties.size())) {
    return SchemaUnsupported(PathOf(path, "maxProperties"),
                             "'maxProperties' below the number of properties, or without "
                             "'additionalProperties': false,");
  }
  return absl::OkStatus();
}

// What follows the opening brace, the closing one included.
ExprId SchemaCompiler::Chain(const std::vector<Property>& properties, ExprId additional,
                             bool needs_one, const std::string& path) {
  const ExprId close = json_.Close('}');
  const ExprId more = grammar_.Repeat(grammar_.Sequence({json_.Comma(), additional}), 0,
                                      additional == grammar_.Never() ? 0 : kUnbounded);
  // Behind property i: with a member in front of it, and with none so far.
  ExprId rest = grammar_.Sequence({more, close});
  ExprId first = grammar_.Choice(
      {grammar_.Sequence({additional, more, close}), needs_one ? grammar_.Never() : close});
  for (size_t i = properties.size(); i-- > 0;) {
    const Property& property = properties[i];
    const ExprId member = grammar_.Sequence(
        {grammar_.Literal(QuoteJson(property.name)), json_.Colon(), property.value});
    const auto link = [&](ExprId taken, ExprId left_out) {
      const RuleId rule = grammar_.AddRule(PathOf(path, "properties", property.name));
      grammar_.rule(rule).inline_at_end = true;
      const ExprId made = property.is_required ? taken : grammar_.Choice({taken, left_out});
      if (made == grammar_.Never()) return made;
      grammar_.Define(rule, made);
      return grammar_.Ref(rule);
    };
    const ExprId next = rest;
    rest = link(grammar_.Sequence({json_.Comma(), member, next}), rest);
    first = link(grammar_.Sequence({member, next}), first);
  }
  return first;
}

absl::StatusOr<ExprId> SchemaCompiler::CompileObject(const JsonValue& schema,
                                                     const std::string& path) {
  ABSL_ASSIGN_OR_RETURN(const std::vector<Property> properties, Properties(schema, path));
  ABSL_ASSIGN_OR_RETURN(const ExprId additional, AdditionalMember(schema, properties, path));
  bool needs_one = false;
  ABSL_RETURN_IF_ERROR(
      CheckPropertyCount(schema, properties, additional != grammar_.Never(), path, needs_one));
  const bool is_any =
      properties.empty() && !needs_one && schema.Find("additionalProperties") == nullptr;
  if (is_any) return json_.AnyObject();
  return Shared(
      grammar_.Sequence({json_.Open('{'), Chain(properties, additional, needs_one, path)}), path);
}

absl::StatusOr<ExprId> SchemaCompiler::CompileArray(const JsonValue& schema,
                                                    const std::string& path) {
  const CountBounds count = {CountOf(schema, "minItems", 0),
                             CountOf(schema, "maxItems", kUnbounded)};
  if (count.min > count.max) return grammar_.Never();
  const JsonValue* prefix = schema.Find("prefixItems");
  const JsonValue* items = schema.Find("items");
  std::vector<ExprId> begin;
  for (size_t i = 0; prefix != nullptr && i < prefix->items.size(); ++i) {
    ABSL_ASSIGN_OR_RETURN(const ExprId item,
                          Compile(prefix->items[i], PathOf(path, "prefixItems", absl::StrCat(i))));
    begin.push_back(item);
  }
  ExprId item = json_.AnyValue();
  if (items != nullptr) {
    ABSL_ASSIGN_OR_RETURN(item, Compile(*items, PathOf(path, "items")));
  }
  const uint32_t fixed = static_cast<uint32_t>(begin.size());
  const auto beyond = [](uint32_t bound, uint32_t taken) {
    return bound == kUnbounded ? bound : bound > taken ? bound - taken : 0;
  };
  const auto more = [&](uint32_t taken) {
    return grammar_.Repeat(grammar_.Sequence({json_.Comma(), item}), beyond(count.min, taken),
                           beyond(count.max, taken));
  };
  ExprId list = more(fixed);
  if (fixed == 0 && count.max > 0) {
    list = grammar_.Sequence({item, more(1)});
    if (count.min == 0) list = grammar_.Optional(list);
  }
  for (uint32_t i = fixed; i-- > 0;) {
    if (i >= count.max) {
      list = grammar_.Empty();
      continue;
    }
    list = grammar_.Sequence({i > 0 ? json_.Comma() : grammar_.Empty(), begin[i], list});
    if (i >= count.min) list = grammar_.Optional(list);
  }
  return Shared(grammar_.Sequence({json_.Open('['), list, json_.Close(']')}), path);
}

}  // namespace inkling
