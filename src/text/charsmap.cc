// Walking the double-array trie (see charsmap.h). A unit holds, from the low end: 8 bits label, 1
// bit "has a value", 1 bit "offset is times 256", 22 bits offset; a value unit has its top bit set.

#include "src/text/charsmap.h"

#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace inkling {
namespace {

uint32_t ReadLittleEndian(const char* bytes) {
  const auto* b = reinterpret_cast<const unsigned char*>(bytes);
  return b[0] | b[1] << 8 | b[2] << 16 | static_cast<uint32_t>(b[3]) << 24;
}

bool HasValue(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t Label(uint32_t unit) { return unit & (0x80000000u | 0xFF); }
uint32_t Offset(uint32_t unit) { return (unit >> 10) << ((unit & 0x200) >> 6); }

}  // namespace

absl::StatusOr<CharsMap> CharsMap::Create(absl::string_view table) {
  if (table.size() < 8) {
    return absl::InvalidArgumentError(absl::StrCat("tokenizer: the normaliser's table has ",
                                                   table.size(), " bytes, expected at least 8"));
  }
  const uint32_t trie_bytes = ReadLittleEndian(table.data());
  if (trie_bytes % 4 != 0 || trie_bytes == 0 || trie_bytes >= table.size() - 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("tokenizer: the normaliser's table says that its trie has ", trie_bytes,
                     " bytes, expected a multiple of 4 below ", table.size() - 4));
  }
  CharsMap map;
  map.units_.resize(trie_bytes / 4);
  for (size_t i = 0; i < map.units_.size(); ++i) {
    map.units_[i] = ReadLittleEndian(table.data() + 4 + 4 * i);
  }
  map.strings_ = std::string(table.substr(4 + trie_bytes));
  if (map.strings_.back() != '\0') {
    return absl::InvalidArgumentError(
        "tokenizer: the normaliser's table doesn't end with a NUL as it should");
  }
  return map;
}

CharsMap::Replacement CharsMap::Search(absl::string_view text, bool shortest) const {
  Replacement found;
  uint32_t node = Offset(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const uint32_t byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size()) break;
    const uint32_t unit = units_[node];
    if (Label(unit) != byte) break;
    node ^= Offset(unit);
    if (!HasValue(unit)) continue;
    if (node >= units_.size()) break;
    const uint32_t value = units_[node] & 0x7FFFFFFFu;
    if (value >= strings_.size()) break;
    found = {i + 1, absl::string_view(strings_.c_str() + value)};
    if (shortest) break;
  }
  return found;
}

bool CharsMap::MayConcern(absl::string_view front) const {
  uint32_t node = Offset(units_[0]);
  for (char c : front) {
    const uint32_t byte = static_cast<unsigned char>(c);
    node ^= byte;
    if (node >= units_.size() || Label(units_[node]) != byte) return false;
    const uint32_t unit = units_[node];
    if (HasValue(unit)) return true;
    node ^= Offset(unit);
  }
  return true;
}

}  // namespace inkling
