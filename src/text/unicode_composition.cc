// Canonical composition (NFC), as Unicode Standard Annex 15 defines it: decompose fully, sort marks
// by combining class, compose from the left. Linear, but for the stable sort within a run of marks.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "src/text/unicode.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

#include "src/text/unicode_composition.inc"
#include "src/text/unicode_decomposition.inc"

constexpr uint32_t kHangulSyllables = 0xAC00, kHangulLeads = 0x1100, kHangulVowels = 0x1161;
constexpr uint32_t kHangulTails = 0x11A7;  // one before the first, which stands for "no tail"
constexpr uint32_t kNumLeads = 19, kNumVowels = 21, kNumTails = 28;
constexpr uint32_t kNumSyllables = kNumLeads * kNumVowels * kNumTails;
constexpr uint32_t kIdeographs = 0x2F800;

struct Pair {
  uint32_t first = 0;
  uint32_t second = 0;  // 0: `first` alone
};

// One character and its canonical combining class.
struct Mark {
  uint32_t codepoint;
  uint8_t combining;
};

uint8_t CombiningClass(uint32_t codepoint) {
  if (codepoint < 0x300) return 0;
  const uint32_t* run =
      std::upper_bound(std::begin(kCombiningRuns), std::end(kCombiningRuns), codepoint << 8 | 0xFF);
  return run == kCombiningRuns ? 0 : static_cast<uint8_t>(run[-1] & 0xFF);
}

// Returns the one-step decomposition, or {0, 0}.
Pair Decompose(uint32_t codepoint) {
  if (codepoint < 0xC0) return {};
  if (codepoint >= kIdeographs && codepoint < kIdeographs + std::size(kIdeographDecompositions)) {
    return {kIdeographDecompositions[codepoint - kIdeographs], 0};
  }
  if (codepoint < 0x10000) {
    const uint64_t* entry =
        std::lower_bound(std::begin(kShortDecompositions), std::end(kShortDecompositions),
                         static_cast<uint64_t>(codepoint) << 32);
    if (entry != std::end(kShortDecompositions) && *entry >> 32 == codepoint) {
      return {static_cast<uint32_t>(*entry >> 16 & 0xFFFF), static_cast<uint32_t>(*entry & 0xFFFF)};
    }
    if (codepoint < kLongDecompositions[0]) return {};
  }
  for (size_t i = 0; i < std::size(kLongDecompositions); i += 3) {
    if (kLongDecompositions[i] == codepoint) {
      return {kLongDecompositions[i + 1], kLongDecompositions[i + 2]};
    }
  }
  return {};
}

// Returns what two neighbours compose to, or 0.
uint32_t Compose(uint32_t first, uint32_t second) {
  if (first >= kHangulLeads && first < kHangulLeads + kNumLeads) {
    if (second < kHangulVowels || second >= kHangulVowels + kNumVowels) return 0;
    return kHangulSyllables +
           ((first - kHangulLeads) * kNumVowels + (second - kHangulVowels)) * kNumTails;
  }
  if (first >= kHangulSyllables && first < kHangulSyllables + kNumSyllables) {
    const bool open = (first - kHangulSyllables) % kNumTails == 0;
    if (!open || second <= kHangulTails || second >= kHangulTails + kNumTails) return 0;
    return first + (second - kHangulTails);
  }
  if (first < 0x10000 && second < 0x10000) {
    const uint64_t key = static_cast<uint64_t>(first) << 32 | second << 16;
    const uint64_t* entry = std::lower_bound(std::begin(kShortPairs), std::end(kShortPairs), key);
    if (entry == std::end(kShortPairs) || (*entry & ~uint64_t{0xFFFF}) != key) return 0;
    return static_cast<uint32_t>(*entry & 0xFFFF);
  }
  for (size_t i = 0; i < std::size(kLongPairs); i += 3) {
    if (kLongPairs[i] == first && kLongPairs[i + 1] == second) return kLongPairs[i + 2];
  }
  return 0;
}

void AppendDecomposed(uint32_t codepoint, std::vector<Mark>& marks) {
  if (codepoint >= kHangulSyllables && codepoint < kHangulSyllables + kNumSyllables) {
    const uint32_t index = codepoint - kHangulSyllables;
    marks.push_back({kHangulLeads + index / (kNumVowels * kNumTails), 0});
    marks.push_back({kHangulVowels + index % (kNumVowels * kNumTails) / kNumTails, 0});
    if (index % kNumTails != 0) marks.push_back({kHangulTails + index % kNumTails, 0});
    return;
  }
  // Decompositions nest at the front only; the deepest published one has four characters.
  std::array<uint32_t, 8> behind;
  size_t num_behind = 0;
  Pair pair = Decompose(codepoint);
  while (pair.first != 0) {
    codepoint = pair.first;
    if (pair.second != 0 && num_behind < behind.size()) behind[num_behind++] = pair.second;
    pair = Decompose(codepoint);
  }
  marks.push_back({codepoint, CombiningClass(codepoint)});
  while (num_behind > 0) {
    const uint32_t next = behind[--num_behind];
    const Pair nested = Decompose(next);
    if (nested.first != 0) {
      AppendDecomposed(next, marks);
    } else {
      marks.push_back({next, CombiningClass(next)});
    }
  }
}

void SortMarks(std::vector<Mark>& marks) {
  for (size_t i = 0; i < marks.size();) {
    if (marks[i].combining == 0) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < marks.size() && marks[end].combining != 0) ++end;
    std::stable_sort(marks.begin() + static_cast<std::ptrdiff_t>(i),
                     marks.begin() + static_cast<std::ptrdiff_t>(end),
                     [](const Mark& a, const Mark& b) { return a.combining < b.combining; });
    i = end;
  }
}

// Composes in place; a mark joins its starter unless one of equal or higher class stands between.
void ComposeMarks(std::vector<Mark>& marks) {
  size_t num_kept = 0;
  size_t starter = marks.size();  // index of the last starter kept, or "none"
  int last_class = -1;            // class of the last character kept behind the starter, -1: none
  for (size_t i = 0; i < marks.size(); ++i) {
    const Mark mark = marks[i];
    if (starter < num_kept && last_class < static_cast<int>(mark.combining)) {
      const uint32_t composed = Compose(marks[starter].codepoint, mark.codepoint);
      if (composed != 0) {
        marks[starter].codepoint = composed;
        continue;
      }
    }
    if (mark.combining == 0) {
      starter = num_kept;
      last_class = -1;
    } else {
      last_class = mark.combining;
    }
    marks[num_kept++] = mark;
  }
  marks.resize(num_kept);
}

constexpr std::array<uint64_t, 0x10000 / 64> MakeSuspectBits() {
  std::array<uint64_t, 0x10000 / 64> bits{};
  for (size_t run = 0; run < std::size(kSuspectRuns) && kSuspectRuns[run] < 0x10000; run += 2) {
    const uint32_t end = run + 1 < std::size(kSuspectRuns) ? kSuspectRuns[run + 1] : 0x10000;
    for (uint32_t code = kSuspectRuns[run]; code < end && code < 0x10000; ++code) {
      bits[code / 64] |= uint64_t{1} << code % 64;
    }
  }
  return bits;
}
constexpr std::array<uint64_t, 0x10000 / 64> kSuspectBits = MakeSuspectBits();

// Returns whether a character combines, decomposes, or may compose with the one before it.
bool IsSuspect(uint32_t codepoint) {
  if (codepoint < 0x10000) return (kSuspectBits[codepoint / 64] >> codepoint % 64 & 1) != 0;
  const uint32_t* run =
      std::upper_bound(std::begin(kSuspectRuns), std::end(kSuspectRuns), codepoint);
  return (run - kSuspectRuns) % 2 != 0;
}

// Returns where the first suspect character at or behind `pos` begins, or the text's end.
size_t SurelyComposedEnd(absl::string_view text, size_t pos) {
  while (pos < text.size()) {
    pos += AsciiPrefix(text.substr(pos));
    if (pos == text.size()) break;
    if (static_cast<unsigned char>(text[pos]) < 0xCC) {  // below U+0300 everything is composed
      ++pos;
      continue;
    }
    const Utf8Char character = DecodeUtf8(text.substr(pos));
    if (IsSuspect(character.codepoint)) return pos;
    pos += character.length;
  }
  return pos;
}

}  // namespace

bool IsSurelyComposed(absl::string_view text) { return SurelyComposedEnd(text, 0) == text.size(); }

std::string ComposeCanonically(absl::string_view text) {
  std::string composed;
  composed.reserve(text.size());
  std::vector<Mark> marks;
  for (size_t pos = 0; pos < text.size();) {
    // A character that isn't suspect begins anew: nothing before it changes it or joins it, so only
    // the suspect ones and the character before them need work. Most text has few of them.
    const size_t suspect = SurelyComposedEnd(text, pos);
    const bool last = suspect == text.size();
    const size_t begin = last || suspect == pos ? suspect : PreviousCharacter(text, suspect);
    composed.append(text.data() + pos, begin - pos);
    if (last) break;
    marks.clear();
    for (pos = begin; pos < text.size();) {
      const Utf8Char character = DecodeUtf8(text.substr(pos));
      if (pos > suspect && !IsSuspect(character.codepoint)) break;
      AppendDecomposed(character.codepoint, marks);
      pos += character.length;
    }
    SortMarks(marks);
    ComposeMarks(marks);
    for (const Mark& mark : marks) AppendUtf8(mark.codepoint, composed);
  }
  return composed;
}

}  // namespace inkling
