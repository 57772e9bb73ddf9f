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

constexpr uint32_t kMostTicks = 254;  // tokens that count more are left out
// Counts that have sets of their own: nearly all tokens count less than that.
constexpr size_t kMostSets = 13;
constexpr size_t kNodesOfSet = 20000;  // visited in the time that sets take

class TokenSearch {
 public:
  TokenSearch(const Automaton& automaton, const LoopTable& loops, const TokenVocabulary& vocabulary,
              StateId state)
      : automaton_(automaton),
        loops_(loops),
        vocabulary_(vocabulary),
        mover_(automaton, frames_),
        readings_(vocabulary.max_depth() + 1),
        is_open_(automaton.state(state).in_counter),
        is_at_bottom_(automaton.state(state).is_at_bottom) {
    readings_[0].items.push_back(
        {.state = state, .counter = is_open_ ? CountBounds{kOpenCounter, 0} : CountBounds{}});
  }

  StateTokens Run();

 private:
  bool Step(uint32_t node);
  void AddTransitionExits(const Reading& from, uint8_t byte, uint32_t node);
  void AddEnoughExits(const Reading& reading, uint32_t node, uint32_t ticks);
  bool PassOver(uint32_t node);
  void Finish();
  void FinishTokens();
  void FinishExits();
  void AcceptToken(int32_t token, uint32_t ticks) {
    if (ticks < kMostSets) {
      if (counted_[ticks].empty()) counted_[ticks].assign(vocabulary_.mask_words(), 0);
      SetBit(absl::MakeSpan(counted_[ticks]), token);
      ++num_counted_;
    } else if (ticks <= kMostTicks) {
      longer_.push_back({ticks, token});
    }
  }
  uint32_t TicksOf(const Reading& reading) const;
  uint32_t FewestTicks(const Readings& readings) const;

  const Automaton& automaton_;
  const LoopTable& loops_;
  const TokenVocabulary& vocabulary_;
  FrameTable frames_;
  ReadingMover mover_;
  std::vector<Readings> readings_;  // by depth
  const bool is_open_;
  const bool is_at_bottom_;
  std::array<std::vector<uint64_t>, kMostSets> counted_;  // sets of tokens by what they count
  size_t num_counted_ = 0;
  std::vector<std::pair<uint32_t, int32_t>> longer_;  // ticks and tokens that count more
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
  const bool ends_token = reading.counter.max < ticks;
  if (!has_more && !ends_token) return;
  const AutomatonState& state = automaton_.state(reading.state);
  StateTokens::Exit exit = {.kind = StateTokens::ExitKind::kReturn,
                            .needs_enough = true,
                            .ends_token = ends_token,
                            .node = node,
                            .ticks = reading.counter.max};
  if (state.accepts_if_enough && (ends_token || !is_at_bottom_)) found_.exits.push_back(exit);
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
  for (int32_t token : vocabulary_.tokens(node)) AcceptToken(token, ticks);
  if (to.is_complete && place.end != node + 1 && !is_at_bottom_) {
    found_.exits.push_back({.kind = StateTokens::ExitKind::kReturn, .node = node, .ticks = ticks});
  }
  return !to.items.empty() && place.end != node + 1 && !PassOver(node);
}

// Accepts all tokens below `node`, if the text stands in a loop that their characters don't leave.
bool TokenSearch::PassOver(uint32_t node) {
  const Readings& readings = readings_[vocabulary_.nodes()[node].depth];
  if (!StaysInLoop(loops_, vocabulary_, node, readings)) return false;
  const Reading& reading = readings.items[0];
  const bool counts_open = reading.counter.min == kOpenCounter &&
                           loops_.Find(reading.state, vocabulary_.nodes()[node].place)->counts;
  const absl::Span<const int32_t> tokens = vocabulary_.TokensBelow(node);
  const uint32_t ticks = TicksOf(reading);
  if (!counts_open) {
    for (int32_t token : tokens) AcceptToken(token, ticks);
    return true;
  }
  const absl::Span<const uint8_t> characters = vocabulary_.CharactersBelow(node);
  const uint32_t before = vocabulary_.CharactersOf(node);
  for (size_t i = 0; i < tokens.size(); ++i) {
    // A number of characters that isn't known is above what may be counted.
    AcceptToken(tokens[i], characters[i] == 255 ? kUnbounded : ticks + characters[i] - before);
  }
  return true;
}

StateTokens TokenSearch::Run() {
  const std::vector<TokenVocabulary::Node>& nodes = vocabulary_.nodes();
  for (uint32_t node = 1; node < vocabulary_.num_nodes();) {
    ++found_.visited_nodes;
    node = Step(node) ? node + 1 : nodes[node].end;
  }
  FinishTokens();
  FinishExits();
  return std::move(found_);
}

void TokenSearch::FinishTokens() {
  const size_t words = vocabulary_.mask_words();
  size_t num_sets = 0;
  for (size_t i = 0; i < kMostSets; ++i) {
    if (!counted_[i].empty()) num_sets = i + 1;
  }
  std::vector<std::pair<uint32_t, int32_t>> all;
  if (num_counted_ > words * num_sets) {
    found_.num_sets = num_sets;
    found_.visited_nodes += kNodesOfSet;
    found_.sets.assign(words * num_sets, 0);
    for (size_t i = 0; i < num_sets; ++i) {
      for (size_t word = 0; word < words; ++word) {
        uint64_t& set = found_.sets[i * words + word];
        if (i > 0) set = found_.sets[(i - 1) * words + word];
        if (!counted_[i].empty()) set |= counted_[i][word];
      }
    }
  } else {
    for (size_t i = 0; i < num_sets; ++i) {
      for (size_t word = 0; word < counted_[i].size(); ++word) {
        for (uint64_t bits = counted_[i][word]; bits != 0; bits &= bits - 1) {
          all.emplace_back(i, word * 64 + static_cast<size_t>(std::countr_zero(bits)));
        }
      }
    }
  }
  std::sort(longer_.begin(), longer_.end());
  all.insert(all.end(), longer_.begin(), longer_.end());
  const bool counts = !all.empty() && all.back().first > 0;
  found_.tokens.reserve(all.size());
  if (counts) found_.ticks.reserve(all.size());
  for (const auto& [ticks, token] : all) {
    found_.tokens.push_back(token);
    if (counts) found_.ticks.push_back(static_cast<uint8_t>(ticks));
  }
}

// Exits that lead to the same readings lie together.
void TokenSearch::FinishExits() {
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

bool StaysInLoop(const LoopTable& loops, const TokenVocabulary& vocabulary, uint32_t node,
                 const Readings& readings) {
  if (readings.items.size() != 1) return false;
  const CharacterGroups* groups = vocabulary.GroupsBelow(node);
  if (groups == nullptr) return false;
  const Reading& reading = readings.items[0];
  const Loop* loop = loops.Find(reading.state, vocabulary.nodes()[node].place);
  if (loop == nullptr || !groups->IsWithin(loop->groups)) return false;
  return !loop->counts || reading.counter.min == kOpenCounter ||
         reading.counter.max >= vocabulary.max_depth();
}

std::shared_ptr<const StateTokens> FindStateTokens(const Automaton& automaton,
                                                   const LoopTable& loops,
                                                   const TokenVocabulary& vocabulary,
                                                   StateId state) {
  return std::make_shared<const StateTokens>(
      TokenSearch(automaton, loops, vocabulary, state).Run());
}

size_t StateTokens::memory_bytes() const {
  return sizeof(*this) + sets.size() * sizeof(uint64_t) + tokens.size() * sizeof(int32_t) +
         ticks.size() + exits.size() * sizeof(Exit);
}

void StateTokens::AddTo(uint32_t most, absl::Span<uint64_t> mask) const {
  if (num_sets > 0) {
    const uint64_t* set = sets.data() + std::min<size_t>(most, num_sets - 1) * mask.size();
    for (size_t word = 0; word < mask.size(); ++word) mask[word] |= set[word];
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!ticks.empty() && ticks[i] > most) break;
    SetBit(mask, tokens[i]);
  }
}

}  // namespace inkling
