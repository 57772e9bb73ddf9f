// States are looked at one by one, bytes of characters as trees of UTF-8.

#include "src/structured/loop_table.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace inkling {
namespace {

// States and loops that are looked at, which bounds the time.
constexpr size_t kMostLoops = 4096;
constexpr uint32_t kFewestCharacters = 8;

}  // namespace

// How `byte` leads on, if by one transition that keeps or counts.
LoopTable::Way LoopTable::WayOf(const Automaton& automaton, StateId state, uint8_t byte,
                                StateId& target) {
  const uint32_t code = automaton.Next(state, byte);
  if (code == Automaton::kDead) return Way::kElsewhere;
  if ((code & Automaton::kListBit) == 0) {
    target = code;
    return Way::kPlain;
  }
  const absl::Span<const Transition> list = automaton.List(code & ~Automaton::kListBit);
  if (list.size() != 1 || list[0].guard == CounterGuard::kEnough) return Way::kElsewhere;
  if (list[0].change != CounterChange::kCountOne) return Way::kElsewhere;
  target = list[0].target;
  return Way::kCounting;
}

// Whether every rest of a character leads from `state` to `home` and counts nothing.
bool LoopTable::LeadsHome(const Automaton& automaton, StateId state, CharacterPlace place,
                          StateId home) {
  if (place == CharacterPlace::kBoundary) return state == home;
  const AutomatonState& s = automaton.state(state);
  if (s.accepts || s.accepts_if_enough || s.num_calls > 0) return false;
  std::vector<std::pair<StateId, CharacterPlace>> next;  // few, and the same for many bytes
  for (uint32_t byte = 0x80; byte < 0xC0; ++byte) {
    const CharacterStep step = StepOfCharacter(place, static_cast<uint8_t>(byte));
    if (step.place == CharacterPlace::kIllFormed) continue;
    StateId target = 0;
    if (WayOf(automaton, state, static_cast<uint8_t>(byte), target) != Way::kPlain) return false;
    const std::pair<StateId, CharacterPlace> found = {target, step.place};
    if (!next.empty() && next.back() == found) continue;
    next.push_back(found);
    if (!LeadsHome(automaton, target, step.place, home)) return false;
  }
  return true;
}

// Whether nothing but bytes leads on from `state`, or nothing follows that would matter.
bool LoopTable::IsLoop(const Automaton& automaton, StateId state) const {
  const AutomatonState& s = automaton.state(state);
  if (s.num_calls > 0) return false;
  if ((s.accepts || s.accepts_if_enough) && !s.is_at_bottom) return false;
  uint32_t back = 0;
  for (uint8_t byte = 0x20; byte < 0x7F && back < kFewestCharacters; ++byte) {
    StateId target = state + 1;
    back += WayOf(automaton, state, byte, target) != Way::kElsewhere && target == state;
  }
  return back >= kFewestCharacters;
}

// Marks the states within characters on the way back to `home`.
void LoopTable::AddPlaces(const Automaton& automaton, StateId home, const Loop& loop) {
  std::vector<std::pair<StateId, CharacterPlace>> open;
  for (uint32_t byte = 0xC2; byte < 0xF5; ++byte) {
    StateId target = 0;
    const CharacterStep step =
        StepOfCharacter(CharacterPlace::kBoundary, static_cast<uint8_t>(byte));
    if (WayOf(automaton, home, static_cast<uint8_t>(byte), target) != Way::kElsewhere) {
      open.emplace_back(target, step.place);
    }
  }
  while (!open.empty()) {
    const auto [state, place] = open.back();
    open.pop_back();
    const uint16_t bit = static_cast<uint16_t>(1u << static_cast<uint32_t>(place));
    if (place == CharacterPlace::kBoundary || loops_.size() >= kMostLoops) continue;
    if (loop_of_[state] != 0 && (loops_[loop_of_[state]].places & bit) != 0) continue;
    if (loop_of_[state] == 0 && LeadsHome(automaton, state, place, home)) {
      loop_of_[state] = static_cast<uint16_t>(loops_.size());
      loops_.push_back({.groups = loop.groups, .places = bit, .counts = loop.counts});
    }
    for (uint32_t byte = 0x80; byte < 0xC0; ++byte) {
      StateId target = 0;
      const CharacterStep step = StepOfCharacter(place, static_cast<uint8_t>(byte));
      if (step.place == CharacterPlace::kIllFormed || step.place == CharacterPlace::kBoundary ||
          WayOf(automaton, state, static_cast<uint8_t>(byte), target) != Way::kPlain) {
        continue;
      }
      if (open.empty() || open.back() != std::make_pair(target, step.place)) {
        open.emplace_back(target, step.place);
      }
    }
  }
}

void LoopTable::AddLoop(const Automaton& automaton, StateId state) {
  Loop loop;
  loop.places = 1u << static_cast<uint32_t>(CharacterPlace::kBoundary);
  StateId target = 0;
  Way way = Way::kElsewhere;  // of the first character that leads back; those of the other don't
  for (uint32_t byte = 0x20; byte < 0x7F && way == Way::kElsewhere; ++byte) {
    const Way found = WayOf(automaton, state, static_cast<uint8_t>(byte), target);
    if (found != Way::kElsewhere && target == state) way = found;
  }
  loop.counts = way == Way::kCounting;
  CharacterGroups lacking;
  for (uint32_t byte = 0; byte < 0xF5; ++byte) {
    const uint8_t first = static_cast<uint8_t>(byte);
    const CharacterStep step = StepOfCharacter(CharacterPlace::kBoundary, first);
    if (step.place == CharacterPlace::kIllFormed) continue;
    loop.groups.Add(step.group);
    const bool leads_on = WayOf(automaton, state, first, target) == way;
    const bool is_cut =
        step.place == CharacterPlace::kBehindE2 || step.place == CharacterPlace::kBehindE3;
    if (leads_on && !is_cut && LeadsHome(automaton, target, step.place, state)) continue;
    if (!is_cut || !leads_on) {
      lacking.Add(step.group);
      continue;
    }
    // Their second bytes say which group it is.
    const StateId behind = target;
    for (uint32_t second = 0x80; second < 0xC0; ++second) {
      const CharacterStep next = StepOfCharacter(step.place, static_cast<uint8_t>(second));
      loop.groups.Add(next.group);
      if (WayOf(automaton, behind, static_cast<uint8_t>(second), target) != Way::kPlain ||
          !LeadsHome(automaton, target, next.place, state)) {
        lacking.Add(next.group);
      }
    }
  }
  loop.groups.low &= ~lacking.low;
  loop.groups.high &= ~lacking.high;
  loop_of_[state] = static_cast<uint16_t>(loops_.size());
  loops_.push_back(loop);
  AddPlaces(automaton, state, loop);
}

LoopTable::LoopTable(const Automaton& automaton) : loops_(1), loop_of_(automaton.num_states(), 0) {
  for (StateId state = 0; state < automaton.num_states() && loops_.size() < kMostLoops; ++state) {
    if (loop_of_[state] == 0 && IsLoop(automaton, state)) AddLoop(automaton, state);
  }
}

}  // namespace inkling
