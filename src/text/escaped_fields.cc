// Writers of values and of schemas (see escaped_fields.h).

#include "src/text/escaped_fields.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status_macros.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/text/prompt_parts.h"

namespace inkling {
namespace {

using Member = std::pair<std::string, JsonValue>;

// Names of a schema's own that such templates leave out where a property has them.
constexpr absl::string_view kReserved[] = {"description", "type", "properties", "required",
                                           "nullable"};

std::vector<const Member*> Sorted(const JsonValue& object) {
  std::vector<const Member*> members;
  for (const Member& member : object.members) members.push_back(&member);
  absl::c_stable_sort(members, [](const Member* a, const Member* b) {
    return absl::AsciiStrToLower(a->first) < absl::AsciiStrToLower(b->first);
  });
  return members;
}

// Python's truth; null pointers are false.
bool Truth(const JsonValue* value) {
  if (value == nullptr || value->kind == JsonKind::kNull) return false;
  if (value->is_bool()) return value->boolean;
  if (value->is_number()) return value->text.find_first_of("123456789") != std::string::npos;
  return !value->text.empty() || !value->items.empty() || !value->members.empty();
}

class EscapedWriter {
 public:
  EscapedWriter(const ToolCallFormat& format, bool omits_missing_descriptions,
                std::vector<PromptPart>& parts)
      : format_(format), omits_missing_descriptions_(omits_missing_descriptions), parts_(parts) {}

  void Mark(absl::string_view text) { AppendPart(text, Markup::kParse, parts_); }
  void Plain(absl::string_view text) { AppendPart(text, Markup::kAsText, parts_); }
  void Quoted(absl::string_view text) {
    Mark(format_.text_quote);
    Plain(text);
    Mark(format_.text_quote);
  }

  void Value(const JsonValue& value, EscapedKeys keys);
  absl::Status Declaration(const TemplateTool& tool);

 private:
  absl::Status Invalid(absl::string_view expected) const {
    return absl::InvalidArgumentError(
        absl::StrCat("parameters", path_, ": the model's template writes only ", expected));
  }
  // Runs `write` with `name` behind the path.
  template <typename Write>
  absl::Status Inside(absl::string_view name, Write write) {
    const size_t length = path_.size();
    absl::StrAppend(&path_, "/", name);
    ABSL_RETURN_IF_ERROR(write());
    path_.resize(length);
    return absl::OkStatus();
  }

  absl::Status Description(const JsonValue& schema);
  absl::StatusOr<std::string> TypeOf(const JsonValue& schema) const;
  absl::Status Required(const JsonValue& list);
  absl::Status Properties(const JsonValue& properties);
  absl::Status Property(const JsonValue& schema);
  absl::Status ObjectMembers(const JsonValue& schema);
  absl::Status Items(const JsonValue& items);

  const ToolCallFormat& format_;
  const bool omits_missing_descriptions_;
  std::vector<PromptPart>& parts_;
  std::string path_;
};

void EscapedWriter::Value(const JsonValue& value, EscapedKeys keys) {
  switch (value.kind) {
    case JsonKind::kNull:
      return Plain(format_.null_text);
    case JsonKind::kBool:
      return Plain(value.boolean ? "true" : "false");
    case JsonKind::kNumber:
      return Plain(value.text);
    case JsonKind::kString:
      return Quoted(value.text);
    case JsonKind::kArray:
      Plain("[");
      for (size_t i = 0; i < value.items.size(); ++i) {
        if (i > 0) Plain(",");
        Value(value.items[i], keys);
      }
      return Plain("]");
    case JsonKind::kObject:
      break;
  }
  Plain("{");
  bool first = true;
  for (const Member* member : Sorted(value)) {
    if (!first) Plain(",");
    first = false;
    keys == EscapedKeys::kQuoted ? Quoted(member->first) : Plain(member->first);
    Plain(":");
    Value(member->second, keys);
  }
  Plain("}");
}

absl::Status EscapedWriter::Description(const JsonValue& schema) {
  const JsonValue* description = schema.Find("description");
  if (description != nullptr && !description->is_string()) {
    return Invalid("a description that is a text");
  }
  const bool missing = description == nullptr || description->text.empty();
  if (missing && omits_missing_descriptions_) return absl::OkStatus();
  Plain("description:");
  Quoted(description == nullptr ? "" : description->text);
  Plain(",");
  return absl::OkStatus();
}

absl::StatusOr<std::string> EscapedWriter::TypeOf(const JsonValue& schema) const {
  const JsonValue* type = schema.Find("type");
  if (type == nullptr || !type->is_string() || !absl::c_all_of(type->text, absl::ascii_isascii)) {
    return Invalid("schemas with one type");
  }
  return absl::AsciiStrToUpper(type->text);
}

absl::Status EscapedWriter::Required(const JsonValue& list) {
  if (!list.is_array()) return Invalid("required names in an array");
  Plain("required:[");
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (!list.items[i].is_string()) return Invalid("required names that are texts");
    if (i > 0) Plain(",");
    Quoted(list.items[i].text);
  }
  Plain("]");
  return absl::OkStatus();
}

// What stands inside properties:{...}.
absl::Status EscapedWriter::Properties(const JsonValue& properties) {
  if (!properties.is_object()) return Invalid("properties that are an object");
  bool first = true;
  for (const Member* member : Sorted(properties)) {
    ABSL_RETURN_IF_ERROR(Inside(member->first, [&]() -> absl::Status {
      if (absl::c_linear_search(kReserved, member->first)) {
        return Invalid("properties of other names than those of a schema's own members");
      }
      if (!first) Plain(",");
      first = false;
      Plain(absl::StrCat(member->first, ":{"));
      ABSL_RETURN_IF_ERROR(Property(member->second));
      Plain("}");
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

absl::Status EscapedWriter::Property(const JsonValue& schema) {
  if (!schema.is_object()) return Invalid("schemas that are objects");
  ABSL_RETURN_IF_ERROR(Description(schema));
  ABSL_ASSIGN_OR_RETURN(const std::string type, TypeOf(schema));
  if (type == "STRING") {
    const JsonValue* values = schema.Find("enum");
    if (Truth(values) && !values->is_array()) return Invalid("an enum that is an array");
    if (Truth(values)) {
      Plain("enum:");
      Value(*values, EscapedKeys::kQuoted);
      Plain(",");
    }
  } else if (type == "OBJECT") {
    ABSL_RETURN_IF_ERROR(ObjectMembers(schema));
  } else if (type == "ARRAY") {
    const JsonValue* items = schema.Find("items");
    if (items != nullptr && items->is_object() && !items->members.empty()) {
      ABSL_RETURN_IF_ERROR(Inside("items", [&] { return Items(*items); }));
      Plain(",");
    }
  }
  Plain("type:");
  Quoted(type);
  return absl::OkStatus();
}

absl::Status EscapedWriter::ObjectMembers(const JsonValue& schema) {
  const JsonValue* properties = schema.Find("properties");
  if (properties == nullptr) return Invalid("objects with properties");
  Plain("properties:{");
  ABSL_RETURN_IF_ERROR(Inside("properties", [&] { return Properties(*properties); }));
  Plain("},");
  const JsonValue* required = schema.Find("required");
  if (!Truth(required)) return absl::OkStatus();
  ABSL_RETURN_IF_ERROR(Required(*required));
  Plain(",");
  return absl::OkStatus();
}

absl::Status EscapedWriter::Items(const JsonValue& items) {
  Plain("items:{");
  bool first = true;
  for (const Member* member : Sorted(items)) {
    const auto& [name, value] = *member;
    if (value.kind == JsonKind::kNull) continue;
    if (!first) Plain(",");
    first = false;
    if (name == "properties") {
      Plain("properties:{");
      ABSL_RETURN_IF_ERROR(Inside("properties", [&] { return Properties(value); }));
      Plain("}");
    } else if (name == "required") {
      ABSL_RETURN_IF_ERROR(Required(value));
    } else if (name == "type") {
      ABSL_ASSIGN_OR_RETURN(const std::string type, TypeOf(items));
      Plain("type:");
      Quoted(type);
    } else {
      Plain(absl::StrCat(name, ":"));
      Value(value, EscapedKeys::kQuoted);
    }
  }
  Plain("}");
  return absl::OkStatus();
}

absl::Status EscapedWriter::Declaration(const TemplateTool& tool) {
  ABSL_RETURN_IF_ERROR(CheckKeys(tool.parameters));
  Plain(absl::StrCat(tool.name, "{description:"));
  Quoted(tool.description);
  const JsonValue& parameters = tool.parameters;
  if (!parameters.members.empty()) {
    Plain(",parameters:{");
    const JsonValue* properties = parameters.Find("properties");
    if (Truth(properties)) {
      Plain("properties:{");
      ABSL_RETURN_IF_ERROR(Inside("properties", [&] { return Properties(*properties); }));
      Plain("},");
    }
    const JsonValue* required = parameters.Find("required");
    if (Truth(required)) {
      ABSL_RETURN_IF_ERROR(Required(*required));
      Plain(",");
    }
    ABSL_ASSIGN_OR_RETURN(const std::string type, TypeOf(parameters));
    Plain("type:");
    Quoted(type);
    Plain("}");
  }
  Plain("}");
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckKeys(const JsonValue& value) {
  for (const JsonValue& item : value.items) ABSL_RETURN_IF_ERROR(CheckKeys(item));
  for (const auto& [name, member] : value.members) {
    if (value.members.size() > 1 && !absl::c_all_of(name, absl::ascii_isascii)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the key '", name, "': the model's template sorts keys; expected only ASCII in them"));
    }
    ABSL_RETURN_IF_ERROR(CheckKeys(member));
  }
  return absl::OkStatus();
}

void AppendEscapedFields(const ToolCallFormat& format, const JsonValue& value, EscapedKeys keys,
                         std::vector<PromptPart>& parts) {
  EscapedWriter(format, false, parts).Value(value, keys);
}

absl::Status AppendEscapedDeclaration(const ToolTemplateData& data, const TemplateTool& tool,
                                      std::vector<PromptPart>& parts) {
  return EscapedWriter(data.call, data.omits_missing_descriptions, parts).Declaration(tool);
}

}  // namespace inkling
