// CharacterGroups: which characters some texts have: ASCII characters one by one, others by ranges.
// With them, and with the places that bytes have in characters, the search for tokens passes over
// whole parts of a vocabulary (loop_table.h).

#ifndef INKLING_SRC_STRUCTURED_CHARACTER_GROUPS_H_
#define INKLING_SRC_STRUCTURED_CHARACTER_GROUPS_H_

#include <cstdint>

namespace inkling {

struct CharacterGroups {
  uint64_t low = 0;
  uint64_t high = 0;

  void Add(uint32_t group) { (group < 64 ? low : high) |= uint64_t{1} << (group & 63); }
  void Remove(uint32_t group) { (group < 64 ? low : high) &= ~(uint64_t{1} << (group & 63)); }
  bool IsWithin(const CharacterGroups& other) const {
    return (low & ~other.low) == 0 && (high & ~other.high) == 0;
  }
  bool empty() const { return (low | high) == 0; }
  CharacterGroups& operator|=(const CharacterGroups& other) {
    low |= other.low;
    high |= other.high;
    return *this;
  }
  friend bool operator==(const CharacterGroups& a, const CharacterGroups& b) {
    return a.low == b.low && a.high == b.high;
  }
  template <typename H>
  friend H AbslHashValue(H h, const CharacterGroups& groups) {
    return H::combine(std::move(h), groups.low, groups.high);
  }
};

// Groups that aren't the ASCII character of their number; rare control characters share one, which
// leaves their numbers to others. Ranges are cut where \s and `.` need it.
inline constexpr uint32_t kControlGroup = 0;
inline constexpr uint32_t kIllFormedGroup = 1;
inline constexpr uint32_t kFirstWideGroup = 14;
inline constexpr uint32_t kGeneralPunctuationGroup = 17;  // U+2000 to U+203F
inline constexpr uint32_t kNextPunctuationGroup = 18;     // U+2040 to U+207F
inline constexpr uint32_t kOtherE2Group = 19;             // U+2080 to U+2FFF
inline constexpr uint32_t kIdeographicSpaceGroup = 20;    // U+3000 to U+303F
inline constexpr uint32_t kOtherE3Group = 21;             // U+3040 to U+3FFF
inline constexpr uint32_t kLastWideGroup = 25;

// Where in a character of UTF-8 a text stands.
enum class CharacterPlace : uint8_t {
  kBoundary,
  kOneMore,  // continuation bytes that are still to come
  kTwoMore,
  kThreeMore,
  kBehindE0,  // two more, of which the first is limited
  kBehindED,
  kBehindF0,
  kBehindF4,
  kBehindE2,  // two more, of which the first says which group it is
  kBehindE3,
  kIllFormed,
};

// The place behind `byte`, and the group that is known by it (kNoGroup: nothing new).
inline constexpr uint32_t kNoGroup = 255;
struct CharacterStep {
  CharacterPlace place = CharacterPlace::kIllFormed;
  uint32_t group = kIllFormedGroup;
};

inline uint32_t GroupOfAscii(uint8_t byte) {
  const bool is_rare = byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
  return is_rare ? kControlGroup : byte;
}

inline CharacterStep FirstByteStep(uint8_t byte) {
  using P = CharacterPlace;
  if (byte < 0x80) return {P::kBoundary, GroupOfAscii(byte)};
  if (byte < 0xC2) return {};
  if (byte < 0xE0) return {P::kOneMore, byte == 0xC2 ? kFirstWideGroup : kFirstWideGroup + 1};
  switch (byte) {
    case 0xE0:
      return {P::kBehindE0, kLastWideGroup - 2};
    case 0xE1:
      return {P::kTwoMore, kFirstWideGroup + 2};
    case 0xE2:
      return {P::kBehindE2, kOtherE2Group};
    case 0xE3:
      return {P::kBehindE3, kOtherE3Group};
    case 0xED:
      return {P::kBehindED, kLastWideGroup - 2};
    case 0xEF:
      return {P::kTwoMore, kOtherE3Group + 1};
    case 0xF0:
      return {P::kBehindF0, kLastWideGroup - 1};
    case 0xF4:
      return {P::kBehindF4, kLastWideGroup};
    default:
      break;
  }
  if (byte < 0xF0) return {P::kTwoMore, kLastWideGroup - 2};
  if (byte < 0xF4) return {P::kThreeMore, kLastWideGroup};
  return {};
}

inline CharacterStep StepOfCharacter(CharacterPlace place, uint8_t byte) {
  using P = CharacterPlace;
  if (place == P::kBoundary) return FirstByteStep(byte);
  if (place == P::kIllFormed || byte < 0x80 || byte > 0xBF) return {};
  switch (place) {
    case P::kOneMore:
      return {P::kBoundary, kNoGroup};
    case P::kTwoMore:
      return {P::kOneMore, kNoGroup};
    case P::kThreeMore:
      return {P::kTwoMore, kNoGroup};
    case P::kBehindE0:
      return byte >= 0xA0 ? CharacterStep{P::kOneMore, kNoGroup} : CharacterStep{};
    case P::kBehindED:
      return byte < 0xA0 ? CharacterStep{P::kOneMore, kNoGroup} : CharacterStep{};
    case P::kBehindF0:
      return byte >= 0x90 ? CharacterStep{P::kTwoMore, kNoGroup} : CharacterStep{};
    case P::kBehindF4:
      return byte < 0x90 ? CharacterStep{P::kTwoMore, kNoGroup} : CharacterStep{};
    case P::kBehindE2:
      return {P::kOneMore, byte == 0x80   ? kGeneralPunctuationGroup
                           : byte == 0x81 ? kNextPunctuationGroup
                                          : kOtherE2Group};
    case P::kBehindE3:
      return {P::kOneMore, byte == 0x80 ? kIdeographicSpaceGroup : kOtherE3Group};
    default:
      return {};
  }
}

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_CHARACTER_GROUPS_H_
