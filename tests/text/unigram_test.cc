// Unigram segmentation on a vocabulary small enough to check by hand.

#include "src/text/unigram.h"

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "src/text/tokenizer.h"
#include "tests/text/small_vocabularies.h"

namespace inkling {
namespace {

using Ids = std::vector<int32_t>;

// 0 <unk>, 1 a, 2 b, 3 ab, 4 abc, 5 c, 6 bc, 7 "@@" (user-defined).
TokenizerData Vocabulary() {
  TokenizerData data;
  data.kind = TokenizerKind::kUnigram;
  data.unk_id = AddPiece(data, "<unk>", PieceType::kUnknown);
  AddPiece(data, "a", PieceType::kNormal, -2);
  AddPiece(data, "b", PieceType::kNormal, -2);
  AddPiece(data, "ab", PieceType::kNormal, -3);
  AddPiece(data, "abc", PieceType::kNormal, -9);
  AddPiece(data, "c", PieceType::kNormal, -4);
  AddPiece(data, "bc", PieceType::kNormal, -3.5f);
  AddPiece(data, "@@", PieceType::kUserDefined, 0);
  data.decoder.unknown_text = " ? ";
  return data;
}

Ids Encode(const TokenizerData& data, const std::string& text) {
  const auto tokenizer = Tokenizer::Create(data);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *(*tokenizer)->Encode(text);
}

TEST(Unigram, TakesTheHighestSum) {
  EXPECT_EQ(Encode(Vocabulary(), "ab"), Ids{3});        // -3 against -4
  EXPECT_EQ(Encode(Vocabulary(), "abc"), (Ids{1, 6}));  // -5.5 against -7, -8, -9
  EXPECT_EQ(Encode(Vocabulary(), "aabb"), (Ids{1, 3, 2}));
}

// Two ways to the same text whose sums are equal in float and not in double, and the other way
// round.
TEST(Unigram, ExactScoresAreAddedInDouble) {
  TokenizerData data = Vocabulary();
  data.exact_scores = {0, -2, -2, -4.00000001, -9, -4, -6, 0};
  EXPECT_EQ(Encode(data, "ab"), (Ids{1, 2}));  // -4 against -4.00000001
  data.piece_scores[3] = -4.00000001f;
  data.exact_scores.clear();
  EXPECT_EQ(Encode(data, "ab"), Ids{3});  // equal: the first one found
}

TEST(Unigram, SpellingsOfBytesArePiecesWhereScoresAreExact) {
  TokenizerData data = Vocabulary();
  const int32_t newline = AddPiece(data, "\n", PieceType::kByte);
  data.byte_fallback = true;
  EXPECT_NE(Encode(data, "<0x0A>"), Ids{newline});
  data.exact_scores.assign(data.piece_scores.begin(), data.piece_scores.end());
  EXPECT_EQ(Encode(data, "<0x0A>"), Ids{newline});
  EXPECT_EQ(Encode(data, "\n"), Ids{newline});
}

// The best path through the whole text at once, sums made as Unigram makes them.
Ids PlainBestPath(const TokenizerData& data, const std::string& text) {
  std::vector<float> scores(text.size() + 1);
  std::vector<int32_t> ids(text.size() + 1, -1);
  std::vector<size_t> begins(text.size() + 1);
  for (size_t begin = 0; begin < text.size(); ++begin) {
    for (int32_t id = 1; id < 7; ++id) {
      const std::string piece = data.piece_bytes.substr(
          data.piece_offsets[id], data.piece_offsets[id + 1] - data.piece_offsets[id]);
      const size_t end = begin + piece.size();
      if (text.compare(begin, piece.size(), piece) != 0) continue;
      const float sum = data.piece_scores[id] + scores[begin];
      if (ids[end] >= 0 && sum <= scores[end]) continue;
      scores[end] = sum;
      ids[end] = id;
      begins[end] = begin;
    }
  }
  Ids path;
  for (size_t end = text.size(); end > 0; end = begins[end]) path.insert(path.begin(), ids[end]);
  return path;
}

TEST(Unigram, IsTheBestPathThroughTheWholeText) {
  TokenizerData data = Vocabulary();
  data.piece_scores = {0, -2.1f, -2.3f, -3.7f, -6.1f, -4.9f, -4.4f, 0};
  const auto tokenizer = Tokenizer::Create(data);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  std::mt19937 random(9);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (size_t length = 1 + random() % 3000; length > 0; --length) {
      text.push_back(static_cast<char>('a' + random() % (round % 2 == 0 ? 3 : 2)));
    }
    EXPECT_EQ(*(*tokenizer)->Encode(text), PlainBestPath(data, text)) << text;
  }
}

TEST(Unigram, UserDefinedPiecesWinAndUnknownsFuseIfAsked) {
  TokenizerData data = Vocabulary();
  EXPECT_EQ(Encode(data, "a@@b"), (Ids{1, 7, 2}));
  EXPECT_EQ(Encode(data, "axyb"), (Ids{1, 0, 0, 2}));
  data.fuse_unknown = true;
  EXPECT_EQ(Encode(data, "axyb"), (Ids{1, 0, 2}));
}

TEST(Unigram, NeedsAnUnknownPiece) {
  TokenizerData data = Vocabulary();
  data.unk_id = -1;
  EXPECT_FALSE(Tokenizer::Create(data).ok());
}

}  // namespace
}  // namespace inkling
