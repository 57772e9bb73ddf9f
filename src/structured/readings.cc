// Moving readings by bytes, and the table of frames.

#include "src/structured/readings.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace inkling {
namespace {

uint64_t HashOf(const Frame& frame) {
  uint64_t hash = (uint64_t{frame.returns} << 32 | frame.below) * 0x9E3779B97F4A7C15u;
  hash ^= (uint64_t{frame.counter.min} << 32 | frame.counter.max) + (hash >> 29);
  hash *= 0xBF58476D1CE4E5B9u;
  return hash ^ hash >> 32;
}

}  // namespace

FrameTable::FrameTable() : frames_(1), slots_(64, 0) {}

size_t FrameTable::SlotOf(const Frame& frame) const {
  size_t slot = HashOf(frame) & (slots_.size() - 1);
  while (slots_[slot] != 0 && !(frames_[slots_[slot]] == frame)) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slot;
}

void FrameTable::Grow() {
  slots_.assign(slots_.size() * 2, 0);
  for (size_t id = 1; id < frames_.size(); ++id) {
    slots_[SlotOf(frames_[id])] = static_cast<FrameId>(id);
  }
}

FrameId FrameTable::Add(const Frame& frame) {
  const size_t slot = SlotOf(frame);
  if (slots_[slot] != 0) return slots_[slot];
  const FrameId id = static_cast<FrameId>(frames_.size());
  frames_.push_back(frame);
  slots_[slot] = id;
  if (frames_.size() * 2 > slots_.size()) Grow();
  return id;
}

// Newest first, so that no frame's search passes a slot that was freed.
void FrameTable::Rollback(size_t size) {
  while (frames_.size() > size) {
    slots_[SlotOf(frames_.back())] = 0;
    frames_.pop_back();
  }
}

void ReadingMover::Push(const Transition& transition, FrameId frame, CountBounds counter) {
  if (!Holds(transition.guard, counter)) return;
  open_.push_back({.state = transition.target,
                   .frame = frame,
                   .counter = Changed(counter, transition.change, transition.bounds)});
}

void ReadingMover::Return(FrameId frame, Readings& out) {
  passed_.clear();
  if (frame == kBottomFrame) {
    out.is_complete = true;
    return;
  }
  const Frame below = frames_[frame];
  for (const Transition& t : automaton_.List(below.returns)) Push(t, below.below, below.counter);
  Drain(out);
}

void ReadingMover::PushCall(const CallEdge& call, FrameId frame, CountBounds counter) {
  if (call.returns != kNone) {
    frame = frames_.Add({.returns = call.returns,
                         .below = frame,
                         .counter = Changed(counter, call.change, call.bounds)});
  }
  for (const Transition& t : automaton_.List(automaton_.start(call.rule))) {
    Push(t, frame, call.callee_bounds);
  }
}

void ReadingMover::Call(const CallEdge& call, FrameId frame, CountBounds counter, Readings& out) {
  passed_.clear();
  PushCall(call, frame, counter);
  Drain(out);
}

// Whether any byte may follow `reading` itself: a counter at its end may leave nothing.
bool ReadingMover::CanMove(const Reading& reading) const {
  const AutomatonState& state = automaton_.state(reading.state);
  if (state.num_edges == 0) return false;
  if (!state.in_counter || reading.counter.max > 0 || reading.counter.min == kOpenCounter) {
    return true;
  }
  for (const uint32_t code : automaton_.Codes(state)) {
    if (code == Automaton::kDead) continue;
    if ((code & Automaton::kListBit) == 0) return true;
    for (const Transition& t : automaton_.List(code & ~Automaton::kListBit)) {
      if (Holds(t.guard, reading.counter)) return true;
    }
  }
  return false;
}

void ReadingMover::Drain(Readings& out) {
  while (!open_.empty()) {
    const Reading next = open_.back();
    open_.pop_back();
    const AutomatonState& state = automaton_.state(next.state);
    std::vector<Reading>& seen = CanMove(next) ? out.items : passed_;
    if (std::find(seen.begin(), seen.end(), next) != seen.end()) continue;
    if (seen.size() >= kMaxReadings) {
      overflow_ = true;
      continue;
    }
    seen.push_back(next);
    if (state.accepts || (state.accepts_if_enough && next.counter.min == 0)) {
      if (next.frame == kBottomFrame) {
        out.is_complete = true;
      } else {
        const Frame below = frames_[next.frame];
        for (const Transition& t : automaton_.List(below.returns)) {
          Push(t, below.below, below.counter);
        }
      }
    }
    for (const CallEdge& call : automaton_.Calls(state)) {
      if (!Holds(call.guard, next.counter)) continue;
      PushCall(call, next.frame, next.counter);
    }
  }
}

void ReadingMover::Settle(const Reading& reading, Readings& out) {
  passed_.clear();
  open_.push_back(reading);
  Drain(out);
}

void ReadingMover::Begin(Readings& out) {
  passed_.clear();
  for (const Transition& t : automaton_.List(automaton_.start(automaton_.root()))) {
    Push(t, kBottomFrame, {});
  }
  Drain(out);
}

void ReadingMover::MoveOne(const Reading& from, uint8_t byte, Readings& out) {
  const uint32_t code = automaton_.Next(from.state, byte);
  if (code == Automaton::kDead) return;
  if ((code & Automaton::kListBit) == 0) {
    open_.push_back({.state = code, .frame = from.frame, .counter = from.counter});
  } else {
    for (const Transition& t : automaton_.List(code & ~Automaton::kListBit)) {
      Push(t, from.frame, from.counter);
    }
  }
  Drain(out);
}

// Most steps of a search lead from one reading to one other that nothing more comes of.
bool ReadingMover::MoveAlone(const Reading& from, uint8_t byte, Readings& out) {
  const uint32_t code = automaton_.Next(from.state, byte);
  if (code == Automaton::kDead) return true;
  Reading to = {.state = code, .frame = from.frame, .counter = from.counter};
  if ((code & Automaton::kListBit) != 0) {
    const absl::Span<const Transition> list = automaton_.List(code & ~Automaton::kListBit);
    if (list.size() != 1) return false;
    if (!Holds(list[0].guard, from.counter)) return true;
    to.state = list[0].target;
    to.counter = Changed(from.counter, list[0].change, list[0].bounds);
  }
  const AutomatonState& state = automaton_.state(to.state);
  if (state.accepts || state.accepts_if_enough || state.num_calls > 0 || !CanMove(to)) {
    return false;
  }
  out.items.push_back(to);
  return true;
}

void ReadingMover::Move(const Readings& from, uint8_t byte, Readings& out) {
  passed_.clear();
  if (from.items.size() == 1 && out.items.empty() && MoveAlone(from.items[0], byte, out)) return;
  for (const Reading& reading : from.items) MoveOne(reading, byte, out);
}

}  // namespace inkling
