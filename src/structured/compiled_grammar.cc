// Which states are searched when, and what is kept of it.

#include "src/structured/compiled_grammar.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace inkling {
namespace {

// Nodes of the trie below a state's first bytes from which on it is searched ahead, and the nodes
// that all such searches may visit (about 20 ns each).
constexpr size_t kHeavyNodes = 40000;
constexpr size_t kMostNodesAhead = 2'000'000;

}  // namespace

CompiledGrammar::CompiledGrammar(Automaton automaton,
                                 std::shared_ptr<const TokenVocabulary> vocabulary)
    : automaton_(std::move(automaton)),
      loops_(automaton_),
      vocabulary_(std::move(vocabulary)),
      tokens_(automaton_.num_states()) {
  const std::vector<TokenVocabulary::Node>& nodes = vocabulary_->nodes();
  for (uint32_t node = 1; node < vocabulary_->num_nodes(); node = nodes[node].end) {
    below_[nodes[node].byte] = nodes[node].end - node;
  }
}

absl::StatusOr<std::shared_ptr<const CompiledGrammar>> CompiledGrammar::Make(
    Grammar grammar, std::shared_ptr<const TokenVocabulary> vocabulary) {
  absl::StatusOr<Automaton> automaton = Automaton::Make(std::move(grammar));
  if (!automaton.ok()) return automaton.status();
  auto made = std::make_shared<CompiledGrammar>(*std::move(automaton), std::move(vocabulary));
  made->SearchHeavyStates();
  return made;
}

// Those that count come first, because their sets take longest.
void CompiledGrammar::SearchHeavyStates() {
  size_t visited = 0;
  for (const bool counts : {true, false}) {
    for (StateId state = 0; state < automaton_.num_states() && visited < kMostNodesAhead; ++state) {
      if (automaton_.state(state).in_counter != counts || !IsHeavy(state)) continue;
      visited += TokensOf(state)->visited_nodes;
    }
  }
}

bool CompiledGrammar::IsHeavy(StateId state) const {
  if (automaton_.state(state).num_edges == 0) return false;
  size_t nodes = 0;
  for (size_t byte = 0; byte < 256; ++byte) {
    if (automaton_.Next(state, static_cast<uint8_t>(byte)) != Automaton::kDead) {
      nodes += below_[byte];
    }
  }
  return nodes >= kHeavyNodes;
}

std::shared_ptr<const StateTokens> CompiledGrammar::TokensOf(StateId state) const {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (tokens_[state] != nullptr) return tokens_[state];
  }
  // Two threads may search the same state; either result is the same.
  std::shared_ptr<const StateTokens> found =
      FindStateTokens(automaton_, loops_, *vocabulary_, state);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (tokens_[state] != nullptr) return tokens_[state];
  if (token_bytes_ + found->memory_bytes() <= kMaxTokenBytes) {
    token_bytes_ += found->memory_bytes();
    tokens_[state] = found;
  }
  return found;
}

size_t CompiledGrammar::memory_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return automaton_.memory_bytes() + loops_.memory_bytes() + token_bytes_ +
         tokens_.size() * sizeof(std::shared_ptr<const StateTokens>);
}

}  // namespace inkling
