// Nfa: the rules of a grammar as nodes and edges, the step between expressions and the automaton.

#ifndef INKLING_SRC_STRUCTURED_NFA_H_
#define INKLING_SRC_STRUCTURED_NFA_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "src/structured/byte_set.h"
#include "src/structured/grammar.h"

namespace inkling {

using NodeId = uint32_t;
inline constexpr uint32_t kNone = 0xFFFFFFFFu;

enum class EdgeKind : uint8_t {
  kFree,    // takes no text
  kTick,    // no text; only where the upper bound of the counter isn't reached; counts one
  kEnough,  // no text; only where the lower bound is reached; the counter is forgotten
  kCount,   // no text; the counter begins with `bounds`
  kByte,    // one byte of set `value`
  kCall,    // text of rule `value`, whose counter begins with `bounds`
};

struct NfaEdge {
  EdgeKind kind = EdgeKind::kFree;
  NodeId target = 0;
  uint32_t value = 0;
  CountBounds bounds = {};
};

struct NfaNode {
  std::vector<NfaEdge> edges;
  bool in_counter = false;  // the counter says something here
};

struct Nfa {
  std::vector<NfaNode> nodes;
  std::vector<ByteSet> sets;
  std::vector<NodeId> starts;   // [rules]; kNone for those that nothing calls
  std::vector<NodeId> ends;     // [rules]
  NodeId num_bottom_nodes = 0;  // those of the root rule come first; 0 if a rule calls it
};

// Makes nodes for the root rule and all that it calls. `grammar` is finished, and gets rules for
// repetitions within repetitions. Errors: ResourceExhausted if it becomes too large.
absl::StatusOr<Nfa> MakeNfa(Grammar& grammar);

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_NFA_H_
