// Class of a character: a run-length table with an index over its first 128 Ki characters, so that
// a lookup is one load and a few comparisons within one block of 128 characters.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "src/text/unicode.h"

namespace inkling {
namespace {

#include "src/text/unicode_classes.inc"

// `Runs`: an array of (first character << 3 | class), sorted, the first one from 0.
template <const auto& Runs>
class ClassTable {
 public:
  static uint32_t Find(uint32_t codepoint) {
    if (codepoint < 128) return kAscii[codepoint];
    const uint32_t* first = Runs;
    const uint32_t* last = Runs + std::size(Runs);
    if (codepoint < kIndexedEnd) {
      const uint32_t block = codepoint >> kBlockShift;
      first = Runs + kIndex[block];
      last = Runs + kIndex[block + 1] + 1;
    }
    // The run before the first one that begins behind the character.
    const uint32_t* run = std::upper_bound(first, last, codepoint << 3 | 7);
    return run[-1] & 7;
  }

 private:
  static constexpr uint32_t kBlockShift = 7;
  static constexpr uint32_t kIndexedEnd = 0x20000;
  static constexpr size_t kNumBlocks = kIndexedEnd >> kBlockShift;

  static constexpr std::array<uint16_t, kNumBlocks + 1> MakeIndex() {
    std::array<uint16_t, kNumBlocks + 1> index{};
    size_t run = 0;
    for (size_t block = 0; block <= kNumBlocks; ++block) {
      while (run + 1 < std::size(Runs) && (Runs[run + 1] >> 3) <= (block << kBlockShift)) ++run;
      index[block] = static_cast<uint16_t>(run);
    }
    return index;
  }

  static constexpr std::array<uint8_t, 128> MakeAscii() {
    std::array<uint8_t, 128> classes{};
    size_t run = 0;
    for (uint32_t c = 0; c < 128; ++c) {
      while ((Runs[run + 1] >> 3) <= c) ++run;
      classes[c] = Runs[run] & 7;
    }
    return classes;
  }

  // kIndex[b]: the last run that begins at or before the block's first character.
  static constexpr std::array<uint16_t, kNumBlocks + 1> kIndex = MakeIndex();
  static constexpr std::array<uint8_t, 128> kAscii = MakeAscii();
};

struct CodepointRange {
  uint32_t first;
  uint32_t last;
};

// \p{Pc}, the two joiners, and symbols that Unicode counts as alphabetic.
constexpr CodepointRange kOtherWordCharacters[] = {
    {0x5F, 0x5F},       {0x200C, 0x200D},   {0x203F, 0x2040},   {0x2054, 0x2054},
    {0x24B6, 0x24E9},   {0xFE33, 0xFE34},   {0xFE4D, 0xFE4F},   {0xFF3F, 0xFF3F},
    {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189},
};

}  // namespace

CharClass ClassOf(uint32_t codepoint) {
  return static_cast<CharClass>(ClassTable<kClassRuns>::Find(codepoint));
}

CaseClass CaseOf(uint32_t codepoint) {
  return static_cast<CaseClass>(ClassTable<kCaseRuns>::Find(codepoint));
}

bool IsWordCharacter(uint32_t codepoint) {
  if (CaseOf(codepoint) != CaseClass::kNone) return true;
  if (ClassOf(codepoint) == CharClass::kNumber) {
    return ClassTable<kOtherNumberRuns>::Find(codepoint) == 0;
  }
  for (const CodepointRange& range : kOtherWordCharacters) {
    if (codepoint >= range.first && codepoint <= range.last) return true;
  }
  return false;
}

}  // namespace inkling
