// A call is one rule, so that answers with several calls have one automaton for all of them.

#include "src/session/tools/tool_call_grammar.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "inkling/output_constraint.h"
#include "src/format/tool_template_data.h"
#include "src/session/tools/escaped_fields_grammar.h"
#include "src/structured/byte_set.h"
#include "src/structured/grammar.h"
#include "src/structured/json_schema.h"
#include "src/text/json_value.h"
#include "src/text/template_message.h"

namespace inkling {
namespace {

constexpr uint32_t kMostIdCharacters = 64;

// The parameters' schema, closed to what it doesn't declare.
JsonValue ParametersOf(const TemplateTool& tool) {
  JsonValue schema = tool.parameters;
  const bool is_plain = schema.Find("$ref") == nullptr && schema.Find("allOf") == nullptr &&
                        schema.Find("anyOf") == nullptr && schema.Find("oneOf") == nullptr;
  if (!is_plain) return schema;
  if (schema.Find("type") == nullptr) {
    JsonValue type;
    type.kind = JsonKind::kString;
    type.text = "object";
    schema.members.emplace_back("type", std::move(type));
  }
  if (schema.Find("additionalProperties") == nullptr) {
    JsonValue no;
    no.kind = JsonKind::kBool;
    schema.members.emplace_back("additionalProperties", std::move(no));
  }
  return schema;
}

class CallGrammar {
 public:
  CallGrammar(const ToolCallFormat& format, absl::Span<const TemplateTool> tools)
      : format_(format), tools_(tools) {}

  absl::StatusOr<Grammar> Make() {
    const RuleId root = grammar_.AddRule("calls");
    const RuleId call = grammar_.AddRule("call");
    grammar_.rule(call).is_shared = true;
    std::vector<ExprId> choices;
    for (size_t i = 0; i < tools_.size(); ++i) {
      absl::StatusOr<ExprId> one = OneCall(tools_[i]);
      if (!one.ok()) {
        return absl::Status(one.status().code(),
                            absl::StrCat("tools[", i, "] ('", tools_[i].name,
                                         "').parameters: ", one.status().message()));
      }
      choices.push_back(*one);
    }
    grammar_.Define(call, grammar_.Sequence({grammar_.Literal(format_.prefix), Opening(),
                                             grammar_.Choice(std::move(choices)),
                                             grammar_.Literal(format_.suffix)}));
    const ExprId more =
        grammar_.Sequence({grammar_.Literal(format_.separator), grammar_.Ref(call)});
    grammar_.Define(root, grammar_.Sequence({grammar_.Literal(format_.begin), grammar_.Ref(call),
                                             grammar_.Repeat(more, 0, MostFurtherCalls()),
                                             grammar_.Literal(format_.end)}));
    grammar_.root = root;
    return std::move(grammar_);
  }

 private:
  uint32_t MostFurtherCalls() const { return format_.one_call ? 0 : kUnbounded; }

  bool is_json() const { return format_.syntax == ToolCallSyntax::kJson; }

  // What all functions begin with.
  ExprId Opening() {
    return is_json() ? grammar_.Literal(absl::StrCat("{", QuoteJson(format_.name_key), ": "))
                     : grammar_.Empty();
  }

  absl::StatusOr<ExprId> OneCall(const TemplateTool& tool) {
    const JsonValue parameters = ParametersOf(tool);
    if (!is_json()) {
      return grammar_.Sequence(
          {grammar_.Literal(tool.name), AddEscapedFields(parameters, format_, grammar_)});
    }
    ABSL_ASSIGN_OR_RETURN(const ExprId arguments,
                          AddJsonSchema(parameters, JsonSpacing::kOne, grammar_));
    return grammar_.Sequence(
        {grammar_.Literal(
             absl::StrCat(QuoteJson(tool.name), ", ", QuoteJson(format_.arguments_key), ": ")),
         arguments, Id(), grammar_.Literal("}")});
  }

  ExprId Id() {
    if (format_.id_key.empty()) return grammar_.Empty();
    ByteSet characters = ByteSet::Range('a', 'z');
    characters |= ByteSet::Range('A', 'Z');
    characters |= ByteSet::Range('0', '9');
    const uint32_t length = format_.id_length;
    return grammar_.Sequence(
        {grammar_.Literal(absl::StrCat(", ", QuoteJson(format_.id_key), ": \"")),
         grammar_.Repeat(grammar_.Bytes(characters), length > 0 ? length : 1,
                         length > 0 ? length : kMostIdCharacters),
         grammar_.Literal("\"")});
  }

  const ToolCallFormat& format_;
  const absl::Span<const TemplateTool> tools_;
  Grammar grammar_;
};

}  // namespace

absl::StatusOr<Grammar> ToolCallGrammar(const ToolCallFormat& format,
                                        absl::Span<const TemplateTool> tools) {
  return CallGrammar(format, tools).Make();
}

}  // namespace inkling
