// The best path through a segment (see unigram.h). Sums are made in the same precision as
// SentencePiece makes them, because equal sums are common and the first one found wins.

#include "src/text/unigram.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "src/text/pieces.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr float kUnknownPenalty = 10.0f;

// The best way found so far to reach a byte of the text.
struct PathEnd {
  int32_t id = -1;
  float score = 0;
  uint32_t begin = 0;
  bool reached = false;
};

}  // namespace

Unigram::Unigram(const TokenizerData& data, const absl::flat_hash_set<int32_t>& markup)
    : scores_(data.piece_scores), unk_id_(data.unk_id), fuse_unknown_(data.fuse_unknown) {
  std::vector<ByteTrie::Entry> entries;
  user_defined_.resize(scores_.size());
  bool any = false;
  if (data.byte_fallback) byte_pieces_.assign(256, data.unk_id);
  for (int32_t id = 0; id < NumPieces(data); ++id) {
    const PieceType type = TypeOfPiece(data, id);
    const absl::string_view piece = PieceBytes(data, id);
    if (type == PieceType::kByte && data.byte_fallback) {
      byte_pieces_[static_cast<unsigned char>(piece[0])] = id;
    }
    if (type == PieceType::kNormal) {
      const float score = scores_[static_cast<size_t>(id)];
      lowest_score_ = any ? std::min(lowest_score_, score) : score;
      highest_score_ = any ? std::max(highest_score_, score) : score;
      any = true;
    }
    if (type != PieceType::kNormal && type != PieceType::kUserDefined) continue;
    user_defined_[static_cast<size_t>(id)] = type == PieceType::kUserDefined;
    if (!markup.contains(id)) entries.emplace_back(piece, id);
  }
  trie_ = ByteTrie(entries);
}

void Unigram::Encode(absl::string_view text, std::vector<int32_t>& ids) const {
  std::vector<PathEnd> ends(text.size() + 1);
  const auto offer = [&](size_t begin, size_t end, int32_t id, float score) {
    const float sum = score + ends[begin].score;
    PathEnd& target = ends[end];
    if (target.reached && sum <= target.score) return;
    target = {id, sum, static_cast<uint32_t>(begin), true};
  };
  for (size_t begin = 0; begin < text.size();) {
    const size_t character = DecodeUtf8(text.substr(begin)).length;
    bool whole_character = false;
    uint32_t node = ByteTrie::kRoot;
    for (size_t end = begin; end < text.size();) {
      node = trie_.Step(node, static_cast<unsigned char>(text[end]));
      if (node == ByteTrie::kNoNode) break;
      ++end;
      const int32_t id = trie_.ValueAt(node);
      if (id < 0) continue;
      const size_t piece = static_cast<size_t>(id);
      // A user-defined piece always wins over what it consists of.
      const float bonus = static_cast<float>(end - begin) * highest_score_ - 0.1f;
      offer(begin, end, id, user_defined_[piece] ? bonus : scores_[piece]);
      whole_character = whole_character || end - begin == character;
    }
    if (!whole_character) {
      offer(begin, begin + character, unk_id_, lowest_score_ - kUnknownPenalty);
    }
    begin += character;
  }
  std::vector<std::pair<size_t, size_t>> path;  // begin, end; from the back
  for (size_t end = text.size(); end > 0; end = ends[end].begin) {
    path.emplace_back(ends[end].begin, end);
  }
  bool after_unknown = false;
  for (auto step = path.rbegin(); step != path.rend(); ++step) {
    const int32_t id = ends[step->second].id;
    const bool unknown = id == unk_id_;
    if (!unknown) {
      ids.push_back(id);
    } else if (!byte_pieces_.empty()) {
      AppendUnknown(text.substr(step->first, step->second - step->first), ids);
    } else if (!fuse_unknown_ || !after_unknown) {
      ids.push_back(id);
    }
    after_unknown = unknown && byte_pieces_.empty();
  }
}

void Unigram::AppendUnknown(absl::string_view text, std::vector<int32_t>& ids) const {
  for (char c : text) ids.push_back(byte_pieces_[static_cast<unsigned char>(c)]);
}

}  // namespace inkling
