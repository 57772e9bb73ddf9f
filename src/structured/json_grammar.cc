// The grammar of RFC 8259.

#include "src/structured/json_grammar.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr uint32_t kMostIndent = 40;

// Characters that a string holds as they are.
CodepointSet PlainCharacters() {
  return CodepointSet{{0x20, 0x21}, {0x23, 0x5B}, {0x5D, CodepointSet::kLast}};
}

// Whole numbers of up to 20 digits as such, whether they were 1.0 or 1e2; others as they are.
std::string WrittenNumber(const std::string& text) {
  const absl::StatusOr<Decimal> number = ParseDecimal(text);
  if (!number.ok() || !number->is_integer()) return text;
  if (number->digits.empty()) return "0";
  if (number->digits.size() + static_cast<size_t>(number->exponent) > 20) return text;
  return absl::StrCat(number->negative ? "-" : "", number->digits,
                      std::string(static_cast<size_t>(number->exponent), '0'));
}

ByteSet BytesOf(absl::string_view bytes) {
  ByteSet set;
  for (char byte : bytes) set.Add(static_cast<uint8_t>(byte));
  return set;
}

}  // namespace

JsonGrammar::JsonGrammar(Grammar& grammar, JsonSpacing spacing)
    : grammar_(grammar), spacing_(spacing), blank_(grammar.Empty()) {
  if (spacing == JsonSpacing::kFree) {
    const ExprId indent = grammar_.Repeat(grammar_.Bytes(BytesOf(" \t")), 0, kMostIndent);
    const RuleId blank = grammar_.AddRule("white space");
    grammar_.Define(blank, grammar_.Choice({grammar_.Empty(), grammar_.Literal(" "),
                                            grammar_.Sequence({grammar_.Literal("\n"), indent})}));
    blank_ = grammar_.Ref(blank);
  }
  const absl::string_view one = spacing == JsonSpacing::kOne ? " " : "";
  comma_ = grammar_.Sequence({blank_, grammar_.Literal(absl::StrCat(",", one)), blank_});
  colon_ = grammar_.Sequence({blank_, grammar_.Literal(absl::StrCat(":", one)), blank_});
  string_ = grammar_.AddRule("string");
  grammar_.rule(string_).has_counter = true;
  grammar_.rule(string_).is_shared = true;
  const ByteSet digits = ByteSet::Range('0', '9');
  ByteSet hex = digits;
  hex |= ByteSet::Range('a', 'f');
  hex |= ByteSet::Range('A', 'F');
  ByteSet no_surrogate = digits;  // \uD8 to \uDF are halves of pairs
  no_surrogate |= BytesOf("abcefABCEF");
  const auto bytes = [&](const ByteSet& set) { return grammar_.Bytes(set); };
  const ExprId x = bytes(hex);
  const ExprId d = bytes(BytesOf("dD"));
  const ExprId escape = grammar_.Choice(
      {bytes(BytesOf("\"\\/bfnrt")),
       grammar_.Sequence({grammar_.Literal("u"), bytes(no_surrogate), x, x, x}),
       grammar_.Sequence({grammar_.Literal("u"), d, bytes(ByteSet::Range('0', '7')), x, x}),
       grammar_.Sequence({grammar_.Literal("u"), d, bytes(BytesOf("89abAB")), x, x,
                          grammar_.Literal("\\u"), d, bytes(BytesOf("cdefCDEF")), x, x})});
  std::vector<ExprId> plain = {grammar_.Sequence({grammar_.Literal("\\"), escape})};
  const CodepointSet unescaped = PlainCharacters();
  for (const auto& [first, last] : unescaped.ranges()) {
    plain.push_back(grammar_.CodepointRange(first, last));
  }
  const ExprId character = grammar_.Tick(grammar_.Choice(std::move(plain)));
  grammar_.Define(
      string_, grammar_.Sequence({grammar_.Literal("\""), grammar_.Repeat(character, 0, kUnbounded),
                                  grammar_.Enough(), grammar_.Literal("\"")}));
  value_ = grammar_.AddRule("value");
  object_ = grammar_.AddRule("object");
  array_ = grammar_.AddRule("array");
  const ExprId value = grammar_.Ref(value_);
  const ExprId member = grammar_.Sequence({String(), colon_, value});
  const auto list = [&](ExprId item) {
    return grammar_.Optional(grammar_.Sequence(
        {item, grammar_.Repeat(grammar_.Sequence({comma_, item}), 0, kUnbounded)}));
  };
  const RuleId any_member = grammar_.AddRule("member");
  grammar_.Define(any_member, member);
  grammar_.rule(any_member).is_shared = true;
  for (RuleId rule : {value_, object_, array_}) grammar_.rule(rule).is_shared = true;
  grammar_.Define(object_,
                  grammar_.Sequence({Open('{'), list(grammar_.Ref(any_member)), Close('}')}));
  grammar_.Define(array_, grammar_.Sequence({Open('['), list(value), Close(']')}));
  grammar_.Define(
      value_, grammar_.Choice({AnyObject(), AnyArray(), String(), Number(), Boolean(), Null()}));
}

ExprId JsonGrammar::Open(char bracket) {
  return grammar_.Sequence({grammar_.Literal(std::string(1, bracket)), blank_});
}

ExprId JsonGrammar::Close(char bracket) {
  return grammar_.Sequence({blank_, grammar_.Literal(std::string(1, bracket))});
}

ExprId JsonGrammar::String(CountBounds length) { return grammar_.Ref(string_, length); }
ExprId JsonGrammar::AnyValue() { return grammar_.Ref(value_); }
ExprId JsonGrammar::AnyObject() { return grammar_.Ref(object_); }
ExprId JsonGrammar::AnyArray() { return grammar_.Ref(array_); }

ExprId JsonGrammar::Boolean() {
  return grammar_.Choice({grammar_.Literal("true"), grammar_.Literal("false")});
}

ExprId JsonGrammar::Digits(uint32_t min, uint32_t max) {
  return grammar_.Repeat(grammar_.Bytes(ByteSet::Range('0', '9')), min, max);
}

ExprId JsonGrammar::Integer() {
  const ExprId positive =
      grammar_.Sequence({grammar_.Bytes(ByteSet::Range('1', '9')), Digits(0, kUnbounded)});
  return grammar_.Sequence({grammar_.Optional(grammar_.Literal("-")),
                            grammar_.Choice({grammar_.Literal("0"), positive})});
}

ExprId JsonGrammar::Number() {
  const ExprId fraction = grammar_.Sequence({grammar_.Literal("."), Digits(1, kUnbounded)});
  const ExprId exponent =
      grammar_.Sequence({grammar_.Bytes(BytesOf("eE")),
                         grammar_.Optional(grammar_.Bytes(BytesOf("+-"))), Digits(1, 2)});
  return grammar_.Sequence({Integer(), grammar_.Optional(fraction), grammar_.Optional(exponent)});
}

ExprId JsonGrammar::Character(const CodepointSet& set) {
  std::vector<ExprId> choices;
  const CodepointSet plain = set.Without(PlainCharacters().Complement());
  for (const auto& [first, last] : plain.ranges()) {
    choices.push_back(grammar_.CodepointRange(first, last));
  }
  for (uint32_t c = 0; c < 0x60; ++c) {
    const bool is_escaped = c < 0x20 || c == '"' || c == '\\';
    if (!is_escaped || !set.Has(c)) continue;
    std::string quoted = QuoteJson(std::string(1, static_cast<char>(c)));
    choices.push_back(grammar_.Literal(quoted.substr(1, quoted.size() - 2)));
  }
  return grammar_.Choice(std::move(choices));
}

std::string JsonGrammar::Written(const JsonValue& value) const {
  const absl::string_view space = spacing_ == JsonSpacing::kOne ? " " : "";
  switch (value.kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBool:
      return value.boolean ? "true" : "false";
    case JsonKind::kNumber:
      return WrittenNumber(value.text);
    case JsonKind::kString:
      return QuoteJson(value.text);
    default:
      break;
  }
  std::string text;
  for (const JsonValue& item : value.items) {
    absl::StrAppend(&text, text.empty() ? "" : ",", text.empty() ? "" : space, Written(item));
  }
  for (const auto& [name, member] : value.members) {
    absl::StrAppend(&text, text.empty() ? "" : ",", text.empty() ? "" : space, QuoteJson(name), ":",
                    space, Written(member));
  }
  return value.is_array() ? absl::StrCat("[", text, "]") : absl::StrCat("{", text, "}");
}

struct JsonGrammar::NameNode {
  bool is_name = false;
  std::map<uint32_t, NameNode> children;
};

// What may follow the characters that lead to `node`, so that the whole isn't a name; `rest` is
// what follows once it can't be one any more.
ExprId JsonGrammar::NameRest(const NameNode& node, ExprId rest) {
  std::vector<ExprId> choices;
  if (!node.is_name) choices.push_back(grammar_.Literal("\""));
  CodepointSet taken;
  for (const auto& [codepoint, child] : node.children) {
    taken.Add(codepoint, codepoint);
    std::string text;
    AppendUtf8(codepoint, text);
    choices.push_back(grammar_.Sequence({grammar_.Literal(text), NameRest(child, rest)}));
  }
  taken.Normalize();
  const auto [place, is_new] = names_but_.try_emplace(taken.ranges(), 0);
  if (is_new) place->second = Character(PlainCharacters().Without(taken));
  choices.push_back(grammar_.Sequence({place->second, rest}));
  return grammar_.Choice(std::move(choices));
}

ExprId JsonGrammar::NameBut(const std::vector<std::string>& names) {
  NameNode root;
  for (const std::string& name : names) {
    if (QuoteJson(name).size() != name.size() + 2) continue;  // written with escapes only
    NameNode* node = &root;
    for (absl::string_view rest = name; !rest.empty();) {
      const Utf8Char next = DecodeUtf8(rest);
      rest.remove_prefix(next.length);
      node = &node->children[next.codepoint];
    }
    node->is_name = true;
  }
  const RuleId rest = grammar_.AddRule("rest of a name");
  grammar_.rule(rest).inline_at_end = true;
  grammar_.Define(rest,
                  grammar_.Sequence({grammar_.Repeat(Character(PlainCharacters()), 0, kUnbounded),
                                     grammar_.Literal("\"")}));
  const RuleId rule = grammar_.AddRule("name");
  grammar_.rule(rule).is_shared = true;
  grammar_.Define(rule,
                  grammar_.Sequence({grammar_.Literal("\""), NameRest(root, grammar_.Ref(rest))}));
  return grammar_.Ref(rule);
}

}  // namespace inkling
