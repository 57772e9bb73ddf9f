// ModelWriter and ModelReader together: what is written is read, for every element type and every
// field.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "src/format/model_metadata.h"
#include "src/format/model_metadata_generated.h"
#include "src/format/model_reader.h"
#include "src/format/model_writer.h"
#include "src/format/quantization.h"
#include "tests/testing/random_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

ModelConfig WideConfig() {
  ModelConfig config = TinyConfig();
  config.hidden_dim = 128;
  config.feed_forward_dim = 256;
  config.num_heads = 16;
  config.num_kv_heads = 4;
  return config;
}

QuantizedRows Expected(const TensorView& view, uint64_t seed) {
  absl::StatusOr<QuantizedRows> rows =
      QuantizeRows(RandomTensor(view.info, seed), view.info.rows, view.info.columns, view.type,
                   ScaleSearch::kMaxAbs);
  EXPECT_OK(rows);
  return rows.ok() ? *rows : QuantizedRows();
}

TEST(ModelFileTest, EveryElementTypeComesBack) {
  const std::vector<TensorType> types = {
      {ElementType::kF32, 0},         {ElementType::kF16, 0},         {ElementType::kBf16, 0},
      {ElementType::kInt8Channel, 0}, {ElementType::kInt4Channel, 0}, {ElementType::kInt4Block, 32},
      {ElementType::kInt4Block, 64},  {ElementType::kInt4Block, 128}};
  for (TensorType type : types) {
    const TempDir dir;
    ASSERT_OK(WriteRandomModel(dir.File("m"), WideConfig(), type, type, 3));
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader,
                         ModelReader::Open(dir.File("m")));
    ASSERT_EQ(reader->tensors().size(), TensorList(WideConfig()).size());
    for (const TensorView& view : reader->tensors()) {
      const bool is_vector = view.info.role == TensorRole::kNorm;
      EXPECT_EQ(TensorTypeName(view.type), is_vector ? "f32" : TensorTypeName(type))
          << view.info.name;
      const QuantizedRows expected = Expected(view, 3);
      ASSERT_EQ(view.value_bytes, static_cast<int64_t>(expected.values.size()));
      ASSERT_EQ(view.scale_bytes, static_cast<int64_t>(expected.scales.size()));
      EXPECT_EQ(std::memcmp(view.values, expected.values.data(), expected.values.size()), 0)
          << view.info.name;
      EXPECT_EQ(view.scales == nullptr, expected.scales.empty());
      if (view.scales != nullptr) {
        EXPECT_EQ(std::memcmp(view.scales, expected.scales.data(), expected.scales.size()), 0);
      }
      EXPECT_EQ(reinterpret_cast<uintptr_t>(view.values) % 64, 0u);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(view.scales) % 64, 0u);
      reader->ReleaseRows(view, 0, 1);
      reader->ReleasePages(view);  // and the bytes are still there
      EXPECT_EQ(std::memcmp(view.values, expected.values.data(), expected.values.size()), 0);
    }
  }
}

// Blocks of 32 in rows of 32: one scale a row either way, but the type comes back as it was.
TEST(ModelFileTest, OneBlockPerRowIsStillBlocks) {
  for (TensorType type :
       {TensorType{ElementType::kInt4Block, 32}, TensorType{ElementType::kInt4Channel, 0}}) {
    const TempDir dir;
    ASSERT_OK(WriteRandomModel(dir.File("m"), TinyConfig(), type, type, 3));
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader,
                         ModelReader::Open(dir.File("m")));
    EXPECT_EQ(TensorTypeName(reader->Find("layers.1.attention.q.weight")->type),
              TensorTypeName(type));
  }
}

// The three parts of the metadata, every field set to something that isn't its default.
void FillConfig(ModelConfig& config) {
  config.norm = NormKind::kLayer;
  config.norm_has_bias = true;
  config.norm_epsilon = 1e-5f;
  config.post_norms = true;
  config.query_key_norm = QueryKeyNorm::kPerHead;
  config.query_key_norm_kind = NormKind::kLayer;
  config.residual = ResidualKind::kParallelOwnNorm;
  config.rotary_dim = 4;
  config.rope_tables = {RopeTable(4, 1e4), RopeTable(4, 1e6)};
  config.rope_tables[1].attention_factor = 1.5f;
  config.rope_tables[1].long_frequencies = {0.5f, 0.25f};
  config.rope_tables[1].long_attention_factor = 1.25f;
  config.rope_tables[1].long_from = 64;
  config.attention_soft_cap = 50;
  config.query_key_value_bias = config.attention_output_bias = config.feed_forward_bias =
      config.head_bias = true;
  config.layers = {{16, 1}, {0, -1}};
  config.feed_forward = FeedForwardKind::kPlain;
  config.activation = Activation::kGeluErf;
  config.embedding_scale = 5.5f;
  config.tied_head = true;
  config.logit_soft_cap = 30;
}

void FillTokenizer(TokenizerData& tokenizer) {
  tokenizer.kind = TokenizerKind::kUnigram;
  tokenizer.piece_scores.assign(tokenizer.piece_types.size(), -1.5f);
  tokenizer.exact_scores.assign(tokenizer.piece_types.size(), -1.1);
  tokenizer.piece_types[3] = static_cast<uint8_t>(PieceType::kByte);
  tokenizer.merge_priority = MergePriority::kResultScore;
  tokenizer.hidden_codepoints = {0x20ac, 0x1f600};
  tokenizer.merges.push_back({320, 321, 5});
  tokenizer.whole_words_first = tokenizer.byte_fallback = tokenizer.fuse_unknown = true;
  tokenizer.normalizer = {InvalidUtf8::kReplaceEachByte,
                          UnicodeForm::kCharsMap,
                          std::string("\0map", 4),
                          true,
                          true,
                          SpacePrefix::kEverySegmentUnlessSpaced};
  tokenizer.word_splits = {{WordSplit::kDigits, 3}, {WordSplit::kEscapedSpaces, 0}};
  tokenizer.added_tokens.push_back(
      {260, std::string("a\0\xff", 3), true, true, true, true, true, true});
  tokenizer.decoder = {ByteRunText::kReplaceWholeRun, LeadingSpace::kStripOnePerPiece, true, " ? "};
  tokenizer.unk_id = 258;
  tokenizer.pad_id = 259;
  tokenizer.stop_ids = {257, 259};
  tokenizer.add_eos = true;
}

void FillPromptTemplate(PromptTemplateData& prompt_template) {
  prompt_template.session_prefix = "<bos>";
  prompt_template.system = {"<sys>", "</sys>"};
  prompt_template.system_placement = SystemPlacement::kInFirstUserTurn;
  prompt_template.default_system = "Be kind.";
  prompt_template.system_always = prompt_template.trim_system_with_user = true;
  prompt_template.trim_user = TextTrim::kBothEnds;
  prompt_template.trim_model = TextTrim::kBegin;
  prompt_template.trim_system = TextTrim::kEnd;
  prompt_template.stop_strings = {"\n\n", ""};
  prompt_template.stop_ids = {1, 2};
  prompt_template.trim_model_newlines = prompt_template.rewrites_answers = true;
  prompt_template.past_answers = {ThoughtCut::kEveryBlock, "<think>", "</think>", true,
                                  TextTrim::kEnd,          true};
}

ModelMetadata FullMetadata() {
  ModelMetadata metadata = TinyMetadata(TinyConfig());
  FillConfig(metadata.config);
  FillTokenizer(metadata.tokenizer);
  FillPromptTemplate(metadata.prompt_template);
  metadata.provenance = {"source", "generator", "recipe"};
  metadata.model_id = "0123456789abcdef0123456789abcdef";
  return metadata;
}

// The encoding is a function of every field, so equal bytes mean that every field came back.
TEST(ModelFileTest, EveryMetadataFieldComesBack) {
  const ModelMetadata full = FullMetadata();
  const std::vector<std::byte> encoded = EncodeMetadata(full);
  ASSERT_OK_AND_ASSIGN(const ModelMetadata decoded, DecodeMetadata(encoded));
  EXPECT_EQ(EncodeMetadata(decoded), encoded);
  EXPECT_NE(EncodeMetadata(ModelMetadata()), encoded);
  EXPECT_EQ(decoded.tokenizer.added_tokens.back().content, std::string("a\0\xff", 3));
  EXPECT_EQ(decoded.tokenizer.merges.back().left, 320);
  EXPECT_EQ(decoded.tokenizer.exact_scores.back(), -1.1);
  EXPECT_EQ(decoded.tokenizer.decoder.unknown_text, " ? ");
  EXPECT_EQ(decoded.config.rope_tables[1].long_frequencies, (std::vector<float>{0.5f, 0.25f}));
  EXPECT_EQ(decoded.config.layers[0].window, 16);
  EXPECT_EQ(decoded.prompt_template.stop_strings, (std::vector<std::string>{"\n\n", ""}));
  EXPECT_EQ(decoded.provenance.recipe, "recipe");
  EXPECT_EQ(decoded.model_id, full.model_id);
}

TEST(ModelFileTest, EveryFileIsOfTheSameVersion) {
  const auto version = [](const ModelMetadata& metadata) {
    const std::vector<std::byte> bytes = EncodeMetadata(metadata);
    return flatbuffers::GetRoot<wire::ModelMetadata>(bytes.data())->format_version();
  };
  ModelMetadata metadata = TinyMetadata(TinyConfig());
  EXPECT_EQ(version(metadata), 3u);
  metadata.tokenizer.exact_scores = {-1};
  EXPECT_EQ(version(metadata), 3u);
  metadata.tokenizer.exact_scores.clear();
  metadata.tokenizer.added_tokens.push_back({.id = 0, .content = "a", .single_word = true});
  EXPECT_EQ(version(metadata), 3u);
}

TEST(ModelFileTest, MetadataComesBackThroughTheFile) {
  const TempDir dir;
  ASSERT_OK(WriteRandomModel(dir.File("m"), TinyConfig(), {}, {}, 3));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader, ModelReader::Open(dir.File("m")));
  ModelMetadata metadata = TinyMetadata(TinyConfig());
  metadata.model_id = reader->metadata().model_id;
  EXPECT_EQ(EncodeMetadata(reader->metadata()), EncodeMetadata(metadata));
  EXPECT_EQ(metadata.model_id.size(), 32u);
  EXPECT_EQ(reader->Find("no.such.tensor"), nullptr);
  EXPECT_EQ(reader->file_bytes(), static_cast<int64_t>(ReadFileBytes(dir.File("m")).size()));
}

TEST(ModelFileTest, TheSameModelIsTheSameFile) {
  const TempDir dir;
  for (const char* name : {"a", "b"})
    ASSERT_OK(WriteRandomModel(dir.File(name), TinyConfig(), {}, {}, 3));
  EXPECT_EQ(ReadFileBytes(dir.File("a")), ReadFileBytes(dir.File("b")));
}

std::string IdOf(const std::string& path) {
  absl::StatusOr<std::unique_ptr<ModelReader>> reader = ModelReader::Open(path);
  EXPECT_OK(reader);
  return reader.ok() ? (*reader)->metadata().model_id : "";
}

TEST(ModelFileTest, TheIdFollowsWeightsTypesAndConfig) {
  const TempDir dir;
  const TensorType int8 = {ElementType::kInt8Channel, 0};
  ModelConfig other_scale = TinyConfig();
  other_scale.embedding_scale = 2.0f;
  ASSERT_OK(WriteRandomModel(dir.File("a"), TinyConfig(), {}, {}, 3));
  ASSERT_OK(WriteRandomModel(dir.File("b"), TinyConfig(), {}, {}, 4));
  ASSERT_OK(WriteRandomModel(dir.File("c"), TinyConfig(), int8, {}, 3));
  ASSERT_OK(WriteRandomModel(dir.File("d"), other_scale, {}, {}, 3));
  EXPECT_NE(IdOf(dir.File("a")), IdOf(dir.File("b")));
  EXPECT_NE(IdOf(dir.File("a")), IdOf(dir.File("c")));
  EXPECT_NE(IdOf(dir.File("a")), IdOf(dir.File("d")));
}

TEST(ModelFileTest, AModelWithoutATokenizerIsFine) {
  const TempDir dir;
  ModelConfig config = TinyConfig();
  config.vocab_size = 64;
  ASSERT_OK(WriteRandomModel(dir.File("m"), config, {}, {}, 3));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader, ModelReader::Open(dir.File("m")));
  EXPECT_TRUE(reader->metadata().tokenizer.piece_offsets.empty());
}

}  // namespace
}  // namespace inkling
