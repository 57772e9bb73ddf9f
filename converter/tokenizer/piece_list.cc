// Building pieces and score merges (see piece_list.h).

#include "converter/tokenizer/piece_list.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "src/text/utf8.h"

namespace inkling {

absl::Status PieceList::Set(int64_t id, Piece piece) {
  if (id < 0 || id >= kMaxPieces) {
    return absl::InvalidArgumentError(
        absl::StrCat("token id ", id, ", expected 0 to ", kMaxPieces - 1));
  }
  const size_t index = static_cast<size_t>(id);
  if (index >= pieces_.size()) {
    pieces_.resize(index + 1);
    taken_.resize(index + 1);
  }
  if (taken_[index]) {
    return absl::InvalidArgumentError(absl::StrCat(
        "token id ", id, " stands for both '", pieces_[index].bytes, "' and '", piece.bytes, "'"));
  }
  pieces_[index] = std::move(piece);
  taken_[index] = true;
  return absl::OkStatus();
}

absl::Status PieceList::Write(TokenizerData& data) const {
  size_t total = 0;
  for (const Piece& piece : pieces_) total += piece.bytes.size();
  if (total > std::numeric_limits<uint32_t>::max()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the pieces have ", total, " bytes, more than 4 GiB"));
  }
  data.piece_bytes.clear();
  data.piece_bytes.reserve(total);
  data.piece_offsets.assign(1, 0);
  data.piece_types.clear();
  data.piece_scores.clear();
  bool any_score = false;
  for (const Piece& piece : pieces_) {
    data.piece_bytes += piece.bytes;
    data.piece_offsets.push_back(static_cast<uint32_t>(data.piece_bytes.size()));
    data.piece_types.push_back(static_cast<uint8_t>(piece.type));
    data.piece_scores.push_back(piece.score);
    any_score = any_score || piece.score != 0;
  }
  if (!any_score && data.merge_priority == MergePriority::kListOrder &&
      data.kind != TokenizerKind::kUnigram) {
    data.piece_scores.clear();
  }
  return absl::OkStatus();
}

void PieceList::WriteScoreMerges(TokenizerData& data) const {
  absl::flat_hash_map<absl::string_view, int32_t> parts;
  std::vector<int32_t> order;
  for (int32_t id = 0; id < size(); ++id) {
    const Piece& piece = (*this)[id];
    if (piece.type != PieceType::kNormal || piece.bytes.empty()) continue;
    if (parts.try_emplace(piece.bytes, id).second) order.push_back(id);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return (*this)[a].score > (*this)[b].score; });
  // The id of a part of a piece: a piece, a single character (added if need be), or -1.
  const auto part_id = [&](absl::string_view part) {
    const auto found = parts.find(part);
    if (found != parts.end()) return found->second;
    const Utf8Char character = DecodeUtf8(part);
    if (character.length != part.size()) return int32_t{-1};
    const int32_t id = size() + static_cast<int32_t>(data.hidden_codepoints.size());
    data.hidden_codepoints.push_back(character.codepoint);
    parts.emplace(part, id);
    return id;
  };
  for (int32_t id : order) {
    const absl::string_view piece = (*this)[id].bytes;
    for (size_t cut = DecodeUtf8(piece).length; cut < piece.size();
         cut += DecodeUtf8(piece.substr(cut)).length) {
      const int32_t left = part_id(piece.substr(0, cut));
      const int32_t right = left < 0 ? -1 : part_id(piece.substr(cut));
      if (right >= 0) data.merges.push_back({left, right, id});
    }
  }
}

}  // namespace inkling
