// Damaged and unsupported tokenizer files: always a Status or a tokenizer that works, never a
// crash, and an unsupported stage is named.

#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "gtest/gtest.h"
#include "src/text/tokenizer.h"
#include "tests/converter/golden_tokenizer.h"

namespace inkling {
namespace {

using Json = nlohmann::json;
using Parser = absl::StatusOr<TokenizerData> (*)(absl::string_view);

const char kFolder[] = INKLING_TEST_DATA_DIR "/golden/tokenizers/";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// Parses, and uses what could be parsed. Returns whether it could.
bool Survives(Parser parse, absl::string_view bytes) {
  absl::StatusOr<TokenizerData> data = parse(bytes);
  if (!data.ok()) {
    EXPECT_FALSE(data.status().message().empty());
    return false;
  }
  auto tokenizer = Tokenizer::Create(*std::move(data));
  if (!tokenizer.ok()) return false;
  const auto ids = (*tokenizer)->Encode("Hello, w\xC3\xB6rld!  <s> 123\n\xFF");
  EXPECT_TRUE(ids.ok());
  EXPECT_TRUE((*tokenizer)->Decode(*ids).ok());
  return true;
}

void CorruptEverywhere(Parser parse, const std::string& good, size_t step) {
  ASSERT_TRUE(Survives(parse, good));
  int num_accepted = 0;
  for (size_t length = 0; length + 1 < good.size(); length += step) {
    num_accepted += Survives(parse, absl::string_view(good).substr(0, length)) ? 1 : 0;
  }
  for (size_t i = 0; i < good.size(); i += step) {
    for (const int change : {1, 0x80, 0xFF}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ change);
      Survives(parse, bad);
    }
  }
  // A prefix of a list of pieces may be a shorter list; most prefixes are no whole file.
  EXPECT_LT(num_accepted, static_cast<int>(good.size() / step / 2));
}

TEST(DamagedFiles, SentencePieceModelNeverCrashes) {
  CorruptEverywhere(ParseSentencePieceModel,
                    ReadFile(std::string(kFolder) + "spm_llama/tokenizer.model"), 13);
}

TEST(DamagedFiles, TokenizerJsonNeverCrashes) {
  CorruptEverywhere(ParseTokenizerJson, ReadFile(std::string(kFolder) + "spm_llama/tokenizer.json"),
                    331);
}

TEST(DamagedFiles, ByteLevelTokenizerJsonNeverCrashes) {
  CorruptEverywhere(ParseTokenizerJson, ReadFile(std::string(kFolder) + "bpe_qwen/tokenizer.json"),
                    523);
}

TEST(DamagedFiles, Llama2cTokenizerNeverCrashes) {
  std::string good(4, '\0');
  for (int i = 0; i < 300; ++i) {
    const std::string piece = i < 259 ? "<0x00>" : absl::StrCat("p", i);
    good.append("\0\0\0\0", 4);
    good.push_back(static_cast<char>(piece.size()));
    good.append("\0\0\0", 3);
    good += piece;
  }
  CorruptEverywhere(ParseLlama2cTokenizer, good, 7);
}

// A change to a good tokenizer.json and what the error must name.
struct Unsupported {
  const char* name;
  std::function<void(Json&)> change;
  const char* named;
};

class UnsupportedStage : public testing::TestWithParam<Unsupported> {};

TEST_P(UnsupportedStage, IsNamedByTheError) {
  Json tokenizer = LoadJson(std::string(kFolder) + "bpe_llama3/tokenizer.json");
  GetParam().change(tokenizer);
  const auto data = ParseTokenizerJson(tokenizer.dump());
  ASSERT_FALSE(data.ok());
  EXPECT_NE(data.status().message().find(GetParam().named), std::string::npos) << data.status();
}

INSTANTIATE_TEST_SUITE_P(
    All, UnsupportedStage,
    testing::Values(
        Unsupported{"Model", [](Json& t) { t["model"]["type"] = "WordPiece"; }, "WordPiece"},
        Unsupported{"Normalizer",
                    [](Json& t) {
                      t["normalizer"] = {{"type", "Lowercase"}};
                    },
                    "Lowercase"},
        Unsupported{
            "Pattern",
            [](Json& t) { t["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "[a-z]+x"; },
            "[a-z]+x"},
        Unsupported{"Pretokenizer",
                    [](Json& t) {
                      t["pre_tokenizer"]["pretokenizers"][0] = {{"type", "BertPreTokenizer"}};
                    },
                    "BertPreTokenizer"},
        Unsupported{"Decoder",
                    [](Json& t) {
                      t["decoder"] = {{"type", "WordPiece"}};
                    },
                    "decoder"},
        Unsupported{"BytesOfDecoderOnly", [](Json& t) { t["pre_tokenizer"] = nullptr; },
                    "without a byte-level pre_tokenizer"},
        Unsupported{"PostProcessor",
                    [](Json& t) {
                      t["post_processor"] = {{"type", "RobertaProcessing"}};
                    },
                    "RobertaProcessing"},
        Unsupported{"Unigram", [](Json& t) { t["model"]["type"] = "Unigram"; },
                    "a Unigram model of bytes"},
        Unsupported{"NoMerges", [](Json& t) { t["model"]["merges"] = Json::array(); },
                    "model.merges: expected the merges"},
        Unsupported{"Merge",
                    [](Json& t) {
                      t["model"]["merges"][3] = {"no", "such piece"};
                    },
                    "merges[3]"},
        Unsupported{"DuplicateId", [](Json& t) { t["model"]["vocab"]["zzz"] = 7; }, "token id 7"},
        Unsupported{"HugeId", [](Json& t) { t["model"]["vocab"]["zzz"] = 1099511627776; },
                    "1099511627776"},
        Unsupported{"Suffix", [](Json& t) { t["model"]["end_of_word_suffix"] = "</w>"; },
                    "end_of_word_suffix"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(DecoderStages, InAnotherOrderAreRefused) {
  const Json unescape = {
      {"type", "Replace"}, {"pattern", {{"String", "\xE2\x96\x81"}}}, {"content", " "}};
  const Json bytes = {{"type", "ByteFallback"}};
  const Json fuse = {{"type", "Fuse"}};
  const Json strip = {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}};
  const auto parse = [&](const Json& stages) {
    Json tokenizer = LoadJson(std::string(kFolder) + "spm_llama/tokenizer.json");
    tokenizer["decoder"] = {{"type", "Sequence"}, {"decoders", stages}};
    return ParseTokenizerJson(tokenizer.dump()).status();
  };
  EXPECT_TRUE(parse({bytes, unescape, fuse, strip}).ok());
  // What strips pieces, not the whole text, and what comes too late to see pieces.
  for (const Json& stages : {Json{unescape, bytes, strip}, Json{strip, unescape, bytes, fuse},
                             Json{unescape, fuse, bytes}}) {
    EXPECT_EQ(parse(stages).code(), absl::StatusCode::kUnimplemented) << stages;
  }
}

// What stood around them is joined, as by Hugging Face's tokenizers.
TEST(UnknownCharacters, VanishWhereNothingStandsForThem) {
  Json tokenizer = LoadJson(std::string(kFolder) + "spm_llama/tokenizer.json");
  tokenizer["model"]["unk_token"] = nullptr;
  tokenizer["model"]["byte_fallback"] = false;
  auto data = ParseTokenizerJson(tokenizer.dump());
  ASSERT_TRUE(data.ok()) << data.status();
  const auto made = Tokenizer::Create(*std::move(data));
  ASSERT_TRUE(made.ok()) << made.status();
  const auto plain = (*made)->Encode("the the");
  EXPECT_EQ(*(*made)->Encode("t\U0001F600he t\U0001F600\U0001F600he"), *plain);
  EXPECT_FALSE(plain->empty());
}

// A Unigram model of characters with the scores of the vocabulary's length.
TEST(UnigramModels, AreCheckedPieceByPiece) {
  Json tokenizer = LoadJson(std::string(kFolder) + "spm_llama/tokenizer.json");
  const auto parse = [&](const Json& vocab, const Json& unk_id) {
    tokenizer["model"] = {{"type", "Unigram"}, {"vocab", vocab}, {"unk_id", unk_id}};
    tokenizer["added_tokens"] = Json::array();
    return std::string(ParseTokenizerJson(tokenizer.dump()).status().message());
  };
  const auto has = [](const std::string& message, const char* part) {
    return message.find(part) != std::string::npos;
  };
  const Json unknown = Json::array({"<unk>", 0.0});
  EXPECT_EQ(parse(Json::array({unknown, Json::array({"a", -1.5})}), 0), "");
  EXPECT_TRUE(has(parse(Json::array({unknown, Json::array({"a"})}), 0), "model.vocab[1]"));
  EXPECT_TRUE(has(parse(Json::array({unknown, Json::array({"a", "b"})}), 0), "model.vocab[1]"));
  EXPECT_TRUE(has(parse(Json::object(), 0), "model.vocab: expected an array"));
  EXPECT_TRUE(has(parse(Json::array({unknown}), 1), "model.unk_id: expected 0 to 0, found 1"));
  EXPECT_TRUE(has(parse(Json::array({unknown}), Json()), "without unk_id"));
}

TEST(MissingFiles, AreNamed) {
  const auto none = ImportTokenizerFolder(INKLING_TEST_DATA_DIR "/golden");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(none.status().message().find("tokenizer.json"), std::string::npos);
}

}  // namespace
}  // namespace inkling
