// MediaPipe LLM files against the same weights in Hugging Face form: the same config, the same
// tensors, the same text; int8 and int4 weights without a second rounding.

#include "converter/checkpoints/mediapipe/mediapipe_reader.h"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "converter/convert.h"
#include "inkling/llm_model.h"
#include "inkling/llm_session.h"
#include "src/format/model_metadata.h"
#include "src/format/model_reader.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/mediapipe_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;

constexpr TensorType kF32 = {ElementType::kF32, 0};
constexpr TensorType kInt8 = {ElementType::kInt8Channel, 0};
constexpr TensorType kInt4 = {ElementType::kInt4Channel, 0};
constexpr TensorType kInt4Block = {ElementType::kInt4Block, 32};

ConvertOptions Options(std::optional<TensorType> weights) {
  ConvertOptions options;
  options.weights = weights;
  options.search = ScaleSearch::kMaxAbs;
  return options;
}

// The metadata but tokenizer, template and origin.
std::vector<std::byte> ConfigBytes(const ModelReader& reader) {
  ModelMetadata metadata;
  metadata.config = reader.config();
  return EncodeMetadata(metadata);
}

std::string ViewBytes(const TensorView& view) {
  return std::string(reinterpret_cast<const char*>(view.values),
                     static_cast<size_t>(view.value_bytes)) +
         std::string(reinterpret_cast<const char*>(view.scales),
                     static_cast<size_t>(view.scale_bytes));
}

class MediapipeReaderTest : public testing::Test {
 protected:
  // Both model files have the same config and, byte for byte, the same tensors.
  void ExpectSameModel(const std::string& first, const std::string& second) {
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> a, ModelReader::Open(first));
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> b, ModelReader::Open(second));
    EXPECT_EQ(ConfigBytes(*a), ConfigBytes(*b));
    ASSERT_EQ(a->tensors().size(), b->tensors().size());
    for (size_t i = 0; i < a->tensors().size(); ++i) {
      const TensorView& view = a->tensors()[i];
      EXPECT_EQ(view.info.name, b->tensors()[i].info.name);
      EXPECT_EQ(view.type, b->tensors()[i].type) << view.info.name;
      EXPECT_EQ(ViewBytes(view), ViewBytes(b->tensors()[i])) << view.info.name;
    }
  }

  std::unique_ptr<Checkpoint> OpenGolden(const std::string& name) {
    absl::StatusOr<std::unique_ptr<Checkpoint>> golden = Checkpoint::Open(Golden(name));
    EXPECT_OK(golden);
    return golden.ok() ? *std::move(golden) : nullptr;
  }
  static std::string Golden(const std::string& name) {
    return std::string(INKLING_TEST_DATA_DIR) + "/golden/" + name;
  }

  MediapipeFixture Gemma(MediapipeWeights weights) {
    const std::unique_ptr<Checkpoint> golden = OpenGolden("gemma");
    MediapipeFixture file = MediapipeFile(*golden, 6, {}, weights);
    file.tokenizer = ReadFileBytes(Golden("gemma") + "/tokenizer.model");
    return file;
  }

  // What the reader makes of `file`, as a Hugging Face folder of f32 tensors.
  std::string Dequantized(const std::string& file, const std::string& folder) {
    absl::StatusOr<std::unique_ptr<Checkpoint>> read = Checkpoint::Open(file);
    EXPECT_OK(read);
    std::vector<FixtureTensor> tensors;
    for (size_t i = 0; i < (*read)->tensors().size(); ++i) {
      const SourceTensor& tensor = (*read)->tensors()[i];
      absl::StatusOr<std::vector<float>> values = (*read)->ReadRows(i, 0, tensor.shape[0]);
      EXPECT_OK(values);
      tensors.push_back({tensor.name, "F32", tensor.shape, *values});
    }
    const std::string path = folder_.File(folder);
    std::filesystem::create_directories(path);
    for (const char* name : {"config.json", "tokenizer.model", "tokenizer_config.json"}) {
      WriteFileBytes(path + "/" + name, ReadFileBytes(Golden("gemma") + "/" + name));
    }
    WriteFileBytes(path + "/model.safetensors", SafetensorsBytes(tensors));
    return path;
  }

  std::string Write(const MediapipeFixture& file, const std::string& name = "gemma.bin") {
    WriteFileBytes(folder_.File(name), file.Bytes());
    return folder_.File(name);
  }

  TempDir folder_;
};

TEST_F(MediapipeReaderTest, FloatsBecomeTheModelThatSafetensorsBecome) {
  const std::string file = Write(Gemma(MediapipeWeights::kF32));
  ASSERT_OK_AND_ASSIGN(const ConvertSummary summary,
                       ConvertCheckpoint(file, folder_.File("a.tflite"), Options(kF32)));
  EXPECT_EQ(summary.family, "gemma");
  EXPECT_EQ(summary.source_format, "MediaPipe LLM file, GEMMA_2B");
  ASSERT_OK(ConvertCheckpoint(Golden("gemma"), folder_.File("b.tflite"), Options(kF32)));
  ExpectSameModel(folder_.File("a.tflite"), folder_.File("b.tflite"));
  // Without a wish, floats become int4 and int8 as from any checkpoint.
  ASSERT_OK(ConvertCheckpoint(file, folder_.File("a.tflite"), Options(std::nullopt)));
  ASSERT_OK(ConvertCheckpoint(Golden("gemma"), folder_.File("b.tflite"), Options(std::nullopt)));
  ExpectSameModel(folder_.File("a.tflite"), folder_.File("b.tflite"));
}

TEST_F(MediapipeReaderTest, QuantizedWeightsAreTakenAsTheyAre) {
  for (const MediapipeWeights weights : {MediapipeWeights::kInt8, MediapipeWeights::kInt4}) {
    const TensorType type = weights == MediapipeWeights::kInt8 ? kInt8 : kInt4;
    MediapipeFixture file = Gemma(weights);
    ASSERT_OK_AND_ASSIGN(
        const ConvertSummary summary,
        ConvertCheckpoint(Write(file), folder_.File("a.tflite"), Options(std::nullopt)));
    ASSERT_FALSE(summary.notes.empty());
    EXPECT_NE(summary.notes[0].find("taken as they are"), std::string::npos) << summary.notes[0];
    EXPECT_NE(summary.notes[0].find("embedding, feed_forward.down"), std::string::npos);
    for (const TensorKindSummary& kind : summary.kinds) EXPECT_EQ(kind.relative_error, 0.0);

    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader,
                         ModelReader::Open(folder_.File("a.tflite")));
    const std::string prefix = "params.lm.transformer.x_layers_1.";
    const std::vector<std::pair<std::string, std::string>> names = {
        {"embedding.weight", "params.lm.softmax.logits_ffn.w"},
        {"layers.1.attention.q.weight", prefix + "self_attention.q.w"},
        {"layers.1.attention.output.weight", prefix + "self_attention.post.w"},
        {"layers.1.feed_forward.gate.weight", prefix + "ff_layer.ffn_layer1_gate.w"},
        {"layers.1.feed_forward.down.weight", prefix + "ff_layer.ffn_layer2.w"}};
    for (const auto& [ours, theirs] : names) {
      const TensorView* view = reader->Find(ours);
      ASSERT_NE(view, nullptr) << ours;
      EXPECT_EQ(view->type, type);
      EXPECT_EQ(ViewBytes(*view),
                file.Tensor(theirs).bytes + file.Tensor(theirs + "_quantized_scale").bytes);
    }
  }
}

TEST_F(MediapipeReaderTest, OtherTypesAreRoundedAgainAndSaid) {
  const std::string file = Write(Gemma(MediapipeWeights::kInt8));
  const std::string folder = Dequantized(file, "floats");
  for (const TensorType type : {kF32, kInt4Block}) {
    ASSERT_OK_AND_ASSIGN(const ConvertSummary summary,
                         ConvertCheckpoint(file, folder_.File("a.tflite"), Options(type)));
    EXPECT_NE(summary.notes[0].find("rounded a second time, from int8 to " +
                                    std::string(TensorTypeName(type))),
              std::string::npos)
        << summary.notes[0];
    ASSERT_OK(ConvertCheckpoint(folder, folder_.File("b.tflite"), Options(type)));
    if (type == kF32) ExpectSameModel(folder_.File("a.tflite"), folder_.File("b.tflite"));
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> reader,
                         ModelReader::Open(folder_.File("a.tflite")));
    EXPECT_EQ(reader->Find("layers.0.attention.q.weight")->type, type);
    EXPECT_EQ(reader->Find("embedding.weight")->type, type == kF32 ? kF32 : kInt8);
  }
}

// What a model says after each of some prompts.
std::vector<std::string> GreedyTexts(const std::string& model) {
  std::vector<std::string> texts;
  absl::StatusOr<std::shared_ptr<const LlmModel>> opened = LlmModel::Open(model);
  EXPECT_OK(opened);
  if (!opened.ok()) return texts;
  GenerateOptions options;
  options.max_new_tokens = 24;
  options.sampling.temperature = 0;
  options.ignore_model_stop_tokens = true;
  for (const char* prompt : {"The", "a cat and a dog", ""}) {
    absl::StatusOr<std::unique_ptr<LlmSession>> session = LlmSession::Create(*opened);
    EXPECT_OK(session);
    if (!session.ok()) return texts;
    texts.emplace_back();
    EXPECT_OK((*session)->Generate(prompt, options, [&texts](absl::string_view part) {
      texts.back() += part;
      return true;
    }));
    EXPECT_FALSE(texts.back().empty());
  }
  return texts;
}

TEST_F(MediapipeReaderTest, SpeaksAsTheSameWeightsDoThroughSafetensors) {
  for (const MediapipeWeights weights : {MediapipeWeights::kInt8, MediapipeWeights::kInt4}) {
    const std::string file = Write(Gemma(weights));
    const std::string folder = Dequantized(file, "floats");
    const TensorType type = weights == MediapipeWeights::kInt8 ? kInt8 : kInt4;
    ConvertOptions options = Options(type);
    options.embedding = type;
    // One vocabulary file for both: the folder's class writes bytes and <unk> in another way than
    // SentencePiece.
    ConvertOptions own = Options(std::nullopt);
    own.tokenizer_path = folder + "/tokenizer.json";
    WriteFileBytes(own.tokenizer_path, ReadFileBytes(Golden("gemma") + "/tokenizer.json"));
    ASSERT_OK(ConvertCheckpoint(file, folder_.File("a.tflite"), own));
    ASSERT_OK(ConvertCheckpoint(folder, folder_.File("b.tflite"), options));
    EXPECT_EQ(GreedyTexts(folder_.File("a.tflite")), GreedyTexts(folder_.File("b.tflite")));
  }
}

struct FamilyCase {
  const char* golden;
  uint32_t model_type;
  MediapipeParameters values;
  nlohmann::json config;  // what the parameters say differently from the golden config.json
};

std::ostream& operator<<(std::ostream& out, const FamilyCase& family) {
  return out << family.golden << ", model type " << family.model_type;
}

class MediapipeFamilyTest : public MediapipeReaderTest,
                            public testing::WithParamInterface<FamilyCase> {};

TEST_P(MediapipeFamilyTest, BecomesTheModelThatSafetensorsBecome) {
  const FamilyCase& family = GetParam();
  const std::string golden = Golden(family.golden);
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> checkpoint, Checkpoint::Open(golden));
  const std::string folder = folder_.File("folder");
  std::filesystem::create_directories(folder);
  for (const auto& entry : std::filesystem::directory_iterator(golden)) {
    const std::string name = entry.path().filename().string();
    if (name != "config.json") std::filesystem::copy(entry.path(), folder + "/" + name);
  }
  nlohmann::json config = checkpoint->config();
  config.update(family.config);
  WriteFileBytes(folder + "/config.json", config.dump());
  ASSERT_OK(ConvertCheckpoint(folder, folder_.File("b.tflite"), Options(kF32)));

  const std::string file =
      Write(MediapipeFile(*checkpoint, family.model_type, family.values, MediapipeWeights::kF32));
  ConvertOptions options = Options(kF32);
  options.tokenizer_path = golden + "/tokenizer.json";
  ASSERT_OK(ConvertCheckpoint(file, folder_.File("a.tflite"), options));
  ExpectSameModel(folder_.File("a.tflite"), folder_.File("b.tflite"));
}

// Rows that are taken as they are mean the numbers that the float reader sees, fused ones included.
TEST_P(MediapipeFamilyTest, StoredRowsAreTheFloatsRows) {
  const FamilyCase& family = GetParam();
  const std::string golden = Golden(family.golden);
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> checkpoint, Checkpoint::Open(golden));
  const std::string file =
      Write(MediapipeFile(*checkpoint, family.model_type, family.values, MediapipeWeights::kInt8));
  for (const auto& [type, name] : {std::pair(std::optional<TensorType>(), "a.tflite"),
                                   std::pair(std::optional<TensorType>(kF32), "b.tflite")}) {
    ConvertOptions options = Options(type);
    options.tokenizer_path = golden + "/tokenizer.json";
    ASSERT_OK(ConvertCheckpoint(file, folder_.File(name), options));
  }
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> a,
                       ModelReader::Open(folder_.File("a.tflite")));
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<ModelReader> b,
                       ModelReader::Open(folder_.File("b.tflite")));
  for (size_t i = 0; i < a->tensors().size(); ++i) {
    const TensorView& view = a->tensors()[i];
    EXPECT_EQ(view.type, view.info.is_vector ? kF32 : kInt8) << view.info.name;
    ASSERT_OK_AND_ASSIGN(
        const std::vector<float> values,
        DequantizeRows(absl::MakeSpan(view.values, static_cast<size_t>(view.value_bytes)),
                       absl::MakeSpan(view.scales, static_cast<size_t>(view.scale_bytes)),
                       view.info.rows, view.info.columns, view.type));
    const TensorView& floats = b->tensors()[i];
    ASSERT_EQ(static_cast<int64_t>(values.size() * sizeof(float)), floats.value_bytes);
    EXPECT_EQ(std::memcmp(values.data(), floats.values, values.size() * sizeof(float)), 0)
        << view.info.name;
  }
}

std::vector<FamilyCase> FamilyCases() {
  MediapipeParameters scaled = GoldenMediapipeParameters("gemma3");
  scaled.rope_scaling = 8.0f;
  scaled.scale = 3;
  return {
      {"gemma2",
       18,
       GoldenMediapipeParameters("gemma2"),
       {{"query_pre_attn_scalar", 32}, {"max_position_embeddings", 8192}}},
      {"gemma3", 27, GoldenMediapipeParameters("gemma3"), {{"query_pre_attn_scalar", 32}}},
      {"gemma3",
       28,
       scaled,
       {{"query_pre_attn_scalar", 16},
        {"max_position_embeddings", 131072},
        {"rope_scaling", {{"rope_type", "linear"}, {"factor", 8.0}}}}},
      {"phi", 11, GoldenMediapipeParameters("phi"), {{"max_position_embeddings", 2048}}},
      {"stablelm", 8, GoldenMediapipeParameters("stablelm"), {{"max_position_embeddings", 4096}}},
      {"falcon_rw", 5, GoldenMediapipeParameters("falcon_rw"), {{"max_position_embeddings", 2048}}},
  };
}

INSTANTIATE_TEST_SUITE_P(Families, MediapipeFamilyTest, testing::ValuesIn(FamilyCases()),
                         [](const testing::TestParamInfo<FamilyCase>& info) {
                           return info.param.golden + std::to_string(info.param.model_type);
                         });

}  // namespace
}  // namespace inkling
