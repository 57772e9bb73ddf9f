// Masks are put together from the tokens of the states that the text stands in.

#include "src/structured/grammar_matcher.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace inkling {

GrammarMatcher::GrammarMatcher(std::shared_ptr<const CompiledGrammar> grammar,
                               bool drops_leading_space)
    : grammar_(std::move(grammar)),
      drops_leading_space_(drops_leading_space &&
                           grammar_->vocabulary().leading_space() != LeadingSpace::kKeep),
      mover_(grammar_->automaton(), frames_),
      history_(1),
      search_(grammar_->vocabulary().max_depth() + 1) {
  mover_.Begin(history_[0]);
}

// The text that `token` adds, as decoding writes it.
absl::string_view GrammarMatcher::TextOf(int32_t token, std::string& changed) const {
  const TokenVocabulary& vocabulary = grammar_->vocabulary();
  absl::string_view text = vocabulary.text(token);
  if (!DropsSpaces() || text.find(' ') == absl::string_view::npos) return text;
  if (vocabulary.is_byte_piece(token)) return "";
  if (vocabulary.leading_space() == LeadingSpace::kStripAllInFirstPiece) {
    changed = absl::StrReplaceAll(text, {{" ", ""}});
    return changed;
  }
  if (text.front() == ' ') text.remove_prefix(1);
  return text;
}

bool GrammarMatcher::Accept(int32_t token) {
  if (token < 0 || token >= grammar_->vocabulary().vocab_size()) return false;
  std::string changed;
  return AcceptText(TextOf(token, changed));
}

bool GrammarMatcher::AcceptText(absl::string_view text) {
  if (text.empty()) return false;
  const size_t num_frames = frames_.size();
  Readings now = history_.back();
  Readings next;
  for (char byte : text) {
    next.Clear();
    mover_.Move(now, static_cast<uint8_t>(byte), next);
    if (next.is_dead()) {
      frames_.Rollback(num_frames);
      return false;
    }
    std::swap(now, next);
  }
  overflowed_ |= mover_.TakeOverflow();
  history_.push_back(std::move(now));
  return true;
}

void GrammarMatcher::Rewind(size_t count) {
  history_.resize(history_.size() - std::min(count, history_.size() - 1));
}

ByteSet GrammarMatcher::FirstBytes(const Readings& readings) const {
  ByteSet bytes;
  const Automaton& automaton = grammar_->automaton();
  for (const Reading& reading : readings.items) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      if (automaton.Next(reading.state, static_cast<uint8_t>(byte)) != Automaton::kDead) {
        bytes.Add(static_cast<uint8_t>(byte));
      }
    }
  }
  return bytes;
}

// Adds the tokens behind `node`, where the text stands in search_[depth of node].
void GrammarMatcher::SearchBelow(uint32_t node, absl::Span<uint64_t> mask) {
  const std::vector<TokenVocabulary::Node>& nodes = grammar_->vocabulary().nodes();
  const uint32_t end = nodes[node].end;
  for (uint32_t i = node + 1; i < end;) {
    Readings& to = search_[nodes[i].depth];
    to.Clear();
    mover_.Move(search_[nodes[i].depth - 1], nodes[i].byte, to);
    if (!to.is_dead()) {
      for (int32_t token : grammar_->vocabulary().tokens(i)) SetBit(mask, token);
    }
    i = to.items.empty() || PassOver(i, mask) ? nodes[i].end : i + 1;
  }
}

// Adds all tokens below `node`, if the text stays where it is whichever of them comes.
bool GrammarMatcher::PassOver(uint32_t node, absl::Span<uint64_t> mask) const {
  const TokenVocabulary& vocabulary = grammar_->vocabulary();
  const Readings& readings = search_[vocabulary.nodes()[node].depth];
  if (!StaysInLoop(grammar_->loops(), vocabulary, node, readings)) return false;
  for (int32_t token : vocabulary.TokensBelow(node)) SetBit(mask, token);
  return true;
}

// Adds the tokens behind `node`, where the text stands in exit_.
void GrammarMatcher::AddTokensBelow(uint32_t node, absl::Span<uint64_t> mask) {
  const std::vector<TokenVocabulary::Node>& nodes = grammar_->vocabulary().nodes();
  for (uint32_t child = node + 1; child < nodes[node].end; child = nodes[child].end) {
    if (!exit_bytes_.Has(nodes[child].byte)) continue;
    Readings& to = search_[nodes[child].depth];
    to.Clear();
    mover_.Move(exit_, nodes[child].byte, to);
    if (to.is_dead()) continue;
    for (int32_t token : grammar_->vocabulary().tokens(child)) SetBit(mask, token);
    if (!to.items.empty() && !PassOver(child, mask)) SearchBelow(child, mask);
  }
}

// Puts where `exit` leads into exit_. False if it leads nowhere.
bool GrammarMatcher::SettleExit(const Reading& reading, const StateTokens::Exit& exit) {
  const Automaton& automaton = grammar_->automaton();
  exit_.Clear();
  switch (exit.kind) {
    case StateTokens::ExitKind::kReturn:
      mover_.Return(reading.frame, exit_);
      break;
    case StateTokens::ExitKind::kTransition: {
      const Transition& t = automaton.List(exit.state)[exit.value];
      mover_.Settle({.state = t.target, .frame = reading.frame, .counter = t.bounds}, exit_);
      break;
    }
    case StateTokens::ExitKind::kCall: {
      const CallEdge& call = automaton.Calls(automaton.state(exit.state))[exit.value];
      mover_.Call(call, reading.frame, {}, exit_);
      break;
    }
  }
  exit_bytes_ = FirstBytes(exit_);
  return !exit_.is_dead();
}

void GrammarMatcher::AddTokensOf(const Reading& reading, absl::Span<uint64_t> mask) {
  const std::shared_ptr<const StateTokens> tokens = grammar_->TokensOf(reading.state);
  tokens->AddTo(reading.counter.max, mask);
  const StateTokens::Exit* settled = nullptr;
  bool leads_on = false;
  const size_t num_exits = tokens->exits.size();
  for (size_t i = 0; i < num_exits; ++i) {
    // Behind the end of the whole text nothing follows.
    if (i == tokens->num_ends && reading.frame == kBottomFrame) i = tokens->num_returns;
    if (i >= num_exits) break;
    const StateTokens::Exit& exit = tokens->exits[i];
    if (exit.ticks > reading.counter.max) continue;
    if (exit.needs_enough && reading.counter.min > exit.ticks) continue;
    if (settled == nullptr || exit.kind != settled->kind || exit.state != settled->state ||
        exit.value != settled->value) {
      leads_on = SettleExit(reading, exit);
      settled = &exit;
    }
    if (!leads_on) continue;
    for (int32_t token : grammar_->vocabulary().tokens(exit.node)) SetBit(mask, token);
    AddTokensBelow(exit.node, mask);
  }
}

// At the beginning of a text that loses spaces: as if they weren't in the trie.
void GrammarMatcher::MaskOfBeginning(absl::Span<uint64_t> mask) {
  const TokenVocabulary& vocabulary = grammar_->vocabulary();
  const std::vector<TokenVocabulary::Node>& nodes = vocabulary.nodes();
  const bool drops_all = vocabulary.leading_space() == LeadingSpace::kStripAllInFirstPiece;
  search_[0] = history_[0];
  std::vector<bool> has_text(search_.size(), false);
  for (uint32_t i = 1; i < vocabulary.num_nodes();) {
    const size_t depth = nodes[i].depth;
    Readings& to = search_[depth];
    const bool drops = nodes[i].byte == ' ' && (drops_all || depth == 1);
    has_text[depth] = has_text[depth - 1] || !drops;
    if (drops) {
      to = search_[depth - 1];
    } else {
      to.Clear();
      mover_.Move(search_[depth - 1], nodes[i].byte, to);
    }
    if (!to.is_dead() && has_text[depth]) {
      for (int32_t token : vocabulary.tokens(i)) SetBit(mask, token);
    }
    // Further spaces are dropped, too, or none is, and then the loop has them.
    const bool passes = has_text[depth] && !drops_all && PassOver(i, mask);
    i = to.items.empty() || passes ? nodes[i].end : i + 1;
  }
}

void GrammarMatcher::Mask(absl::Span<uint64_t> mask) {
  std::fill(mask.begin(), mask.end(), 0);
  const size_t num_frames = frames_.size();
  if (DropsSpaces()) {
    MaskOfBeginning(mask);
  } else {
    for (const Reading& reading : history_.back().items) AddTokensOf(reading, mask);
  }
  frames_.Rollback(num_frames);
}

std::string GrammarMatcher::ForcedText(size_t most) {
  std::string text;
  const size_t num_frames = frames_.size();
  Readings now = history_.back();
  Readings next;
  while (text.size() < most && !now.is_complete) {
    const ByteSet bytes = FirstBytes(now);
    int only = -1;
    for (int byte = 0; byte < 256 && only != -2; ++byte) {
      if (!bytes.Has(static_cast<uint8_t>(byte))) continue;
      only = only == -1 ? byte : -2;
    }
    if (only < 0) break;
    next.Clear();
    mover_.Move(now, static_cast<uint8_t>(only), next);
    if (next.is_dead()) break;  // a counter is at its end
    text.push_back(static_cast<char>(only));
    std::swap(now, next);
  }
  frames_.Rollback(num_frames);
  return text;
}

}  // namespace inkling
