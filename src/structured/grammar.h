// Grammar: rules over bytes, as the front ends (regular expressions, EBNF, JSON Schema) write them
// and as the automaton is made of them.
//
// Expressions lie in one arena and are named by their index, so that they can be shared. A
// repetition keeps its bounds as numbers; nothing is written out here. A rule may have a counter:
// whoever refers to it gives it bounds, `kTick` counts one, and `kEnough` is where the lower bound
// must have been reached.

#ifndef INKLING_SRC_STRUCTURED_GRAMMAR_H_
#define INKLING_SRC_STRUCTURED_GRAMMAR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/structured/byte_set.h"

namespace inkling {

using ExprId = uint32_t;
using RuleId = uint32_t;

inline constexpr uint32_t kUnbounded = 0xFFFFFFFFu;

// How often something may still come, and must. An upper bound of kUnbounded never runs out.
struct CountBounds {
  uint32_t min = 0;
  uint32_t max = 0;
  friend bool operator==(const CountBounds& a, const CountBounds& b) {
    return a.min == b.min && a.max == b.max;
  }
  template <typename H>
  friend H AbslHashValue(H h, const CountBounds& bounds) {
    return H::combine(std::move(h), bounds.min, bounds.max);
  }
};

enum class ExprKind : uint8_t {
  kEmpty,
  kBytes,     // one byte of a set; an empty set matches nothing at all
  kLiteral,   // bytes one after the other
  kSequence,  // children one after the other
  kChoice,    // one of the children
  kRepeat,    // the child, bounds.min to bounds.max times
  kRule,      // a rule; `bounds` for its counter, if it has one
  kTick,      // the child, and the rule's counter counts one
  kEnough,    // nothing, where the rule's counter has reached its lower bound
};

struct Expr {
  ExprKind kind = ExprKind::kEmpty;
  ByteSet bytes = {};
  std::string literal = {};
  std::vector<ExprId> children = {};
  CountBounds bounds = {};
  RuleId rule = 0;
};

struct Rule {
  std::string name;  // for messages
  ExprId root = 0;
  bool has_counter = false;
  // Becomes a part of the automaton of each rule that ends with it, instead of being called. For
  // the links of a chain, which would each cost a look-up of their own.
  bool inline_at_end = false;
  bool is_shared =
      false;  // never copied to where it is referred to, because its automaton is heavy
};

class Grammar {
 public:
  Grammar();

  ExprId Empty() const { return 0; }
  ExprId Never() const { return 1; }
  ExprId Bytes(const ByteSet& set);
  ExprId Literal(absl::string_view text);
  ExprId Sequence(std::vector<ExprId> children);
  ExprId Choice(std::vector<ExprId> children);
  ExprId Optional(ExprId child) { return Repeat(child, 0, 1); }
  ExprId Repeat(ExprId child, uint32_t min, uint32_t max);
  ExprId Ref(RuleId rule, CountBounds bounds = {});
  ExprId Tick(ExprId child);
  ExprId Enough();
  // One character of [first, last], which are Unicode scalar values, in UTF-8. Surrogates in
  // between are left out.
  ExprId CodepointRange(uint32_t first, uint32_t last);

  // What `child` matches, but for the empty text. Of expressions without rules.
  ExprId AtLeastOneByte(ExprId child) { return NonEmpty(child); }

  // A rule without content yet.
  RuleId AddRule(std::string name);
  void Define(RuleId rule, ExprId root) { rules_[rule].root = root; }

  const Expr& expr(ExprId id) const { return exprs_[id]; }
  const std::vector<Rule>& rules() const { return rules_; }
  Rule& rule(RuleId id) { return rules_[id]; }
  size_t num_exprs() const { return exprs_.size(); }

  RuleId root = 0;

  // Makes the grammar ready for an automaton: rules that can match nothing at all vanish from
  // choices, and what is repeated matches at least one byte. Errors: InvalidArgument if the whole
  // grammar matches nothing, or if a rule begins with itself (its name).
  absl::Status Finish();

  // A rule with a counter that repeats `child`, for an automaton whose own counter is in use.
  RuleId AddCountedRule(ExprId child);

  // After Finish.
  bool nullable(ExprId id) const;
  bool is_productive(ExprId id) const;

 private:
  ExprId Add(Expr expr);
  void UpdateNullable();
  void UpdateProductive();
  ExprId NonEmpty(ExprId id);
  ExprId NonEmptySequence(const std::vector<ExprId>& children);
  RuleId NonEmptyRule(RuleId rule);
  absl::Status CheckLeftRecursion() const;
  void CollectFirstRules(ExprId id, std::vector<RuleId>& rules) const;

  std::vector<Expr> exprs_;
  std::vector<Rule> rules_;
  std::vector<bool> nullable_rules_;
  std::vector<bool> productive_rules_;
  absl::flat_hash_map<RuleId, RuleId> non_empty_rules_;
  absl::flat_hash_map<ExprId, ExprId> non_empty_exprs_;
};

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_GRAMMAR_H_
