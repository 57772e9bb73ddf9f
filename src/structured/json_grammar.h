// JsonGrammar: the parts of JSON as expressions of a grammar: strings, numbers, any value.

#ifndef INKLING_SRC_STRUCTURED_JSON_GRAMMAR_H_
#define INKLING_SRC_STRUCTURED_JSON_GRAMMAR_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "inkling/output_constraint.h"
#include "src/structured/codepoint_set.h"
#include "src/structured/grammar.h"
#include "src/text/json_value.h"

namespace inkling {

class JsonGrammar {
 public:
  JsonGrammar(Grammar& grammar, JsonSpacing spacing);

  // A string of so many characters; an escaped one counts as one.
  ExprId String(CountBounds length = {0, kUnbounded});
  ExprId Integer();
  ExprId Number();
  ExprId Boolean();
  ExprId Null() { return grammar_.Literal("null"); }
  ExprId AnyValue();
  ExprId AnyObject();
  ExprId AnyArray();
  // Exactly this value.
  ExprId Constant(const JsonValue& value) { return grammar_.Literal(Written(value)); }
  // One character of a set, as it is written within a string.
  ExprId Character(const CodepointSet& set);
  // A string, quotes included, that is none of `names`, without escapes.
  ExprId NameBut(const std::vector<std::string>& names);

  // Punctuation with its white space.
  ExprId Comma() { return comma_; }
  ExprId Colon() { return colon_; }
  ExprId Open(char bracket);
  ExprId Close(char bracket);

 private:
  struct NameNode;
  std::string Written(const JsonValue& value) const;
  ExprId Spaced(absl::string_view text);
  ExprId Digits(uint32_t min, uint32_t max);
  ExprId NameRest(const NameNode& node, ExprId rest);

  Grammar& grammar_;
  const JsonSpacing spacing_;
  // Characters but for some.
  absl::flat_hash_map<std::vector<std::pair<uint32_t, uint32_t>>, ExprId> names_but_;
  ExprId blank_;  // white space of kFree
  ExprId comma_;
  ExprId colon_;
  RuleId string_;
  RuleId value_;
  RuleId object_;
  RuleId array_;
};

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_JSON_GRAMMAR_H_
