// GrammarMatcher: follows one text through a compiled grammar, token by token.

#ifndef INKLING_SRC_STRUCTURED_GRAMMAR_MATCHER_H_
#define INKLING_SRC_STRUCTURED_GRAMMAR_MATCHER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/structured/byte_set.h"
#include "src/structured/compiled_grammar.h"
#include "src/structured/readings.h"
#include "src/structured/state_tokens.h"

namespace inkling {

class GrammarMatcher {
 public:
  // `drops_leading_space`: decoding drops spaces at the beginning of the text, as the vocabulary's
  // LeadingSpace says, so they count for nothing.
  GrammarMatcher(std::shared_ptr<const CompiledGrammar> grammar, bool drops_leading_space);
  GrammarMatcher(const GrammarMatcher&) = delete;
  GrammarMatcher& operator=(const GrammarMatcher&) = delete;

  // Sets the bits [vocab_size] of the tokens that may come next, and clears all others.
  void Mask(absl::Span<uint64_t> mask);

  // Goes on by a token. False, and nothing changes, if it may not come next.
  bool Accept(int32_t token);

  // Goes on by a text in one step, as by a token with that text.
  bool AcceptText(absl::string_view text);

  // Takes the last `count` tokens back; at most as many as were accepted.
  void Rewind(size_t count);

  // Whether the text may end here, and whether it may go on.
  bool is_complete() const { return history_.back().is_complete; }
  bool can_continue() const { return !history_.back().items.empty(); }
  size_t num_accepted() const { return history_.size() - 1; }

  // The bytes that come next whatever else does: where a single text fits, up to `most` of them.
  // Ends where there is a choice, or the text may end.
  std::string ForcedText(size_t most);

  // True if the text had more readings at once than are followed; then masks may lack tokens.
  bool overflowed() const { return overflowed_; }

 private:
  bool DropsSpaces() const { return drops_leading_space_ && history_.size() == 1; }
  absl::string_view TextOf(int32_t token, std::string& changed) const;
  void MaskOfBeginning(absl::Span<uint64_t> mask);
  void AddTokensOf(const Reading& reading, absl::Span<uint64_t> mask);
  bool SettleExit(const Reading& reading, const StateTokens::Exit& exit);
  void AddTokensBelow(uint32_t node, absl::Span<uint64_t> mask);
  void SearchBelow(uint32_t node, absl::Span<uint64_t> mask);
  bool PassOver(uint32_t node, absl::Span<uint64_t> mask) const;
  ByteSet FirstBytes(const Readings& readings) const;

  const std::shared_ptr<const CompiledGrammar> grammar_;
  const bool drops_leading_space_;
  FrameTable frames_;
  ReadingMover mover_;
  std::vector<Readings> history_;  // after each token; [0] before the first
  Readings exit_;                  // where an exit leads
  ByteSet exit_bytes_;
  std::vector<Readings> search_;  // by depth
  bool overflowed_ = false;
};

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_GRAMMAR_MATCHER_H_
