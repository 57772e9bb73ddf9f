// Readings: the places in a grammar where a text may stand, and how a byte moves them.
//
// A frame is what a called rule returns to. Frames are immutable, each kept once, and refer to the
// frame below them, so that a set of readings of any depth is a few numbers, and older sets stay
// valid beside newer ones.

#ifndef INKLING_SRC_STRUCTURED_READINGS_H_
#define INKLING_SRC_STRUCTURED_READINGS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/structured/automaton.h"
#include "src/structured/grammar.h"

namespace inkling {

using FrameId = uint32_t;

// The frame of the root rule: nothing is below it.
inline constexpr FrameId kBottomFrame = 0;

struct Frame {
  uint32_t returns = 0;  // list of transitions
  FrameId below = 0;
  CountBounds counter = {};  // of the rule that called
  friend bool operator==(const Frame& a, const Frame& b) {
    return a.returns == b.returns && a.below == b.below && a.counter == b.counter;
  }
};

// Frames by number. Rollback forgets the newest ones.
class FrameTable {
 public:
  FrameTable();
  FrameId Add(const Frame& frame);
  const Frame& operator[](FrameId id) const { return frames_[id]; }
  size_t size() const { return frames_.size(); }
  void Rollback(size_t size);

 private:
  size_t SlotOf(const Frame& frame) const;
  void Grow();

  std::vector<Frame> frames_;
  std::vector<FrameId> slots_;  // open addressing; 0: free
};

struct Reading {
  StateId state = 0;
  FrameId frame = kBottomFrame;
  CountBounds counter = {};
  friend bool operator==(const Reading& a, const Reading& b) {
    return a.state == b.state && a.frame == b.frame && a.counter == b.counter;
  }
};

struct Readings {
  std::vector<Reading> items;  // each can take a byte
  bool is_complete = false;    // the text may end here
  bool is_dead() const { return items.empty() && !is_complete; }
  void Clear() {
    items.clear();
    is_complete = false;
  }
};

// The counter of a tick walk: how many were counted since its begin, in `max`.
inline constexpr uint32_t kOpenCounter = 0xFFFFFFFEu;

class ReadingMover {
 public:
  // Readings of one text; more are given up.
  static constexpr size_t kMaxReadings = 512;

  ReadingMover(const Automaton& automaton, FrameTable& frames)
      : automaton_(automaton), frames_(frames) {}

  // Adds the readings of a text that is empty so far.
  void Begin(Readings& out);

  // Adds where `byte` leads from all of `from`.
  void Move(const Readings& from, uint8_t byte, Readings& out);

  // Adds `reading` and all that it comes to without text: calls and returns.
  void Settle(const Reading& reading, Readings& out);

  // Adds where the end of the rule leads, whose frame is `frame`.
  void Return(FrameId frame, Readings& out);

  // Adds where `call` leads from a reading with `frame` and `counter`.
  void Call(const CallEdge& call, FrameId frame, CountBounds counter, Readings& out);

  // Readings that the last call came through and that take no byte themselves.
  const std::vector<Reading>& passed() const { return passed_; }

  // True if readings were given up since the last call of this.
  bool TakeOverflow() {
    const bool overflow = overflow_;
    overflow_ = false;
    return overflow;
  }

  static bool Holds(CounterGuard guard, CountBounds counter) {
    switch (guard) {
      case CounterGuard::kAlways:
        return true;
      case CounterGuard::kMoreAllowed:
        return counter.max > 0 || counter.min == kOpenCounter;
      case CounterGuard::kEnough:
        return counter.min == 0;
    }
    return false;
  }
  static CountBounds Changed(CountBounds counter, CounterChange change, CountBounds bounds) {
    if (change == CounterChange::kKeep) return counter;
    if (change == CounterChange::kSet) return bounds;
    if (counter.min == kOpenCounter) return {kOpenCounter, counter.max + 1};
    if (counter.min > 0) --counter.min;
    if (counter.max != kUnbounded) --counter.max;
    return counter;
  }

 private:
  bool MoveAlone(const Reading& from, uint8_t byte, Readings& out);
  void MoveOne(const Reading& from, uint8_t byte, Readings& out);
  void Push(const Transition& transition, FrameId frame, CountBounds counter);
  void PushCall(const CallEdge& call, FrameId frame, CountBounds counter);
  bool CanMove(const Reading& reading) const;
  void Drain(Readings& out);

  const Automaton& automaton_;
  FrameTable& frames_;
  std::vector<Reading> open_;
  std::vector<Reading> passed_;
  bool overflow_ = false;
};

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_READINGS_H_
