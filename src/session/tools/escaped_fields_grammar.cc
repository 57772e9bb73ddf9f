// Members come in the order of templates: by name, without regard to letter case.

#include "src/session/tools/escaped_fields_grammar.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/format/tool_template_data.h"
#include "src/structured/byte_set.h"
#include "src/structured/codepoint_set.h"
#include "src/structured/grammar.h"
#include "src/structured/regex.h"
#include "src/text/escaped_fields.h"
#include "src/text/json_value.h"
#include "src/text/prompt_parts.h"
#include "src/text/tokenizer.h"

namespace inkling {
namespace {

class FieldsCompiler {
 public:
  FieldsCompiler(const ToolCallFormat& format, Grammar& grammar)
      : format_(format), grammar_(grammar), any_(grammar.AddRule("value")) {
    grammar_.rule(any_).is_shared = true;
    const ExprId any = grammar_.Ref(any_);
    ByteSet name = ByteSet::Range('a', 'z');
    name |= ByteSet::Range('A', 'Z');
    name |= ByteSet::Range('0', '9');
    name |= ByteSet::Range('_', '_');
    const ExprId member = grammar_.Sequence(
        {grammar_.Repeat(grammar_.Bytes(name), 1, 64), grammar_.Literal(":"), any});
    any_object_ = Bracketed('{', member, '}');
    grammar_.Define(any_, grammar_.Choice({Text(), Number(), Boolean(), Null(), any_object_,
                                           Bracketed('[', any, ']')}));
  }

  ExprId Value(const JsonValue& schema) {
    if (!schema.is_object()) return grammar_.Ref(any_);
    if (const JsonValue* only = schema.Find("const")) return grammar_.Literal(Written(*only));
    if (const JsonValue* list = schema.Find("enum"); list != nullptr && list->is_array()) {
      std::vector<ExprId> choices;
      for (const JsonValue& value : list->items)
        choices.push_back(grammar_.Literal(Written(value)));
      return grammar_.Choice(std::move(choices));
    }
    if (const JsonValue* branches = schema.Find("anyOf");
        branches != nullptr && branches->is_array()) {
      std::vector<ExprId> choices;
      for (const JsonValue& branch : branches->items) choices.push_back(Value(branch));
      return grammar_.Choice(std::move(choices));
    }
    const JsonValue* type = schema.Find("type");
    if (type == nullptr) return grammar_.Ref(any_);
    if (type->is_string()) return OfType(type->text, schema);
    std::vector<ExprId> choices;
    for (const JsonValue& one : type->items) choices.push_back(OfType(one.text, schema));
    return grammar_.Choice(std::move(choices));
  }

 private:
  ExprId OfType(const std::string& given, const JsonValue& schema) {
    const std::string type = absl::AsciiStrToLower(given);
    if (type == "string") return Text();
    if (type == "number") return Number();
    if (type == "integer") return Integer();
    if (type == "boolean") return Boolean();
    if (type == "null") return Null();
    if (type == "array") {
      const JsonValue* items = schema.Find("items");
      return Bracketed('[', items == nullptr ? grammar_.Ref(any_) : Value(*items), ']');
    }
    if (type == "object") return Object(schema);
    return grammar_.Ref(any_);
  }

  ExprId Bracketed(char open, ExprId item, char close) {
    const ExprId more = grammar_.Sequence({grammar_.Literal(","), item});
    const ExprId list = grammar_.Sequence({item, grammar_.Repeat(more, 0, kUnbounded)});
    return grammar_.Sequence({grammar_.Literal(std::string(1, open)), grammar_.Optional(list),
                              grammar_.Literal(std::string(1, close))});
  }

  // Each member in its turn, taken or left out.
  ExprId Object(const JsonValue& schema) {
    const JsonValue* properties = schema.Find("properties");
    if (properties == nullptr || properties->members.empty()) {
      const JsonValue* more = schema.Find("additionalProperties");
      const bool is_closed = more != nullptr && more->is_bool() && !more->boolean;
      return is_closed ? grammar_.Literal("{}") : any_object_;
    }
    std::vector<const std::pair<std::string, JsonValue>*> members;
    for (const auto& member : properties->members) members.push_back(&member);
    std::stable_sort(members.begin(), members.end(), [](const auto* a, const auto* b) {
      return absl::AsciiStrToLower(a->first) < absl::AsciiStrToLower(b->first);
    });
    const JsonValue* required = schema.Find("required");
    const ExprId close = grammar_.Literal("}");
    ExprId rest = close;   // behind a member
    ExprId first = close;  // behind the brace
    for (size_t i = members.size(); i-- > 0;) {
      const std::string& name = members[i]->first;
      const bool is_required =
          required != nullptr &&
          absl::c_any_of(required->items, [&](const JsonValue& item) { return item.text == name; });
      const ExprId member =
          grammar_.Sequence({grammar_.Literal(absl::StrCat(name, ":")), Value(members[i]->second)});
      const auto link = [&](ExprId taken, ExprId left_out) {
        const RuleId rule = grammar_.AddRule(name);
        grammar_.rule(rule).inline_at_end = true;
        grammar_.Define(rule, is_required ? taken : grammar_.Choice({taken, left_out}));
        return grammar_.Ref(rule);
      };
      const ExprId next = rest;
      rest = link(grammar_.Sequence({grammar_.Literal(","), member, next}), rest);
      first = link(grammar_.Sequence({member, next}), first);
    }
    return grammar_.Sequence({grammar_.Literal("{"), first});
  }

  // Nothing is escaped, so a text can't hold what its quotes begin with.
  ExprId Text() {
    CodepointSet set{{0x09, 0x0A}, {0x20, CodepointSet::kLast}};
    const auto quote = static_cast<unsigned char>(format_.text_quote.front());
    if (quote < 0x80) set = set.Without({{quote, quote}});
    return grammar_.Sequence({grammar_.Literal(format_.text_quote),
                              grammar_.Repeat(Utf8Character(set, grammar_), 0, kUnbounded),
                              grammar_.Literal(format_.text_quote)});
  }

  ExprId Digits(uint32_t min, uint32_t max) {
    return grammar_.Repeat(grammar_.Bytes(ByteSet::Range('0', '9')), min, max);
  }
  ExprId Integer() {
    const ExprId positive =
        grammar_.Sequence({grammar_.Bytes(ByteSet::Range('1', '9')), Digits(0, 18)});
    return grammar_.Sequence({grammar_.Optional(grammar_.Literal("-")),
                              grammar_.Choice({grammar_.Literal("0"), positive})});
  }
  ExprId Number() {
    return grammar_.Sequence(
        {Integer(), grammar_.Optional(grammar_.Sequence({grammar_.Literal("."), Digits(1, 18)}))});
  }
  ExprId Boolean() {
    return grammar_.Choice({grammar_.Literal("true"), grammar_.Literal("false")});
  }
  ExprId Null() { return grammar_.Literal(format_.null_text.empty() ? "null" : format_.null_text); }

  // A value as prompts have it.
  std::string Written(const JsonValue& value) const {
    std::vector<PromptPart> parts;
    AppendEscapedFields(format_, value, EscapedKeys::kPlain, parts);
    return JoinedText(parts);
  }

  const ToolCallFormat& format_;
  Grammar& grammar_;
  const RuleId any_;
  ExprId any_object_ = 0;
};

}  // namespace

ExprId AddEscapedFields(const JsonValue& schema, const ToolCallFormat& format, Grammar& grammar) {
  return FieldsCompiler(format, grammar).Value(schema);
}

}  // namespace inkling
