// The search of a vocabulary from one state. The frame below is unknown, and so is the counter:
// kOpenCounter stands for it and counts ticks from there.

#include "src/structured/state_tokens.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace inkling {
namespace {

constexpr size_t kNodesOfTakingOver = 40000;  // visited in the time that it takes
constexpr uint32_t kMostTicks = 254;          // a token that counts more is decided by its bytes

class TokenSearch {
 public:
  TokenSearch(const Automaton& automaton, const TokenVocabulary& vocabulary, StateId state)
      : automaton_(automaton),
        vocabulary_(vocabulary),
        mover_(automaton, frames_),
        readings_(vocabulary.max_depth() + 1),
        is_open_(automaton.state(state).in_counter) {
    readings_[0].items.push_back(
        {.state = state, .counter = is_open_ ? CountBounds{kOpenCounter, 0} : CountBounds{}});
  }

  StateTokens Run(StateId state, StateId like, const StateTokens* tokens_of_like);

 private:
  bool Step(uint32_t node);
  void AddTransitionExits(const Reading& from, uint8_t byte, uint32_t node);
  void AddEnoughExits(const Reading& reading, uint32_t node, uint32_t ticks);
  std::array<bool, 256> TakeOver(StateId state, StateId like, const StateTokens& tokens);
  void Finish();
  void AcceptToken(int32_t token, uint32_t ticks);
  void AcceptTokens(uint32_t node, uint32_t ticks);
  uint32_t TicksOf(const Reading& reading) const;
  uint32_t FewestTicks(const Readings& readings) const;

  const Automaton& automaton_;
  const TokenVocabulary& vocabulary_;
  FrameTable frames_;
  ReadingMover mover_;
  std::vector<Readings> readings_;  // by depth
  const bool is_open_;
  StateTokens found_;
};

// How many were counted in the repetition that the search began in.
uint32_t TokenSearch::TicksOf(const Reading& reading) const {
  if (reading.counter.min == kOpenCounter) return reading.counter.max;
  FrameId frame = reading.frame;
  if (frame == kBottomFrame) return 0;
  while (frames_[frame].below != kBottomFrame) frame = frames_[frame].below;
  const CountBounds counter = frames_[frame].counter;
  return counter.min == kOpenCounter ? counter.max : 0;
}

uint32_t TokenSearch::FewestTicks(const Readings& readings) const {
  uint32_t fewest = kUnbounded;
  for (const Reading& reading : readings.items) fewest = std::min(fewest, TicksOf(reading));
  return fewest;
}

void TokenSearch::AcceptToken(int32_t token, uint32_t ticks) {
  found_.tokens.push_back(token);
  if (!is_open_) return;
  found_.ticks[static_cast<size_t>(token)] = static_cast<uint8_t>(ticks + 1);
  found_.most_ticks = std::max(found_.most_ticks, ticks);
}

void TokenSearch::AcceptTokens(uint32_t node, uint32_t ticks) {
  for (int32_t token : vocabulary_.tokens(node)) AcceptToken(token, ticks);
}

// Transitions by `byte` that need the lower bound of the open counter.
void TokenSearch::AddTransitionExits(const Reading& from, uint8_t byte, uint32_t node) {
  if (from.counter.min != kOpenCounter) return;
  const uint32_t code = automaton_.Next(from.state, byte);
  if (code == Automaton::kDead || (code & Automaton::kListBit) == 0) return;
  const uint32_t list = code & ~Automaton::kListBit;
  const absl::Span<const Transition> transitions = automaton_.List(list);
  for (size_t i = 0; i < transitions.size(); ++i) {
    if (transitions[i].guard != CounterGuard::kEnough) continue;
    found_.exits.push_back({.kind = StateTokens::ExitKind::kTransition,
                            .needs_enough = true,
                            .state = list,
                            .value = static_cast<uint32_t>(i),
                            .node = node,
                            .ticks = from.counter.max});
  }
}

// What may follow `node` once the counter is known; `ticks` is what a token that ends here counts
// if it stays.
void TokenSearch::AddEnoughExits(const Reading& reading, uint32_t node, uint32_t ticks) {
  if (reading.counter.min != kOpenCounter) return;
  const bool has_more = vocabulary_.nodes()[node].end != node + 1;
  if (!has_more && reading.counter.max >= ticks) return;
  const AutomatonState& state = automaton_.state(reading.state);
  StateTokens::Exit exit = {.kind = StateTokens::ExitKind::kReturn,
                            .needs_enough = true,
                            .ends_token = reading.counter.max < ticks,
                            .node = node,
                            .ticks = reading.counter.max};
  if (state.accepts_if_enough) found_.exits.push_back(exit);
  exit.kind = StateTokens::ExitKind::kCall;
  exit.state = reading.state;
  const absl::Span<const CallEdge> calls = automaton_.Calls(state);
  for (size_t i = 0; i < calls.size(); ++i) {
    if (calls[i].guard != CounterGuard::kEnough) continue;
    exit.value = static_cast<uint32_t>(i);
    found_.exits.push_back(exit);
  }
}

// True if the search goes on below `node`.
bool TokenSearch::Step(uint32_t node) {
  const TokenVocabulary::Node& place = vocabulary_.nodes()[node];
  const Readings& from = readings_[place.depth - 1];
  Readings& to = readings_[place.depth];
  to.Clear();
  if (is_open_) {
    for (const Reading& reading : from.items) AddTransitionExits(reading, place.byte, node);
  }
  mover_.Move(from, place.byte, to);
  uint32_t ticks = is_open_ ? FewestTicks(to) : 0;
  if (is_open_) {
    for (const Reading& reading : to.items) AddEnoughExits(reading, node, ticks);
    for (const Reading& reading : mover_.passed()) AddEnoughExits(reading, node, ticks);
  }
  if (to.is_dead()) return false;
  if (ticks == kUnbounded) ticks = FewestTicks(from);
  if (ticks > kMostTicks) return false;
  AcceptTokens(node, ticks);
  if (to.is_complete && place.end != node + 1) {
    found_.exits.push_back({.kind = StateTokens::ExitKind::kReturn, .node = node, .ticks = ticks});
  }
  return !to.items.empty();
}

// Takes over what `like` has below first bytes that lead to the same place from both states, and
// says which first bytes those are.
std::array<bool, 256> TokenSearch::TakeOver(StateId state, StateId like,
                                            const StateTokens& tokens) {
  std::array<bool, 256> same = {};
  for (size_t byte = 0; byte < 256; ++byte) {
    same[byte] = automaton_.Next(state, static_cast<uint8_t>(byte)) ==
                 automaton_.Next(like, static_cast<uint8_t>(byte));
  }
  const std::vector<TokenVocabulary::Node>& nodes = vocabulary_.nodes();
  const auto first_byte = [&](int32_t token) {
    return static_cast<uint8_t>(vocabulary_.text(token)[0]);
  };
  const auto take = [&](int32_t token) {
    if (!same[first_byte(token)]) return;
    AcceptToken(token, tokens.ticks.empty() ? 0 : tokens.ticks[static_cast<size_t>(token)] - 1u);
  };
  for (int32_t token : tokens.tokens) take(token);
  for (size_t word = 0; word < tokens.bits.size(); ++word) {
    for (uint64_t bits = tokens.bits[word]; bits != 0; bits &= bits - 1) {
      take(static_cast<int32_t>(word * 64 + static_cast<size_t>(std::countr_zero(bits))));
    }
  }
  std::vector<uint32_t> firsts;  // the nodes of first bytes
  for (uint32_t node = 1; node < vocabulary_.num_nodes(); node = nodes[node].end) {
    firsts.push_back(node);
  }
  for (const StateTokens::Exit& exit : tokens.exits) {
    const uint32_t first = *(std::upper_bound(firsts.begin(), firsts.end(), exit.node) - 1);
    if (same[nodes[first].byte]) found_.exits.push_back(exit);
  }
  return same;
}

StateTokens TokenSearch::Run(StateId state, StateId like, const StateTokens* tokens_of_like) {
  if (is_open_) found_.ticks.assign(static_cast<size_t>(vocabulary_.vocab_size()), 0);
  std::array<bool, 256> is_known = {};
  if (tokens_of_like != nullptr) {
    is_known = TakeOver(state, like, *tokens_of_like);
    found_.visited_nodes += kNodesOfTakingOver;
  }
  const std::vector<TokenVocabulary::Node>& nodes = vocabulary_.nodes();
  for (uint32_t node = 1; node < vocabulary_.num_nodes();) {
    if (nodes[node].depth == 1 && is_known[nodes[node].byte]) {
      node = nodes[node].end;
      continue;
    }
    ++found_.visited_nodes;
    node = Step(node) ? node + 1 : nodes[node].end;
  }
  Finish();
  return std::move(found_);
}

void TokenSearch::Finish() {
  const size_t words = vocabulary_.mask_words();
  if (found_.tokens.size() > words) {
    found_.bits.assign(words, 0);
    for (int32_t token : found_.tokens) SetBit(absl::MakeSpan(found_.bits), token);
    found_.tokens = {};
  }
  found_.tokens.shrink_to_fit();
  if (found_.most_ticks == 0) found_.ticks = {};
  // Exits that lead to the same readings lie together.
  const auto key = [](const StateTokens::Exit& e) {
    return std::make_tuple(e.kind, e.state, e.value, !e.ends_token, e.node, e.ticks);
  };
  std::sort(found_.exits.begin(), found_.exits.end(),
            [&](const auto& a, const auto& b) { return key(a) < key(b); });
  found_.exits.shrink_to_fit();
  for (const StateTokens::Exit& exit : found_.exits) {
    if (exit.kind != StateTokens::ExitKind::kReturn) break;
    ++found_.num_returns;
    if (exit.ends_token) ++found_.num_ends;
  }
}

}  // namespace

std::shared_ptr<const StateTokens> FindStateTokens(const Automaton& automaton,
                                                   const TokenVocabulary& vocabulary, StateId state,
                                                   StateId like,
                                                   const StateTokens* tokens_of_like) {
  return std::make_shared<const StateTokens>(
      TokenSearch(automaton, vocabulary, state).Run(state, like, tokens_of_like));
}

size_t StateTokens::memory_bytes() const {
  return sizeof(*this) + bits.size() * sizeof(uint64_t) + tokens.size() * sizeof(int32_t) +
         ticks.size() + exits.size() * sizeof(Exit);
}

void StateTokens::AddTo(uint32_t most, absl::Span<uint64_t> mask) const {
  if (most >= most_ticks) {
    for (size_t i = 0; i < bits.size(); ++i) mask[i] |= bits[i];
    for (int32_t token : tokens) SetBit(mask, token);
    return;
  }
  if (bits.empty()) {
    for (int32_t token : tokens) {
      if (ticks[static_cast<size_t>(token)] <= most + 1) SetBit(mask, token);
    }
    return;
  }
  for (size_t word = 0; word < mask.size(); ++word) {
    uint64_t allowed = 0;
    const size_t first = word * 64;
    const size_t count = std::min<size_t>(64, ticks.size() - first);
    for (size_t i = 0; i < count; ++i) {
      // ticks - 1 <= most, where 0 - 1 is more than any
      allowed |= uint64_t{static_cast<uint8_t>(ticks[first + i] - 1) <= most} << i;
    }
    mask[word] |= allowed;
  }
}

}  // namespace inkling
