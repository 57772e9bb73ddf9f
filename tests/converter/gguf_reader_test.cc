// GGUF checkpoints: what a reader presents is what Hugging Face has, shards and folders are found,
// and blocks of four bits keep their quantised values in a conversion.

#include "converter/checkpoints/gguf/gguf_reader.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/convert.h"
#include "src/format/model_reader.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/converted_model.h"
#include "tests/converter/gguf_fixture.h"
#include "tests/converter/gguf_from_hugging_face.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;

size_t IndexOf(const Checkpoint& checkpoint, const std::string& name) {
  for (size_t i = 0; i < checkpoint.tensors().size(); ++i) {
    if (checkpoint.tensors()[i].name == name) return i;
  }
  ADD_FAILURE() << "no tensor " << name;
  return 0;
}

// The same tensors, whole and in ranges of rows.
void ExpectSameTensors(const Checkpoint& found, const Checkpoint& expected) {
  EXPECT_EQ(found.tensors().size(), expected.tensors().size());
  for (size_t i = 0; i < expected.tensors().size(); ++i) {
    const SourceTensor& tensor = expected.tensors()[i];
    const size_t index = IndexOf(found, tensor.name);
    EXPECT_EQ(found.tensors()[index].shape, tensor.shape) << tensor.name;
    const int64_t rows = tensor.shape.front();
    for (const auto& [first, count] :
         {std::pair<int64_t, int64_t>{0, rows}, {1, rows - 1}, {rows / 2, rows / 3}, {rows, 0}}) {
      ASSERT_OK_AND_ASSIGN(const std::vector<float> values, found.ReadRows(index, first, count));
      ASSERT_OK_AND_ASSIGN(const std::vector<float> wanted, expected.ReadRows(i, first, count));
      EXPECT_EQ(values, wanted) << tensor.name << " from row " << first;
    }
    EXPECT_THAT(found.ReadRows(index, 0, rows + 1), MatchesStatus(StatusCode::kOutOfRange));
    EXPECT_THAT(found.ReadRows(index, -1, 1), MatchesStatus(StatusCode::kOutOfRange));
  }
}

class GgufReaderTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Checkpoint>> Open(const GgufBuilder& builder) const {
    WriteFileBytes(folder_.File("model.gguf"), builder.Bytes());
    return Checkpoint::Open(folder_.File("model.gguf"));
  }

  TempDir folder_;
};

// Families whose values llama.cpp's converter doesn't change, or only reorders. (Norms with 1 added
// and the query scale that weights take up are in the golden tests.)
class SameTensors : public testing::TestWithParam<const char*> {};

TEST_P(SameTensors, AsHuggingFaceHasThem) {
  std::string golden = absl::StrCat(INKLING_TEST_DATA_DIR, "/golden/", GetParam());
  if (!std::filesystem::exists(golden)) {
    golden = absl::StrCat(INKLING_SHARED_DIR, "/golden/", GetParam());
  }
  if (!std::filesystem::exists(golden)) GTEST_SKIP() << golden << " is not here";
  const TempDir folder;
  WriteFileBytes(folder.File("model"), GgufFromHuggingFace(golden, kGgufF32).Bytes());
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> found,
                       Checkpoint::Open(folder.File("model")));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> expected, Checkpoint::Open(golden));
  ExpectSameTensors(*found, *expected);
  EXPECT_EQ(found->FormatName(), "GGUF, 1 file");
}

INSTANTIATE_TEST_SUITE_P(Families, SameTensors,
                         testing::Values("falcon_7b", "llama", "llama3", "phi", "phi3", "qwen2",
                                         "qwen3", "smollm", "stablelm"),
                         [](const auto& info) { return std::string(info.param); });

// Hidden 64, 2 layers, 4 heads of 16, 2 kv heads, feed-forward 96; values by name.
class TinyModel {
 public:
  explicit TinyModel(const std::string& architecture, uint32_t matrix_type = kGgufF32)
      : architecture_(architecture), matrix_type_(matrix_type) {
    builder.Text("general.architecture", architecture);
    const auto set = [&](const char* key, uint32_t value) { builder.Uint32(Key(key), value); };
    set("context_length", 128);
    set("embedding_length", 64);
    set("block_count", 2);
    set("feed_forward_length", 96);
    set("attention.head_count", 4);
    set("attention.head_count_kv", 2);
    builder.Float32(Key("attention.layer_norm_rms_epsilon"), 1e-5f);
    builder.Float32(Key("attention.layer_norm_epsilon"), 1e-5f);
    if (architecture == "llama") builder.Remove(Key("attention.layer_norm_epsilon"));
    if (architecture == "falcon") builder.Remove(Key("attention.layer_norm_rms_epsilon"));
    AddTinyVocabulary(builder);
    Add("token_embd.weight", {kTinyVocabulary, 64});
    Add("output_norm.weight", {64});
  }

  // The tensors of a Llama.
  static TinyModel Llama(uint32_t matrix_type = kGgufF32) {
    TinyModel model("llama", matrix_type);
    for (int layer = 0; layer < 2; ++layer) {
      const std::string prefix = absl::StrCat("blk.", layer, ".");
      for (const char* name : {"attn_norm", "ffn_norm"}) model.Add(prefix + name + ".weight", {64});
      for (const char* name : {"attn_q", "attn_output"}) {
        model.Add(prefix + name + ".weight", {64, 64});
      }
      for (const char* name : {"attn_k", "attn_v"}) model.Add(prefix + name + ".weight", {32, 64});
      for (const char* name : {"ffn_gate", "ffn_up"})
        model.Add(prefix + name + ".weight", {96, 64});
      model.Add(prefix + "ffn_down.weight", {64, 96});
    }
    return model;
  }

  std::string Key(const std::string& name) const { return architecture_ + "." + name; }

  void Add(const std::string& name, std::vector<int64_t> shape) {
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    const uint32_t type = shape.size() == 1 ? kGgufF32 : matrix_type_;
    builder.Tensor(name, std::move(shape), type, GgufValues(FixtureValues(name, count), type));
  }

  GgufBuilder builder;

 private:
  std::string architecture_;
  uint32_t matrix_type_;
};

TEST_F(GgufReaderTest, FusedQueriesKeysAndValuesAreTakenApart) {
  TinyModel model = TinyModel::Llama();
  for (const char* name : {"attn_q", "attn_k", "attn_v"}) {
    model.builder.RemoveTensor(absl::StrCat("blk.1.", name, ".weight"));
  }
  model.Add("blk.1.attn_qkv.weight", {128, 64});
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> read, Open(model.builder));
  const std::vector<float> all = FixtureValues("blk.1.attn_qkv.weight", 128 * 64);
  const auto row = [&](size_t i) {
    return std::vector<float>(all.begin() + static_cast<ptrdiff_t>(i * 64),
                              all.begin() + static_cast<ptrdiff_t>((i + 1) * 64));
  };
  // Row 17 of q: of head 1 the second, the first of its second pair; row 25: the second of it.
  const size_t q = IndexOf(*read, "model.layers.1.self_attn.q_proj.weight");
  EXPECT_EQ(*read->ReadRows(q, 17, 1), row(16 + 2));
  EXPECT_EQ(*read->ReadRows(q, 25, 1), row(16 + 3));
  const size_t k = IndexOf(*read, "model.layers.1.self_attn.k_proj.weight");
  EXPECT_EQ(*read->ReadRows(k, 8, 1), row(64 + 1));
  const size_t v = IndexOf(*read, "model.layers.1.self_attn.v_proj.weight");
  EXPECT_EQ(*read->ReadRows(v, 8, 1), row(96 + 8));

  model.builder.RemoveTensor("blk.1.attn_qkv.weight");
  model.Add("blk.1.attn_qkv.weight", {127, 64});
  EXPECT_THAT(Open(model.builder), MatchesStatus(StatusCode::kInvalidArgument,
                                                 {"blk.1.attn_qkv.weight", "128 rows", "127"}));
}

TEST_F(GgufReaderTest, FalconsGroupsAndNormsGetTheirOrderBack) {
  TinyModel model("falcon");
  for (const char* name : {"attn_norm", "attn_norm_2"}) {
    model.Add(absl::StrCat("blk.0.", name, ".weight"), {64});
  }
  model.Add("blk.0.attn_qkv.weight", {128, 64});
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> read, Open(model.builder));
  IndexOf(*read, "transformer.h.0.ln_mlp.weight");
  IndexOf(*read, "transformer.h.0.ln_attn.weight");
  EXPECT_EQ(read->config()["new_decoder_architecture"], true);
  EXPECT_EQ(read->config()["num_ln_in_parallel_attn"], 2);
  const size_t qkv = IndexOf(*read, "transformer.h.0.self_attention.query_key_value.weight");
  ASSERT_OK_AND_ASSIGN(const std::vector<float> rows, read->ReadRows(qkv, 0, 128));
  const std::vector<float> stored = FixtureValues("blk.0.attn_qkv.weight", 128 * 64);
  // Heads of 16 rows. Presented: q0 q1 k0 v0 q2 q3 k1 v1. Stored: q0 q1 q2 q3 k0 k1 v0 v1.
  const size_t order[] = {0, 1, 4, 6, 2, 3, 5, 7};
  for (size_t head = 0; head < 8; ++head) {
    const auto at = [](const std::vector<float>& values, size_t i) {
      const auto begin = values.begin() + static_cast<ptrdiff_t>(i * 16 * 64);
      return std::vector<float>(begin, begin + 16 * 64);
    };
    EXPECT_EQ(at(rows, head), at(stored, order[head])) << head;
  }
}

TEST_F(GgufReaderTest, NormsOfHeadsBecomeOneVectorAHead) {
  TinyModel model("stablelm");
  model.builder.Remove("stablelm.attention.layer_norm_rms_epsilon");
  model.builder.Bool("stablelm.use_parallel_residual", true);
  model.Add("blk.0.attn_q_norm.weight", {4, 16});
  model.Add("blk.0.attn_k_norm.weight", {2, 16});
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> read, Open(model.builder));
  EXPECT_EQ(read->config()["qk_layernorm"], true);
  const std::vector<float> all = FixtureValues("blk.0.attn_q_norm.weight", 64);
  const size_t third = IndexOf(*read, "model.layers.0.self_attn.q_layernorm.norms.2.weight");
  EXPECT_EQ(read->tensors()[third].shape, std::vector<int64_t>{16});
  EXPECT_EQ(*read->ReadRows(third, 4, 2), (std::vector<float>{all[36], all[37]}));
  model.builder.RemoveTensor("blk.0.attn_k_norm.weight");
  model.Add("blk.0.attn_k_norm.weight", {3, 16});
  EXPECT_THAT(Open(model.builder),
              MatchesStatus(StatusCode::kInvalidArgument, {"2 rows", "found 3"}));
}

TEST_F(GgufReaderTest, OtherTensorsKeepTheirNamesAndAreRefusedByThem) {
  TinyModel model = TinyModel::Llama();
  model.Add("blk.0.ffn_gate_inp.weight", {8, 64});
  WriteFileBytes(folder_.File("model.gguf"), model.builder.Bytes());
  EXPECT_THAT(ConvertCheckpoint(folder_.File("model.gguf"), folder_.File("out"), {}),
              MatchesStatus(StatusCode::kInvalidArgument, {"blk.0.ffn_gate_inp.weight"}));
}

class GgufShardsTest : public GgufReaderTest {
 protected:
  std::string ShardPath(int number) const {
    return folder_.File(absl::StrCat("shards/tiny-0000", number, "-of-00003.gguf"));
  }
  void WriteShards(const GgufBuilder& builder) const {
    std::filesystem::create_directories(folder_.File("shards"));
    const std::vector<std::string> shards = builder.Shards(3);
    for (int i = 0; i < 3; ++i) WriteFileBytes(ShardPath(i + 1), shards[static_cast<size_t>(i)]);
  }
};

TEST_F(GgufShardsTest, AnyShardOrTheFolderOpensAll) {
  const TinyModel model = TinyModel::Llama();
  WriteShards(model.builder);
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> whole, Open(model.builder));
  for (const std::string& path : {ShardPath(1), ShardPath(3), folder_.File("shards")}) {
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> read, Checkpoint::Open(path));
    EXPECT_EQ(read->FormatName(), "GGUF, 3 files");
    EXPECT_EQ(read->Files().size(), 3u);
    ExpectSameTensors(*read, *whole);
    EXPECT_EQ(read->config(), whole->config());
    EXPECT_OK(read->ImportTokenizer(""));
  }
}

TEST_F(GgufShardsTest, BrokenSetsAreNamed) {
  const GgufBuilder builder = TinyModel::Llama().builder;
  WriteShards(builder);
  const std::string second = ReadFileBytes(ShardPath(2));
  std::filesystem::remove(ShardPath(2));
  EXPECT_THAT(Checkpoint::Open(ShardPath(1)),
              MatchesStatus(StatusCode::kNotFound, {"tiny-00002-of-00003.gguf"}));
  WriteFileBytes(ShardPath(2), ReadFileBytes(ShardPath(3)));
  EXPECT_THAT(Checkpoint::Open(ShardPath(1)),
              MatchesStatus(StatusCode::kInvalidArgument, {"split.no", "expected 1, found 2"}));
  WriteFileBytes(ShardPath(2), builder.Bytes());
  EXPECT_THAT(Checkpoint::Open(ShardPath(1)),
              MatchesStatus(StatusCode::kInvalidArgument, {"split.count", "expected 3, found 0"}));
  WriteFileBytes(ShardPath(2), second);
  WriteFileBytes(folder_.File("renamed.gguf"), second);
  EXPECT_THAT(Checkpoint::Open(folder_.File("renamed.gguf")),
              MatchesStatus(StatusCode::kInvalidArgument, {"one of 3 files", "of-00003"}));

  GgufBuilder other = builder;
  other.Tensor("more", {1}, kGgufF32, GgufValues({1.0f}, kGgufF32));
  other.Tensor("still more", {1}, kGgufF32, GgufValues({1.0f}, kGgufF32));
  WriteFileBytes(ShardPath(3), other.Shards(3)[2]);
  EXPECT_THAT(Checkpoint::Open(ShardPath(1)),
              MatchesStatus(StatusCode::kInvalidArgument, {"split.tensors.count"}));
  std::vector<std::string> shards = builder.Shards(3);
  // The first shard's tensors again, under the last one's number.
  std::string again = shards[0];
  const size_t number = again.find("split.no") + 12;
  again[number] = 2;
  WriteFileBytes(ShardPath(3), again);
  EXPECT_THAT(Checkpoint::Open(ShardPath(1)),
              MatchesStatus(StatusCode::kInvalidArgument, {"in another shard"}));
}

TEST_F(GgufReaderTest, FoldersAreSearchedByContent) {
  const GgufBuilder builder = TinyModel::Llama().builder;
  const std::string folder = folder_.File("folder");
  std::filesystem::create_directories(folder);
  WriteFileBytes(folder + "/notes.gguf", "not one");
  EXPECT_THAT(Checkpoint::Open(folder), MatchesStatus(StatusCode::kNotFound, {"no GGUF file"}));
  WriteFileBytes(folder + "/model.bin", builder.Bytes());
  EXPECT_OK(Checkpoint::Open(folder));
  // Repositories of GGUF files often have the original's config, too.
  WriteFileBytes(folder + "/config.json", "{}");
  EXPECT_OK(Checkpoint::Open(folder));
  WriteFileBytes(folder + "/second", builder.Bytes());
  EXPECT_THAT(Checkpoint::Open(folder),
              MatchesStatus(StatusCode::kInvalidArgument, {"found 2", "model.bin", "second"}));
}

TEST_F(GgufReaderTest, AnotherVocabularyKeepsTheFilesIds) {
  GgufBuilder builder = TinyModel::Llama().builder;
  builder.Bool("tokenizer.ggml.add_eos_token", true);
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> read, Open(builder));
  WriteFileBytes(folder_.File("tokenizer.bin"), TinyTokenizerFile());
  ASSERT_OK_AND_ASSIGN(const ImportedTokenizer imported,
                       read->ImportTokenizer(folder_.File("tokenizer.bin")));
  EXPECT_EQ(imported.tokenizer.piece_types.size(), 260u);
  EXPECT_EQ(imported.tokenizer.eos_id, 2);
  EXPECT_TRUE(imported.tokenizer.add_eos);
}

class GgufConversionTest : public GgufReaderTest {
 protected:
  absl::StatusOr<ConvertSummary> Convert(const GgufBuilder& builder,
                                         const ConvertOptions& options) {
    WriteFileBytes(folder_.File("model.gguf"), builder.Bytes());
    return ConvertCheckpoint(folder_.File("model.gguf"), folder_.File("out.tflite"), options);
  }
};

// Blocks with a positive scale keep their quantised values, and their scale up to its rounding to
// bf16. Negative scales don't exist in model files: there, what was -8 becomes 7 at the most.
TEST_F(GgufConversionTest, FourBitBlocksKeepTheirValues) {
  const TinyModel model = TinyModel::Llama(kGgufQ4);
  ASSERT_OK_AND_ASSIGN(const ConvertSummary summary, Convert(model.builder, {}));
  EXPECT_EQ(summary.family, "llama");
  EXPECT_THAT(summary.notes, testing::Contains(testing::HasSubstr("from Q4_0 to int4/32")));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader,
                       ModelReader::Open(folder_.File("out.tflite")));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> source, Open(model.builder));
  int num_positive = 0;
  int num_negative = 0;
  for (const auto& [ours, theirs] :
       {std::pair<std::string, std::string>{"layers.0.attention.q.weight",
                                            "model.layers.0.self_attn.q_proj.weight"},
        {"layers.1.feed_forward.down.weight", "model.layers.1.mlp.down_proj.weight"},
        {"embedding.weight", "model.embed_tokens.weight"}}) {
    const TensorView* view = reader->Find(ours);
    ASSERT_NE(view, nullptr);
    EXPECT_EQ(view->type, (TensorType{ElementType::kInt4Block, 32})) << ours;
    const std::vector<float> stored = StoredValues(*reader, ours);
    const size_t index = IndexOf(*source, theirs);
    const int64_t rows = source->tensors()[index].shape[0];
    ASSERT_OK_AND_ASSIGN(const std::vector<float> values, source->ReadRows(index, 0, rows));
    ASSERT_OK_AND_ASSIGN(const std::vector<float> scales, source->ReadBlockScales(index, 0, rows));
    ASSERT_EQ(scales.size() * 32, values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const float scale = scales[i / 32];
      if (scale > 0) {
        ++num_positive;
        const float quant = std::round(values[i] / scale);
        EXPECT_EQ(stored[i], Bfloat16ToFloat(FloatToBfloat16(scale)) * quant);
        EXPECT_LE(std::fabs(stored[i] - values[i]), std::fabs(values[i]) / 256.0f);
      } else {
        ++num_negative;
        EXPECT_LE(std::fabs(stored[i] - values[i]), -1.01f * scale) << "at " << i;
      }
    }
  }
  EXPECT_GT(num_positive, 1000);
  EXPECT_GT(num_negative, 1000);
}

TEST_F(GgufConversionTest, EightBitsBecomeInt8AndOptionsAreObeyed) {
  const TinyModel model = TinyModel::Llama(kGgufQ8);
  ASSERT_OK_AND_ASSIGN(const ConvertSummary summary, Convert(model.builder, {}));
  for (const TensorKindSummary& kind : summary.kinds) {
    if (kind.kind == "norms") continue;
    EXPECT_EQ(kind.type, (TensorType{ElementType::kInt8Channel, 0})) << kind.kind;
    EXPECT_LT(kind.relative_error, 0.01) << kind.kind;
  }
  ConvertOptions options;
  options.weights = {ElementType::kF32, 0};
  ASSERT_OK_AND_ASSIGN(const ConvertSummary exact, Convert(model.builder, options));
  EXPECT_DOUBLE_EQ(exact.bits_per_weight, 32.0);
  for (const TensorKindSummary& kind : exact.kinds) EXPECT_EQ(kind.relative_error, 0.0);
  EXPECT_LT(exact.input_bytes, summary.num_weights * 2);
}

// Where some matrices are quantised, the others were left plain on purpose.
TEST_F(GgufConversionTest, PlainMatricesOfQuantisedFilesStayPlain) {
  TinyModel model = TinyModel::Llama(kGgufQ8);
  const std::vector<float> values = FixtureValues("down", 64 * 96);
  model.builder.RemoveTensor("blk.0.ffn_down.weight");
  model.builder.Tensor("blk.0.ffn_down.weight", {64, 96}, kGgufF16, GgufValues(values, kGgufF16));
  ASSERT_OK(Convert(model.builder, {}));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader,
                       ModelReader::Open(folder_.File("out.tflite")));
  EXPECT_EQ(reader->Find("layers.0.feed_forward.down.weight")->type.element, ElementType::kF16);
  EXPECT_EQ(StoredValues(*reader, "layers.0.feed_forward.down.weight"), values);
  // In a file of plain matrices, int4 is the default as for every other checkpoint.
  ASSERT_OK(Convert(TinyModel::Llama(kGgufF16).builder, {}));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> plain,
                       ModelReader::Open(folder_.File("out.tflite")));
  EXPECT_EQ(plain->Find("layers.0.feed_forward.down.weight")->type.element,
            ElementType::kInt4Block);
}

}  // namespace
}  // namespace inkling
