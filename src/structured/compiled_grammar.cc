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
// that all such searches may visit (about 5 ns each).
constexpr size_t kHeavyNodes = 40000;
constexpr size_t kMostNodesAhead = 4'000'000;
// How many states are looked at for one that is similar.
constexpr size_t kMostLike = 32;

}  // namespace

CompiledGrammar::CompiledGrammar(Automaton automaton,
                                 std::shared_ptr<const TokenVocabulary> vocabulary)
    : automaton_(std::move(automaton)),
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

// Nodes of the trie below the bytes for which `has` is true.
template <typename Has>
size_t CompiledGrammar::NodesBelow(const Has& has) const {
  size_t nodes = 0;
  for (size_t byte = 0; byte < 256; ++byte) {
    if (has(static_cast<uint8_t>(byte))) nodes += below_[byte];
  }
  return nodes;
}

void CompiledGrammar::SearchHeavyStates() {
  size_t visited = 0;
  for (StateId state = 0; state < automaton_.num_states() && visited < kMostNodesAhead; ++state) {
    if (IsHeavy(state)) visited += TokensOf(state)->visited_nodes;
  }
}

bool CompiledGrammar::IsHeavy(StateId state) const {
  return automaton_.state(state).num_edges > 0 &&
         NodesBelow([&](uint8_t byte) {
           return automaton_.Next(state, byte) != Automaton::kDead;
         }) >= kHeavyNodes;
}

// A heavy state that is known and differs least, if it differs little; else `state` itself.
StateId CompiledGrammar::StateLike(StateId state) const {
  StateId best = state;
  size_t fewest =
      NodesBelow([&](uint8_t byte) { return automaton_.Next(state, byte) != Automaton::kDead; }) /
      2;
  for (StateId other : heavy_) {
    if (automaton_.state(other).in_counter != automaton_.state(state).in_counter) continue;
    const size_t nodes = NodesBelow(
        [&](uint8_t byte) { return automaton_.Next(state, byte) != automaton_.Next(other, byte); });
    if (nodes >= fewest) continue;
    fewest = nodes;
    best = other;
  }
  return best;
}

std::shared_ptr<const StateTokens> CompiledGrammar::TokensOf(StateId state) const {
  StateId like = state;
  std::shared_ptr<const StateTokens> tokens_of_like;
  bool is_heavy = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (tokens_[state] != nullptr) return tokens_[state];
    is_heavy = IsHeavy(state);
    if (is_heavy) like = StateLike(state);
    if (like != state) tokens_of_like = tokens_[like];
  }
  // Two threads may search the same state; either result is the same.
  std::shared_ptr<const StateTokens> found =
      FindStateTokens(automaton_, *vocabulary_, state, like, tokens_of_like.get());
  const std::lock_guard<std::mutex> lock(mutex_);
  if (tokens_[state] != nullptr) return tokens_[state];
  if (token_bytes_ + found->memory_bytes() <= kMaxTokenBytes) {
    token_bytes_ += found->memory_bytes();
    tokens_[state] = found;
    if (!found->bits.empty() && heavy_.size() < kMostLike) heavy_.push_back(state);
  }
  return found;
}

size_t CompiledGrammar::memory_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return automaton_.memory_bytes() + token_bytes_ +
         tokens_.size() * sizeof(std::shared_ptr<const StateTokens>);
}

}  // namespace inkling
