// Vocabularies of GPT-2's characters for bytes: ids against SentencePiece's algorithm written out
// plainly over those characters, and what is refused.

#include "converter/tokenizer/byte_characters.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "gtest/gtest.h"
#include "src/text/pieces.h"
#include "src/text/tokenizer.h"
#include "tests/converter/mediapipe_fixture.h"
#include "tests/testing/status_matchers.h"

namespace inkling {
namespace {

using absl::StatusCode;

struct TestPiece {
  std::string text;
  uint64_t type = 1;
};

std::string ModelBytes(const std::vector<TestPiece>& pieces, uint64_t model_type = 2,
                       bool dummy_prefix = false) {
  ProtobufWriter model;
  for (size_t id = 0; id < pieces.size(); ++id) {
    model.Bytes(1, ProtobufWriter()
                       .Bytes(1, pieces[id].text)
                       .Float(2, -static_cast<float>(id))
                       .Number(3, pieces[id].type)
                       .bytes());
  }
  model.Bytes(2, ProtobufWriter().Number(3, model_type).bytes());
  ProtobufWriter normalizer;
  normalizer.Number(3, dummy_prefix ? 1 : 0).Number(4, 0).Number(5, 0);
  return model.Bytes(3, normalizer.bytes()).bytes();
}

absl::StatusOr<TokenizerData> Read(const std::string& model) {
  absl::StatusOr<TokenizerData> data = ParseSentencePieceModel(model);
  if (!data.ok()) return data.status();
  const absl::Status translated = CharactersToBytes(*data);
  if (!translated.ok()) return translated;
  return data;
}

std::unique_ptr<const Tokenizer> Open(const std::string& model) {
  absl::StatusOr<TokenizerData> data = Read(model);
  EXPECT_OK(data);
  if (!data.ok()) return nullptr;
  absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer = Tokenizer::Create(*std::move(data));
  EXPECT_OK(tokenizer);
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

// The character of GPT-2's alphabet for a byte, in UTF-8.
std::string CharacterOf(unsigned char byte) {
  static const std::vector<std::string> kCharacters = [] {
    std::vector<std::string> characters;
    int next = 0x100;
    for (int b = 0; b < 256; ++b) {
      const bool itself = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      const int code = itself ? b : next++;
      characters.push_back(code < 128 ? std::string(1, static_cast<char>(code))
                                      : std::string{static_cast<char>(0xC0 | code >> 6),
                                                    static_cast<char>(0x80 | (code & 63))});
    }
    return characters;
  }();
  return kCharacters[byte];
}

// SentencePiece's BPE: of all neighbours that are a piece together, those with the highest score,
// which is the lowest id here, are joined first, from left to right; over and over.
std::vector<int32_t> PlainIds(const std::vector<TestPiece>& pieces, const std::string& text) {
  std::map<std::string, int32_t> ids;
  for (size_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id].type == 1) ids[pieces[id].text] = static_cast<int32_t>(id);
  }
  std::vector<std::string> symbols;
  for (const char c : text) symbols.push_back(CharacterOf(static_cast<unsigned char>(c)));
  while (true) {
    size_t best = 0;
    int32_t best_id = -1;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto found = ids.find(symbols[i] + symbols[i + 1]);
      if (found == ids.end() || (best_id >= 0 && found->second >= best_id)) continue;
      best = i;
      best_id = found->second;
    }
    if (best_id < 0) break;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
  std::vector<int32_t> result;
  for (const std::string& symbol : symbols) result.push_back(ids.at(symbol));
  return result;
}

// All bytes, and pieces that join across words and out of order.
std::vector<TestPiece> Pieces() {
  std::vector<TestPiece> pieces = {{"<|endoftext|>", 2}, {"<|pad|>"}};
  for (const char* text : {"Ġt",  "he",   "Ġthe", "e'", "'s", "e's", "Ċ",   "ĊĊ", "sĠ", "Ã¤", "aa",
                           "aaa", "aaaa", "Ġa",   "aĠ", "ðŁ", "ðŁĺ", "tĠt", "h",  "th", "the"}) {
    pieces.push_back({text});
  }
  for (int byte = 0; byte < 256; ++byte) {
    const std::string character = CharacterOf(static_cast<unsigned char>(byte));
    if (character != "h" && character != "Ċ") pieces.push_back({character});
  }
  return pieces;
}

TEST(ByteCharactersTest, IdsAreThoseOfSentencePieceOverCharacters) {
  const std::vector<TestPiece> pieces = Pieces();
  const std::unique_ptr<const Tokenizer> tokenizer = Open(ModelBytes(pieces));
  ASSERT_NE(tokenizer, nullptr);
  std::vector<std::string> texts = {"",     "the",          " the the's",        "<|endoftext|>",
                                    "äöü😀", "a\n\n\nthe's", "it's  the  \t 's\n"};
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (unsigned length = random() % 40; length > 0; --length) {
      text += std::vector<std::string>{
          "a", "t", "h", "e", "s", " ", "'", "\n", "ä", "😀"}[random() % 10];
    }
    texts.push_back(text);
  }
  texts.push_back(std::string(1500, 'a'));  // longer than what is merged at once
  for (const std::string& text : texts) {
    ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> ids, tokenizer->Encode(text, {}));
    EXPECT_EQ(ids, PlainIds(pieces, text)) << text;
    ASSERT_OK_AND_ASSIGN(const std::string decoded, tokenizer->Decode(ids, {}));
    EXPECT_EQ(decoded, text);
  }
}

TEST(ByteCharactersTest, TheUnknownPieceIsMarkup) {
  const std::unique_ptr<const Tokenizer> tokenizer = Open(ModelBytes(Pieces()));
  ASSERT_NE(tokenizer, nullptr);
  EncodeOptions options;
  options.markup = Markup::kParse;
  ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> ids,
                       tokenizer->Encode("the<|endoftext|>", options));
  EXPECT_EQ(ids.back(), 0);
  EXPECT_EQ(ids.size(), 2u);
  ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> spelled, tokenizer->Encode("<|endoftext|>", {}));
  EXPECT_GT(spelled.size(), 5u);
}

TEST(ByteCharactersTest, PiecesOutsideTheAlphabetAreReadButNeverWritten) {
  std::vector<TestPiece> pieces = Pieces();
  pieces.push_back({"  "});  // real spaces, which no text has here
  pieces.push_back({"中a"});
  const std::unique_ptr<const Tokenizer> tokenizer = Open(ModelBytes(pieces));
  ASSERT_NE(tokenizer, nullptr);
  const int32_t spaces = static_cast<int32_t>(pieces.size()) - 2;
  for (const char* text : {"  ", "a  a", "中a"}) {
    ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> ids, tokenizer->Encode(text, {}));
    for (const int32_t id : ids) EXPECT_LT(id, spaces) << text;
  }
  ASSERT_OK_AND_ASSIGN(const std::string text, tokenizer->Decode({spaces, spaces + 1}, {}));
  EXPECT_EQ(text, "  中a");
}

TEST(ByteCharactersTest, WhatCantBeFollowedIsRefused) {
  EXPECT_THAT(Read(ModelBytes(Pieces(), 1)),
              MatchesStatus(StatusCode::kUnimplemented, {"isn't BPE"}));
  EXPECT_THAT(Read(ModelBytes(Pieces(), 2, true)),
              MatchesStatus(StatusCode::kUnimplemented, {"add_dummy_prefix"}));
  std::vector<TestPiece> pieces = Pieces();
  pieces.push_back({"mark", 4});
  EXPECT_THAT(Read(ModelBytes(pieces)),
              MatchesStatus(StatusCode::kUnimplemented, {"USER_DEFINED"}));
}

}  // namespace
}  // namespace inkling
