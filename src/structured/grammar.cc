// Building grammars, and what has to hold of them before they become automata.

#include "src/structured/grammar.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace inkling {

Grammar::Grammar() {
  exprs_.push_back({});                          // Empty
  exprs_.push_back({.kind = ExprKind::kBytes});  // Never
}

ExprId Grammar::Add(Expr expr) {
  exprs_.push_back(std::move(expr));
  return static_cast<ExprId>(exprs_.size() - 1);
}

ExprId Grammar::Bytes(const ByteSet& set) {
  if (set.empty()) return Never();
  return Add({.kind = ExprKind::kBytes, .bytes = set});
}

ExprId Grammar::Literal(absl::string_view text) {
  if (text.empty()) return Empty();
  return Add({.kind = ExprKind::kLiteral, .literal = std::string(text)});
}

ExprId Grammar::Sequence(std::vector<ExprId> children) {
  children.erase(std::remove(children.begin(), children.end(), Empty()), children.end());
  if (std::find(children.begin(), children.end(), Never()) != children.end()) return Never();
  if (children.empty()) return Empty();
  if (children.size() == 1) return children[0];
  return Add({.kind = ExprKind::kSequence, .children = std::move(children)});
}

ExprId Grammar::Choice(std::vector<ExprId> children) {
  children.erase(std::remove(children.begin(), children.end(), Never()), children.end());
  if (children.empty()) return Never();
  if (children.size() == 1) return children[0];
  return Add({.kind = ExprKind::kChoice, .children = std::move(children)});
}

ExprId Grammar::Repeat(ExprId child, uint32_t min, uint32_t max) {
  if (max == 0 || child == Empty()) return Empty();
  if (min == 1 && max == 1) return child;
  return Add({.kind = ExprKind::kRepeat, .children = {child}, .bounds = {min, max}});
}

ExprId Grammar::Ref(RuleId rule, CountBounds bounds) {
  return Add({.kind = ExprKind::kRule, .bounds = bounds, .rule = rule});
}

ExprId Grammar::Tick(ExprId child) { return Add({.kind = ExprKind::kTick, .children = {child}}); }

ExprId Grammar::Enough() { return Add({.kind = ExprKind::kEnough}); }

RuleId Grammar::AddRule(std::string name) {
  rules_.push_back({.name = std::move(name)});
  return static_cast<RuleId>(rules_.size() - 1);
}

RuleId Grammar::AddCountedRule(ExprId child) {
  const RuleId rule = AddRule("repetition");
  rules_[rule].has_counter = true;
  Define(rule, Sequence({Repeat(Tick(child), 0, kUnbounded), Enough()}));
  nullable_rules_.push_back(true);
  productive_rules_.push_back(true);
  return rule;
}

namespace {

// The bytes of a character of `length` bytes, `bytes[0]` first.
void EncodeFixed(uint32_t codepoint, size_t length, uint8_t* bytes) {
  static constexpr uint8_t kLead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = length - 1; i > 0; --i) {
    bytes[i] = static_cast<uint8_t>(0x80 | (codepoint & 0x3F));
    codepoint >>= 6;
  }
  bytes[0] = static_cast<uint8_t>(kLead[length] | codepoint);
}

// Sequences between `first` and `last`, which have the same length, cut so that each part is a
// chain of byte ranges: the common front, then first's edge, the full middle, last's edge.
void SplitRange(Grammar& grammar, const uint8_t* first, const uint8_t* last, size_t length,
                std::vector<ExprId> front, std::vector<ExprId>& out) {
  if (length == 1) {
    front.push_back(grammar.Bytes(ByteSet::Range(*first, *last)));
    out.push_back(grammar.Sequence(std::move(front)));
    return;
  }
  const auto is_all = [&](const uint8_t* bytes, uint8_t value) {
    return std::all_of(bytes + 1, bytes + length, [&](uint8_t b) { return b == value; });
  };
  const uint8_t low[] = {0, 0x80, 0x80, 0x80};
  const uint8_t high[] = {0, 0xBF, 0xBF, 0xBF};
  const auto with = [&](const ByteSet& set) {
    std::vector<ExprId> longer = front;
    longer.push_back(grammar.Bytes(set));
    return longer;
  };
  if (*first == *last) {
    SplitRange(grammar, first + 1, last + 1, length - 1, with(ByteSet::Of(*first)), out);
    return;
  }
  uint8_t middle_first = *first;
  uint8_t middle_last = *last;
  if (!is_all(first, 0x80)) {
    SplitRange(grammar, first + 1, high + 1, length - 1, with(ByteSet::Of(*first)), out);
    ++middle_first;
  }
  const bool cut_last = !is_all(last, 0xBF);
  if (cut_last) --middle_last;
  if (middle_first <= middle_last) {
    SplitRange(grammar, low + 1, high + 1, length - 1,
               with(ByteSet::Range(middle_first, middle_last)), out);
  }
  if (cut_last) {
    SplitRange(grammar, low + 1, last + 1, length - 1, with(ByteSet::Of(*last)), out);
  }
}

}  // namespace

ExprId Grammar::CodepointRange(uint32_t first, uint32_t last) {
  struct Block {
    uint32_t first, last;
    size_t length;
  };
  static constexpr Block kBlocks[] = {{0, 0x7F, 1},
                                      {0x80, 0x7FF, 2},
                                      {0x800, 0xD7FF, 3},
                                      {0xE000, 0xFFFF, 3},
                                      {0x10000, 0x10FFFF, 4}};
  std::vector<ExprId> parts;
  for (const Block& block : kBlocks) {
    const uint32_t from = std::max(first, block.first);
    const uint32_t to = std::min(last, block.last);
    if (from > to) continue;
    uint8_t from_bytes[4];
    uint8_t to_bytes[4];
    EncodeFixed(from, block.length, from_bytes);
    EncodeFixed(to, block.length, to_bytes);
    SplitRange(*this, from_bytes, to_bytes, block.length, {}, parts);
  }
  return Choice(std::move(parts));
}

bool Grammar::nullable(ExprId id) const {
  const Expr& e = exprs_[id];
  const auto child_is = [this](ExprId child) { return nullable(child); };
  switch (e.kind) {
    case ExprKind::kEmpty:
    case ExprKind::kEnough:
      return true;
    case ExprKind::kBytes:
    case ExprKind::kLiteral:
      return false;
    case ExprKind::kSequence:
      return std::all_of(e.children.begin(), e.children.end(), child_is);
    case ExprKind::kChoice:
      return std::any_of(e.children.begin(), e.children.end(), child_is);
    case ExprKind::kRepeat:
      return e.bounds.min == 0 || nullable(e.children[0]);
    case ExprKind::kTick:
      return nullable(e.children[0]);
    case ExprKind::kRule:
      return nullable_rules_[e.rule];
  }
  return false;
}

bool Grammar::is_productive(ExprId id) const {
  const Expr& e = exprs_[id];
  const auto child_is = [this](ExprId child) { return is_productive(child); };
  switch (e.kind) {
    case ExprKind::kEmpty:
    case ExprKind::kEnough:
    case ExprKind::kLiteral:
      return true;
    case ExprKind::kBytes:
      return !e.bytes.empty();
    case ExprKind::kSequence:
      return std::all_of(e.children.begin(), e.children.end(), child_is);
    case ExprKind::kChoice:
      return std::any_of(e.children.begin(), e.children.end(), child_is);
    case ExprKind::kRepeat:
      return e.bounds.min == 0 || is_productive(e.children[0]);
    case ExprKind::kTick:
      return is_productive(e.children[0]);
    case ExprKind::kRule:
      return productive_rules_[e.rule];
  }
  return false;
}

namespace {

// Applies `holds` to each rule until nothing changes; true spreads. Rules refer to those behind
// them or, in chains, to those in front, so every second pass goes backwards.
template <typename Holds>
void Spread(size_t num_rules, std::vector<bool>& known, const Holds& holds) {
  known.resize(num_rules, false);
  bool backwards = true;
  for (bool changed = true; changed; backwards = !backwards) {
    changed = false;
    for (size_t i = 0; i < num_rules; ++i) {
      const size_t rule = backwards ? num_rules - 1 - i : i;
      if (!known[rule] && holds(rule)) known[rule] = changed = true;
    }
  }
}

}  // namespace

void Grammar::UpdateNullable() {
  Spread(rules_.size(), nullable_rules_, [this](size_t i) { return nullable(rules_[i].root); });
}

void Grammar::UpdateProductive() {
  Spread(rules_.size(), productive_rules_,
         [this](size_t i) { return is_productive(rules_[i].root); });
}

RuleId Grammar::NonEmptyRule(RuleId rule) {
  const auto found = non_empty_rules_.find(rule);
  if (found != non_empty_rules_.end()) return found->second;
  const RuleId made = AddRule(rules_[rule].name);
  rules_[made].has_counter = rules_[rule].has_counter;
  nullable_rules_.push_back(false);
  productive_rules_.push_back(false);
  non_empty_rules_[rule] = made;
  const ExprId root = NonEmpty(rules_[rule].root);
  rules_[made].root = root;
  return made;
}

// The first child that isn't empty is child i; those behind it are as they are.
ExprId Grammar::NonEmptySequence(const std::vector<ExprId>& children) {
  std::vector<ExprId> choices;
  for (size_t i = 0; i < children.size(); ++i) {
    std::vector<ExprId> rest(children.begin() + static_cast<std::ptrdiff_t>(i), children.end());
    const bool may_be_empty = nullable(rest[0]);
    rest[0] = NonEmpty(rest[0]);
    choices.push_back(Sequence(std::move(rest)));
    if (!may_be_empty) break;
  }
  return Choice(std::move(choices));
}

// An expression for what `id` matches, but for the empty text.
ExprId Grammar::NonEmpty(ExprId id) {
  if (!nullable(id)) return id;
  const auto found = non_empty_exprs_.find(id);
  if (found != non_empty_exprs_.end()) return found->second;
  const Expr e = exprs_[id];  // a copy: the arena grows
  ExprId made = Never();
  switch (e.kind) {
    case ExprKind::kSequence:
      made = NonEmptySequence(e.children);
      break;
    case ExprKind::kChoice: {
      std::vector<ExprId> children;
      for (ExprId child : e.children) children.push_back(NonEmpty(child));
      made = Choice(std::move(children));
      break;
    }
    case ExprKind::kRepeat:
      made = Repeat(NonEmpty(e.children[0]), 1, e.bounds.max);
      break;
    case ExprKind::kRule:
      made = Ref(NonEmptyRule(e.rule), e.bounds);
      break;
    default:  // kTick's children are never empty; the others have nothing but the empty text
      break;
  }
  non_empty_exprs_[id] = made;
  return made;
}

void Grammar::CollectFirstRules(ExprId id, std::vector<RuleId>& rules) const {
  const Expr& e = exprs_[id];
  if (e.kind == ExprKind::kRule) rules.push_back(e.rule);
  for (ExprId child : e.children) {
    CollectFirstRules(child, rules);
    if (e.kind == ExprKind::kSequence && !nullable(child)) return;
  }
}

absl::Status Grammar::CheckLeftRecursion() const {
  // Depth-first search without recursion: a chain of rules may be long.
  enum class Mark : uint8_t { kNew, kOpen, kDone };
  std::vector<Mark> marks(rules_.size(), Mark::kNew);
  struct Open {
    RuleId rule;
    std::vector<RuleId> next;
  };
  std::vector<Open> path;
  const auto open = [&](RuleId rule) {
    marks[rule] = Mark::kOpen;
    path.push_back({rule, {}});
    CollectFirstRules(rules_[rule].root, path.back().next);
  };
  for (RuleId start = 0; start < rules_.size(); ++start) {
    if (marks[start] != Mark::kNew) continue;
    open(start);
    while (!path.empty()) {
      if (path.back().next.empty()) {
        marks[path.back().rule] = Mark::kDone;
        path.pop_back();
        continue;
      }
      const RuleId next = path.back().next.back();
      path.back().next.pop_back();
      if (marks[next] == Mark::kNew)
        open(next);
      else if (marks[next] == Mark::kOpen) {
        return absl::InvalidArgumentError(absl::StrCat(
            "rule '", rules_[next].name,
            "' can begin with itself, which never ends; write the repetition with * or "
            "+, or put what repeats first"));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Grammar::Finish() {
  UpdateNullable();
  const size_t num_exprs = exprs_.size();
  for (size_t i = 0; i < num_exprs; ++i) {
    if (exprs_[i].kind != ExprKind::kRepeat) continue;
    const ExprId child = exprs_[i].children[0];
    if (!nullable(child)) continue;
    const ExprId filled = NonEmpty(child);
    exprs_[i].children[0] = filled;
    exprs_[i].bounds.min = 0;
  }
  // Rules made meanwhile may hold repetitions that were made of others' children.
  UpdateNullable();
  UpdateProductive();
  if (!is_productive(rules_[root].root)) {
    return absl::InvalidArgumentError("no text at all fits; expected at least one");
  }
  return CheckLeftRecursion();
}

}  // namespace inkling
