// Searching for added tokens (see added_token_splitter.h): at each byte that can begin one, a walk
// down the trie. The cost is bounded by the text's length times the longest token's, and is one
// table look-up per byte for ordinary text.

#include "src/text/added_token_splitter.h"

#include <algorithm>
#include <utility>

#include "src/text/unicode.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

bool Contains(absl::Span<const TextRange> ranges, size_t begin, size_t end) {
  const auto behind = std::upper_bound(
      ranges.begin(), ranges.end(), begin,
      [](size_t position, const TextRange& range) { return position < range.begin; });
  return behind != ranges.begin() && end <= std::prev(behind)->end;
}

size_t SpacesBegin(absl::string_view text, size_t end, size_t floor) {
  if (end < floor) return floor;  // swallowed by the token before
  while (end > floor) {
    const size_t begin = PreviousCharacter(text, end);
    if (begin < floor || ClassOf(DecodeUtf8(text.substr(begin)).codepoint) != CharClass::kSpace) {
      break;
    }
    end = begin;
  }
  return end;
}

size_t SpacesEnd(absl::string_view text, size_t begin) {
  while (begin < text.size()) {
    const Utf8Char next = DecodeUtf8(text.substr(begin));
    if (ClassOf(next.codepoint) != CharClass::kSpace) break;
    begin += next.length;
  }
  return begin;
}

// Whether [begin, end) of `text` has no word character next to it.
bool StandsAlone(absl::string_view text, size_t begin, size_t end) {
  const auto in_word = [&](size_t at) {
    return IsWordCharacter(DecodeUtf8(text.substr(at)).codepoint);
  };
  if (begin > 0 && in_word(PreviousCharacter(text, begin))) return false;
  return end == text.size() || !in_word(end);
}

ByteTrie TrieOf(const std::vector<AddedToken>& tokens) {
  std::vector<ByteTrie::Entry> entries;
  entries.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    entries.emplace_back(tokens[i].content, static_cast<int32_t>(i));
  }
  return ByteTrie(entries);
}

}  // namespace

AddedTokenSplitter::AddedTokenSplitter(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), trie_(TrieOf(tokens_)) {}

AddedTokenSplitter::Found AddedTokenSplitter::Next(absl::string_view text, size_t from,
                                                   size_t floor,
                                                   absl::Span<const TextRange> markup) const {
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (!trie_.CanBegin(static_cast<unsigned char>(text[begin]))) continue;
    const AddedToken* best = nullptr;
    size_t best_end = 0;
    uint32_t node = ByteTrie::kRoot;
    for (size_t end = begin; end < text.size();) {
      node = trie_.Step(node, static_cast<unsigned char>(text[end]));
      if (node == ByteTrie::kNoNode) break;
      ++end;
      const int32_t index = trie_.ValueAt(node);
      if (index < 0) continue;
      const AddedToken& token = tokens_[static_cast<size_t>(index)];
      if (token.markup && !Contains(markup, begin, end)) continue;
      best = &token;
      best_end = end;
    }
    if (best == nullptr) continue;
    if (best->single_word && !StandsAlone(text, begin, best_end)) {
      begin = best_end - 1;  // nothing else is looked for inside it
      continue;
    }
    Found found{best->id, {begin, best_end}, {begin, best_end}};
    if (best->strip_left) found.covers.begin = SpacesBegin(text, begin, floor);
    if (best->strip_right) found.covers.end = SpacesEnd(text, best_end);
    return found;
  }
  return {};
}

}  // namespace inkling
