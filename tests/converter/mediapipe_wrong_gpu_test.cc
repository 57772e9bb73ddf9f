// Files for gpu and bundles that are wrong, damaged or of another kind.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "converter/checkpoints/checkpoint.h"
#include "converter/convert.h"
#include "converter/files/input_file.h"
#include "tests/converter/checkpoint_fixture.h"
#include "tests/converter/mediapipe_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace inkling {
namespace {

using absl::StatusCode;
using testing::ElementsAre;

const nlohmann::json kSizes = LittleMediapipeSizes(10);
constexpr char kQuery[] = "params.lm.transformer.x_layers_0.self_attention.q.w";
constexpr char kValue[] = "params.lm.transformer.x_layers_0.self_attention.v.w";

// A complete little Gemma for gpu, int8 with zero points and, for one matrix, int4.
MediapipeFixture Fixture(bool asymmetric = true) {
  return LittleMediapipeGemma({.gpu = true, .asymmetric = asymmetric, .sums = true}, 10);
}

// What LlmParameters of a bundle say: no transformer.
ProtobufWriter Metadata() {
  ProtobufWriter user;
  user.Bytes(2, "<start_of_turn>user\n").Bytes(3, "<end_of_turn>\n");
  ProtobufWriter model;
  model.Bytes(2, "<start_of_turn>model\n").Bytes(3, "<end_of_turn>\n");
  ProtobufWriter metadata;
  metadata.Bytes(6, "<bos>").Bytes(5, "<end_of_turn>");
  metadata.Bytes(17, ProtobufWriter().Bytes(1, user.bytes()).Bytes(2, model.bytes()).bytes());
  return metadata;
}

std::vector<ZipPart> Entries(const std::string& model) {
  return {{"TF_LITE_PREFILL_DECODE", model, 0, 0},
          {"TOKENIZER_MODEL", TinySentencePiece("b", /*names_ends=*/false), 0, 0},
          {"METADATA", Metadata().bytes(), 0, 0}};
}

class MediapipeWrongGpuTest : public testing::Test {
 protected:
  absl::StatusOr<ConvertSummary> Convert(const std::string& bytes) {
    WriteFileBytes(folder_.File("model.bin"), bytes);
    return ConvertCheckpoint(folder_.File("model.bin"), folder_.File("out.tflite"),
                             ConvertOptions());
  }
  absl::StatusOr<ConvertSummary> Convert(const MediapipeFixture& file) {
    return Convert(file.Bytes());
  }
  void Fails(const std::string& bytes, StatusCode code, const std::vector<std::string>& message) {
    EXPECT_THAT(Convert(bytes), MatchesStatus(code, message)) << message.back();
    EXPECT_EQ(folder_.List(), std::vector<std::string>{"model.bin"});
  }
  void Fails(const MediapipeFixture& file, StatusCode code,
             const std::vector<std::string>& message) {
    Fails(file.Bytes(), code, message);
  }

  // Reads all that a file offers, if it can be opened.
  void ReadAll(const std::string& bytes) {
    WriteFileBytes(folder_.File("model.bin"), bytes);
    const absl::StatusOr<std::unique_ptr<Checkpoint>> read =
        Checkpoint::Open(folder_.File("model.bin"));
    if (!read.ok()) return;
    (void)(*read)->ImportTokenizer("");
    for (size_t t = 0; t < (*read)->tensors().size(); ++t) {
      const SourceTensor& tensor = (*read)->tensors()[t];
      EXPECT_OK((*read)->ReadRows(t, 0, tensor.shape.empty() ? 1 : tensor.shape[0]));
    }
  }

  TempDir folder_;
};

TEST_F(MediapipeWrongGpuTest, ALittleFileConverts) {
  ASSERT_OK_AND_ASSIGN(const ConvertSummary summary, Convert(Fixture(false)));
  EXPECT_EQ(summary.source_format, "MediaPipe LLM file for gpu, GEMMA_2B");
  EXPECT_EQ(summary.notes[0], "values and scales taken as they are, int4: attention.v");
  ASSERT_OK(Convert(Fixture(true)));
}

TEST_F(MediapipeWrongGpuTest, WrongTensorsAreNamed) {
  MediapipeFixture file = Fixture();
  file.Tensor(kQuery).shape = {4, 4};
  Fails(file, StatusCode::kInvalidArgument, {kQuery, "one size, that of its bytes"});
  file = Fixture();
  file.Tensor(kQuery).shape = {15};
  Fails(file, StatusCode::kInvalidArgument, {kQuery, "[15] needs 15 bytes, found 16"});
  file = Fixture();
  file.Tensor(kQuery).type = wire::TensorType::INT4;  // twice as many values as there should be
  Fails(file, StatusCode::kInvalidArgument, {kQuery, "[4, 4] of INT4, which is 8 bytes, found 16"});
  file = Fixture();
  file.Tensor(kQuery).type = wire::TensorType::BFLOAT16;
  Fails(file, StatusCode::kUnimplemented, {kQuery, "found 18"});
  file = Fixture();
  file.Tensor(kQuery).type = static_cast<wire::TensorType>(2);
  Fails(file, StatusCode::kInvalidArgument, {kQuery, "found"});
  file = Fixture();
  file.Remove(absl::StrCat(kQuery, "_quantized_scale"));
  Fails(file, StatusCode::kInvalidArgument, {kQuery, "4 scales", "found none"});
  file = Fixture();
  file.Tensor(absl::StrCat(kQuery, "_quantized_zp")).shape = {12};
  file.Tensor(absl::StrCat(kQuery, "_quantized_zp")).bytes.resize(12);
  Fails(file, StatusCode::kInvalidArgument, {kQuery, "4 zero points", "found 12 bytes"});
  file = Fixture();
  file.AddFloats("params.lm.surprise.scale", {4}, {0, 0, 0, 0});
  Fails(file, StatusCode::kInvalidArgument, {"params.lm.surprise.scale", "GEMMA_2B", "none"});
  file = Fixture();
  nlohmann::json sizes = kSizes;
  sizes["head_dim"] = sizes["num_attention_heads"] = 1 << 24;
  file.parameters = MediapipeLlmParameters(sizes, {}).bytes();
  Fails(file, StatusCode::kInvalidArgument, {kQuery, "[281474976710656, 4] of INT8"});
  sizes["hidden_size"] = 1 << 24;
  file.parameters = MediapipeLlmParameters(sizes, {}).bytes();
  for (const char* ending : {"", ".sum_i", "_quantized_scale", "_quantized_zp"}) {
    file.Remove(absl::StrCat("params.lm.softmax.logits_ffn.w", ending));
  }
  Fails(file, StatusCode::kInvalidArgument, {kQuery, "more than any file has"});
}

TEST_F(MediapipeWrongGpuTest, BlocksWhoseScalesAreLostAreRefused) {
  const std::string scales = absl::StrCat(kValue, "_quantized_scale");
  MediapipeFixture file = Fixture(false);
  file.Tensor(scales).bytes = std::string(8, '\0');  // as converter 0.10.35 leaves them
  Fails(file, StatusCode::kUnimplemented, {kValue, "quantised in blocks", "made from"});
  file = Fixture(false);
  file.Tensor(scales).shape = {16};
  file.Tensor(scales).bytes.resize(16, '\x3f');
  Fails(file, StatusCode::kUnimplemented, {kValue, "quantised in blocks", "one scale"});
}

TEST_F(MediapipeWrongGpuTest, AdaptersAreNamed) {
  MediapipeFixture file;
  file.form.gpu = true;
  file.backend = "gpu";
  file.parameters = MediapipeLlmParameters(kSizes, {}).bytes();
  const std::string name = "params.lm.transformer.x_layers_0.self_attention.q.w_prime_left";
  file.AddFloats(name, {8}, FixtureValues(name, 8));
  Fails(file, StatusCode::kUnimplemented, {"LoRA adapter", "w_prime_left", "--lora"});
  file.lora_rank = 4;
  Fails(file, StatusCode::kUnimplemented,
        {"LoRA adapter", "rank 4", "expected a model", "--lora and --base=MODEL"});
}

TEST_F(MediapipeWrongGpuTest, LostZeroPointsAreSuspected) {
  MediapipeFixture file = Fixture(false);
  const auto has_note = [&](const MediapipeFixture& written) {
    const absl::StatusOr<ConvertSummary> summary = Convert(written);
    EXPECT_OK(summary);
    for (const std::string& note : summary->notes) {
      if (absl::StrContains(note, "zero points files for cpu have lost")) return true;
    }
    return false;
  };
  MediapipeFixture cpu;
  cpu.parameters = file.parameters;
  cpu.tokenizer = file.tokenizer;
  const auto add = [&](const std::string& name, int64_t rows, int64_t columns) {
    cpu.AddQuantized(name, wire::TensorType::INT8, rows, columns,
                     FixtureValues(name, rows * columns));
  };
  const std::string layer = "params.lm.transformer.x_layers_0.";
  add("params.lm.softmax.logits_ffn.w", 6, 4);
  add(kQuery, 4, 4);
  add(layer + "self_attention.k.w", 2, 4);
  add(kValue, 2, 4);
  add(layer + "self_attention.post.w", 4, 4);
  add(layer + "ff_layer.ffn_layer1.w", 10, 4);
  add(layer + "ff_layer.ffn_layer1_gate.w", 10, 4);
  add(layer + "ff_layer.ffn_layer2.w", 4, 10);
  for (const char* name : {"pre_layer_norm.scale", "ff_layer.pre_layer_norm.scale"}) {
    cpu.AddFloats(layer + name, {4}, FixtureValues(name, 4));
  }
  cpu.AddFloats("params.lm.final_ln.scale", {4}, FixtureValues("scale", 4));
  EXPECT_FALSE(has_note(cpu));
  EXPECT_FALSE(has_note(Fixture(true)));  // for gpu they are there
  for (MediapipeFixtureTensor& tensor : cpu.tensors) {
    if (tensor.type != wire::TensorType::INT8) continue;
    const size_t columns = static_cast<size_t>(tensor.shape[1]);
    for (size_t row = 0; row * columns < tensor.bytes.size(); ++row) {
      tensor.bytes[row * columns] = '\x80';
      tensor.bytes[row * columns + 1] = '\x7f';
    }
  }
  EXPECT_TRUE(has_note(cpu));
}

TEST_F(MediapipeWrongGpuTest, AFileInsideAnotherEndsWhereItEnds) {
  WriteFileBytes(folder_.File("outer"), "0123456789");
  ASSERT_OK_AND_ASSIGN(InputFile file, InputFile::Open(folder_.File("outer")));
  file.Narrow(2, 6);
  file.Narrow(1, 4);
  EXPECT_EQ(file.size(), 4);
  std::string text(4, ' ');
  const auto bytes = absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), text.size());
  ASSERT_OK(file.ReadAt(0, bytes));
  EXPECT_EQ(text, "3456");
  EXPECT_THAT(file.ReadAt(1, bytes),
              MatchesStatus(StatusCode::kDataLoss, {"ends at byte 4", "1 bytes more"}));
  EXPECT_THAT(file.ReadAt(9, bytes), MatchesStatus(StatusCode::kDataLoss, {"4 bytes more"}));
}

TEST_F(MediapipeWrongGpuTest, BundlesAreReadInPlace) {
  ASSERT_OK_AND_ASSIGN(const ConvertSummary alone, Convert(Fixture()));
  const std::string bytes = ReadFileBytes(folder_.File("out.tflite"));
  EXPECT_EQ(alone.prompt_template, "none (plain text): the file has no prompt template");
  const std::vector<ZipPart> entries = Entries(Fixture().Bytes());
  for (const std::string& bundle :
       {MediapipeBundleBytes(entries), MediapipeBundleBytes(entries, true), ZipBytes(entries)}) {
    ASSERT_OK_AND_ASSIGN(const ConvertSummary summary, Convert(bundle));
    EXPECT_EQ(summary.source_format, "MediaPipe bundle with an LLM file for gpu, GEMMA_2B");
    EXPECT_EQ(summary.prompt_template, "mediapipe (the file's own template)");
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Checkpoint> read,
                         Checkpoint::Open(folder_.File("model.bin")));
    ASSERT_OK_AND_ASSIGN(const ImportedTokenizer imported, read->ImportTokenizer(""));
    // The bundle's vocabulary and words win.
    EXPECT_TRUE(absl::EndsWith(imported.tokenizer.piece_bytes, "b"));
    EXPECT_EQ(imported.tokenizer.bos_id, 2);
    EXPECT_THAT(imported.tokenizer.stop_ids, ElementsAre(4));
    EXPECT_EQ(imported.prompt_template.user.prefix, "<start_of_turn>user\n");
    EXPECT_EQ(imported.prompt_template.session_prefix, "<bos>");
  }
  std::vector<ZipPart> more = entries;
  more.push_back({"TF_LITE_VISION_ENCODER", "images", 0, 0});
  ASSERT_OK_AND_ASSIGN(const ConvertSummary without_images, Convert(MediapipeBundleBytes(more)));
  EXPECT_THAT(without_images.notes,
              testing::Contains("left out of the bundle: TF_LITE_VISION_ENCODER"));
  // Without entries of its own it has the model file's.
  ASSERT_OK(Convert(MediapipeBundleBytes({{"TF_LITE_PREFILL_DECODE", Fixture().Bytes(), 0, 0}})));
  EXPECT_EQ(ReadFileBytes(folder_.File("out.tflite")).size(), bytes.size());
}

TEST_F(MediapipeWrongGpuTest, BundlesWithoutAnLlmFileSayWhatTheyAre) {
  const std::string model = Fixture().Bytes();
  MediapipeFixture graph = Fixture();
  graph.has_parameters = false;
  Fails(MediapipeBundleBytes(Entries(graph.Bytes())), StatusCode::kUnimplemented,
        {"TF_LITE_PREFILL_DECODE", "graph of operators", "made from"});
  Fails(MediapipeBundleBytes({{"face_detector.tflite", model, 0, 0}}), StatusCode::kUnimplemented,
        {"MediaPipe bundle", "TF_LITE_PREFILL_DECODE", "found face_detector.tflite"});
  for (const char* damaged : {"", "no flatbuffer at all"}) {
    Fails(MediapipeBundleBytes(Entries(damaged)), StatusCode::kInvalidArgument,
          {"TF_LITE_PREFILL_DECODE", "flatbuffer"});
  }
  Fails("LITERTLM" + std::string(40, '\0'), StatusCode::kUnimplemented,
        {".litertlm", "graphs of operators", "made from"});
  std::vector<ZipPart> entries = Entries(model);
  entries[0].method = 8;
  Fails(MediapipeBundleBytes(entries), StatusCode::kUnimplemented,
        {"TF_LITE_PREFILL_DECODE", "compressed with method 8", "MediaPipe bundle"});
  entries = Entries(model);
  entries[0].flags = 1;
  Fails(MediapipeBundleBytes(entries), StatusCode::kUnimplemented, {"encrypted"});
  entries = Entries(model);
  entries.push_back(entries[0]);
  Fails(MediapipeBundleBytes(entries), StatusCode::kInvalidArgument, {"twice"});
  entries = Entries(model);
  // As LiteRT-LM writes it: a start token, then a stop token.
  const std::string token = ProtobufWriter().Bytes(2, "<bos>").bytes();
  entries[2].bytes = ProtobufWriter().Bytes(1, token).Bytes(2, token).bytes();
  Fails(MediapipeBundleBytes(entries), StatusCode::kUnimplemented,
        {"METADATA", "LlmParameters", "LlmMetadata"});
  entries[2].bytes = std::string((1 << 20) + 1, ' ');
  Fails(MediapipeBundleBytes(entries), StatusCode::kInvalidArgument, {"METADATA", "1048576"});
  entries = Entries(model);
  entries[1].bytes = "damaged";
  Fails(MediapipeBundleBytes(entries), StatusCode::kInvalidArgument, {"spm_vocab_model"});
}

// A graph that goes on behind the first MiB, so that only its beginning can be looked at.
TEST_F(MediapipeWrongGpuTest, LargeGraphsAreNamed) {
  flatbuffers::FlatBufferBuilder builder;
  const std::vector<uint8_t> weights(2 << 20, 1);
  const std::vector<flatbuffers::Offset<wire::Buffer>> buffers = {
      wire::CreateBufferDirect(builder, &weights)};
  const std::vector<flatbuffers::Offset<wire::OperatorCode>> codes = {
      wire::CreateOperatorCode(builder)};
  wire::FinishModelBuffer(builder,
                          wire::CreateModelDirect(builder, 3, &codes, nullptr, "graph", &buffers));
  const std::string bytes(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                          builder.GetSize());
  Fails(bytes, StatusCode::kUnimplemented, {"graph of operators", "LlmParameters"});
  Fails(MediapipeBundleBytes(Entries(bytes)), StatusCode::kUnimplemented,
        {"TF_LITE_PREFILL_DECODE: a TensorFlow Lite graph of operators"});
}

TEST_F(MediapipeWrongGpuTest, EveryPrefixIsAnError) {
  const std::string bytes = Fixture().Bytes();
  const std::string bundle = MediapipeBundleBytes(Entries(bytes));
  for (size_t length = 0; length < bytes.size(); length += 101) {
    EXPECT_FALSE(Convert(bytes.substr(0, length)).ok()) << length;
  }
  for (size_t length = 0; length < bundle.size(); length += 101) {
    EXPECT_FALSE(Convert(bundle.substr(0, length)).ok()) << length;
  }
}

TEST_F(MediapipeWrongGpuTest, AnyDamagedByteIsSafe) {
  MediapipeFixture file = Fixture();
  const std::string bytes = file.Bytes();
  const size_t end = bytes.find(file.Tensor("params.lm.softmax.logits_ffn.w").bytes);
  ASSERT_NE(end, std::string::npos);
  for (size_t i = 8; i < end; i += 13) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << i % 8));
    ReadAll(damaged);
  }
  const std::string bundle = MediapipeBundleBytes(Entries(bytes));
  for (size_t i = bundle.size() - 400; i < bundle.size(); ++i) {  // the directory
    std::string damaged = bundle;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << i % 8));
    ReadAll(damaged);
  }
}

}  // namespace
}  // namespace inkling
