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

constexpr uint32_t kBlockShift = 7;
constexpr uint32_t kIndexedEnd = 0x20000;
constexpr size_t kNumBlocks = kIndexedEnd >> kBlockShift;

// kIndex[b]: the last run that begins at or before the block's first character.
constexpr std::array<uint16_t, kNumBlocks + 1> MakeIndex() {
  std::array<uint16_t, kNumBlocks + 1> index{};
  size_t run = 0;
  for (size_t block = 0; block <= kNumBlocks; ++block) {
    while (run + 1 < std::size(kClassRuns) &&
           (kClassRuns[run + 1] >> 3) <= (block << kBlockShift)) {
      ++run;
    }
    index[block] = static_cast<uint16_t>(run);
  }
  return index;
}
constexpr std::array<uint16_t, kNumBlocks + 1> kIndex = MakeIndex();

constexpr std::array<uint8_t, 128> MakeAscii() {
  std::array<uint8_t, 128> classes{};
  size_t run = 0;
  for (uint32_t c = 0; c < 128; ++c) {
    while ((kClassRuns[run + 1] >> 3) <= c) ++run;
    classes[c] = kClassRuns[run] & 7;
  }
  return classes;
}
constexpr std::array<uint8_t, 128> kAscii = MakeAscii();

}  // namespace

CharClass ClassOf(uint32_t codepoint) {
  if (codepoint < 128) return static_cast<CharClass>(kAscii[codepoint]);
  const uint32_t* first = kClassRuns;
  const uint32_t* last = kClassRuns + std::size(kClassRuns);
  if (codepoint < kIndexedEnd) {
    const uint32_t block = codepoint >> kBlockShift;
    first = kClassRuns + kIndex[block];
    last = kClassRuns + kIndex[block + 1] + 1;
  }
  // The run before the first one that begins behind the character.
  const uint32_t* run = std::upper_bound(first, last, codepoint << 3 | 7);
  return static_cast<CharClass>(run[-1] & 7);
}

}  // namespace inkling
