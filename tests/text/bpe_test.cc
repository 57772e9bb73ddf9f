// Byte-pair encoding against the plain algorithm: look for the best pair, join it, look again.

#include <algorithm>
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

// The 256 bytes, and merges of what is made of a, b and c in an order that no training would give.
TokenizerData ShuffledVocabulary(std::mt19937& random, int num_merges) {
  TokenizerData data;
  for (int byte = 0; byte < 256; ++byte) {
    AddPiece(data, std::string(1, static_cast<char>(byte)), PieceType::kNormal);
  }
  std::vector<std::string> pieces = {"a", "b", "c"};
  std::vector<int32_t> ids = {'a', 'b', 'c'};
  for (int i = 0; i < num_merges; ++i) {
    const size_t left = random() % ids.size();
    const size_t right = random() % ids.size();
    if (pieces[left].size() + pieces[right].size() > 40) continue;
    pieces.push_back(pieces[left] + pieces[right]);
    const int32_t result = AddPiece(data, pieces.back(), PieceType::kNormal);
    data.merges.push_back({ids[left], ids[right], result});
    ids.push_back(result);
  }
  std::shuffle(data.merges.begin(), data.merges.end(), random);
  data.piece_scores.clear();
  return data;
}

TEST(Bpe, LongWordsEqualThePlainAlgorithmInAnyOrderOfMerges) {
  std::mt19937 random(5);
  for (int round = 0; round < 40; ++round) {
    const TokenizerData data = ShuffledVocabulary(random, 10 + round);
    const auto tokenizer = Tokenizer::Create(data);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    std::string word = RandomLetters(random, 1 + random() % 20, 3);
    while (round % 2 == 0 && word.size() < 1300) word += word;  // a period that blocks don't have
    if (round % 2 != 0) word = RandomLetters(random, 500 + random() % 800, 1 + round % 3);
    EXPECT_EQ(*(*tokenizer)->Encode(word), PlainBpe(data, word)) << round << " " << word;
  }
}

TEST(Bpe, SymbolsLongerThanABlockAreFound) {
  TokenizerData data;
  for (int byte = 0; byte < 256; ++byte) {
    AddPiece(data, std::string(1, static_cast<char>(byte)), PieceType::kNormal);
  }
  int32_t last = 'a';
  for (size_t length = 2; length <= 2048; length *= 2) {
    const int32_t result = AddPiece(data, std::string(length, 'a'), PieceType::kNormal);
    data.merges.push_back({last, last, result});
    last = result;
  }
  data.piece_scores.clear();
  const auto tokenizer = Tokenizer::Create(data);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  for (const size_t length : {511, 512, 513, 1023, 2048, 2049, 7000}) {
    const std::string word(length, 'a');
    EXPECT_EQ(*(*tokenizer)->Encode(word), PlainBpe(data, word)) << length;
  }
}

TEST(Bpe, TheEndOfALongWordMayChangeItsBeginning) {
  // A c takes all the a's in front of it, before these pair up.
  TokenizerData data;
  for (int byte = 0; byte < 256; ++byte) {
    AddPiece(data, std::string(1, static_cast<char>(byte)), PieceType::kNormal);
  }
  const int32_t pair = AddPiece(data, "aa", PieceType::kNormal);
  data.merges = {{'a', 'c', 'c'}, {'a', 'a', pair}};
  data.piece_scores.clear();
  const auto tokenizer = Tokenizer::Create(data);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const std::string run(700, 'a');
  EXPECT_EQ(*(*tokenizer)->Encode(run + run), std::vector<int32_t>(700, pair));
  EXPECT_EQ(*(*tokenizer)->Encode(run + run + run + "c"), std::vector<int32_t>{'c'});
  std::vector<int32_t> expected = {'b', 'c'};
  expected.insert(expected.end(), 1050, pair);
  EXPECT_EQ(*(*tokenizer)->Encode("b" + run + "c" + run + run + run), expected);
}

TEST(Bpe, WholeWordsAndPartsOfWordsAreKeptApart) {
  // "xy" is a piece that no merges reach; it is one where it is a word and not inside of others.
  TokenizerData data = ByteLevelVocabulary();
  const int32_t xy = static_cast<int32_t>(data.piece_types.size());
  data.piece_types.push_back(static_cast<uint8_t>(PieceType::kNormal));
  data.piece_bytes += "xy";
  data.piece_offsets.push_back(static_cast<uint32_t>(data.piece_bytes.size()));
  data.merges.push_back({'x', 'q', 'q'});  // so that x and y are possible, but not joined
  data.whole_words_first = true;
  data.word_splits = {{WordSplit::kDigits, 1}};
  const auto tokenizer = Tokenizer::Create(data);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const std::string longer = std::string(30, '.') + "xy";
  std::vector<int32_t> expected;
  std::string text;
  for (int i = 0; i < 100; ++i) {  // long enough for the cache of words
    text += "xy1" + longer + "1";
    expected.push_back(xy);
    expected.push_back('1');
    expected.insert(expected.end(), 30, '.');
    expected.insert(expected.end(), {'x', 'y', '1'});
  }
  EXPECT_EQ(*(*tokenizer)->Encode(text), expected);
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
