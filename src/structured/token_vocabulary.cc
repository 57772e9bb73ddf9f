// Texts of pieces as decoding writes them, and the trie that is made of them.

#include "src/structured/token_vocabulary.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "src/format/tokenizer_data.h"
#include "src/text/pieces.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

// Longer texts are no part of any answer that has a form.
constexpr size_t kMaxTextBytes = 1024;

// Below nodes with fewer than these, bytes are followed as fast as groups are compared.
constexpr uint32_t kFewNodes = 4;
constexpr size_t kMostGroups = 65535;

size_t NumCharacters(absl::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

std::string TextOfPiece(const TokenizerData& data, int32_t id) {
  const PieceType type = TypeOfPiece(data, id);
  if (id == data.unk_id || type == PieceType::kUnknown || type == PieceType::kControl ||
      type == PieceType::kUnused) {
    return "";
  }
  const absl::string_view piece = PieceBytes(data, id);
  if (piece.size() > kMaxTextBytes) return "";
  if (type == PieceType::kByte || !data.decoder.unescape_spaces) return std::string(piece);
  return absl::StrReplaceAll(piece, {{kEscapedSpaceText, " "}});
}

}  // namespace

std::shared_ptr<const TokenVocabulary> TokenVocabulary::Make(
    const TokenizerData& data, int32_t vocab_size,
    absl::Span<const std::pair<int32_t, std::string>> marks) {
  const int32_t num_pieces = std::min(NumPieces(data), vocab_size);
  std::vector<std::string> texts(static_cast<size_t>(vocab_size));
  std::vector<bool> is_byte_piece(texts.size(), false);
  for (int32_t id = 0; id < num_pieces; ++id) {
    texts[static_cast<size_t>(id)] = TextOfPiece(data, id);
    is_byte_piece[static_cast<size_t>(id)] = TypeOfPiece(data, id) == PieceType::kByte;
  }
  for (const AddedToken& token : data.added_tokens) {
    if ((token.markup || token.special) && token.id < vocab_size) {
      texts[static_cast<size_t>(token.id)].clear();
    }
  }
  for (int32_t id : data.stop_ids) {
    if (id < vocab_size) texts[static_cast<size_t>(id)].clear();
  }
  for (const auto& [id, text] : marks) {
    if (id < vocab_size) texts[static_cast<size_t>(id)] = text;
  }
  auto made = std::make_shared<TokenVocabulary>(*Make(std::move(texts)));
  made->is_byte_piece_ = std::move(is_byte_piece);
  made->leading_space_ = data.decoder.leading_space;
  return made;
}

std::vector<int32_t> TokenVocabulary::TokensWithPrefix(absl::string_view prefix) const {
  uint32_t node = 0;
  for (const char byte : prefix) {
    uint32_t child = node + 1;
    while (child < nodes_[node].end && nodes_[child].byte != static_cast<uint8_t>(byte))
      child = nodes_[child].end;
    if (child >= nodes_[node].end) return {};
    node = child;
  }
  const auto first = tokens_.begin() + nodes_[node].first_token;
  const auto last = tokens_.begin() + nodes_[nodes_[node].end].first_token;
  return {first, last};
}

std::shared_ptr<const TokenVocabulary> TokenVocabulary::Make(std::vector<std::string> texts) {
  auto made = std::make_shared<TokenVocabulary>();
  made->vocab_size_ = static_cast<int32_t>(texts.size());
  made->is_byte_piece_.assign(texts.size(), false);
  made->offsets_.reserve(texts.size() + 1);
  made->offsets_.push_back(0);
  for (const std::string& text : texts) {
    made->bytes_ += text;
    made->offsets_.push_back(static_cast<uint32_t>(made->bytes_.size()));
  }
  made->BuildTrie();
  return made;
}

void TokenVocabulary::BuildTrie() {
  for (int32_t id = 0; id < vocab_size_; ++id) {
    if (!text(id).empty()) tokens_.push_back(id);
  }
  std::sort(tokens_.begin(), tokens_.end(), [this](int32_t a, int32_t b) {
    const int order = text(a).compare(text(b));
    return order != 0 ? order < 0 : a < b;
  });
  nodes_.push_back({});
  std::vector<uint32_t> path = {0};  // nodes of the text so far, by depth
  absl::string_view before;
  const auto close = [&](size_t depth) {
    while (path.size() > depth + 1) {
      nodes_[path.back()].end = static_cast<uint32_t>(nodes_.size());
      path.pop_back();
    }
  };
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const absl::string_view now = text(tokens_[i]);
    size_t common = 0;
    while (common < std::min(before.size(), now.size()) && before[common] == now[common]) ++common;
    close(common);
    for (size_t d = common; d < now.size(); ++d) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      // Tokens of the text end at its last node; those before it have none of it.
      const uint8_t byte = static_cast<uint8_t>(now[d]);
      const CharacterPlace place = nodes_[path[path.size() - 2]].place;
      nodes_.push_back({.first_token = static_cast<uint32_t>(i),
                        .depth = static_cast<uint16_t>(d + 1),
                        .byte = byte,
                        .place = StepOfCharacter(place, byte).place});
    }
    max_depth_ = std::max(max_depth_, static_cast<uint32_t>(now.size()));
    before = now;
  }
  close(0);
  nodes_[0].end = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({.first_token = static_cast<uint32_t>(tokens_.size())});
  for (int32_t token : tokens_) {
    characters_.push_back(static_cast<uint8_t>(std::min<size_t>(NumCharacters(text(token)), 255)));
  }
  FindGroups();
}

uint32_t TokenVocabulary::CharactersOf(uint32_t node) const {
  const absl::string_view any = text(tokens_[nodes_[node].first_token]);
  return static_cast<uint32_t>(NumCharacters(any.substr(0, nodes_[node].depth)));
}

// From the last node to the first, so that those below a node are known.
void TokenVocabulary::FindGroups() {
  groups_of_.assign(nodes_.size(), 0);
  groups_ = {{}};
  absl::flat_hash_map<CharacterGroups, uint16_t> numbers;
  std::vector<CharacterGroups> below(num_nodes());
  std::vector<uint32_t> parents(num_nodes(), 0);
  for (uint32_t node = 0; node < num_nodes(); ++node) {
    for (uint32_t child = node + 1; child < nodes_[node].end; child = nodes_[child].end) {
      parents[child] = node;
    }
  }
  for (uint32_t node = num_nodes(); node-- > 0;) {
    if (nodes_[node].end - node > kFewNodes && groups_.size() < kMostGroups) {
      const auto [place, is_new] =
          numbers.try_emplace(below[node], static_cast<uint16_t>(groups_.size()));
      if (is_new) groups_.push_back(below[node]);
      groups_of_[node] = place->second;
    }
    if (node == 0) break;
    CharacterGroups& above = below[parents[node]];
    above |= below[node];
    const uint32_t group = StepOfCharacter(nodes_[parents[node]].place, nodes_[node].byte).group;
    if (group != kNoGroup) above.Add(group);
  }
}

size_t TokenVocabulary::memory_bytes() const {
  return nodes_.size() * sizeof(Node) + tokens_.size() * sizeof(int32_t) + bytes_.size() +
         offsets_.size() * sizeof(uint32_t) + characters_.size() +
         groups_of_.size() * sizeof(uint16_t) + groups_.size() * sizeof(CharacterGroups);
}

}  // namespace inkling
