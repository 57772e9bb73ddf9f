// Subset construction over one rule's nodes at a time. Nodes share a state only if they share the
// counter's value, so a byte may lead to several states, one for each change of the counter.

#include "src/structured/automaton.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/status_macros.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

constexpr size_t kMaxStates = size_t{1} << 18;
constexpr size_t kMaxEdges = size_t{1} << 23;
// Steps of the construction, about 60 ns each. It takes (choices that begin alike)^2 of them; 500
// optional properties take 4.7 million.
constexpr size_t kMaxWork = size_t{1} << 23;

// How a node is reached without text: under which guard, and with which change of the counter.
struct Reached {
  NodeId node = 0;
  CounterGuard guard = CounterGuard::kAlways;
  CounterChange change = CounterChange::kKeep;
  CountBounds bounds = {};

  friend bool operator==(const Reached& a, const Reached& b) {
    return a.node == b.node && a.guard == b.guard && a.change == b.change && a.bounds == b.bounds;
  }
  friend bool operator<(const Reached& a, const Reached& b) {
    const auto key = [](const Reached& r) {
      return std::make_tuple(r.guard, r.change, r.bounds.min, r.bounds.max, r.node);
    };
    return key(a) < key(b);
  }
  template <typename H>
  friend H AbslHashValue(H h, const Reached& r) {
    return H::combine(std::move(h), r.node, r.guard, r.change, r.bounds);
  }
};

bool SameWay(const Reached& a, const Reached& b) {
  return a.guard == b.guard && a.change == b.change && a.bounds == b.bounds;
}

CountBounds CountOne(CountBounds bounds) {
  return {bounds.min > 0 ? bounds.min - 1 : 0,
          bounds.max == kUnbounded ? kUnbounded : bounds.max - 1};
}

}  // namespace

class AutomatonBuilder {
 public:
  explicit AutomatonBuilder(Nfa nfa) : nfa_(std::move(nfa)) {}

  absl::StatusOr<Automaton> Build(RuleId root);

 private:
  using ClassSet = std::vector<uint8_t>;

  void MakeClasses();
  void BuildState(StateId state);
  void AddCalls(const std::vector<Reached>& reached, AutomatonState& state);
  void AddEdges(const std::vector<Reached>& reached, AutomatonState& state);
  // Nodes where something is decided, behind `node`, without passing a guard.
  void Settle(Reached from, std::vector<Reached>& out);
  // All that can come next from the nodes of a state, guards included.
  std::vector<Reached> Expand(const std::vector<NodeId>& nodes);
  void FollowEdge(const Reached& from, const NfaEdge& edge, std::vector<Reached>& open) const;
  uint32_t ListOf(std::vector<Reached> settled);
  uint32_t CodeOf(std::vector<Reached> settled);
  StateId StateOf(std::vector<NodeId> nodes);
  bool IsEnd(NodeId node) const { return is_end_[node]; }
  bool IsLastReturn(uint32_t list) const;

  Nfa nfa_;
  Automaton made_;
  std::vector<ClassSet> set_classes_;
  std::vector<bool> is_end_;
  std::vector<std::vector<NodeId>> state_nodes_;
  absl::flat_hash_map<std::vector<NodeId>, StateId> state_ids_;
  absl::flat_hash_map<std::vector<Transition>, uint32_t> list_ids_;
  absl::flat_hash_map<std::vector<Reached>, uint32_t> code_ids_;
  std::vector<uint32_t> visited_;  // [nodes]: the visit that saw it last
  uint32_t visit_ = 0;
  size_t work_ = 0;
};

void AutomatonBuilder::MakeClasses() {
  std::vector<uint32_t> of_byte(256, 0);
  uint32_t num = 1;
  for (const ByteSet& set : nfa_.sets) {
    std::vector<uint32_t> split(num, kNone);
    std::vector<bool> outside(num, false);
    for (int byte = 0; byte < 256; ++byte) {
      if (!set.Has(static_cast<uint8_t>(byte))) outside[of_byte[static_cast<size_t>(byte)]] = true;
    }
    uint32_t next = num;
    for (int byte = 0; byte < 256; ++byte) {
      uint32_t& own = of_byte[static_cast<size_t>(byte)];
      if (!set.Has(static_cast<uint8_t>(byte)) || own >= num || !outside[own]) continue;
      if (split[own] == kNone) split[own] = next++;
      own = split[own];
    }
    num = next;
  }
  for (size_t byte = 0; byte < 256; ++byte) {
    made_.classes_[byte] = static_cast<uint8_t>(of_byte[byte]);
  }
  made_.num_classes_ = num;
  set_classes_.resize(nfa_.sets.size());
  for (size_t i = 0; i < nfa_.sets.size(); ++i) {
    std::array<bool, 256> has = {};
    for (size_t byte = 0; byte < 256; ++byte) {
      if (nfa_.sets[i].Has(static_cast<uint8_t>(byte))) has[of_byte[byte]] = true;
    }
    for (size_t c = 0; c < num; ++c) {
      if (has[c]) set_classes_[i].push_back(static_cast<uint8_t>(c));
    }
  }
}

// Where `edge`, which takes no text, leads from `from`; nothing if its guard can't hold.
void AutomatonBuilder::FollowEdge(const Reached& from, const NfaEdge& edge,
                                  std::vector<Reached>& open) const {
  Reached to = from;
  to.node = edge.target;
  const bool is_known = from.change == CounterChange::kSet;
  switch (edge.kind) {
    case EdgeKind::kFree:
      break;
    case EdgeKind::kTick:
      if (is_known && from.bounds.max == 0) return;
      if (is_known) {
        to.bounds = CountOne(from.bounds);
      } else {
        to.guard = CounterGuard::kMoreAllowed;
        to.change = CounterChange::kCountOne;
      }
      break;
    case EdgeKind::kEnough:
      if (is_known && from.bounds.min > 0) return;
      if (!is_known) to.guard = CounterGuard::kEnough;
      to.change = CounterChange::kSet;
      to.bounds = {};
      break;
    case EdgeKind::kCount:
      to.change = CounterChange::kSet;
      to.bounds = edge.bounds;
      break;
    default:
      return;
  }
  open.push_back(to);
}

void AutomatonBuilder::Settle(Reached from, std::vector<Reached>& out) {
  std::vector<Reached> open = {from};
  std::vector<Reached> seen;
  while (!open.empty()) {
    const Reached next = open.back();
    open.pop_back();
    ++work_;
    if (std::find(seen.begin(), seen.end(), next) != seen.end()) continue;
    if (next.change == from.change && next.bounds == from.bounds) {
      if (visited_[next.node] == visit_) continue;
      visited_[next.node] = visit_;
    } else {
      seen.push_back(next);
    }
    bool decides = IsEnd(next.node);
    for (const NfaEdge& edge : nfa_.nodes[next.node].edges) {
      if (edge.kind == EdgeKind::kFree || edge.kind == EdgeKind::kCount) {
        FollowEdge(next, edge, open);
      } else {
        decides = true;
      }
    }
    if (decides) out.push_back(next);
  }
}

std::vector<Reached> AutomatonBuilder::Expand(const std::vector<NodeId>& nodes) {
  std::vector<Reached> out;
  std::vector<Reached> open;
  absl::flat_hash_map<Reached, bool> seen;
  for (NodeId node : nodes) open.push_back({.node = node});
  while (!open.empty()) {
    const Reached next = open.back();
    open.pop_back();
    ++work_;
    if (!seen.try_emplace(next, true).second) continue;
    bool decides = IsEnd(next.node);
    for (const NfaEdge& edge : nfa_.nodes[next.node].edges) {
      const bool takes_text = edge.kind == EdgeKind::kByte || edge.kind == EdgeKind::kCall;
      const bool is_settled =  // Settle has followed it
          next.guard == CounterGuard::kAlways && next.change == CounterChange::kKeep &&
          (edge.kind == EdgeKind::kFree || edge.kind == EdgeKind::kCount);
      decides |= takes_text;
      if (!takes_text && !is_settled) FollowEdge(next, edge, open);
    }
    if (decides) out.push_back(next);
  }
  return out;
}

StateId AutomatonBuilder::StateOf(std::vector<NodeId> nodes) {
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  const auto [place, is_new] =
      state_ids_.try_emplace(nodes, static_cast<StateId>(state_nodes_.size()));
  if (is_new) {
    state_nodes_.push_back(std::move(nodes));
    made_.states_.emplace_back();
  }
  return place->second;
}

// The list of transitions to the states that `settled` nodes make up.
uint32_t AutomatonBuilder::ListOf(std::vector<Reached> settled) {
  work_ += settled.size();
  std::sort(settled.begin(), settled.end());
  std::vector<Transition> list;
  for (size_t i = 0; i < settled.size();) {
    std::vector<NodeId> nodes;
    size_t end = i;
    for (; end < settled.size() && SameWay(settled[end], settled[i]); ++end) {
      nodes.push_back(settled[end].node);
    }
    list.push_back({.target = StateOf(std::move(nodes)),
                    .guard = settled[i].guard,
                    .change = settled[i].change,
                    .bounds = settled[i].bounds});
    i = end;
  }
  const auto [place, is_new] =
      list_ids_.try_emplace(list, static_cast<uint32_t>(made_.lists_.size()));
  if (is_new) {
    made_.lists_.push_back(static_cast<uint32_t>(made_.transitions_.size()));
    made_.transitions_.insert(made_.transitions_.end(), list.begin(), list.end());
  }
  return place->second;
}

uint32_t AutomatonBuilder::CodeOf(std::vector<Reached> settled) {
  const uint32_t list = ListOf(std::move(settled));
  const size_t first = made_.lists_[list];
  const size_t last =
      list + 1 < made_.lists_.size() ? made_.lists_[list + 1] : made_.transitions_.size();
  const Transition& t = made_.transitions_[first];
  if (last - first == 1 && t.guard == CounterGuard::kAlways && t.change == CounterChange::kKeep) {
    return t.target;
  }
  return list | Automaton::kListBit;
}

void AutomatonBuilder::AddCalls(const std::vector<Reached>& reached, AutomatonState& state) {
  state.first_call = static_cast<uint32_t>(made_.calls_.size());
  for (const Reached& r : reached) {
    for (const NfaEdge& edge : nfa_.nodes[r.node].edges) {
      if (edge.kind != EdgeKind::kCall) continue;
      std::vector<Reached> settled;
      ++visit_;
      Settle({.node = edge.target}, settled);
      const bool is_last = settled.size() == 1 && IsEnd(settled[0].node) &&
                           settled[0].change == CounterChange::kKeep &&
                           nfa_.nodes[settled[0].node].edges.empty();
      made_.calls_.push_back({.rule = edge.value,
                              .guard = r.guard,
                              .change = r.change,
                              .bounds = r.bounds,
                              .callee_bounds = edge.bounds,
                              .returns = is_last ? kNone : ListOf(std::move(settled))});
    }
  }
  state.num_calls = static_cast<uint32_t>(made_.calls_.size()) - state.first_call;
}

void AutomatonBuilder::AddEdges(const std::vector<Reached>& reached, AutomatonState& state) {
  // For each class of bytes, the nodes behind it and how they are reached.
  std::vector<std::vector<Reached>> behind(made_.num_classes_);
  size_t used = 0;
  for (const Reached& r : reached) {
    for (const NfaEdge& edge : nfa_.nodes[r.node].edges) {
      if (edge.kind != EdgeKind::kByte) continue;
      for (uint8_t c : set_classes_[edge.value]) {
        if (behind[c].empty()) ++used;
        behind[c].push_back({edge.target, r.guard, r.change, r.bounds});
        ++work_;
      }
    }
  }
  state.is_dense = used > 4;
  state.first_edge = static_cast<uint32_t>(made_.edges_.size());
  state.num_edges = static_cast<uint16_t>(state.is_dense ? made_.num_classes_ : used);
  for (size_t c = 0; c < behind.size(); ++c) {
    if (behind[c].empty() && !state.is_dense) continue;
    uint32_t code = Automaton::kDead;
    if (!behind[c].empty()) {
      std::sort(behind[c].begin(), behind[c].end());
      behind[c].erase(std::unique(behind[c].begin(), behind[c].end()), behind[c].end());
      const auto known = code_ids_.find(behind[c]);
      if (known != code_ids_.end()) {
        code = known->second;
      } else {
        std::vector<Reached> settled;
        for (size_t i = 0; i < behind[c].size(); ++i) {
          if (i == 0 || !SameWay(behind[c][i], behind[c][i - 1])) ++visit_;
          Settle(behind[c][i], settled);
        }
        code = CodeOf(std::move(settled));
        code_ids_[behind[c]] = code;
      }
    }
    made_.edges_.push_back({code, static_cast<uint32_t>(c)});
  }
}

void AutomatonBuilder::BuildState(StateId id) {
  const std::vector<NodeId> nodes = state_nodes_[id];
  AutomatonState state;
  const std::vector<Reached> reached = Expand(nodes);
  for (NodeId node : nodes) state.in_counter |= nfa_.nodes[node].in_counter;
  state.is_at_bottom = !nodes.empty() && nodes.front() < nfa_.num_bottom_nodes;
  for (const Reached& r : reached) {
    if (!IsEnd(r.node)) continue;
    if (r.guard == CounterGuard::kAlways) state.accepts = true;
    if (r.guard == CounterGuard::kEnough) state.accepts_if_enough = true;
  }
  AddCalls(reached, state);
  AddEdges(reached, state);
  made_.states_[id] = state;
}

absl::StatusOr<Automaton> AutomatonBuilder::Build(RuleId root) {
  MakeClasses();
  is_end_.assign(nfa_.nodes.size(), false);
  visited_.assign(nfa_.nodes.size(), 0);
  for (NodeId end : nfa_.ends) {
    if (end != kNone) is_end_[end] = true;
  }
  made_.root_ = root;
  for (NodeId start : nfa_.starts) {
    std::vector<Reached> settled;
    ++visit_;
    if (start != kNone) Settle({.node = start}, settled);
    made_.starts_.push_back(ListOf(std::move(settled)));
  }
  for (StateId id = 0; id < state_nodes_.size(); ++id) {
    BuildState(id);
    if (state_nodes_.size() > kMaxStates || work_ > kMaxWork || made_.edges_.size() > kMaxEdges) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the grammar is too large: found more than ", kMaxStates, " states, ", kMaxEdges,
          " transitions or ", kMaxWork,
          " steps to compile it; expected fewer repetitions, optional properties or choices that "
          "begin alike"));
    }
  }
  made_.lists_.push_back(static_cast<uint32_t>(made_.transitions_.size()));
  return std::move(made_);
}

absl::StatusOr<Automaton> Automaton::Make(Grammar grammar) {
  ABSL_RETURN_IF_ERROR(grammar.Finish());
  absl::StatusOr<Nfa> nfa = MakeNfa(grammar);
  if (!nfa.ok()) return nfa.status();
  return AutomatonBuilder(*std::move(nfa)).Build(grammar.root);
}

size_t Automaton::memory_bytes() const {
  return states_.size() * sizeof(AutomatonState) + edges_.size() * sizeof(Edge) +
         calls_.size() * sizeof(CallEdge) + lists_.size() * sizeof(uint32_t) +
         transitions_.size() * sizeof(Transition);
}

}  // namespace inkling
