// Automaton: what a compiled grammar is: for each rule a deterministic automaton over bytes, with
// calls of other rules and one counter.
//
// An `AutomatonItem` says where in the grammar a text may stand: a state, its counter, and the
// frame that the rule returns to. Different items are different readings of the same text; most
// grammars have one at a time. A state has at most one transition of each kind for a byte, so items
// multiply only where a counter, or a call, leaves two readings.

#ifndef INKLING_SRC_STRUCTURED_AUTOMATON_H_
#define INKLING_SRC_STRUCTURED_AUTOMATON_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/structured/byte_set.h"
#include "src/structured/grammar.h"
#include "src/structured/nfa.h"

namespace inkling {

using StateId = uint32_t;

// What must hold of the counter.
enum class CounterGuard : uint8_t {
  kAlways,
  kMoreAllowed,  // bounds.max > 0
  kEnough,       // bounds.min == 0
};

// What becomes of the counter.
enum class CounterChange : uint8_t { kKeep, kCountOne, kSet };

struct Transition {
  StateId target = 0;
  CounterGuard guard = CounterGuard::kAlways;
  CounterChange change = CounterChange::kKeep;
  CountBounds bounds = {};  // kSet

  friend bool operator==(const Transition& a, const Transition& b) {
    return a.target == b.target && a.guard == b.guard && a.change == b.change &&
           a.bounds == b.bounds;
  }
  template <typename H>
  friend H AbslHashValue(H h, const Transition& t) {
    return H::combine(std::move(h), t.target, t.guard, t.change, t.bounds);
  }
};

struct CallEdge {
  RuleId rule = 0;
  CounterGuard guard = CounterGuard::kAlways;
  CounterChange change = CounterChange::kKeep;
  CountBounds bounds = {};         // kSet
  CountBounds callee_bounds = {};  // what the called rule's counter begins with
  uint32_t returns = 0;            // list of transitions that the return takes; kNone: a last call
};

struct AutomatonState {
  uint32_t first_edge = 0;
  uint16_t num_edges = 0;
  bool is_dense = false;           // edges are [num_classes]; else sorted by class
  bool in_counter = false;         // what follows depends on the counter
  bool accepts = false;            // the rule may end here
  bool accepts_if_enough = false;  // ... if the counter has reached its lower bound
  bool is_at_bottom = false;       // of the root rule, which nothing calls: behind its end is none
  uint32_t first_call = 0;
  uint32_t num_calls = 0;
};

class Automaton {
 public:
  // Code of an edge: kDead; a state, if the transition is without guard and change; or a list.
  static constexpr uint32_t kDead = 0xFFFFFFFFu;
  static constexpr uint32_t kListBit = 0x80000000u;

  // Errors: InvalidArgument (see Grammar::Finish); ResourceExhausted for a grammar that would take
  // too many states.
  static absl::StatusOr<Automaton> Make(Grammar grammar);

  // Where `byte` leads from `state`.
  uint32_t Next(StateId state, uint8_t byte) const {
    const AutomatonState& s = states_[state];
    const uint8_t byte_class = classes_[byte];
    if (s.is_dense) return edges_[s.first_edge + byte_class].code;
    for (uint32_t i = 0; i < s.num_edges; ++i) {
      const Edge& edge = edges_[s.first_edge + i];
      if (edge.byte_class == byte_class) return edge.code;
    }
    return kDead;
  }

  absl::Span<const Transition> List(uint32_t list) const {
    return absl::MakeConstSpan(transitions_).subspan(lists_[list], lists_[list + 1] - lists_[list]);
  }
  const AutomatonState& state(StateId id) const { return states_[id]; }
  absl::Span<const CallEdge> Calls(const AutomatonState& s) const {
    return absl::MakeConstSpan(calls_).subspan(s.first_call, s.num_calls);
  }
  // The codes of all edges of a state.
  std::vector<uint32_t> Codes(const AutomatonState& s) const {
    std::vector<uint32_t> codes;
    for (uint32_t i = 0; i < s.num_edges; ++i) codes.push_back(edges_[s.first_edge + i].code);
    return codes;
  }
  // The list of transitions into a rule.
  uint32_t start(RuleId rule) const { return starts_[rule]; }
  RuleId root() const { return root_; }
  size_t num_states() const { return states_.size(); }
  size_t num_classes() const { return num_classes_; }
  const std::array<uint8_t, 256>& classes() const { return classes_; }
  size_t memory_bytes() const;

 private:
  friend class AutomatonBuilder;
  struct Edge {
    uint32_t code = kDead;
    uint32_t byte_class = 0;
  };

  std::array<uint8_t, 256> classes_ = {};  // bytes that no state tells apart have one class
  size_t num_classes_ = 0;
  std::vector<AutomatonState> states_;
  std::vector<Edge> edges_;
  std::vector<CallEdge> calls_;
  std::vector<uint32_t> lists_;  // begin of each list; one more at the end
  std::vector<Transition> transitions_;
  std::vector<uint32_t> starts_;
  RuleId root_ = 0;
};

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_AUTOMATON_H_
