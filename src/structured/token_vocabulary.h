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

  std::vector<Node> nodes_;
  std::vector<int32_t> tokens_;
  std::string bytes_;
  std::vector<uint32_t> offsets_;
  std::vector<bool> is_byte_piece_;
  int32_t vocab_size_ = 0;
  uint32_t max_depth_ = 0;
  LeadingSpace leading_space_ = LeadingSpace::kKeep;
};

}  // namespace inkling

#endif  // INKLING_SRC_STRUCTURED_TOKEN_VOCABULARY_H_
