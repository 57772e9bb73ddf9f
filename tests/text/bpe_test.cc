// Byte-pair encoding against the plain algorithm: look for the best pair, join it, look again.

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "src/text/tokenizer.h"
#include "tests/text/small_vocabularies.h"

namespace inkling {
namespace {

// Quadratic and obviously right.
std::vector<int32_t> PlainBpe(const TokenizerData& data, const std::string& word) {
  std::map<std::pair<int32_t, int32_t>, size_t> ranks;
  for (size_t i = 0; i < data.merges.size(); ++i) {
    ranks.emplace(std::make_pair(data.merges[i].left, data.merges[i].right), i);
  }
  std::vector<int32_t> ids;
  for (char c : word) ids.push_back(static_cast<unsigned char>(c));
  while (true) {
    size_t best_rank = data.merges.size();
    size_t best = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto found = ranks.find({ids[i], ids[i + 1]});
      if (found != ranks.end() && found->second < best_rank) {
        best_rank = found->second;
        best = i;
      }
    }
    if (best_rank == data.merges.size()) return ids;
    ids[best] = data.merges[best_rank].result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

std::string RandomLetters(std::mt19937& random, size_t length, int alphabet) {
  std::string text;
  for (size_t i = 0; i < length; ++i) {
    text.push_back(static_cast<char>('a' + random() % static_cast<uint32_t>(alphabet)));
  }
  return text;
}

TEST(Bpe, EqualsThePlainAlgorithmAtEveryLength) {
  TokenizerData data = ByteLevelVocabulary();
  data.word_splits.clear();  // one word, whatever is in it
  const auto tokenizer = Tokenizer::Create(data);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  std::mt19937 random(7);
  // From one letter, through the border between short and long words, to words that are cut.
  for (size_t length = 1; length < 400; length += 1 + length / 12) {
    for (int alphabet = 1; alphabet <= 4; ++alphabet) {
      const std::string word = RandomLetters(random, length, alphabet);
      EXPECT_EQ(*(*tokenizer)->Encode(word), PlainBpe(data, word)) << word;
    }
  }
}

TEST(Bpe, RepeatedWordsGiveRepeatedIds) {
  // Long enough for the cache of words to be used, with more words than it has places.
  const TokenizerData data = ByteLevelVocabulary();
  const auto tokenizer = Tokenizer::Create(data);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  std::mt19937 random(11);
  std::string text;
  std::vector<int32_t> expected;
  for (int i = 0; i < 5000; ++i) {
    const std::string word = " " + RandomLetters(random, 1 + random() % 30, 3);
    text += word;
    const std::vector<int32_t> ids = PlainBpe(data, word);
    expected.insert(expected.end(), ids.begin(), ids.end());
  }
  EXPECT_EQ(*(*tokenizer)->Encode(text), expected);
}

TEST(Bpe, WholeWordsComeFirstWhereTheVocabularySaysSo) {
  TokenizerData data = ByteLevelVocabulary();
  // "abc" is a piece that no sequence of merges reaches.
  data.piece_types.insert(data.piece_types.end(), static_cast<uint8_t>(PieceType::kNormal));
  data.piece_bytes += "abc";
  data.piece_offsets.push_back(static_cast<uint32_t>(data.piece_bytes.size()));
  const int32_t abc = static_cast<int32_t>(data.piece_types.size()) - 1;
  EXPECT_NE(*(*Tokenizer::Create(data))->Encode("abc"), std::vector<int32_t>{abc});
  data.whole_words_first = true;
  EXPECT_EQ(*(*Tokenizer::Create(data))->Encode("abc"), std::vector<int32_t>{abc});
}

TEST(Bpe, MillionEqualLettersStayNearLinear) {
  TokenizerData data = ByteLevelVocabulary();
  data.word_splits.clear();
  const auto tokenizer = Tokenizer::Create(data);
  ASSERT_TRUE(tokenizer.ok());
  const auto ids = (*tokenizer)->Encode(std::string(1 << 20, 'a'));
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(ids->size(), size_t{1} << 18);  // fours of a
}

}  // namespace
}  // namespace inkling
