// The tokenizer as a whole: markup, positions, additions, streaming, and data that it must refuse.

#include "src/text/tokenizer.h"

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "src/text/utf8.h"
#include "tests/text/small_vocabularies.h"

namespace inkling {
namespace {

using Ids = std::vector<int32_t>;

constexpr int32_t kSpace = 259, kB = 261, kSpaceA = 262, kAb = 263;

std::unique_ptr<const Tokenizer> Make(TokenizerData data) {
  auto tokenizer = Tokenizer::Create(std::move(data));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

TEST(Tokenizer, MarkupInTextIsTextUnlessAsked) {
  const auto tokenizer = Make(ByteLevelVocabulary());
  const int32_t bos = tokenizer->data().bos_id;
  const Ids as_text = *tokenizer->Encode("<s>");
  EXPECT_EQ(as_text, (Ids{'<', 's', '>'}));
  EncodeOptions parse;
  parse.markup = Markup::kParse;
  EXPECT_EQ(*tokenizer->Encode("<s>", parse), Ids{bos});
}

TEST(Tokenizer, PartsParseMarkupOnlyWhereItIsMarkup) {
  const auto tokenizer = Make(ByteLevelVocabulary());
  const int32_t bos = tokenizer->data().bos_id;
  const int32_t eos = tokenizer->data().eos_id;
  const std::vector<PromptPart> parts = {
      {"<s>", Markup::kParse}, {"x</s>", Markup::kAsText}, {"</s>", Markup::kParse}};
  EXPECT_EQ(*tokenizer->Encode(parts), (Ids{bos, 'x', '<', '/', 's', '>', eos}));
  // A token that begins in one part and ends in the other is none.
  const std::vector<PromptPart> split = {{"<", Markup::kAsText}, {"s>", Markup::kParse}};
  EXPECT_EQ(*tokenizer->Encode(split), (Ids{'<', 's', '>'}));
}

TEST(Tokenizer, PartsAreOneTextForEverythingElse) {
  const auto tokenizer = Make(ByteLevelVocabulary());
  const std::vector<PromptPart> parts = {{"a", Markup::kParse}, {"bab", Markup::kAsText}};
  EXPECT_EQ(*tokenizer->Encode(parts), *tokenizer->Encode("abab"));
}

TEST(Tokenizer, SpaceGoesInFrontOfTheFirstSegmentOnly) {
  const auto tokenizer = Make(EscapedSpaceVocabulary());
  EXPECT_EQ(*tokenizer->Encode("a"), Ids{kSpaceA});
  EXPECT_EQ(*tokenizer->Encode("ab a"), (Ids{kSpaceA, kB, kSpaceA}));
  EncodeOptions options;
  options.position = TextPosition::kContinuation;
  EXPECT_EQ(*tokenizer->Encode("ab", options), Ids{kAb});
  options = {};
  options.markup = Markup::kParse;
  EXPECT_EQ(*tokenizer->Encode("<s>ab", options), (Ids{1, kAb}));
  TokenizerData every = EscapedSpaceVocabulary();
  every.normalizer.space_prefix = SpacePrefix::kEverySegment;
  EXPECT_EQ(*Make(every)->Encode("<s>a", options), (Ids{1, kSpaceA}));
}

TEST(Tokenizer, SingleWordsStandAlone) {
  TokenizerData data = ByteLevelVocabulary();
  const int32_t tool = AddPiece(data, "tool", PieceType::kUserDefined);
  data.piece_scores.clear();
  AddToken(data, tool, "tool", false);
  data.added_tokens.back().single_word = true;
  const int32_t oo = AddPiece(data, "oo", PieceType::kUserDefined);
  data.piece_scores.clear();
  AddToken(data, oo, "oo", false);
  const auto tokenizer = Tokenizer::Create(data);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const auto encode = [&](const std::string& text) { return *(*tokenizer)->Encode(text); };
  EXPECT_EQ(encode("tool"), (std::vector<int32_t>{tool}));
  EXPECT_EQ(encode("(tool)"), (std::vector<int32_t>{'(', tool, ')'}));
  EXPECT_EQ(encode("tool tool"), (std::vector<int32_t>{tool, ' ', tool}));
  // Beside a letter it is text, and nothing is looked for inside it.
  EXPECT_EQ(encode("tools"), (std::vector<int32_t>{'t', 'o', 'o', 'l', 's'}));
  EXPECT_EQ(encode("_tool"), (std::vector<int32_t>{'_', 't', 'o', 'o', 'l'}));
  EXPECT_EQ(encode("\xC3\xA9tool").size(), 6u);
  EXPECT_EQ(encode("xoox"), (std::vector<int32_t>{'x', oo, 'x'}));
}

TEST(Tokenizer, AddedIdsFollowTheVocabularyOrTheCaller) {
  TokenizerData data = EscapedSpaceVocabulary();
  data.add_eos = true;
  const auto tokenizer = Make(data);
  EncodeOptions options;
  options.added_ids = AddedIds::kAsVocabularySays;
  EXPECT_EQ(*tokenizer->Encode("a", options), (Ids{1, kSpaceA, 2}));
  options.added_ids = AddedIds::kBos;
  EXPECT_EQ(*tokenizer->Encode("a", options), (Ids{1, kSpaceA}));
  EXPECT_EQ(*tokenizer->Encode("", {}), Ids{});
  EXPECT_EQ(tokenizer->Encode("a", options)->size(), 2u);
}

TEST(Tokenizer, UnknownCharactersBecomeBytes) {
  const auto tokenizer = Make(EscapedSpaceVocabulary());
  EXPECT_EQ(*tokenizer->Encode("\xC3\xA9"), (Ids{kSpace, 3 + 0xC3, 3 + 0xA9}));
  // Ill-formed input counts as U+FFFD: EF BF BD.
  EXPECT_EQ(*tokenizer->Encode("\xFF"), (Ids{kSpace, 3 + 0xEF, 3 + 0xBF, 3 + 0xBD}));
}

TEST(Tokenizer, UnknownCharactersWithoutBytesAreFusedIfAsked) {
  TokenizerData data = EscapedSpaceVocabulary();
  data.byte_fallback = false;
  EXPECT_EQ(*Make(data)->Encode("axyb"), (Ids{kSpaceA, 0, 0, kB}));
  data.fuse_unknown = true;
  EXPECT_EQ(*Make(data)->Encode("axyb"), (Ids{kSpaceA, 0, kB}));
  // The same where words come out of the cache.
  std::string text = "a";
  Ids expected = {kSpaceA};
  for (int i = 0; i < 300; ++i) {
    text += "xy a";
    for (int32_t id : {0, kSpaceA}) expected.push_back(id);
  }
  EXPECT_EQ(*Make(data)->Encode(text), expected);
}

TEST(Tokenizer, DecodingHidesOrShowsSpecialTokens) {
  const auto tokenizer = Make(ByteLevelVocabulary());
  const Ids ids = {tokenizer->data().bos_id, 'h', 'i', tokenizer->data().eos_id};
  EXPECT_EQ(*tokenizer->Decode(ids), "hi");
  DecodeOptions show;
  show.special_tokens = SpecialTokenText::kShow;
  EXPECT_EQ(*tokenizer->Decode(ids, show), "<s>hi</s>");
}

TEST(Tokenizer, ContinuationKeepsItsLeadingSpace) {
  const auto tokenizer = Make(EscapedSpaceVocabulary());
  EXPECT_EQ(*tokenizer->Decode(Ids{kSpaceA, kSpaceA}), "a a");
  DecodeOptions options;
  options.position = TextPosition::kContinuation;
  EXPECT_EQ(*tokenizer->Decode(Ids{kSpaceA, kSpaceA}, options), " a a");
}

TEST(Tokenizer, RefusesIdsOutsideTheVocabulary) {
  const auto tokenizer = Make(ByteLevelVocabulary());
  for (int32_t id : {-1, tokenizer->num_pieces(), 2147483647}) {
    EXPECT_EQ(tokenizer->Decode(Ids{id}).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_FALSE(tokenizer->PieceText(id).ok());
    StreamDecoder stream(*tokenizer);
    EXPECT_FALSE(stream.Add(id).ok());
  }
}

TEST(StreamDecoder, ChunksAreWholeCharactersAndGiveTheText) {
  std::mt19937 random(3);
  const ByteRunText runs[] = {ByteRunText::kReplaceEachByte, ByteRunText::kReplaceWholeRun};
  for (int round = 0; round < 600; ++round) {
    const bool bytes = round % 3 == 0;
    TokenizerData data = bytes ? ByteLevelVocabulary() : EscapedSpaceVocabulary();
    if (!bytes) data.decoder.byte_runs = runs[round % 3 - 1];
    const auto tokenizer = Make(std::move(data));
    Ids ids;
    // Mostly the bytes of characters, now and then anything: both whole and broken sequences.
    for (int i = 0; i < 40; ++i) {
      std::string character;
      AppendUtf8(random() % 2 == 0 ? 0x1F600 + random() % 64 : 0xE0 + random() % 900, character);
      for (char c : character) {
        ids.push_back(static_cast<unsigned char>(c) + (bytes ? 0 : 3));
        if (random() % 16 == 0) {
          ids.push_back(
              static_cast<int32_t>(random() % static_cast<uint32_t>(tokenizer->num_pieces())));
        }
      }
    }
    StreamDecoder stream(*tokenizer);
    std::string streamed;
    for (int32_t id : ids) {
      const std::string chunk = *stream.Add(id);
      EXPECT_EQ(WellFormedPrefix(chunk), chunk.size());
      streamed += chunk;
    }
    streamed += stream.Flush();
    EXPECT_EQ(streamed, *tokenizer->Decode(ids));
  }
}

TEST(StreamDecoder, HoldsBackAnUnfinishedCharacter) {
  const auto tokenizer = Make(ByteLevelVocabulary());
  StreamDecoder stream(*tokenizer);
  EXPECT_EQ(*stream.Add(0xE2), "");
  EXPECT_EQ(*stream.Add(0x82), "");
  EXPECT_EQ(*stream.Add(0xAC), "\xE2\x82\xAC");
  EXPECT_EQ(*stream.Add(0xE2), "");
  EXPECT_EQ(stream.Flush(), "\xEF\xBF\xBD");
  EXPECT_EQ(stream.Flush(), "");
}

TEST(Tokenizer, TextSurvivesTheRoundTrip) {
  const auto tokenizer = Make(ByteLevelVocabulary());
  for (const std::string text : {"", "abc abab", "  a\n\tb  ", "\xF0\x9F\x98\x80 na\xC3\xAFve"}) {
    EXPECT_EQ(*tokenizer->Decode(*tokenizer->Encode(text)), text);
  }
}

// A way to break good data.
struct Damage {
  const char* name;
  std::function<void(TokenizerData&)> apply;
};

class DamagedData : public testing::TestWithParam<Damage> {};

TEST_P(DamagedData, IsRefused) {
  TokenizerData data = EscapedSpaceVocabulary();
  GetParam().apply(data);
  const auto tokenizer = Tokenizer::Create(std::move(data));
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_GT(tokenizer.status().message().size(), 20u);
}

INSTANTIATE_TEST_SUITE_P(
    All, DamagedData,
    testing::Values(
        Damage{"NoPieces", [](TokenizerData& d) { d = TokenizerData(); }},
        Damage{"Kind", [](TokenizerData& d) { d.kind = static_cast<TokenizerKind>(9); }},
        Damage{"OffsetBeyondEnd", [](TokenizerData& d) { d.piece_offsets.back() += 1; }},
        Damage{"OffsetsFall", [](TokenizerData& d) { d.piece_offsets[5] = 4000000; }},
        Damage{"Types", [](TokenizerData& d) { d.piece_types.pop_back(); }},
        Damage{"TypeValue", [](TokenizerData& d) { d.piece_types[0] = 77; }},
        Damage{"Scores", [](TokenizerData& d) { d.piece_scores.pop_back(); }},
        Damage{"MergeLeft", [](TokenizerData& d) { d.merges[0].left = 264; }},
        Damage{"MergeNegative", [](TokenizerData& d) { d.merges[0].right = -2; }},
        Damage{"MergeResult", [](TokenizerData& d) { d.merges[0].result = 264; }},
        Damage{"MergeOrder", [](TokenizerData& d) { std::swap(d.merges[0], d.merges[1]); }},
        Damage{"Bos", [](TokenizerData& d) { d.bos_id = 264; }},
        Damage{"AddBos", [](TokenizerData& d) { d.bos_id = -1; }},
        Damage{"Stop", [](TokenizerData& d) { d.stop_ids = {-1}; }},
        Damage{"AddedId", [](TokenizerData& d) { d.added_tokens[0].id = 5000; }},
        Damage{"MarkupNormalized",
               [](TokenizerData& d) { d.added_tokens[0].match_normalized = true; }},
        Damage{"Utf8", [](TokenizerData& d) { d.piece_bytes.back() = '\xFF'; }},
        Damage{"NoBytePieces",
               [](TokenizerData& d) {
                 for (size_t i = 3; i < 259; ++i) d.piece_types[i] = 5;
               }},
        Damage{"Split",
               [](TokenizerData& d) {
                 d.word_splits = {{static_cast<WordSplit>(99), 0}};
               }},
        Damage{"Form",
               [](TokenizerData& d) { d.normalizer.unicode_form = static_cast<UnicodeForm>(0); }},
        Damage{"Map",
               [](TokenizerData& d) {
                 d.normalizer.unicode_form = UnicodeForm::kCharsMap;
                 d.normalizer.charsmap = "\xFF\xFF\xFF\xFFxxxxxxxx";
               }},
        Damage{"LeadingSpace",
               [](TokenizerData& d) { d.decoder.leading_space = static_cast<LeadingSpace>(0); }}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace inkling
