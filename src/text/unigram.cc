// The best path through a segment (see unigram.h). Sums are made in the precision of the tool that
// published the vocabulary, because equal sums are common and the first one found wins.

#include "src/text/unigram.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "src/text/pieces.h"
#include "src/text/utf8.h"

namespace inkling {
namespace {

constexpr double kUnknownPenalty = 10;

// "<0x0A>", as vocabularies write bytes.
std::string SpellingOf(unsigned char byte) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  return {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
}

}  // namespace

Unigram::Unigram(const TokenizerData& data, const absl::flat_hash_set<int32_t>& markup)
    : scores_(data.exact_scores),
      unk_id_(data.unk_id),
      exact_(!data.exact_scores.empty()),
      fuse_unknown_(data.fuse_unknown) {
  if (!exact_) scores_.assign(data.piece_scores.begin(), data.piece_scores.end());
  double lowest = 0;
  double highest = 0;
  bool any = false;
  for (int32_t id = 0; id < NumPieces(data); ++id) {
    // Hugging Face's tokenizers know no types: every piece counts.
    if (!exact_ && TypeOfPiece(data, id) != PieceType::kNormal) continue;
    const double score = scores_[static_cast<size_t>(id)];
    lowest = any ? std::min(lowest, score) : score;
    highest = any ? std::max(highest, score) : score;
    any = true;
  }
  unknown_score_ = Sum(-kUnknownPenalty, lowest);
  AddPieces(data, markup, highest);
}

void Unigram::AddPieces(const TokenizerData& data, const absl::flat_hash_set<int32_t>& markup,
                        double highest) {
  std::vector<ByteTrie::Entry> entries;
  std::vector<std::string> spellings;
  spellings.reserve(256);  // entries point into it
  if (data.byte_fallback) byte_pieces_.assign(256, data.unk_id);
  for (int32_t id = 0; id < NumPieces(data); ++id) {
    const PieceType type = TypeOfPiece(data, id);
    absl::string_view piece = PieceBytes(data, id);
    if (type == PieceType::kByte && data.byte_fallback) {
      byte_pieces_[static_cast<unsigned char>(piece[0])] = id;
    }
    if (type == PieceType::kByte && exact_ && spellings.size() < 256) {
      spellings.push_back(SpellingOf(static_cast<unsigned char>(piece[0])));
      piece = spellings.back();
    } else if (type == PieceType::kUserDefined && !exact_) {
      // It always wins over what it consists of.
      const float score = static_cast<float>(piece.size()) * static_cast<float>(highest) - 0.1f;
      scores_[static_cast<size_t>(id)] = score;
    } else if (type != PieceType::kNormal) {
      continue;
    }
    if (markup.contains(id)) continue;
    entries.emplace_back(piece, id);
    longest_piece_ = std::max(longest_piece_, piece.size());
  }
  trie_ = ByteTrie(std::move(entries));
}

double Unigram::Sum(double score, double base) const {
  return exact_ ? score + base : static_cast<float>(score) + static_cast<float>(base);
}

void Unigram::Encode(absl::string_view text, UnigramScratch& scratch,
                     std::vector<int32_t>& ids) const {
  scratch.after_unknown = false;
  double score = 0;
  for (size_t window = 0; window < text.size();) {
    // From a place that every path goes through to the next one.
    size_t begin = window;
    size_t furthest = window;
    if (scratch.ends.empty()) scratch.ends.resize(1);
    scratch.ends[0].score = score;
    do {
      const size_t reach = std::min(std::max<size_t>(longest_piece_, 4), text.size() - begin);
      if (scratch.ends.size() <= begin - window + reach) {
        scratch.ends.resize(2 * (begin - window + reach) + 64);
      }
      furthest = Extend(text, begin, window, furthest, scratch);
      begin += DecodeUtf8(text.substr(begin)).length;
    } while (begin < furthest);
    score = scratch.ends[begin - window].score;
    AppendPath(text.substr(window, begin - window), scratch, ids);
    window = begin;
  }
}

// Offers every piece that begins at `begin` to the place where it ends. `window` is where
// `scratch.ends` begins. Returns the furthest place that anything has reached.
size_t Unigram::Extend(absl::string_view text, size_t begin, size_t window, size_t furthest,
                       UnigramScratch& scratch) const {
  UnigramScratch::PathEnd* const ends = scratch.ends.data() + (begin - window);
  const double base = ends[0].score;
  const auto offer = [&](size_t length, int32_t id, double score) {
    const double sum = Sum(score, base);
    UnigramScratch::PathEnd& target = ends[length];
    if (target.id >= 0 && sum <= target.score) return;
    target = {sum, id, static_cast<uint32_t>(length)};
  };
  const size_t character = DecodeUtf8(text.substr(begin)).length;
  bool whole_character = false;
  size_t longest = character;
  uint32_t node = ByteTrie::kRoot;
  for (size_t end = begin; end < text.size();) {
    node = trie_.Step(node, static_cast<unsigned char>(text[end]));
    if (node == ByteTrie::kNoNode) break;
    ++end;
    const int32_t id = trie_.ValueAt(node);
    if (id < 0) continue;
    const size_t length = end - begin;
    offer(length, id, scores_[static_cast<size_t>(id)]);
    whole_character = whole_character || length == character;
    longest = std::max(longest, length);
  }
  if (!whole_character) offer(character, unk_id_, unknown_score_);
  return std::max(furthest, begin + longest);
}

// Appends the ids of the best path through `text`, whose ends are in `scratch`, and clears those.
void Unigram::AppendPath(absl::string_view text, UnigramScratch& scratch,
                         std::vector<int32_t>& ids) const {
  scratch.path.clear();
  for (size_t end = text.size(); end > 0; end -= scratch.ends[end].length) {
    scratch.path.push_back(scratch.ends[end]);
  }
  std::fill_n(scratch.ends.begin(), text.size() + 1, UnigramScratch::PathEnd());
  size_t pos = 0;
  for (auto step = scratch.path.rbegin(); step != scratch.path.rend(); ++step) {
    const bool unknown = step->id == unk_id_;
    if (unknown && !byte_pieces_.empty()) {
      for (char c : text.substr(pos, step->length)) {
        ids.push_back(byte_pieces_[static_cast<unsigned char>(c)]);
      }
    } else if (!unknown || !fuse_unknown_ || !scratch.after_unknown) {
      ids.push_back(step->id);
    }
    scratch.after_unknown = unknown && byte_pieces_.empty();
    pos += step->length;
  }
}

}  // namespace inkling
