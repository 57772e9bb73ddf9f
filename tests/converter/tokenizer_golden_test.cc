// Every golden tokenizer of the repository, imported from its files and compared vector by vector.

#include <memory>
#include <string>
#include <utility>

#include "converter/tokenizer/tokenizer_import.h"
#include "gtest/gtest.h"
#include "src/text/tokenizer.h"
#include "tests/converter/golden_tokenizer.h"

namespace inkling {
namespace {

const char kFolder[] = INKLING_TEST_DATA_DIR "/golden/tokenizers/";

std::unique_ptr<const Tokenizer> MakeTokenizer(absl::StatusOr<ImportedTokenizer> imported) {
  EXPECT_TRUE(imported.ok()) << imported.status();
  if (!imported.ok()) return nullptr;
  auto tokenizer = Tokenizer::Create(std::move(imported->tokenizer));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

void ExpectGolden(const Tokenizer& tokenizer, const std::string& golden_path,
                  const GoldenOptions& options) {
  const nlohmann::json golden = LoadJson(golden_path);
  ASSERT_TRUE(golden.contains("cases")) << golden_path;
  const GoldenResult result = CompareWithGolden(tokenizer, golden, options);
  EXPECT_GT(result.num_cases, 300);
  EXPECT_EQ(result.num_mismatches, 0) << "of " << result.num_cases << ":\n" << result.report;
}

class HuggingFaceGolden : public testing::TestWithParam<const char*> {};

TEST_P(HuggingFaceGolden, IdsPiecesAndTextAreEqual) {
  const std::string folder = std::string(kFolder) + GetParam();
  const auto tokenizer = MakeTokenizer(ImportTokenizerFolder(folder));
  ASSERT_NE(tokenizer, nullptr);
  ExpectGolden(*tokenizer, folder + "/golden_hf.json", {});
}

INSTANTIATE_TEST_SUITE_P(All, HuggingFaceGolden,
                         testing::Values("bpe_falcon", "bpe_gpt2", "bpe_llama3", "bpe_neox",
                                         "bpe_phi", "bpe_qwen", "bpe_smollm", "spm_gemma",
                                         "spm_llama"),
                         [](const auto& info) { return std::string(info.param); });

class SentencePieceGolden : public testing::TestWithParam<const char*> {};

TEST_P(SentencePieceGolden, IdsPiecesAndTextAreEqual) {
  const std::string folder = std::string(kFolder) + GetParam();
  const auto tokenizer = MakeTokenizer(ImportTokenizerFile(folder + "/tokenizer.model"));
  ASSERT_NE(tokenizer, nullptr);
  ExpectGolden(*tokenizer, folder + "/golden_sentencepiece.json",
               {Markup::kAsText, SpecialTokenText::kHide});
}

INSTANTIATE_TEST_SUITE_P(All, SentencePieceGolden, testing::Values("spm_gemma", "spm_llama"),
                         [](const auto& info) { return std::string(info.param); });

// A tokenizer.json of the folder with other stages around its vocabulary.
TEST(Variants, OfEveryStageGiveWhatHuggingFaceGives) {
  const nlohmann::json variants = LoadJson(std::string(kFolder) + "variants.json");
  ASSERT_TRUE(variants.is_array());
  EXPECT_GE(variants.size(), 40u);
  for (const nlohmann::json& variant : variants) {
    const std::string base = variant["base"];
    const std::string name = base + "/" + variant["name"].get<std::string>();
    nlohmann::json file = LoadJson(std::string(kFolder) + base + "/tokenizer.json");
    for (const auto& change : variant["change"].items()) {
      if (change.key() == "model") {
        file["model"].update(change.value());
      } else if (change.key() == "added") {
        for (const auto& token : change.value()) file["added_tokens"].push_back(token);
      } else {
        file[change.key()] = change.value();
      }
    }
    absl::StatusOr<TokenizerData> data = ParseTokenizerJson(file.dump());
    ASSERT_TRUE(data.ok()) << name << ": " << data.status();
    const auto tokenizer = Tokenizer::Create(*std::move(data));
    ASSERT_TRUE(tokenizer.ok()) << name << ": " << tokenizer.status();
    const GoldenResult result = CompareWithGolden(**tokenizer, variant, {});
    EXPECT_GE(result.num_cases, 60) << name;
    EXPECT_EQ(result.num_mismatches, 0) << name << ":\n" << result.report;
  }
}

}  // namespace
}  // namespace inkling
