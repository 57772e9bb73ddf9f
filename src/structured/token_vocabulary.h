// TokenVocabulary: the texts of a vocabulary's tokens, sorted into a trie of bytes.
//
// Made once for a model and shared by its constraints. Tokens that are no text (control and markup
// tokens, the unknown piece, unused ids) aren't in it, so no constraint ever allows them.

#ifndef INKLING_SRC_STRUCTURED_TOKEN_VOCABULARY_H_
#define INKLING_SRC_STRUCTURED_TOKEN_VOCABULARY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/format/tokenizer_data.h"
#include "src/structured/character_groups.h"

namespace inkling {

class TokenVocabulary {
 public:
  // A node of the trie, in the order of its texts: a node's descendants lie behind it, up to
  // `end`. Its own tokens are [first_token, first_token of the next node).
  struct Node {
    uint32_t end = 0;
    uint32_t first_token = 0;
    uint16_t depth = 0;
    uint8_t byte = 0;
    CharacterPlace place = CharacterPlace::kBoundary;  // behind its byte
  };

  // `vocab_size` is the number of logits; ids beyond the pieces are padding.
  // `marks` are tokens with texts of their own, which are in it whatever they are.
  static std::shared_ptr<const TokenVocabulary> Make(
      const TokenizerData& data, int32_t vocab_size,
      absl::Span<const std::pair<int32_t, std::string>> marks = {});
  // Of texts by id, for tests; an empty one is no text.
  static std::shared_ptr<const TokenVocabulary> Make(std::vector<std::string> texts);

  // Node 0 is the empty text; one more than there are stands at the end.
  const std::vector<Node>& nodes() const { return nodes_; }
  uint32_t num_nodes() const { return static_cast<uint32_t>(nodes_.size() - 1); }
  absl::Span<const int32_t> tokens(uint32_t node) const {
    return absl::MakeConstSpan(tokens_).subspan(
        nodes_[node].first_token, nodes_[node + 1].first_token - nodes_[node].first_token);
  }
  // All that lie below `node`, and how many characters each of them has (255: or more).
  absl::Span<const int32_t> TokensBelow(uint32_t node) const { return Below(node, tokens_); }
  absl::Span<const uint8_t> CharactersBelow(uint32_t node) const {
    return Below(node, characters_);
  }
  // The characters that have a byte below `node`; null where that isn't known, as below nodes that
  // few lie below.
  const CharacterGroups* GroupsBelow(uint32_t node) const {
    return groups_of_[node] != 0 ? &groups_[groups_of_[node]] : nullptr;
  }
  // How many characters a node's text has.
  uint32_t CharactersOf(uint32_t node) const;
  // Those whose text begins with `prefix`, which isn't empty.
  std::vector<int32_t> TokensWithPrefix(absl::string_view prefix) const;
  int32_t vocab_size() const { return vocab_size_; }
  size_t mask_words() const { return (static_cast<size_t>(vocab_size_) + 63) / 64; }
  uint32_t max_depth() const { return max_depth_; }
  // The bytes of a token; empty for one that is no text.
  absl::string_view text(int32_t token) const {
    const size_t i = static_cast<size_t>(token);
    return absl::string_view(bytes_).substr(offsets_[i], offsets_[i + 1] - offsets_[i]);
  }
  // Single-byte pieces, which are written differently at the beginning of a text.
  bool is_byte_piece(int32_t token) const { return is_byte_piece_[static_cast<size_t>(token)]; }
  LeadingSpace leading_space() const { return leading_space_; }
  size_t memory_bytes() const;

 private:
  void BuildTrie();
  void FindGroups();
  template <typename T>
  absl::Span<const T> Below(uint32_t node, const std::vector<T>& values) const {
    const uint32_t first = nodes_[node + 1].first_token;
    return absl::MakeConstSpan(values).subspan(first, nodes_[nodes_[node].end].first_token - first);
  }

  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;
  std::vector<uint8_t> characters_;  // [tokens_]
  std::vector<uint16_t> groups_of_;  // [nodes], numbers in groups_; 0: not known
  std::vector<CharacterGroups> groups_;
  std::string bytes_;
  std::vector<uint32_t> offsets_;
  std::vector<bool> is_byte_piece_;
  int32_t vocab_size_ = 0;
  uint32_t max_depth_ = 0;
  LeadingSpace leading_space_ = LeadingSpace::kKeep;
};

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_TOKEN_VOCABULARY_H_
