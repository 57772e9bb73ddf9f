// Tokenizers out of GGUF metadata: the golden vectors of the vocabularies that they were made from,
// llama.cpp's own test vectors, ids, defaults, and what is refused.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "converter/tokenizer/gguf_pretokenizer.h"
#include "converter/tokenizer/tokenizer_import.h"
#include "src/text/tokenizer.h"
#include "tests/converter/gguf_fixture.h"
#include "tests/converter/gguf_from_hugging_face.h"
#include "tests/converter/golden_tokenizer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;

absl::StatusOr<ImportedTokenizer> Import(const GgufBuilder& builder) {
  const TempDir folder;
  WriteFileBytes(folder.File("model.gguf"), builder.Bytes());
  return ImportTokenizerFile(folder.File("model.gguf"));
}

std::unique_ptr<const Tokenizer> MakeTokenizer(absl::StatusOr<ImportedTokenizer> imported) {
  EXPECT_OK(imported);
  if (!imported.ok()) return nullptr;
  auto tokenizer = Tokenizer::Create(std::move(imported->tokenizer));
  EXPECT_OK(tokenizer);
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

struct GoldenVocabulary {
  const char* folder;
  const char* pre;
  const char* golden;
  GoldenOptions options;
};

constexpr GoldenOptions kSentencePiece = {Markup::kAsText, SpecialTokenText::kHide};

class GgufGoldenVocabulary : public testing::TestWithParam<GoldenVocabulary> {};

TEST_P(GgufGoldenVocabulary, IdsPiecesAndTextAreEqual) {
  const std::string folder =
      absl::StrCat(INKLING_TEST_DATA_DIR, "/golden/tokenizers/", GetParam().folder);
  GgufBuilder builder;
  AddGgufTokenizer(folder, GetParam().pre, builder);
  const auto tokenizer = MakeTokenizer(Import(builder));
  ASSERT_NE(tokenizer, nullptr);
  const nlohmann::json golden = LoadJson(absl::StrCat(folder, "/", GetParam().golden));
  ASSERT_TRUE(golden.contains("cases"));
  const GoldenResult result = CompareWithGolden(*tokenizer, golden, GetParam().options);
  EXPECT_GT(result.num_cases, 300);
  EXPECT_EQ(result.num_mismatches, 0) << "of " << result.num_cases << ":\n" << result.report;
}

INSTANTIATE_TEST_SUITE_P(
    All, GgufGoldenVocabulary,
    testing::Values(GoldenVocabulary{"bpe_falcon", "falcon", "golden_hf.json", {}},
                    GoldenVocabulary{"bpe_gpt2", "gpt-2", "golden_hf.json", {}},
                    GoldenVocabulary{"bpe_llama3", "llama-bpe", "golden_hf.json", {}},
                    GoldenVocabulary{"bpe_neox", "olmo", "golden_hf.json", {}},
                    GoldenVocabulary{"bpe_phi", "phi-2", "golden_hf.json", {}},
                    GoldenVocabulary{"bpe_qwen", "qwen2", "golden_hf.json", {}},
                    GoldenVocabulary{"bpe_smollm", "smollm", "golden_hf.json", {}},
                    GoldenVocabulary{"spm_gemma", "", "golden_sentencepiece.json", kSentencePiece},
                    GoldenVocabulary{"spm_llama", "", "golden_sentencepiece.json", kSentencePiece}),
    [](const auto& info) { return std::string(info.param.folder); });

// llama.cpp's own vectors: texts in one file, a line of ids for each in another.
void ExpectLlamaCppVectors(const Tokenizer& tokenizer, const std::string& path) {
  const std::string inputs = ReadFileBytes(path + ".inp");
  const std::string outputs = ReadFileBytes(path + ".out");
  const std::vector<std::string> texts = absl::StrSplit(inputs, "\n__ggml_vocab_test__\n");
  const std::vector<std::string> lines = absl::StrSplit(outputs, '\n');
  ASSERT_GE(lines.size(), texts.size());
  EXPECT_GT(texts.size(), 30u);
  for (size_t i = 0; i < texts.size(); ++i) {
    std::vector<int32_t> expected;
    for (absl::string_view number : absl::StrSplit(lines[i], ' ', absl::SkipEmpty())) {
      ASSERT_TRUE(absl::SimpleAtoi(number, &expected.emplace_back()));
    }
    ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> ids, tokenizer.Encode(texts[i]));
    EXPECT_EQ(ids, expected) << "'" << texts[i] << "'";
  }
}

constexpr char kVocabularies[] = INKLING_SHARED_DIR "/tokenizers/ggml-vocab/ggml-vocab-";

class LlamaCppVocabulary : public testing::TestWithParam<const char*> {};

TEST_P(LlamaCppVocabulary, IdsAreEqual) {
  const std::string path = absl::StrCat(kVocabularies, GetParam(), ".gguf");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not here";
  const auto tokenizer = MakeTokenizer(ImportTokenizerFile(path));
  ASSERT_NE(tokenizer, nullptr);
  ExpectLlamaCppVectors(*tokenizer, path);
}

INSTANTIATE_TEST_SUITE_P(All, LlamaCppVocabulary,
                         testing::Values("falcon", "gpt-2", "llama-spm", "phi-3"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

// Vocabularies of which there are vectors but no GGUF file: made from a tokenizer.json. (Qwen3's
// has Qwen2's pieces.)
struct VectorsOnly {
  const char* name;
  const char* folder;
  const char* pre;
  const char* vectors;
};

class LlamaCppVectors : public testing::TestWithParam<VectorsOnly> {};

TEST_P(LlamaCppVectors, IdsAreEqual) {
  const std::string folder = absl::StrCat(INKLING_SHARED_DIR, "/tokenizers/", GetParam().folder);
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not here";
  GgufBuilder builder;
  AddGgufTokenizer(folder, GetParam().pre, builder);
  const auto tokenizer = MakeTokenizer(Import(builder));
  ASSERT_NE(tokenizer, nullptr);
  ExpectLlamaCppVectors(*tokenizer, absl::StrCat(kVocabularies, GetParam().vectors, ".gguf"));
}

INSTANTIATE_TEST_SUITE_P(
    All, LlamaCppVectors,
    testing::Values(VectorsOnly{"Llama3", "npm-tokenizer-llama3", "llama-bpe", "llama-bpe"},
                    VectorsOnly{"Qwen2", "npm-tokenizer-qwen3", "qwen2", "qwen2"}),
    [](const auto& info) { return std::string(info.param.name); });

GgufBuilder TinyScored() {
  GgufBuilder builder;
  builder.Text("general.architecture", "llama");
  AddTinyVocabulary(builder);
  return builder;
}

GgufBuilder TinyByteLevel() {
  GgufBuilder builder;
  builder.Text("general.architecture", "llama");
  builder.Text("tokenizer.ggml.model", "gpt2");
  builder.Text("tokenizer.ggml.pre", "gpt-2");
  builder.Texts("tokenizer.ggml.tokens", {"a", "b", "ab", "<|end|>", "[PAD4]", "  "});
  builder.Int32s("tokenizer.ggml.token_type", {1, 1, 1, 3, 5, 4});
  builder.Texts("tokenizer.ggml.merges", {"a b"});
  builder.Uint32("tokenizer.ggml.eos_token_id", 3);
  return builder;
}

TEST(GgufTokenizerTest, DefaultsAreLlamaCpps) {
  ASSERT_OK_AND_ASSIGN(const ImportedTokenizer scored, Import(TinyScored()));
  EXPECT_EQ(scored.tokenizer.bos_id, 1);
  EXPECT_EQ(scored.tokenizer.eos_id, 2);
  EXPECT_EQ(scored.tokenizer.unk_id, 0);
  EXPECT_TRUE(scored.tokenizer.add_bos);
  EXPECT_FALSE(scored.tokenizer.add_eos);
  EXPECT_TRUE(scored.tokenizer.byte_fallback);
  EXPECT_EQ(scored.tokenizer.stop_ids, std::vector<int32_t>{2});
  EXPECT_EQ(scored.tokenizer.normalizer.space_prefix, SpacePrefix::kEverySegment);

  ASSERT_OK_AND_ASSIGN(const ImportedTokenizer bytes, Import(TinyByteLevel()));
  EXPECT_EQ(bytes.tokenizer.kind, TokenizerKind::kByteLevelBpe);
  EXPECT_FALSE(bytes.tokenizer.add_bos);
  EXPECT_EQ(bytes.tokenizer.stop_ids, std::vector<int32_t>{3});
  EXPECT_EQ(bytes.tokenizer.piece_types, (std::vector<uint8_t>{1, 1, 1, 3, 5, 4}));
  const auto tokenizer = MakeTokenizer(Import(TinyByteLevel()));
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(*tokenizer->Encode("ab  ba"), (std::vector<int32_t>{2, 5, 1, 0}));
}

TEST(GgufTokenizerTest, MetadataAreObeyed) {
  GgufBuilder builder = TinyScored();
  builder.Bool("tokenizer.ggml.add_bos_token", false);
  builder.Bool("tokenizer.ggml.add_eos_token", true);
  builder.Bool("tokenizer.ggml.add_space_prefix", false);
  builder.Uint32("tokenizer.ggml.padding_token_id", 0xFFFFFFFF);  // none
  builder.Uint32("tokenizer.ggml.eot_token_id", 3);
  builder.Uint32("tokenizer.ggml.eom_token_id", 261);  // a plain "a": another vocabulary's number
  ASSERT_OK_AND_ASSIGN(const ImportedTokenizer imported, Import(builder));
  EXPECT_FALSE(imported.tokenizer.add_bos);
  EXPECT_TRUE(imported.tokenizer.add_eos);
  EXPECT_EQ(imported.tokenizer.pad_id, -1);
  EXPECT_EQ(imported.tokenizer.stop_ids, (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(imported.tokenizer.normalizer.space_prefix, SpacePrefix::kNone);
  const auto tokenizer = MakeTokenizer(Import(builder));
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_EQ(*tokenizer->Encode("atwo wordsab"), (std::vector<int32_t>{261, 265, 263}));
}

// Type 0 is "undefined": llama.cpp finds such tokens in text like normal ones.
TEST(GgufTokenizerTest, UndefinedTokensAreNormalOnes) {
  for (const bool scored : {true, false}) {
    GgufBuilder builder = scored ? TinyScored() : TinyByteLevel();
    ASSERT_OK_AND_ASSIGN(const ImportedTokenizer normal, Import(builder));
    std::vector<int32_t> types(normal.tokenizer.piece_types.begin(),
                               normal.tokenizer.piece_types.end());
    for (int32_t& type : types) type = type == 1 ? 0 : type;
    builder.Int32s("tokenizer.ggml.token_type", types);
    ASSERT_OK_AND_ASSIGN(const ImportedTokenizer undefined, Import(builder));
    EXPECT_EQ(undefined.tokenizer.piece_types, normal.tokenizer.piece_types);
    EXPECT_EQ(undefined.tokenizer.merges.size(), normal.tokenizer.merges.size());
  }
}

TEST(GgufTokenizerTest, IdsBeyondTheVocabularyAreSaid) {
  GgufBuilder builder = TinyByteLevel();
  builder.Uint32("tokenizer.ggml.eos_token_id", 600);
  ASSERT_OK_AND_ASSIGN(const ImportedTokenizer imported, Import(builder));
  EXPECT_EQ(imported.tokenizer.eos_id, -1);
  ASSERT_FALSE(imported.notes.empty());
  EXPECT_NE(imported.notes.front().find("tokenizer.ggml.eos_token_id 600"), std::string::npos);
}

TEST(GgufTokenizerTest, TheChatTemplateIsRecognised) {
  GgufBuilder builder = TinyByteLevel();
  builder.Texts("tokenizer.ggml.tokens", {"a", "b", "ab", "<|im_end|>", "[PAD4]", "<|im_start|>"});
  builder.Int32s("tokenizer.ggml.token_type", {1, 1, 1, 3, 5, 3});
  builder.Text("tokenizer.chat_template",
               "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + "
               "message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}");
  ASSERT_OK_AND_ASSIGN(const ImportedTokenizer imported, Import(builder));
  EXPECT_EQ(imported.prompt_template.name, "chatml");
  EXPECT_EQ(imported.prompt_template.stop_ids, std::vector<int32_t>{3});
}

TEST(GgufTokenizerTest, PhiThreesMarksSwallowWhiteSpace) {
  GgufBuilder builder = TinyScored();
  builder.Text("general.architecture", "phi3");
  ASSERT_OK_AND_ASSIGN(const ImportedTokenizer imported, Import(builder));
  for (const AddedToken& token : imported.tokenizer.added_tokens) {
    EXPECT_EQ(token.strip_right, token.content != "<s>") << token.content;
  }
}

// Files from before there was tokenizer.ggml.pre.
TEST(GgufTokenizerTest, AMissingPretokenizerIsTakenFromTheArchitectureOrRefused) {
  GgufBuilder builder = TinyByteLevel();
  builder.Remove("tokenizer.ggml.pre");
  EXPECT_THAT(Import(builder),
              MatchesStatus(StatusCode::kUnimplemented,
                            {"tokenizer.ggml.pre", "llama-bpe", "tokenizer.json"}));
  builder.Text("general.architecture", "phi2");
  ASSERT_OK_AND_ASSIGN(const ImportedTokenizer imported, Import(builder));
  EXPECT_THAT(imported.notes, testing::Contains(testing::HasSubstr("taken to be phi-2")));
  builder.Text("general.architecture", "stablelm");  // one kind or another, by size
  EXPECT_THAT(Import(builder), MatchesStatus(StatusCode::kUnimplemented, {"'' is not"}));
  std::vector<std::string> tokens = {"a", "b", "ab", "<|end|>", "[PAD4]", "  "};
  while (tokens.size() < 50304) tokens.push_back("[PAD" + std::to_string(tokens.size()) + "]");
  std::vector<int32_t> types(tokens.size(), 5);
  std::fill(types.begin(), types.begin() + 3, 1);
  builder.Texts("tokenizer.ggml.tokens", tokens);
  builder.Int32s("tokenizer.ggml.token_type", types);
  ASSERT_OK_AND_ASSIGN(const ImportedTokenizer stablelm, Import(builder));
  EXPECT_THAT(stablelm.notes, testing::Contains(testing::HasSubstr("taken to be olmo")));
  builder.Text("tokenizer.ggml.pre", "bloom");
  EXPECT_THAT(Import(builder), MatchesStatus(StatusCode::kUnimplemented, {"'bloom'"}));
}

struct Refused {
  const char* name;
  void (*change)(GgufBuilder& builder);
  StatusCode code;
  std::vector<std::string> message;
};

void ExpectRefused(const GgufBuilder& whole, const std::vector<Refused>& cases) {
  for (const Refused& refused : cases) {
    GgufBuilder builder = whole;
    refused.change(builder);
    EXPECT_THAT(Import(builder), MatchesStatus(refused.code, refused.message)) << refused.name;
  }
}

TEST(GgufTokenizerTest, DamagedKindsAndTokensAreErrors) {
  const std::vector<Refused> cases = {
      {"no tokenizer",
       [](GgufBuilder& b) { b.Remove("tokenizer.ggml.model"); },
       StatusCode::kNotFound,
       {"has no tokenizer"}},
      {"no vocabulary",
       [](GgufBuilder& b) { b.Text("tokenizer.ggml.model", "no_vocab"); },
       StatusCode::kNotFound,
       {"has no tokenizer"}},
      {"another kind",
       [](GgufBuilder& b) { b.Text("tokenizer.ggml.model", "bert"); },
       StatusCode::kUnimplemented,
       {"bert", "llama and gpt2"}},
      {"model is a number",
       [](GgufBuilder& b) { b.Uint32("tokenizer.ggml.model", 1); },
       StatusCode::kInvalidArgument,
       {"tokenizer.ggml.model", "expected string"}},
      {"no tokens",
       [](GgufBuilder& b) { b.Remove("tokenizer.ggml.tokens"); },
       StatusCode::kInvalidArgument,
       {"tokenizer.ggml.tokens", "found nothing"}},
      {"tokens are numbers",
       [](GgufBuilder& b) {
         b.Int32s("tokenizer.ggml.tokens", {1, 2});
       },
       StatusCode::kInvalidArgument,
       {"tokenizer.ggml"}},
      {"a token that is no text",
       [](GgufBuilder& b) {
         b.Texts("tokenizer.ggml.tokens", std::vector<std::string>(266, "\xFF"));
       },
       StatusCode::kInvalidArgument,
       {"tokens[0]", "UTF-8"}},
      {"an id that is text",
       [](GgufBuilder& b) { b.Text("tokenizer.ggml.bos_token_id", "1"); },
       StatusCode::kInvalidArgument,
       {"bos_token_id"}},
      {"a table of characters",
       [](GgufBuilder& b) { b.Int32s("tokenizer.ggml.precompiled_charsmap", {0}); },
       StatusCode::kUnimplemented,
       {"precompiled_charsmap"}},
  };
  ExpectRefused(TinyScored(), cases);
}

TEST(GgufTokenizerTest, DamagedScoresAndTypesAreErrors) {
  const std::vector<Refused> cases = {
      {"scores too few",
       [](GgufBuilder& b) {
         b.Floats("tokenizer.ggml.scores", {0, 0});
       },
       StatusCode::kInvalidArgument,
       {"tokenizer.ggml.scores", "266", "found 2"}},
      {"no scores",
       [](GgufBuilder& b) { b.Remove("tokenizer.ggml.scores"); },
       StatusCode::kInvalidArgument,
       {"tokenizer.ggml.scores", "found nothing"}},
      {"a score that is no number",
       [](GgufBuilder& b) {
         b.Floats("tokenizer.ggml.scores", std::vector<float>(266, std::nanf("")));
       },
       StatusCode::kInvalidArgument,
       {"token 0", "nan"}},
      {"types out of range",
       [](GgufBuilder& b) { b.Int32s("tokenizer.ggml.token_type", std::vector<int32_t>(266, 7)); },
       StatusCode::kInvalidArgument,
       {"token_type[0]", "0 to 6", "found 7"}},
      {"a type below them",
       [](GgufBuilder& b) { b.Int32s("tokenizer.ggml.token_type", std::vector<int32_t>(266, -1)); },
       StatusCode::kInvalidArgument,
       {"token_type[0]", "0 to 6", "found -1"}},
      {"bytes everywhere",
       [](GgufBuilder& b) { b.Int32s("tokenizer.ggml.token_type", std::vector<int32_t>(266, 6)); },
       StatusCode::kInvalidArgument,
       {"token 0", "stands for a byte"}},
  };
  ExpectRefused(TinyScored(), cases);
}

TEST(GgufTokenizerTest, DamagedByteLevelVocabulariesAreErrors) {
  const std::vector<Refused> cases = {
      {"a token twice",
       [](GgufBuilder& b) {
         b.Texts("tokenizer.ggml.tokens", {"a", "b", "a", "<|end|>", "[PAD4]", "  "});
       },
       StatusCode::kInvalidArgument,
       {"tokens[2]", "'a'", "token 0"}},
      {"a merge of unknown pieces",
       [](GgufBuilder& b) { b.Texts("tokenizer.ggml.merges", {"a x"}); },
       StatusCode::kInvalidArgument,
       {"merges[0]"}},
      {"merges are numbers",
       [](GgufBuilder& b) { b.Int32s("tokenizer.ggml.merges", {1}); },
       StatusCode::kInvalidArgument,
       {"tokenizer.ggml.merges[0]"}},
      {"no merges",
       [](GgufBuilder& b) { b.Remove("tokenizer.ggml.merges"); },
       StatusCode::kInvalidArgument,
       {"tokenizer.ggml.merges", "found nothing", "every byte"}},
      {"an empty list of merges",
       [](GgufBuilder& b) { b.Texts("tokenizer.ggml.merges", {}); },
       StatusCode::kInvalidArgument,
       {"tokenizer.ggml.merges", "found an empty list"}},
  };
  ExpectRefused(TinyByteLevel(), cases);
}

}  // namespace
}  // namespace inkling
