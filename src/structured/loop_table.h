// LoopTable: states that many characters lead back to, as those within strings.
//
// A token whose characters all belong to such a loop is allowed, and leaves the text where it is.
// So the search for tokens needn't follow the bytes of whole parts of a vocabulary.

#ifndef INKLING_SRC_STRUCTURED_LOOP_TABLE_H_
#define INKLING_SRC_STRUCTURED_LOOP_TABLE_H_

#include <cstdint>
#include <vector>

#include "src/structured/automaton.h"
#include "src/structured/character_groups.h"

namespace inkling {

// What leads a state back to itself: each character of `groups`, from its boundary; or, in the
// middle of a character, its rest and then each of them.
struct Loop {
  CharacterGroups groups;
  uint16_t places = 0;  // bits of CharacterPlace
  bool counts = false;  // each character counts one in the state's counter
};

class LoopTable {
 public:
  explicit LoopTable(const Automaton& automaton);

  // Of a state at a place within a character; null if it has none.
  const Loop* Find(StateId state, CharacterPlace place) const {
    if (state >= loop_of_.size() || loop_of_[state] == 0) return nullptr;
    const Loop& loop = loops_[loop_of_[state]];
    return (loop.places >> static_cast<uint32_t>(place) & 1) != 0 ? &loop : nullptr;
  }
  size_t memory_bytes() const {
    return loops_.size() * sizeof(Loop) + loop_of_.size() * sizeof(uint16_t);
  }

 private:
  enum class Way : uint8_t { kElsewhere, kPlain, kCounting };

  void AddLoop(const Automaton& automaton, StateId state);
  void AddPlaces(const Automaton& automaton, StateId home, const Loop& loop);
  static Way WayOf(const Automaton& automaton, StateId state, uint8_t byte, StateId& target);
  static bool LeadsHome(const Automaton& automaton, StateId state, CharacterPlace place,
                        StateId home);
  bool IsLoop(const Automaton& automaton, StateId state) const;

  std::vector<Loop> loops_;  // [0] stands for none
  std::vector<uint16_t> loop_of_;
};

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_LOOP_TABLE_H_
