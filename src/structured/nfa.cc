// Expressions become nodes from their end to their beginning: each is built in front of the node
// that follows it.

#include "src/structured/nfa.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

constexpr size_t kMaxNodes = size_t{1} << 20;
// Nodes up to which a repetition is written out; a longer one counts.
constexpr uint64_t kMostWrittenOut = 24;
// Rules up to this size are copied to where they are referred to.
constexpr uint64_t kMostCopied = 24;
constexpr uint64_t kLargeSize = 64;  // more than either

class NfaBuilder {
 public:
  explicit NfaBuilder(Grammar& grammar) : grammar_(grammar) {}

  absl::StatusOr<Nfa> Build();

 private:
  enum class Counting : uint8_t { kFree, kInUse };  // whether the automaton's counter is taken

  struct Pending {
    RuleId rule;
    NodeId node;
  };

  void BuildRule(RuleId rule);
  NodeId BuildExpr(ExprId id, NodeId next, Counting counting);
  NodeId BuildBytes(const ByteSet& set, NodeId next, Counting counting);
  NodeId BuildLiteral(const std::string& text, NodeId next, Counting counting);
  NodeId BuildRepeat(ExprId child, CountBounds bounds, NodeId next, Counting counting);
  NodeId BuildWrittenOut(ExprId child, CountBounds bounds, NodeId next, Counting counting);
  NodeId BuildCounted(ExprId child, CountBounds bounds, NodeId next, Counting counting);
  NodeId BuildRef(const Expr& ref, NodeId next, Counting counting);
  NodeId BuildChoice(const std::vector<ExprId>& children, NodeId next, Counting counting);
  RuleId CountedRule(ExprId child);
  bool IsCopied(RuleId rule);
  uint64_t Size(ExprId id, int depth = 0) const;

  NodeId AddNode(Counting counting);
  void AddEdge(NodeId from, const NfaEdge& edge) { nfa_.nodes[from].edges.push_back(edge); }
  uint32_t AddSet(const ByteSet& set);

  Grammar& grammar_;
  Nfa nfa_;
  absl::flat_hash_map<ByteSet, uint32_t> set_ids_;
  absl::flat_hash_map<ExprId, RuleId> counted_rules_;
  std::vector<RuleId> called_;  // rules still to be built
  // Of the rule that is being built.
  RuleId host_ = 0;
  NodeId end_ = 0;
  Counting host_counting_ = Counting::kFree;
  absl::flat_hash_map<RuleId, NodeId> at_end_;  // rules inlined at its end
  std::vector<Pending> pending_;
  std::vector<RuleId> copying_;  // rules that are being copied
};

NodeId NfaBuilder::AddNode(Counting counting) {
  nfa_.nodes.emplace_back();
  nfa_.nodes.back().in_counter = counting == Counting::kInUse;
  return static_cast<NodeId>(nfa_.nodes.size() - 1);
}

uint32_t NfaBuilder::AddSet(const ByteSet& set) {
  const auto [place, is_new] = set_ids_.try_emplace(set, static_cast<uint32_t>(nfa_.sets.size()));
  if (is_new) nfa_.sets.push_back(set);
  return place->second;
}

// Nodes that an expression takes when it is written out, about, and at most kLargeSize.
uint64_t NfaBuilder::Size(ExprId id, int depth) const {
  const Expr& e = grammar_.expr(id);
  if (depth > 200) return kLargeSize;
  uint64_t size = 1;
  if (e.kind == ExprKind::kLiteral) return std::min<uint64_t>(e.literal.size(), kLargeSize);
  for (ExprId child : e.children) {
    size += Size(child, depth + 1);
    if (size >= kLargeSize) return kLargeSize;
  }
  if (e.kind == ExprKind::kRepeat) {
    const uint64_t times = e.bounds.max == kUnbounded ? e.bounds.min + 1 : e.bounds.max;
    if (size * times <= kMostWrittenOut) size *= times;
  }
  return size;
}

NodeId NfaBuilder::BuildBytes(const ByteSet& set, NodeId next, Counting counting) {
  if (set.empty() || next == kNone) return kNone;
  const NodeId node = AddNode(counting);
  AddEdge(node, {.kind = EdgeKind::kByte, .target = next, .value = AddSet(set)});
  return node;
}

NodeId NfaBuilder::BuildLiteral(const std::string& text, NodeId next, Counting counting) {
  for (size_t i = text.size(); i-- > 0;) {
    next = BuildBytes(ByteSet::Of(static_cast<uint8_t>(text[i])), next, counting);
  }
  return next;
}

NodeId NfaBuilder::BuildChoice(const std::vector<ExprId>& children, NodeId next,
                               Counting counting) {
  const NodeId node = AddNode(counting);
  for (ExprId child : children) {
    const NodeId entry = BuildExpr(child, next, counting);
    if (entry != kNone) AddEdge(node, {.target = entry});
  }
  return nfa_.nodes[node].edges.empty() ? kNone : node;
}

NodeId NfaBuilder::BuildExpr(ExprId id, NodeId next, Counting counting) {
  if (next == kNone || nfa_.nodes.size() > kMaxNodes || !grammar_.is_productive(id)) return kNone;
  const Expr e = grammar_.expr(id);  // a copy: rules and expressions may be added
  switch (e.kind) {
    case ExprKind::kEmpty:
      return next;
    case ExprKind::kBytes:
      return BuildBytes(e.bytes, next, counting);
    case ExprKind::kLiteral:
      return BuildLiteral(e.literal, next, counting);
    case ExprKind::kSequence:
      for (size_t i = e.children.size(); i-- > 0;) next = BuildExpr(e.children[i], next, counting);
      return next;
    case ExprKind::kChoice:
      return BuildChoice(e.children, next, counting);
    case ExprKind::kRepeat:
      return BuildRepeat(e.children[0], e.bounds, next, counting);
    case ExprKind::kRule:
      return BuildRef(e, next, counting);
    case ExprKind::kTick: {
      const NodeId node = AddNode(counting);
      const NodeId child = BuildExpr(e.children[0], next, counting);
      AddEdge(node, {.kind = EdgeKind::kTick, .target = child});
      return node;
    }
    case ExprKind::kEnough: {
      const NodeId node = AddNode(counting);
      AddEdge(node, {.kind = EdgeKind::kEnough, .target = next});
      return node;
    }
  }
  return kNone;
}

NodeId NfaBuilder::BuildRepeat(ExprId child, CountBounds bounds, NodeId next, Counting counting) {
  if (!grammar_.is_productive(child)) return bounds.min == 0 ? next : kNone;
  const uint64_t size = Size(child);
  const uint64_t times = bounds.max == kUnbounded ? bounds.min : bounds.max;
  if (times <= 1 || size * times <= kMostWrittenOut) {
    return BuildWrittenOut(child, bounds, next, counting);
  }
  return BuildCounted(child, bounds, next, counting);
}

NodeId NfaBuilder::BuildWrittenOut(ExprId child, CountBounds bounds, NodeId next,
                                   Counting counting) {
  NodeId entry = next;
  uint32_t required = bounds.min;
  if (bounds.max == kUnbounded) {
    // One copy that may be repeated; it stands for the last of those that are required.
    const NodeId head = AddNode(counting);
    const NodeId body = BuildExpr(child, head, counting);
    if (body == kNone) return kNone;
    AddEdge(head, {.target = body});
    AddEdge(head, {.target = next});
    entry = head;
    if (required > 0) {
      entry = body;
      --required;
    }
  } else {
    for (uint32_t i = bounds.min; i < bounds.max; ++i) {
      const NodeId node = AddNode(counting);
      const NodeId body = BuildExpr(child, entry, counting);
      if (body != kNone) AddEdge(node, {.target = body});
      AddEdge(node, {.target = next});
      entry = node;
    }
  }
  for (uint32_t i = 0; i < required; ++i) entry = BuildExpr(child, entry, counting);
  return entry;
}

// A rule that counts `child`, for repetitions where the counter is in use.
RuleId NfaBuilder::CountedRule(ExprId child) {
  const auto [place, is_new] = counted_rules_.try_emplace(child, 0);
  if (!is_new) return place->second;
  const RuleId rule = grammar_.AddCountedRule(child);
  counted_rules_[child] = rule;
  nfa_.starts.push_back(kNone);
  nfa_.ends.push_back(kNone);
  return rule;
}

NodeId NfaBuilder::BuildCounted(ExprId child, CountBounds bounds, NodeId next, Counting counting) {
  if (counting == Counting::kInUse) {
    Expr ref;
    ref.kind = ExprKind::kRule;
    ref.rule = CountedRule(child);
    ref.bounds = bounds;
    return BuildRef(ref, next, counting);
  }
  const NodeId head = AddNode(Counting::kInUse);
  const NodeId body = BuildExpr(child, head, Counting::kInUse);
  if (body == kNone) return kNone;
  AddEdge(head, {.kind = EdgeKind::kTick, .target = body});
  AddEdge(head, {.kind = EdgeKind::kEnough, .target = next});
  const NodeId entry = AddNode(counting);
  AddEdge(entry, {.kind = EdgeKind::kCount, .target = head, .bounds = bounds});
  return entry;
}

// Small rules that don't refer to themselves are copied, so that automata see what they hold.
bool NfaBuilder::IsCopied(RuleId rule) {
  if (grammar_.rules()[rule].has_counter || grammar_.rules()[rule].is_shared) return false;
  for (RuleId open : copying_) {
    if (open == rule) return false;
  }
  return rule != host_ && copying_.size() < 8 && Size(grammar_.rules()[rule].root) <= kMostCopied;
}

NodeId NfaBuilder::BuildRef(const Expr& ref, NodeId next, Counting counting) {
  const Rule& rule = grammar_.rules()[ref.rule];
  if (next == end_ && !rule.has_counter && counting == host_counting_ &&
      (rule.inline_at_end || ref.rule == host_)) {
    const auto [place, is_new] = at_end_.try_emplace(ref.rule, 0);
    if (is_new) {
      const NodeId node = AddNode(counting);
      at_end_[ref.rule] = node;
      pending_.push_back({ref.rule, node});
      return node;
    }
    return place->second;
  }
  if (IsCopied(ref.rule)) {
    copying_.push_back(ref.rule);
    const NodeId entry = BuildExpr(rule.root, next, counting);
    copying_.pop_back();
    return entry;
  }
  const NodeId node = AddNode(counting);
  AddEdge(node, {.kind = EdgeKind::kCall, .target = next, .value = ref.rule, .bounds = ref.bounds});
  if (nfa_.ends[ref.rule] == kNone) {
    nfa_.ends[ref.rule] = 0;  // listed
    called_.push_back(ref.rule);
  }
  return node;
}

void NfaBuilder::BuildRule(RuleId rule) {
  host_ = rule;
  host_counting_ = grammar_.rules()[rule].has_counter ? Counting::kInUse : Counting::kFree;
  at_end_.clear();
  end_ = AddNode(host_counting_);
  const NodeId start = AddNode(host_counting_);
  at_end_[rule] = start;
  pending_ = {{rule, start}};
  while (!pending_.empty()) {
    const Pending next = pending_.back();
    pending_.pop_back();
    const NodeId entry = BuildExpr(grammar_.rules()[next.rule].root, end_, host_counting_);
    if (entry != kNone) AddEdge(next.node, {.target = entry});
  }
  nfa_.starts[rule] = start;
  nfa_.ends[rule] = end_;
}

absl::StatusOr<Nfa> NfaBuilder::Build() {
  nfa_.starts.assign(grammar_.rules().size(), kNone);
  nfa_.ends.assign(grammar_.rules().size(), kNone);
  AddNode(Counting::kFree);  // no rule's end is node 0
  called_ = {grammar_.root};
  while (!called_.empty()) {
    const RuleId rule = called_.back();
    called_.pop_back();
    BuildRule(rule);
    if (nfa_.num_bottom_nodes == 0) {
      nfa_.num_bottom_nodes = static_cast<NodeId>(nfa_.nodes.size());
    }
    if (nfa_.nodes.size() > kMaxNodes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the grammar is too large: found more than ", kMaxNodes,
                       " places in it; expected fewer rules, choices or names"));
    }
  }
  for (const NfaNode& node : nfa_.nodes) {
    for (const NfaEdge& edge : node.edges) {
      if (edge.kind == EdgeKind::kCall && edge.value == grammar_.root) nfa_.num_bottom_nodes = 0;
    }
  }
  return std::move(nfa_);
}

}  // namespace

absl::StatusOr<Nfa> MakeNfa(Grammar& grammar) { return NfaBuilder(grammar).Build(); }

}  // namespace inkling
