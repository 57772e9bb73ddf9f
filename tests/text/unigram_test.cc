// Unigram segmentation on a vocabulary small enough to check by hand.

#include "src/text/unigram.h"

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
