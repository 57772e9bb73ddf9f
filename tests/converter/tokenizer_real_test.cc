// Published vocabularies, compared with what Hugging Face tokenizers and SentencePiece give for
// them. The files are not part of the repository; without them these tests are skipped.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "converter/tokenizer/tokenizer_import.h"
#include "gtest/gtest.h"
#include "src/text/tokenizer.h"
#include "tests/converter/golden_tokenizer.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using Json = nlohmann::json;

const char kTokenizers[] = INKLING_SHARED_DIR "/tokenizers/";
const char kGolden[] = INKLING_SHARED_DIR "/golden/tok_real/";

// A vocabulary file, its golden vectors, and lines of text with ids ("" where there are none).
struct RealTokenizer {
  const char* name;
  const char* file;
  const char* golden;
  const char* lines;
  GoldenOptions options;
};

constexpr GoldenOptions kSentencePiece = {Markup::kAsText, SpecialTokenText::kHide};

const RealTokenizer kReal[] = {
    {"Gemma1", "npm-tokenizer-gemini/tokenizer.json", "gemma1_hf.json", "tokens-gemma1.jsonl", {}},
    {"Gemma3", "npm-tokenizer-gemma3/tokenizer.json", "gemma3_hf.json", "tokens-gemma3.jsonl", {}},
    {"Llama3", "npm-tokenizer-llama3/tokenizer.json", "llama3_hf.json", "tokens-llama3.jsonl", {}},
    {"Qwen3", "npm-tokenizer-qwen3/tokenizer.json", "qwen3_hf.json", "tokens-qwen3.jsonl", {}},
    {"SmolLM", "smollm-tokenizer/tokenizer.json", "smollm_hf.json", "tokens-smollm.jsonl", {}},
    {"FalconRw", "gpt2-bpe/encoder.json", "gpt2_falcon_rw.json", "", {}},
    {"Phi2", "gpt2-bpe/encoder.json", "phi2.json", "tokens-phi2.jsonl", {}},
    {"Gemma1Model", "npm-tokenizer-gemini/gemma1-reconstructed.model",
     "gemma1_reconstructed_spm.json", "", kSentencePiece},
    {"Gemma3Model", "npm-tokenizer-gemma3/gemma3-reconstructed.model",
     "gemma3_reconstructed_spm.json", "", kSentencePiece},
    {"Llama2Model", "llama2-tokenizer/tokenizer.model", "llama2_spm.json", "", kSentencePiece},
    {"Falcon7bGguf", "ggml-vocab/ggml-vocab-falcon.gguf", "falcon7b.json", "", {}},
    {"GptNeoxGguf", "ggml-vocab/ggml-vocab-gpt-neox.gguf", "gptneox_stablelm3b.json", "", {}},
    {"Gpt2Gguf", "ggml-vocab/ggml-vocab-gpt-2.gguf", "gpt2_falcon_rw.json", "", {}},
    {"Llama2Gguf", "ggml-vocab/ggml-vocab-llama-spm.gguf", "llama2_spm.json", "", kSentencePiece},
    {"MediaPipeUnigram", "mediapipe-spm/sentencepiece.model", "mediapipe_litertlm_spm.json", "",
     kSentencePiece},
    {"SentencePieceUnigram", "sentencepiece-testmodels/test_model.model",
     "sentencepiece_testmodel_unigram_spm.json", "", kSentencePiece},
};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// Phi-2 adds runs of spaces and tabs to GPT-2's vocabulary.
Json Phi2AddedTokens() {
  Json added = Json::object();
  int id = 50257;
  for (int run = 31; run >= 2; --run) added[std::string(run, ' ')] = id++;
  for (int run = 9; run >= 2; --run) added[std::string(run, '\t')] = id++;
  return added;
}

// GPT-2's pair of files as a folder of a class without tokenizer.json has them.
absl::StatusOr<TokenizerData> ImportPair(const std::string& from, const std::string& class_name,
                                         const Json& added) {
  const TempDir folder;
  std::filesystem::copy(from + "encoder.json", folder.File("vocab.json"));
  std::filesystem::copy(from + "vocab.bpe", folder.File("merges.txt"));
  WriteFileBytes(folder.File("added_tokens.json"), added.dump());
  WriteFileBytes(folder.File("tokenizer_config.json"),
                 Json({{"tokenizer_class", class_name}}).dump());
  absl::StatusOr<ImportedTokenizer> imported = ImportTokenizerFolder(folder.path());
  if (!imported.ok()) return imported.status();
  return std::move(imported->tokenizer);
}

absl::StatusOr<TokenizerData> Import(const RealTokenizer& real) {
  const std::string path = std::string(kTokenizers) + real.file;
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  if (std::string(real.name) == "Phi2") {
    return ImportPair(folder, "CodeGenTokenizer", Phi2AddedTokens());
  }
  if (std::string(real.name) == "FalconRw") {
    return ImportPair(folder, "GPT2Tokenizer", Json::object());
  }
  absl::StatusOr<ImportedTokenizer> imported = ImportTokenizerFile(path);
  if (!imported.ok()) return imported.status();
  return std::move(imported->tokenizer);
}

class RealTokenizerTest : public testing::TestWithParam<RealTokenizer> {};

TEST_P(RealTokenizerTest, IdsPiecesAndTextAreEqual) {
  const RealTokenizer& real = GetParam();
  if (!std::filesystem::exists(std::string(kTokenizers) + real.file)) {
    GTEST_SKIP() << kTokenizers << real.file << " is not here";
  }
  absl::StatusOr<TokenizerData> data = Import(real);
  ASSERT_TRUE(data.ok()) << data.status();
  auto tokenizer = Tokenizer::Create(*std::move(data));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const Json golden = LoadJson(std::string(kGolden) + real.golden);
  ASSERT_TRUE(golden.contains("cases"));
  const GoldenResult result = CompareWithGolden(**tokenizer, golden, real.options);
  EXPECT_GT(result.num_cases, 100);
  EXPECT_EQ(result.num_mismatches, 0) << "of " << result.num_cases << ":\n" << result.report;
  if (real.lines[0] == '\0') return;

  std::istringstream lines(ReadFile(std::string(kTokenizers) + "expected/" + real.lines));
  int num_lines = 0;
  EncodeOptions options;
  options.markup = Markup::kParse;
  for (std::string line; std::getline(lines, line); ++num_lines) {
    const Json item = Json::parse(line, nullptr, false);
    ASSERT_TRUE(item.is_object());
    const std::string text = item["text"];
    const auto ids = (*tokenizer)->Encode(text, options);
    ASSERT_TRUE(ids.ok());
    EXPECT_EQ(*ids, item["ids"].get<std::vector<int32_t>>()) << "'" << text << "'";
  }
  EXPECT_GE(num_lines, 200);
}

INSTANTIATE_TEST_SUITE_P(All, RealTokenizerTest, testing::ValuesIn(kReal),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Llama2cTokenizer, GivesTheIdsOfTheModelItWasMadeFrom) {
  const std::string folder = std::string(kTokenizers) + "llama2-tokenizer/";
  if (!std::filesystem::exists(folder + "tokenizer.bin")) GTEST_SKIP() << folder << " is not here";
  auto from_bin = ImportTokenizerFile(folder + "tokenizer.bin");
  auto from_model = ImportTokenizerFile(folder + "tokenizer.model");
  ASSERT_TRUE(from_bin.ok() && from_model.ok()) << from_bin.status() << from_model.status();
  auto bin = Tokenizer::Create(std::move(from_bin->tokenizer));
  auto model = Tokenizer::Create(std::move(from_model->tokenizer));
  ASSERT_TRUE(bin.ok() && model.ok()) << bin.status() << model.status();
  const Json golden = LoadJson(std::string(kGolden) + "llama2_spm.json");
  for (const Json& item : golden["cases"]) {
    const std::string text = item["text"];
    EXPECT_EQ(*(*bin)->Encode(text), *(*model)->Encode(text)) << "'" << text << "'";
  }
}

}  // namespace
}  // namespace inkling
