// StateTokens: which tokens may follow one state of an automaton, as far as that doesn't depend on
// what called its rule.
//
// What does depend on it, tokens that reach behind the end of the rule or of a counted repetition,
// is kept as places in the trie of the vocabulary where the search goes on once it is known. A
// token of a counted repetition is kept with how many it counts, so that one search serves all
// values of the counter.

#ifndef INKLING_SRC_STRUCTURED_STATE_TOKENS_H_
#define INKLING_SRC_STRUCTURED_STATE_TOKENS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "src/structured/automaton.h"
#include "src/structured/loop_table.h"
#include "src/structured/readings.h"
#include "src/structured/token_vocabulary.h"

namespace inkling {

struct StateTokens {
  // Where in the trie a token leaves what is known.
  enum class ExitKind : uint8_t {
    kReturn,      // behind `node` the rule is over
    kTransition,  // with the last byte of `node`, by transition `value` of the automaton's list
    kCall,        // behind `node`, by call `value` of `state`
  };
  struct Exit {
    ExitKind kind = ExitKind::kReturn;
    bool needs_enough = false;  // the counter must have reached its lower bound
    bool ends_token = false;    // a token that ends here counts less by this exit than by staying
    uint32_t state = 0;
    uint32_t value = 0;
    uint32_t node = 0;
    uint32_t ticks = 0;  // counted on the way
  };

  // Tokens that fit, without those that only exits decide: where they are many, set k of `sets`,
  // each of [mask_words], has those that count at most k; the others are in `tokens`, those that
  // count least first.
  std::vector<uint64_t> sets;
  size_t num_sets = 0;
  std::vector<int32_t> tokens;
  std::vector<uint8_t> ticks;  // [tokens], how many each counts; empty: none does
  std::vector<Exit> exits;
  size_t num_returns = 0;  // exits of kind kReturn, which come first,
  size_t num_ends = 0;     // and of these those that end tokens, which come before the others
  size_t visited_nodes = 0;

  size_t memory_bytes() const;

  // Sets the bits of the tokens for a counter that allows `most` more.
  void AddTo(uint32_t most, absl::Span<uint64_t> mask) const;
};

// Whether a text that stands in `readings` behind the text of `node` may go on with every token
// below `node`, because all their characters lead back to its only reading.
bool StaysInLoop(const LoopTable& loops, const TokenVocabulary& vocabulary, uint32_t node,
                 const Readings& readings);

// Searches the whole vocabulary.
std::shared_ptr<const StateTokens> FindStateTokens(const Automaton& automaton,
                                                   const LoopTable& loops,
                                                   const TokenVocabulary& vocabulary,
                                                   StateId state);

inline void SetBit(absl::Span<uint64_t> mask, int32_t token) {
  mask[static_cast<size_t>(token) >> 6] |= uint64_t{1} << (token & 63);
}
inline bool HasBit(absl::Span<const uint64_t> mask, int32_t token) {
  return (mask[static_cast<size_t>(token) >> 6] >> (token & 63) & 1) != 0;
}

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_STATE_TOKENS_H_
