// CompiledGrammar: an automaton for one vocabulary, with the tokens of its states as far as they
// have been needed. Shared between threads.

#ifndef INKLING_SRC_STRUCTURED_COMPILED_GRAMMAR_H_
#define INKLING_SRC_STRUCTURED_COMPILED_GRAMMAR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/statusor.h"
#include "src/structured/automaton.h"
#include "src/structured/grammar.h"
#include "src/structured/loop_table.h"
#include "src/structured/state_tokens.h"
#include "src/structured/token_vocabulary.h"

namespace inkling {

class CompiledGrammar {
 public:
  // Memory that the tokens of states may take; those beyond it are searched again each time.
  static constexpr size_t kMaxTokenBytes = size_t{64} << 20;

  // Compiles, and searches the tokens of states where that takes long, up to a limit. Errors: as
  // Automaton::Make.
  static absl::StatusOr<std::shared_ptr<const CompiledGrammar>> Make(
      Grammar grammar, std::shared_ptr<const TokenVocabulary> vocabulary);

  CompiledGrammar(Automaton automaton, std::shared_ptr<const TokenVocabulary> vocabulary);

  const Automaton& automaton() const { return automaton_; }
  const LoopTable& loops() const { return loops_; }
  const TokenVocabulary& vocabulary() const { return *vocabulary_; }

  // Thread-safe.
  std::shared_ptr<const StateTokens> TokensOf(StateId state) const;
  size_t memory_bytes() const;

 private:
  void SearchHeavyStates();
  bool IsHeavy(StateId state) const;

  const Automaton automaton_;
  const LoopTable loops_;
  const std::shared_ptr<const TokenVocabulary> vocabulary_;
  std::array<size_t, 256> below_ = {};  // nodes of the trie below each first byte
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<const StateTokens>> tokens_;  // [states], null until needed
  mutable size_t token_bytes_ = 0;
};

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_COMPILED_GRAMMAR_H_
